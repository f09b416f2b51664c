"""Experiments in a workspace: their names are paths, their folders are made first, deleting puts them into the trash.

What a trashed one does was reported by others and not tried here: its path is free at once, it shows a path in the
trash, takes no changes, and gets its own path back when it is restored by its id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from reconciler.backends.databricks import limits
from reconciler.backends.databricks.api import Api
from reconciler.backends.databricks.names import Names, folder
from reconciler.backends.mlflow import limits as mlflow_limits
from reconciler.backends.mlflow.api import NOTE, pairs, tag_key, tags_of
from reconciler.backends.mlflow.experiments import Experiments as MlflowExperiments
from reconciler.backends.mlflow.replies import Experiment, from_pairs
from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import Call, Flow
from reconciler.core.change import Path, Secret, Value
from reconciler.core.mark import Mark
from reconciler.core.resource import Desired, Live
from reconciler.core.sensitive import as_text
from reconciler.core.wire import Edit, Query, Unsupported
from reconciler.core.words import shown

NAME: Path = ("name",)
TYPE: Path = ("type",)
"""The fact that says what the workspace takes an experiment for: MLFLOW_EXPERIMENT, NOTEBOOK."""


@dataclass(frozen=True, slots=True)
class Experiments(MlflowExperiments):
    api: Api
    names: Names = field(default_factory=Names)
    frees_names: ClassVar[bool] = True
    asks_presence: ClassVar[bool] = False  # its documents know no IS NOT NULL
    asks_beginning: ClassVar[bool] = False  # not tried on a live one: an empty page would say that all names are free

    def canonical(self, path: Path, value: Value) -> Value:
        return self.names.canonical(value) if path == NAME and isinstance(value, str) else value

    def short(self, path: Path, value: Value) -> Value:
        return self.names.short(value) if path == NAME and isinstance(value, str) else value

    def check(self, path: Path, value: Value) -> Unsupported | None:
        if path == NAME and isinstance(value, Secret):  # nor could a plan show the folder that it makes
            hint = "leave the name out of the target's 'sensitive'"
            return Unsupported(path, "cannot be sensitive: it is compared as the workspace writes it", hint)
        return mlflow_limits.check(limits.EXPERIMENT, path, value)

    def survey(self, query: Query, filter: str) -> Flow[list[Live]]:  # noqa: A002 - as in MLflow
        """What can be adopted."""
        lives = yield from MlflowExperiments.survey(self, query, filter)
        return [live for live in lives if not _is_notebooks(live)]

    def spares(self, live: Live, desired: Desired | None) -> Unsupported | None:
        if _is_notebooks(live) and not (desired and desired.existing):
            hint = "declare it with 'existing: true' to manage only some of its tags"
            return Unsupported(NAME, "is that of a notebook, and goes with it", hint, code="notebook")
        return self._outside(live, desired)

    def _outside(self, live: Live, desired: Desired | None) -> Unsupported | None:
        """Targets of one stack share its marks, and each takes what the other one made for what it has to rename."""
        if live.mark is None or not self._strays(live, live.mark, desired):
            return None
        name = shown(as_text(live.fields[NAME]))
        why = f"lies at {name}, outside the target's name_prefix '{self.names.prefix}': another target may have made it"
        way = "declare it with its absolute path, or rename it" if desired else "delete it"
        hint = f"give each target a stack of its own; or {way} in the workspace"
        return Unsupported(NAME, why, hint, code="outside-prefix")

    def _strays(self, live: Live, mark: Mark, desired: Desired | None) -> bool:
        """Whether it lies outside the folder, and the mark does not say that it was put into it."""
        wanted = as_text(desired.fields[NAME]) if desired else ""
        inside = not live.deleted and self.names.holds(as_text(live.fields[NAME]))
        if not self.names.prefix or inside or (desired and not self.names.holds(wanted)):
            return False
        own = {marks.digest(name) for name in (self.names.canonical(mark.address.name), wanted)}
        return mark.keys.get(NAME) not in own

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]:
        """What one request cannot hold goes into later ones. The mark speaks of that in the last of them."""
        tags = tags_of(desired.fields)
        signs = marks.write(mark, stack)
        if _fits({**tags, **signs}):
            return [*self._folder(desired.fields[NAME]), self._made(desired, {**tags, **signs}, later={})]
        later = {key: value for key, value in tags.items() if not _short(value)}
        kept = {key: value for key, value in tags.items() if key not in later}
        for key in sorted(kept)[limits.TAGS - 1 :]:
            later[key] = kept.pop(key)
        made = [path for path in sorted(desired.fields) if tag_key(path) not in later]
        return [
            *self._folder(desired.fields[NAME]),
            self._made(desired, {**kept, **_first(mark, made, stack)}, later),
            *(self._set_tag(desired.address, key, value, _field(key)) for key, value in sorted(later.items())),
            *(self._set_tag(desired.address, key, value) for key, value in sorted(signs.items(), reverse=True)),
        ]

    def update(self, edit: Edit) -> list[Call]:
        names = [change.after for change in edit.changes if change.path == NAME]
        return [*(call for name in names for call in self._folder(name)), *MlflowExperiments.update(self, edit)]

    def _folder(self, name: Value) -> list[Call]:
        """Makes the folder, and all above it. The workspace refuses an experiment without; what is there stays."""
        path = folder(as_text(name))
        return [self.api.above("workspace/mkdirs", {"path": path})] if path else []

    def live(self, item: Experiment, stack: str, address: Address | None = None) -> Live:
        live = MlflowExperiments.live(self, item, stack, address)
        kind = from_pairs(item.get("tags")).get("mlflow.experimentType")
        return replace(live, facts={**live.facts, TYPE: kind}) if kind else live

    def _made(self, desired: Desired, tags: Mapping[str, Value], later: Mapping[str, Value]) -> Call:
        """The request that makes it with `tags`, and leaves those of `later` to others."""
        body = {"name": desired.fields[NAME], "tags": pairs(tags)}
        if ("artifact_location",) in desired.fields:
            body["artifact_location"] = desired.fields[("artifact_location",)]
        fields = [path for path in sorted(desired.fields) if tag_key(path) not in later]
        return self.api.create("experiments/create", body, fields, ("experiment_id",))


def _is_notebooks(live: Live) -> bool:
    return live.facts.get(TYPE) == "NOTEBOOK"


def _field(key: str) -> Path:
    return ("description",) if key == NOTE else ("tags", key)


def _first(mark: Mark, made: Sequence[Path], stack: str) -> dict[str, str]:
    """The mark of a request that writes `made` and no more, as far as one tag holds it."""
    tags = marks.write(replace(mark, keys={}), stack)
    keys: dict[Path, str] = {}
    for path in made:
        more = marks.write(replace(mark, keys={**keys, path: mark.keys[path]}), stack)
        if len(more) == 1:
            tags, keys[path] = more, mark.keys[path]
    return tags


def _fits(tags: Mapping[str, Value]) -> bool:
    """Whether one request can make an experiment with `tags`."""
    return len(tags) <= limits.TAGS and all(map(_short, tags.values()))


def _short(value: Value) -> bool:
    return len(as_text(value).encode()) <= limits.CREATED_VALUE
