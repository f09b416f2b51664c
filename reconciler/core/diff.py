"""The difference between what is declared, what is there and what was last applied, field by field, with its reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from reconciler.core.address import Address
from reconciler.core.change import Action, FieldChange, Path, Reason, Value
from reconciler.core.kind import Kind, Rule
from reconciler.core.mark import Mark, digest
from reconciler.core.match import NAME
from reconciler.core.resource import Desired, Fields, Live

_FORGET = Rule(server_default=True)


@dataclass(frozen=True, slots=True)
class Refused:
    """A change that the field's rule forbids. `why` is the rule's."""

    change: FieldChange
    why: str


@dataclass(frozen=True, slots=True)
class Difference:
    changes: tuple[FieldChange, ...]
    refused: tuple[Refused, ...] = ()


NOTHING = Difference(())


def managed(desired: Desired) -> Fields:
    """The fields that the entry manages: of an existing resource not its name, which only says which one it is."""
    if not desired.existing:
        return desired.fields
    return {path: value for path, value in desired.fields.items() if path != NAME}


def mark_of(desired: Desired) -> Mark:
    """The mark that an apply of `desired` leaves."""
    return Mark(
        address=desired.address,
        keys={path: digest(value) for path, value in managed(desired).items()},
        prevent_destroy=desired.prevent_destroy,
        keep=desired.keep,
        existing=desired.existing,
    )


def created(desired: Desired) -> Difference:
    """Everything that is declared, of a resource that is to be made."""
    return Difference(
        tuple(
            FieldChange(path, None, value, Action.create, "manifest", desired.at(path))
            for path, value in sorted(managed(desired).items())
        )
    )


def replaced(desired: Desired, live: Live) -> tuple[FieldChange, ...]:
    """Everything that is declared, of a resource that is to be made anew in place of `live`."""
    applied = live.mark.keys if live.mark else {}
    changes = []
    for path, after in sorted(managed(desired).items()):
        before = live.fields.get(path)
        reason: Reason = "adopt" if before == after else _reason(before, after, applied.get(path))
        changes.append(FieldChange(path, before, after, Action.replace, reason, desired.at(path)))
    return tuple(changes)


def diff(
    desired: Desired, live: Live, kind: Kind, moving: Collection[Address] = (), mark: Mark | None = None
) -> Difference:
    """The three-way difference of one resource that is both declared and there.

    `moving`: addresses whose resources are made anew, so that a fixed reference to one of them cannot stay.
    `mark`: that of `desired`, where it is known.
    """
    mark = mark or mark_of(desired)
    want = managed(desired)
    differing = {path for path, value in want.items() if live.fields.get(path) != value}
    differing -= _masked(live, mark)
    differing |= _moved(want, kind, moving) if moving else set()
    if not differing and live.mark == mark:
        return NOTHING
    applied = live.mark.keys if live.mark else {}
    changes, refused = [], []
    for path in sorted(want):
        before, after = live.fields.get(path), want[path]
        if path in differing:
            reason = _cause(live, path, after, kind.rule(path))
            change = FieldChange(path, before, after, Action.update, reason, desired.at(path))
            why = _forbidden(kind.rule(path), before)
            changes.append(change) if not why else refused.append(Refused(change, why))
        elif applied.get(path) != mark.keys[path]:
            changes.append(FieldChange(path, before, after, Action.adopt, "adopt", desired.at(path)))
    gone, stuck = _dropped(desired, live, kind)
    return Difference((*changes, *gone, *_directives(desired, live)), (*refused, *stuck))


def _masked(live: Live, mark: Mark) -> set[Path]:
    """The fields that show another value for a while, and have been applied as `mark` has them."""
    applied = live.mark.keys if live.mark else {}
    return {path for path in live.masked if path in mark.keys and applied.get(path) == mark.keys[path]}


def _moved(want: Fields, kind: Kind, moving: Collection[Address]) -> set[Path]:
    """The references to what is made anew."""
    return {(name,) for name in kind.references if (name,) in want and Address.parse(str(want[(name,)])) in moving}


def stripped(live: Live, kind: Kind) -> Difference:
    """What a stack takes off a shared resource that it no longer declares: its own keys, nothing else."""
    assert live.mark is not None
    return Difference(
        tuple(
            FieldChange(path, live.fields[path], None, Action.update, _removal_reason(live, path))
            for path in sorted(live.mark.keys)
            if path in live.fields and removable(_rule(kind, path))
        )
    )


def _dropped(desired: Desired, live: Live, kind: Kind) -> tuple[list[FieldChange], list[Refused]]:
    """Fields that the stack applied and no longer declares."""
    changes, refused = [], []
    want = managed(desired)
    for path in sorted(live.mark.keys if live.mark else ()):
        if path in want:
            continue
        rule, before = _rule(kind, path), live.fields.get(path)
        reason = _removal_reason(live, path)
        if before is None or not (removable(rule) or rule.once):
            changes.append(FieldChange(path, before, None, Action.adopt, reason, desired.at(path)))
        elif rule.once:
            refused.append(Refused(FieldChange(path, before, None, Action.update, reason, desired.at(path)), rule.once))
        else:
            changes.append(FieldChange(path, before, None, Action.update, reason, desired.at(path)))
    return changes, refused


def _directives(desired: Desired, live: Live) -> list[FieldChange]:
    """What the entry tells the reconciler, where the mark records something else."""
    mark = live.mark or Mark(desired.address)
    pairs: dict[str, tuple[Value, Value]] = {
        "existing": (mark.existing, desired.existing),
        "on_remove": ("keep" if mark.keep else "delete", "keep" if desired.keep else "delete"),
        "prevent_destroy": (mark.prevent_destroy, desired.prevent_destroy),
    }
    return [
        FieldChange((name,), before, after, Action.adopt, "manifest", desired.at((name,)))
        for name, (before, after) in pairs.items()
        if before != after
    ]


def _cause(live: Live, path: Path, after: Value, rule: Rule) -> Reason:
    """Why a field that is declared as `after` differs. Of a series only the declared points are known: no conflict."""
    applied = live.mark.keys.get(path) if live.mark else None
    if path in live.masked:
        return "manifest"
    if rule.series:
        return "drift" if applied == digest(after) else "manifest"
    return _reason(live.fields.get(path), after, applied)


def _reason(before: Value, after: Value, applied: str | None) -> Reason:
    """Why a declared field differs from the live one; see the table in docs/concepts.md."""
    if applied is None:
        return "manifest" if before is None else "conflict"
    if before is not None and applied == digest(before):
        return "manifest"
    return "drift" if applied == digest(after) else "conflict"


def _removal_reason(live: Live, path: Path) -> Reason:
    before = live.fields.get(path)
    assert live.mark is not None
    return "manifest" if before is None or live.mark.keys[path] == digest(before) else "conflict"


def _forbidden(rule: Rule, before: Value) -> str:
    return rule.fixed or (rule.once if before is not None else "")


def removable(rule: Rule) -> bool:
    """Whether dropping a field takes it off the server; else dropping it only stops managing it."""
    return not (rule.server_default or rule.series or rule.once or rule.fixed)


def _rule(kind: Kind, path: Path) -> Rule:
    """The rule of a field that a mark names. A name is never taken off; a later version's field is left alone."""
    return _FORGET if path == NAME else kind.rules.get(path[0], _FORGET)
