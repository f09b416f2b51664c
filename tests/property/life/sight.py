"""What the fake holds, read without a line of the reconciler: each resource as plain values by place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tests.fakes.mlflow import FakeMlflow
from tests.fakes.mlflow.state import Experiment, Model, Run

Place = tuple[str, str]
"""A field of a resource: ("tags", "team"), ("stage", "")."""
Ident = tuple[str, str]
"""Kind and id."""

NAME, STAGE, STATUS, START, END = ((part, "") for part in ("name", "stage", "status", "start_time", "end_time"))
NOTE = "mlflow.note.content"
PREFIX = "reconciler."


@dataclass(frozen=True)
class Marked:
    """What a mark says. `keys` are the fields that the stack last applied, as they stand there: `tags/team`."""

    address: str
    keys: frozenset[str] = frozenset()
    prevent_destroy: bool = False
    keep: bool = False
    existing: bool = False
    replaced: bool = False


@dataclass(frozen=True)
class Thing:
    """One resource. `experiment` is the id of the one that it lives in; `marks` are by stack."""

    kind: str
    id: str
    experiment: str
    values: Mapping[Place, Any]
    marks: Mapping[str, Marked]

    @property
    def name(self) -> str:
        return str(self.values[NAME])

    @property
    def active(self) -> bool:
        return bool(self.values[STAGE] == "active")

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.id[:6]})"


Things = Mapping[Ident, Thing]


def look(fake: FakeMlflow) -> dict[Ident, Thing]:
    """All but the default experiment, in the order in which they were made."""
    state = fake._state
    found = [_thing("experiments", str(one.id), "", one.tags, _experiment(one)) for one in state.experiments.values()]
    found = found[1:]
    found += [_thing("runs", one.id, str(one.experiment), one.tags, _run(one)) for one in state.runs.values()]
    found += [
        _thing("logged_models", one.id, str(one.experiment), one.tags, _model(one)) for one in state.models.values()
    ]
    return {(one.kind, one.id): one for one in found}


def marked(things: Things, stack: str) -> Iterator[tuple[Thing, Marked]]:
    """What carries a mark of a stack, and that mark."""
    for one in things.values():
        if stack in one.marks:
            yield one, one.marks[stack]


def holders(things: Things, stack: str) -> dict[str, list[Thing]]:
    """What stands for each address of a stack: what is active and was not replaced."""
    found: dict[str, list[Thing]] = {}
    for one, mark in marked(things, stack):
        if one.active and not mark.replaced:
            found.setdefault(mark.address, []).append(one)
    return found


def _thing(kind: str, ident: str, experiment: str, tags: Mapping[str, str], values: dict[Place, Any]) -> Thing:
    values |= {("experiment", ""): experiment} | {("tags", key): value for key, value in tags.items()}
    marks = {key.removeprefix(PREFIX): _mark(value) for key, value in tags.items() if key.startswith(PREFIX)}
    return Thing(kind, ident, experiment, values, marks)


def _experiment(one: Experiment) -> dict[Place, Any]:
    return {NAME: one.name, STAGE: one.stage, ("location", ""): one.location}


def _run(one: Run) -> dict[Place, Any]:
    values = {NAME: one.name, STAGE: one.stage, STATUS: one.status, START: one.start, END: one.end}
    values |= {("params", key): value for key, value in one.params.items()}
    values |= {("points", key): frozenset(points) for key, points in one.points.items()}
    values |= {("latest", key): point for key, point in one.latest.items()}
    return values | {("inputs", "@".join(key)): json.dumps(tags) for key, tags in one.inputs.items()}


def _model(one: Model) -> dict[Place, Any]:
    values = {NAME: one.name, STAGE: one.stage, STATUS: one.status, ("type", ""): one.type}
    values |= {("source_run", ""): one.source_run}
    return values | {("params", key): value for key, value in one.params.items()}


@lru_cache(maxsize=10_000)
def _mark(text: str) -> Marked:
    said = json.loads(text)
    return Marked(
        said["address"],
        frozenset(said["keys"]),
        prevent_destroy=said.get("prevent_destroy", False),
        keep=said.get("on_remove") == "keep",
        existing=said.get("existing", False),
        replaced=said.get("replaced", False),
    )
