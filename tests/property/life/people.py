"""What people do on a server, to what is theirs and to what is ours; and what has to stay as they left it."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from tests.fakes.mlflow import FakeMlflow
from tests.property.life.sight import NOTE, PREFIX, STAGE, Ident, Place, Thing, look
from tests.world import PREFIX as API

THEIRS = "theirs"
"""How all begins that no stack ever names."""
VERBS = (
    *("tag", "tag", "untag", "describe", "rename", "delete", "restore", "status", "metric", "param"),
    *("make experiment", "make run", "make model", "unmark"),
)
ACTS = st.sampled_from(
    list(itertools.product(VERBS, range(10), (THEIRS, "team", "depth", "auc", "a b"), ("", "x", "a", "b")))
)
"""A verb, the number of what it is done to, a key and a text."""
IDS = {"experiments": "experiment_id", "runs": "run_id"}


class People:
    """Everybody but the stacks.

    Attributes:
        made: the resources that they made, and those that a stack has let go.
        lost: the resources of a stack in an experiment whose mark they took off: nothing leads there any more.
        left: what no stack may ever change, as they left it; None is for what is not there.
    """

    def __init__(self, fake: FakeMlflow) -> None:
        self._fake = fake
        self.made: set[Ident] = set()
        self.lost: set[Ident] = set()
        self.left: dict[tuple[Ident, Place], Any] = {}

    def act(self, what: str, number: int, key: str, text: str) -> None:
        """One of ACTS; the server may refuse it."""
        before = look(self._fake)
        if what.startswith("make"):
            self._make(what, list(before.values()), number, text)
        elif before:
            things = list(before.values())
            self._change(what, things[number % len(things)], key, text)
        after = look(self._fake)
        for ident in after.keys() - before.keys():
            self.made.add(ident)
        for ident, one in after.items():
            old = before[ident].values if ident in before else {}
            for place in one.values.keys() | old.keys():
                if one.values.get(place) != old.get(place) and self._lasting(one, place):
                    self.left[ident, place] = one.values.get(place)

    def touched(self) -> list[str]:
        """What is not as they left it."""
        things = look(self._fake)
        return [
            f"{things[ident]}: {place} was {value!r}, and is {things[ident].values.get(place)!r}"
            for (ident, place), value in self.left.items()
            if things[ident].values.get(place) != value
        ]

    def _lasting(self, one: Thing, place: Place) -> bool:
        """Deleting an experiment takes their runs along; one with a name that others want can be adopted."""
        if place[1].startswith(THEIRS):
            return True
        if one.kind == "experiments":
            return one.name.startswith(THEIRS)
        return (one.kind, one.id) in self.made and not one.marks and (one.kind, place) != ("runs", STAGE)

    def _make(self, what: str, things: list[Thing], number: int, text: str) -> None:
        tags = [{"key": THEIRS, "value": text}]
        places = [one.id for one in things if one.kind == "experiments"]
        if what == "make experiment":
            self._post("experiments/create", {"name": text or f"{THEIRS}-{len(things)}", "tags": tags})
        elif not places:
            return
        elif what == "make run":
            body = {"run_name": text, "start_time": 1, "tags": tags}
            self._post("runs/create", {"experiment_id": places[number % len(places)], **body})
        else:
            self._post(
                "logged-models", {"experiment_id": places[number % len(places)], "name": text or "m", "tags": tags}
            )

    def _change(self, what: str, one: Thing, key: str, text: str) -> None:
        match what:
            case "tag":
                self._tag(one, key, text)
            case "untag":
                self._untag(one, key)
            case "describe":
                self._tag(one, NOTE, text)
            case "unmark" if one.marks:
                self._unmark(one, min(one.marks))
            case "rename" | "status" | "delete" | "restore" | "metric" | "param":
                self._do(what, one, key, text)

    def _do(self, what: str, one: Thing, key: str, text: str) -> None:
        match what, one.kind:
            case "rename", "experiments" if not one.name.startswith(THEIRS):
                self._post("experiments/update", {"experiment_id": one.id, "new_name": text or f"was-{one.id}"})
            case "rename", "runs":
                self._post("runs/update", {"run_id": one.id, "run_name": text})
            case "status", "runs":
                self._post("runs/update", {"run_id": one.id, "status": "KILLED", "end_time": 5})
            case "status", "logged_models":
                body = {"model_id": one.id, "status": "LOGGED_MODEL_UPLOAD_FAILED"}
                self._send("PATCH", f"logged-models/{one.id}", body)
            case "metric", "runs":
                point = {"key": key, "value": 0.25, "timestamp": 7, "step": len(text)}
                self._post("runs/log-metric", {"run_id": one.id, **point})
            case "param", "runs":
                self._post("runs/log-parameter", {"run_id": one.id, "key": key, "value": text})
            case "delete", "logged_models":
                self._send("DELETE", f"logged-models/{one.id}", None)
            case (("delete" | "restore"), ("experiments" | "runs")):
                self._post(f"{one.kind}/{what}", {IDS[one.kind]: one.id})

    def _unmark(self, one: Thing, stack: str) -> None:
        """Whose mark is gone is nobody's; of what is in such an experiment its stack does not know any more."""
        self._untag(one, f"{PREFIX}{stack}")
        for ident, inner in look(self._fake).items():
            if ident == (one.kind, one.id) and stack not in inner.marks:
                self.made.add(ident)
            if inner.experiment == one.id and stack in inner.marks and one.kind == "experiments":
                self.lost.add(ident)

    def _tag(self, one: Thing, key: str, value: str) -> None:
        if one.kind == "logged_models":
            self._send("PATCH", f"logged-models/{one.id}/tags", {"tags": [{"key": key, "value": value}]})
        else:
            name = "experiment-tag" if one.kind == "experiments" else "tag"
            self._post(f"{one.kind}/set-{name}", {IDS[one.kind]: one.id, "key": key, "value": value})

    def _untag(self, one: Thing, key: str) -> None:
        if one.kind == "logged_models":
            self._send("DELETE", f"logged-models/{one.id}/tags/{key}", None)
        else:
            name = "experiment-tag" if one.kind == "experiments" else "tag"
            self._post(f"{one.kind}/delete-{name}", {IDS[one.kind]: one.id, "key": key})

    def _post(self, route: str, body: dict[str, Any]) -> None:
        self._send("POST", route, body)

    def _send(self, method: str, route: str, body: dict[str, Any] | None) -> None:
        self._fake.handle(method, f"{API}/{route}", {}, body)
