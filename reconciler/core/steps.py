"""From a pair of declared and live to the step that makes them equal: action, cause, changes, requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.diff import Difference, Refused, created, diff, replaced, stripped
from reconciler.core.intents import Intents
from reconciler.core.kind import Kind
from reconciler.core.mark import Mark
from reconciler.core.match import NAME, Pair
from reconciler.core.plan import Stay, Step
from reconciler.core.resource import Desired, Live
from reconciler.core.sensitive import Sensitive, quoted
from reconciler.core.wire import CANNOT_REMOVE, Edit, Wire
from reconciler.core.words import dotted, typed

OTHER_KEY = "declare it under another key: a new one is made, and this one left as it is"


class Verdict(NamedTuple):
    """What comes of one pair: the step, None where there is nothing to do; what forbids it; what cannot be removed."""

    step: Step | None
    problems: list[Diagnostic]
    stays: tuple[Stay, ...] = ()


@dataclass(frozen=True, slots=True)
class Stepper:
    """What the steps of one plan share.

    Attributes:
        intents: the marks of what is declared.
        sensitive: the fields whose values no finding may quote.
        replace: the addresses that a person asked to have made anew.
        moving: those of them whose resources will have another id.
        destroying: nothing is declared because the stack is taken down.
    """

    stack: str
    kinds: Mapping[str, Kind]
    wires: Mapping[str, Wire]
    intents: Intents
    sensitive: Sensitive = field(default_factory=Sensitive)
    replace: frozenset[Address] = frozenset()
    moving: frozenset[Address] = frozenset()
    on_conflict: Literal["apply", "fail"] = "apply"
    destroying: bool = False

    def step(self, pair: Pair) -> Verdict:
        match pair:
            case Pair(desired=None, live=Live() as live):
                return self._undeclared(live)
            case Pair(desired=Desired() as desired, live=None):
                return self._create(desired)
            case Pair(desired=Desired() as desired, live=Live() as live):
                return self._declared(desired, live)
        raise AssertionError(f"{pair.address}: neither declared nor there")

    def _create(self, desired: Desired) -> Verdict:
        calls = self._wire(desired.address).create(desired, self.intents.mark(desired), self.stack)
        changes = created(desired).changes
        step = Step(desired.address, Action.create, "", changes, tuple(calls), at=desired.at())
        return Verdict(step, self._refused(desired.address, None, changes))

    def _declared(self, desired: Desired, live: Live) -> Verdict:
        kind = self.kinds[desired.address.kind]
        if desired.address in self.replace:
            return self._replace(desired, live, kind)
        intended = self.intents.mark(desired)
        found, stays = self._parted(live, diff(desired, live, kind, self.moving, intended))
        problems = [self._refusal(desired, refused, kind) for refused in found.refused]
        problems += self._spared(live, desired) + self._unsupported(live, found) + self._conflicts(desired, found)
        problems += self._impossible(desired, Action.restore) if live.deleted else []
        tags = self._mark_edit(live, _with(intended, live, stays)) if stays else _edit(live, self.intents.tags(desired))
        if not (found.changes or tags or live.deleted):
            return Verdict(None, problems, stays)
        action = Action.restore if live.deleted else max((c.effect for c in found.changes), default=Action.adopt)
        edit = Edit(live, _effective(found.changes), tags)
        wire = self._wire(desired.address)
        calls = [*(wire.restore(live) if live.deleted else ()), *wire.update(edit)]
        reason = _reason(desired, live, found)
        step = Step(desired.address, action, reason, found.changes, tuple(calls), at=desired.at())
        return Verdict(step, problems, stays)

    def _replace(self, desired: Desired, live: Live, kind: Kind) -> Verdict:
        """Marks the old one as replaced, deletes it, makes a new one: wherever that stops, the next plan goes on."""
        wire, intended = self._wire(desired.address), self.intents.mark(desired)
        problems = self._impossible(desired, Action.replace) or self._impossible(desired, Action.delete)
        problems += self._spared(live, desired)
        if kind.irreplaceable:
            problems.append(error("irreplaceable", f"{desired.address}: {kind.irreplaceable}", desired.at()))
        if desired.prevent_destroy or (live.mark and live.mark.prevent_destroy):
            problems.append(_protected(desired.address, "replace", desired.at()))
        old = Edit(live, (), self._mark_edit(live, replace(live.mark or intended, replaced=True)))
        back = wire.restore(live) if live.deleted else []
        away = [*back, *wire.update(old), *wire.delete(live)]
        calls = (*away, *wire.create(desired, intended, self.stack))
        changes = replaced(desired, live)
        return Verdict(Step(desired.address, Action.replace, "--replace", changes, calls, at=desired.at()), problems)

    def _undeclared(self, live: Live) -> Verdict:
        """What carries our mark and no entry declares."""
        mark = live.mark
        assert mark is not None
        if live.deleted:
            return Verdict(None, [])
        wire = self._wire(live.address)
        # the head of the mark goes last: while it is there, a plan goes on with the rest
        unmark: dict[str, str | None] = dict.fromkeys(sorted(live.mark_tags, reverse=True))
        if mark.keep and not mark.replaced:
            reason = "no longer declared, on_remove: keep; only the mark is removed"
            calls = wire.update(Edit(live, (), unmark))
            return Verdict(Step(live.address, Action.update, reason, calls=tuple(calls)), [])
        if mark.existing:
            return self._stripped(live, mark, unmark)
        if why := wire.cannot(Action.delete):
            return Verdict(None, [], (Stay(live.address, (), why),))
        if spared := self._spared(live):
            return Verdict(None, spared)
        problems = [_protected(live.address, "delete")] if mark.prevent_destroy and not mark.replaced else []
        problems += [_used(live, stack) for stack in sorted(live.others)]
        away = (*wire.update(Edit(live, (), self._condemnation(live, mark))), *wire.delete(live))
        return Verdict(Step(live.address, Action.delete, self._why_deleted(live), calls=away), problems)

    def _stripped(self, live: Live, mark: Mark, unmark: dict[str, str | None]) -> Verdict:
        """Takes off somebody else's resource what this stack set on it; the mark goes with the last of it."""
        found, stays = self._parted(live, stripped(live, self.kinds[live.address.kind]))
        tags = self._mark_edit(live, _with(replace(mark, keys={}), live, stays)) if stays else unmark
        if not (found.changes or tags):
            return Verdict(None, [], stays)
        reason = "no longer declared; what this stack set on it is taken off"
        calls = self._wire(live.address).update(Edit(live, found.changes, tags))
        step = Step(live.address, Action.update, reason, found.changes, tuple(calls))
        return Verdict(step, self._unsupported(live, found), stays)

    def _parted(self, live: Live, found: Difference) -> tuple[Difference, tuple[Stay, ...]]:
        """`found` without what the backend cannot remove, and that."""
        wire = self._wire(live.address)
        stays = tuple(
            Stay(live.address, change.path, no.why, change.at)
            for change in _effective(found.changes)
            if (no := wire.forbids(change)) and no.code == CANNOT_REMOVE
        )
        if not stays:
            return found, ()
        paths = {stay.path for stay in stays}
        return replace(found, changes=tuple(one for one in found.changes if one.path not in paths)), stays

    def _impossible(self, desired: Desired, action: Action) -> list[Diagnostic]:
        why = self._wire(desired.address).cannot(action)
        hint = "" if self.kinds[desired.address.kind].unique else OTHER_KEY
        summary = f"{desired.address}: it cannot be {action}d: {why}"
        return [error("unsupported", summary, desired.at(), hint)] if why else []

    def _spared(self, live: Live, desired: Desired | None = None) -> list[Diagnostic]:
        no = self._wire(live.address).spares(live, desired)
        at = desired.at(NAME) if desired else None
        return [error(no.code, f"{live.address} {no.why}", at, no.hint)] if no else []

    def _condemnation(self, live: Live, mark: Mark) -> dict[str, str | None]:
        """What notes in the mark that the stack deletes the resource; nothing where no one could read it afterwards."""
        if mark.condemned or not self.kinds[live.address.kind].restorable:
            return {}
        return self._mark_edit(live, replace(mark, deleted=True))

    def _why_deleted(self, live: Live) -> str:
        assert live.mark is not None
        if live.displaced:
            return "another resource has its address"
        if live.revived:
            return "deleted before; it comes back with its experiment"
        reason = "destroy" if self.destroying else "no longer declared"
        return reason if live.parent else f"{reason}; all its runs go with it"

    def _mark_edit(self, live: Live, mark: Mark) -> dict[str, str | None]:
        """What makes the live tags those of `mark`."""
        return _edit(live, marks.write(mark, self.stack))

    def _unsupported(self, live: Live, found: Difference) -> list[Diagnostic]:
        wire, changes = self._wire(live.address), _effective(found.changes)
        if not changes:
            return []
        return [
            error(no.code, f"{live.address}: {dotted(no.path)} {no.why}", change.at, no.hint)
            for change in changes
            if (no := wire.forbids(change))
        ] + self._refused(live.address, live, changes)

    def _refused(self, address: Address, live: Live | None, changes: Sequence[FieldChange]) -> list[Diagnostic]:
        """What forbids the changes together."""
        places = {change.path: change.at for change in changes}
        return [
            error(no.code, f"{address}: {dotted(no.path)} {no.why}", places[no.path], no.hint)
            for no in self._wire(address).refuses(live, changes)
        ]

    def _conflicts(self, desired: Desired, found: Difference) -> list[Diagnostic]:
        if self.on_conflict == "apply":
            return []
        hidden = (self.sensitive.change(change) for change in found.changes)
        return [
            error(
                "conflict",
                f"{desired.address}: {dotted(change.path)} was changed on the server to {quoted(change.before)}",
                change.at,
                "take that value over into the manifest, or apply without --on-conflict fail to overwrite it",
            )
            for change in hidden
            if change.reason == "conflict" and change.effect is Action.update
        ]

    def _refusal(self, desired: Desired, refused: Refused, kind: Kind) -> Diagnostic:
        change, address = self.sensitive.change(refused.change), desired.address
        if change.before == change.after:
            summary = f"{address}: {dotted(change.path)} names {change.after}, which is made anew: {refused.why}"
            return error("fixed-field", summary, change.at, f"make it anew as well: --replace {typed(str(address))}")
        way = f"from {quoted(change.before)} to {quoted(change.after)}"
        summary = f"{address}: {dotted(change.path)} cannot change {way}: {refused.why}"
        hint = (
            f"put it back, or make a new one (the old one is deleted): reconciler plan --replace {typed(str(address))}"
        )
        if self._wire(address).cannot(Action.replace):
            hint = f"put it back, or {OTHER_KEY}"
        if kind.irreplaceable:
            hint = "write the server's value, or remove the line to accept it"
        return error("fixed-field", summary, change.at, hint)

    def _wire(self, address: Address) -> Wire:
        return self.wires[address.kind]


def _with(mark: Mark, live: Live, stays: tuple[Stay, ...]) -> Mark:
    """`mark` that still answers for what cannot be removed."""
    kept = {stay.path: live.mark.keys[stay.path] for stay in stays} if live.mark else {}
    return replace(mark, keys={**mark.keys, **kept}) if kept else mark


def _edit(live: Live, wanted: Mapping[str, str]) -> dict[str, str | None]:
    """The tags of the mark that change: their new values, None for those that go."""
    edit: dict[str, str | None] = {key: v for key, v in wanted.items() if live.mark_tags.get(key) != v}
    return edit | {key: None for key in sorted(live.mark_tags) if key not in wanted}


def _effective(changes: tuple[FieldChange, ...]) -> tuple[FieldChange, ...]:
    """The changes that are written to the resource itself; the others change only the mark."""
    return tuple(change for change in changes if change.effect is Action.update)


def _reason(desired: Desired, live: Live, found: Difference) -> str:
    parts = ["it is deleted on the server"] if live.deleted else []
    parts += ["all its runs come back with it"] if live.deleted and not live.parent else []
    if live.mark is None:
        how = "found by its id" if desired.id else "found by its name"
        parts.append(how if desired.existing else f"{how}; no stack owns it")
    elif live.mark.address != desired.address:
        parts.append(f"moved from {live.mark.address}")
    elif not found.changes and not live.deleted:
        parts.append("the mark is rewritten")
    return "; ".join(parts)


def _protected(address: Address, verb: str, at: Span | None = None) -> Diagnostic:
    return error(
        "prevent-destroy",
        f"{address} cannot be {verb}d: prevent_destroy is set",
        at,
        "declare it with 'prevent_destroy: false' and apply that first",
    )


def _used(live: Live, stack: str) -> Diagnostic:
    """Deleting an experiment takes all its runs along, also those of a stack that shares it."""
    return error(
        "shared",
        f"{live.address} (id {live.id}) cannot be deleted: the stack '{stack}' manages some of it",
        hint="let that stack drop it first, or keep it: declare it with 'on_remove: keep', apply, then drop it",
    )
