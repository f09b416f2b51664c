"""From what changed on the server to edits of the manifests that say so, and to what is not written back, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from reconciler.core.address import Address
from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.describe import Describer
from reconciler.core.diagnostics import Diagnostic, Span
from reconciler.core.diff import diff
from reconciler.core.match import Pair
from reconciler.core.nodes import Node
from reconciler.core.resource import Desired
from reconciler.core.scope import has_expression
from reconciler.core.select import Selection
from reconciler.core.sheet import Edit, Said, Sheet, Slot, named
from reconciler.core.stack import Stack
from reconciler.core.words import dotted, shown

_APPLY = "or apply, which writes the manifest's value to the server"


@dataclass(frozen=True, slots=True)
class Taken:
    """A value that goes into a manifest. `after` is the server's, None where it has none; `at`: where it stood."""

    address: Address
    path: Path
    before: Value
    after: Value
    at: Span


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What is to be edited, by file; what that takes over, and what it leaves and why."""

    edits: Mapping[str, tuple[Edit, ...]]
    taken: tuple[Taken, ...] = ()
    left: tuple[Diagnostic, ...] = ()


class _Stays(Exception):  # noqa: N818 - it reads `raise _Stays(why, hint)`
    """A value cannot be written back: why, and what to do."""


Change = tuple[Desired, FieldChange]


def refresh(
    stack: Stack, pairs: Mapping[Address, Pair], texts: Mapping[str, str], selection: Selection, *, conflicts: bool
) -> Refreshed:
    """What brings the values that changed on the server into the manifests.

    Args:
        stack: the stack; what its target names as sensitive is not written.
        pairs: what is declared and what is there.
        texts: the manifests that may be edited, by file name, as they are.
        selection: which resources.
        conflicts: whether the server's value wins where the manifest has changed too.
    """
    chosen = [pair for address, pair in sorted(pairs.items()) if pair.desired and selection.takes(address)]
    every = [change for pair in chosen for change in _changes(stack, pair)]
    desired = [pair.desired for pair in pairs.values() if pair.desired]
    writer = _Writer(stack, texts, desired, [one for one in every if conflicts or one[1].reason == "drift"])
    left = [_deleted(pair.desired) for pair in chosen if pair.desired and pair.live and pair.live.deleted]
    if not conflicts:
        left += [_conflict(*one) for one in every if one[1].reason == "conflict"]
    return writer.write(left)


def _changes(stack: Stack, pair: Pair) -> Iterator[Change]:
    """What of a resource differs on the server and can be declared otherwise."""
    if pair.desired is None or pair.live is None or pair.live.deleted:
        return
    kind = stack.kinds[pair.address.kind]
    for change in diff(pair.desired, pair.live, kind).changes:
        rule = kind.rules.get(change.path[0])
        if change.reason in ("drift", "conflict") and change.after is not None and rule and not rule.append_only:
            yield pair.desired, change


@dataclass
class _Writer:
    """Finds the place of each value. `changes` are those to take over, `desired` is all that is declared."""

    stack: Stack
    texts: Mapping[str, str]
    desired: list[Desired]
    changes: list[Change]
    sheets: dict[str, Sheet] = field(default_factory=dict)
    edits: dict[str, dict[tuple[int, int, str], Edit]] = field(default_factory=dict)

    def write(self, left: list[Diagnostic]) -> Refreshed:
        taken = []
        for desired, change in self.changes:
            at = desired.document.value_at(change.path)
            try:
                self.take(desired, change)
            except _Stays as stays:
                why, hint = stays.args
                left.append(_left(desired, change, why, hint))
            else:
                taken.append(Taken(desired.address, change.path, change.after, self.said(desired, change), at))
        edits = {file: self.whole(file) for file in self.edits}
        return Refreshed(edits, tuple(taken), tuple(left))

    def said(self, desired: Desired, change: FieldChange) -> str | None:
        """The server's value as a manifest says it."""
        value = self.stack.wires[desired.address.kind].short(change.path, change.before)
        return None if value is None else str(value)

    def take(self, desired: Desired, change: FieldChange) -> None:
        """Raises _Stays."""
        kind = self.stack.kinds[desired.address.kind]
        if self.stack.sensitive.covers(change.path):
            raise _Stays("is sensitive, and no manifest holds such a value", "change it where it comes from")
        if desired.at().file not in self.texts:
            raise _Stays("is written in a file outside of the folder", f"change it there, {_APPLY}")
        own, defaults = desired.document, desired.document.fallback
        if change.before is None and own.has(change.path) and defaults and defaults.has(change.path):
            raise _Stays("is gone, and without it the default would count", f"take it out of both, {_APPLY}")
        describer = Describer(kind, self.stack.wires[kind.name], self.stack.sensitive)
        if change.before is not None and (why := describer.unfit(change.path, change.before)):
            raise _Stays(f"{why}, and so cannot be declared", f"change it on the server, {_APPLY}")
        slot = self.slot(desired, change.path)
        if slot and _plain(slot) and self.agreed(desired, change):
            self.put(desired.document.value_at(change.path).file, slot, self.said(desired, change))
        else:
            self.override(desired, change, slot)

    def slot(self, desired: Desired, path: Path) -> Slot | None:
        """Where the value is written, in the entry or where an alias or a merge takes it from."""
        span = desired.document.value_at(path)
        if not desired.document.has(path) or span.file not in self.texts:
            return None
        return self.sheet(span.file).at(span)

    def agreed(self, desired: Desired, change: FieldChange) -> bool:
        """Whether all that takes its value from this place has the same new one."""
        at = desired.document.value_at(change.path)
        return all(value == (True, change.before) for value in self.users[at])

    @cached_property
    def users(self) -> Mapping[Span, list[tuple[bool, Value]]]:
        """By place, for each field that is written there: whether it is to be taken over, and as what."""
        new = {(desired.address, change.path): change.before for desired, change in self.changes}
        found: dict[Span, list[tuple[bool, Value]]] = {}
        for one in self.desired:
            for path in one.fields:
                key = (one.address, path)
                found.setdefault(one.document.value_at(path), []).append((key in new, new.get(key)))
        return found

    def override(self, desired: Desired, change: FieldChange, slot: Slot | None) -> None:
        """Say it in the entry, where that wins over where the value comes from. Raises _Stays."""
        path = change.path
        if slot and has_expression(slot.item.value.text):
            why = f"comes from {shown(slot.item.value.text)}"
            raise _Stays(why, f"change what that stands for, write the value here, {_APPLY}")
        if "[" in desired.address.name:
            raise _Stays("is written for all of a for_each, and differs", f"write it with each.value, {_APPLY}")
        value, entry = self.said(desired, change), self.sheet(desired.at().file).entry(desired.address)
        place = entry and value is not None and self.place(desired, path, entry)
        if value is None or not place:
            raise _Stays("is written elsewhere, not for this resource alone", f"change it there, {_APPLY}")
        slot, names = place
        self.put(desired.at().file, slot, {names[-1]: value} if len(names) > 1 else value, names[0] if names else "")

    def place(self, desired: Desired, path: Path, entry: Slot) -> tuple[Slot, Path] | None:
        """Where the entry can say it: an alias to replace (no names), or where an item with these names goes."""
        body, order = entry.item.value, self.stack.kinds[desired.address.kind].order
        own = named(body, path[0])
        bare = body.empty and entry.holder.block and not entry.item.explicit
        if body.anchor or not (body.form == "map" or bare):
            return None
        if own is None:
            merged = len(path) > 1 and desired.document.has(path[:1])  # its map would hide the other one
            return None if merged else (Slot(body, _before(body, path[0], order)), path)
        if len(path) > 1:
            tags = own.item.value
            if tags.form != "map" or tags.anchor:
                return None
            own = named(tags, path[1])
            if own is None:
                if desired.document.has(path) and any(
                    item.key and has_expression(item.key.text) for item in tags.items
                ):
                    return None  # its key stands for this one
                return Slot(tags, len(tags.items)), path[1:]
        return (own, ()) if own.item.value.form == "alias" else None

    def put(self, file: str, slot: Slot, value: Said, key: str = "") -> None:
        """Note an edit. Raises _Stays where without the item another value would come to light."""
        holder, index = slot
        if value is None and (named(holder, "<<") or (holder.anchor and holder.block)):
            raise _Stays("is gone, and may be one that others take from here", f"take it out by hand, {_APPLY}")
        edits = self.edits.setdefault(file, {})
        place = (holder.start, index, key)
        if isinstance(value, dict) and place in edits:
            before = edits[place].value
            value = {**before, **value} if isinstance(before, dict) else value
        edits[place] = Edit(holder, index, value, key)

    def whole(self, file: str) -> tuple[Edit, ...]:
        """The edits of a file; a field's map that loses all it has goes itself."""
        maps: dict[int, list[Edit]] = {}
        for edit in self.edits[file].values():
            maps.setdefault(edit.holder.start, []).append(edit)
        found: list[Edit] = []
        for mine in maps.values():
            holder = mine[0].holder
            slot = None if holder.anchor else self.field(file, holder)
            if slot and len(mine) == len(holder.items) and all(one.value is None for one in mine):
                value: Said = {} if named(slot.holder, "<<") else None  # a map of the merge would come to light
                found.append(Edit(slot.holder, slot.number, value))
            else:
                found += mine
        return tuple(found)

    def field(self, file: str, holder: Node) -> Slot | None:
        """The item of an entry's body whose value is `holder`; None where that is the body itself."""
        slot = self.sheet(file).of(holder)
        entry = self.sheet(file).of(slot.holder) if slot else None
        return slot if entry and self.sheet(file).of(entry.holder) else None

    def sheet(self, file: str) -> Sheet:
        if file not in self.sheets:
            self.sheets[file] = Sheet(self.texts[file])
        return self.sheets[file]


def _plain(slot: Slot) -> bool:
    """Whether a value is written as it is, and only for where it stands."""
    parts = [part for part in (slot.item.key, slot.item.value) if part]
    return slot.holder.form == "map" and not any(part.anchor or has_expression(part.text) for part in parts)


def _before(body: Node, name: str, order: Sequence[str]) -> int:
    """Before which item of an entry a field is to stand."""
    later = set(order[order.index(name) + 1 :])
    return next(
        (index for index, item in enumerate(body.items) if item.key and item.key.text in later), len(body.items)
    )


def _left(desired: Desired, change: FieldChange, why: str, hint: str) -> Diagnostic:
    summary = f"{desired.address}: {dotted(change.path)} {why}"
    at = desired.document.value_at(change.path)
    return Diagnostic("warning", code="not-refreshed", summary=summary, at=at, hint=hint)


def _deleted(desired: Desired) -> Diagnostic:
    summary = f"{desired.address} is deleted on the server"
    hint = "drop the entry, or apply, which restores it"
    return Diagnostic("warning", code="not-refreshed", summary=summary, at=desired.at(), hint=hint)


def _conflict(desired: Desired, change: FieldChange) -> Diagnostic:
    why = "has changed in the manifest and on the server"
    return _left(desired, change, why, "--on-conflict server takes the server's value, apply writes the manifest's")
