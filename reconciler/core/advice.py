"""From what would happen to a resource or a field to how that is left alone: words, an entry to write, an option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.change import Action, FieldChange, Value
from reconciler.core.describe import put
from reconciler.core.diff import removable
from reconciler.core.kind import Kind
from reconciler.core.match import NAME, Pair
from reconciler.core.origin import Layer
from reconciler.core.sensitive import KEY
from reconciler.core.words import typed


@dataclass(frozen=True, slots=True)
class Advice:
    """How to leave something alone. `body`: what to write into the entry; `command`: what to run instead."""

    words: str
    body: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""


def about_field(pair: Pair, change: FieldChange, kind: Kind, layer: Layer | None) -> Advice | None:
    """How one field is left as it is on the server. `layer`: which one declares it; None where none does."""
    rule = kind.rules.get(change.path[0])
    if rule is None or rule.directive:
        return None
    changes = change.effect > Action.adopt
    if layer is None:
        return _as_it_is(pair, change, kind) if changes else None
    bound = change.path == NAME or bool(rule.reference)
    if not (bound or removable(rule) or rule.once):
        return Advice("leave it out of the manifest: then it is not managed, and stays as it is on the server")
    if not changes:
        drifts = pair.live and pair.live.mark and not rule.append_only and not rule.reference
        return Advice("what others do to it is no drift with", command=_drift(pair, change)) if drifts else None
    if change.before is not None:
        return _as_it_is(pair, change, kind)
    return None if bound else _left_out(layer)


def about_resource(pair: Pair, action: Action, kind: Kind) -> tuple[Advice, ...]:
    """How a resource as a whole is left alone, or protected."""
    if action is Action.noop:
        return ()
    exclude = Advice("leave it out this time", command=f"reconciler plan --exclude {typed(str(pair.address))}")
    if action is Action.delete and pair.desired is None:
        home = _home(pair, kind)
        keep = Advice("let it go without deleting it: declare it so, apply, drop it", home | {"on_remove": "keep"})
        return (exclude, keep)
    if action is Action.replace:
        return (exclude, Advice("let nobody replace or delete it: declare it so", {"prevent_destroy": "true"}))
    if pair.desired and pair.live and not pair.live.mark and not pair.desired.existing and "existing" in kind.rules:
        return (exclude, Advice("it is somebody else's: manage only some of its tags", {"existing": "true"}))
    return (exclude,)


def _left_out(layer: Layer) -> Advice:
    if layer == "defaults":
        return Advice("take it out of the `defaults` of reconciler.yaml: then it is managed nowhere")
    return Advice("leave it out of the manifest: then it is not managed")


def _as_it_is(pair: Pair, change: FieldChange, kind: Kind) -> Advice:
    """The advice to write the server's value, but for one that is not shown."""
    words = "declare it as it is on the server"
    if isinstance(change.before, Mapping) and KEY in change.before:
        return Advice(f"{words} (it is sensitive, and not shown)")
    body: dict[str, Any] = {}
    put(body, kind, change.path, _as_key(change.before, kind.rule(change.path).reference))
    many = "[" in pair.address.name
    return Advice(f"{words}, for every item" if many else words, body)


def _as_key(value: Value, reference: str) -> Value:
    """A value as a manifest has it: a reference is a key."""
    return str(value).removeprefix(f"{reference}.") if reference else value


def _home(pair: Pair, kind: Kind) -> dict[str, Any]:
    """What an entry for `pair.live` has to say to be it."""
    names = [NAME[0], *(name for name, rule in kind.rules.items() if rule.parent)]
    fields = pair.live.fields if pair.live else {}
    said = {name: _as_key(fields.get((name,)), kind.rules[name].reference) for name in names}
    return {name: value for name, value in said.items() if value is not None}


def _drift(pair: Pair, change: FieldChange) -> str:
    return f"reconciler drift --ignore {typed('.'.join((str(pair.address), *change.path)))}"
