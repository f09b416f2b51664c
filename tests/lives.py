"""Entries of manifests and live resources in few words, and requests without what they all have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler import registry
from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import Call, Flow
from reconciler.core.change import Path
from reconciler.core.diff import mark_of
from reconciler.core.mark import Mark, digest
from reconciler.core.resource import Desired, Live
from reconciler.core.wire import Server
from tests.world import PREFIX, declare

KINDS = registry.kinds()
MLFLOW = registry.backends()["mlflow"]
WIRES = MLFLOW.wires(MLFLOW.options.model_validate({"url": "http://localhost"}), Server())


def address(text: str) -> Address:
    return Address.parse(text)


def path(text: str) -> Path:
    """`tags.team` as a path; what follows the first dot is one key."""
    first, dot, rest = text.partition(".")
    return (first, rest) if dot else (first,)


def entry(name: str, /, **body: Any) -> Desired:
    """What the entry at the address `name` declares, beside the experiment `fraud` and its run `base`."""
    at = address(name)
    manifest: dict[str, Any] = {"experiments": {"fraud": None}, "runs": {"base": {"experiment": "fraud"}}}
    manifest.setdefault(at.kind, {})[at.name] = body
    return declare(manifest)[at]


def owned(name: str, fields: Mapping[str, Any], applied: Mapping[str, Any], /, **more: Any) -> Live:
    """A live resource with `fields`, on which a mark of ours says that `applied` was what we last wrote."""
    directives = {key: more.pop(key) for key in ("prevent_destroy", "keep", "existing", "replaced") if key in more}
    mark = Mark(address(name), {path(key): digest(value) for key, value in applied.items()}, **directives)
    return found(name, fields, mark=mark, mark_tags=marks.write(mark, "ml"), **more)


def found(name: str, fields: Mapping[str, Any], id: str = "1", **more: Any) -> Live:  # noqa: A002 - as in Live
    """A live resource with `fields`, without a mark of ours unless `more` has one."""
    return Live(address(name), id, {path(key): value for key, value in fields.items()}, **more)


def held(desired: Desired, id: str = "1", **more: Any) -> Live:  # noqa: A002 - as in Live
    """The live resource that an apply of `desired` leaves."""
    mark = mark_of(desired)
    return Live(desired.address, id, dict(desired.fields), mark=mark, mark_tags=marks.write(mark, "ml"), **more)


def sent(calls: Iterable[Call]) -> list[tuple[str, str, Any]]:
    """Method, path below the prefix and body of each call."""
    return [(call.method, call.path.removeprefix(f"{PREFIX}/"), call.body) for call in calls]


def routes(calls: Iterable[Call]) -> list[str]:
    return [path for _, path, _ in sent(calls)]


def set_tag(name: str, key: str, value: str) -> tuple[str, str, Any]:
    body = {"experiment_id": {"$id": name}, "key": key, "value": value}
    return ("POST", "experiments/set-experiment-tag", body)


def remove_tag(name: str, key: str) -> tuple[str, str, Any]:
    return ("POST", "experiments/delete-experiment-tag", {"experiment_id": {"$id": name}, "key": key})


def drive(flow: Flow[Any], *replies: Any) -> tuple[list[list[tuple[str, str, Any]]], Any]:
    """The batches that a flow asks for (a query in place of the body of a GET), given their replies; its value."""
    asked, waiting = [], list(replies)
    try:
        batch = next(flow)
        while True:
            asked.append([(one.method, one.path.removeprefix(f"{PREFIX}/"), one.body or one.query) for one in batch])
            assert all(one.repeatable for one in batch)
            batch = flow.send(waiting.pop(0))
    except StopIteration as stop:
        assert waiting == []
        return asked, stop.value
