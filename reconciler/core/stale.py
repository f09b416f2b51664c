"""From a plan and what is on the server now to what has changed there since the plan was made, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from reconciler.core.basis import ABSENT, digest_of, seen, watched
from reconciler.core.change import Action, FieldChange, Path, Value
from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.kind import Kind
from reconciler.core.mark import Mark, canonical
from reconciler.core.match import NAME
from reconciler.core.plan import Basis, Plan, Step
from reconciler.core.resource import Live, identified
from reconciler.core.sensitive import KEY, as_text, quoted, revealed
from reconciler.core.wire import Sought
from reconciler.core.words import dotted, listed

EXISTING: Path = ("existing",)


def sought_again(plan: Plan, secret: Callable[[str], str], *, applied: bool = False) -> dict[str, tuple[Sought, ...]]:
    """What to look for to see whether what `plan` was computed from still stands, by kind.

    By its id what was there, and by its name what is to get that name: somebody may have it by now.
    `secret`: from what stands in a plan for a secret to its text. `applied`: it may have been done meanwhile.
    """
    changes = {step.address: {change.path: change for change in step.changes} for step in plan.steps}
    found = []
    for address in plan.seen:
        own = changes.get(address, {})
        values = {path: change.after for path, change in own.items()}
        if address in plan.ids:
            known = plan.basis.get(address)
            found.append(Sought(address, "", plan.ids[address], values, marked=not known or known.mark is not None))
        if NAME in own and own[NAME].effect is not Action.adopt:
            found.append(Sought(address, as_text(revealed(values[NAME], secret)), "", values, free=not applied))
    return by_kind(found)


def by_kind(found: Sequence[Sought]) -> dict[str, tuple[Sought, ...]]:
    """What is sought, in order, by kind."""
    kinds = sorted({one.address.kind for one in found})
    return {
        kind: tuple(sorted((one for one in found if one.address.kind == kind), key=lambda one: one.address))
        for kind in kinds
    }


def stale(plan: Plan, lives: Sequence[Live], kinds: Mapping[str, Kind]) -> list[Diagnostic]:
    """What has changed on the server since `plan` was made, of all that it was computed from: a finding for each."""
    steps = {step.address: step for step in plan.steps}
    by_id = identified(lives)
    by_address = {live.address: live for live in lives if not (live.mark and live.mark.replaced)}
    found = []
    for address, expected in sorted(plan.seen.items()):
        step = steps.get(address, Step(address, Action.noop))
        live = by_id.get((address.kind, plan.ids[address])) if address in plan.ids else by_address.get(address)
        if live is None:
            found += [] if expected == ABSENT else [_gone(step, kinds.get(address.kind))]
        elif expected == ABSENT:
            state = "deleted, id" if live.deleted else "id"
            words = f"{address} is on the server now ({state} {live.id}); it was not when the plan was made"
            found.append(_stale(words, step.at))
        else:
            found += _changes(step, live, expected, plan.basis.get(address), kinds[address.kind])
            found += _claims(step, live)
    return [*found, *_taken(plan, lives, kinds)]


def _stale(summary: str, at: Span | None) -> Diagnostic:
    return error("stale-plan", summary, at, "make the plan again and look at it")


def _gone(step: Step, kind: Kind | None) -> Diagnostic:
    """What has no unique name is found by its mark alone."""
    by_mark = "" if kind and kind.unique else ", or its mark was taken off"
    return _stale(f"{step.address} is not on the server any more{by_mark}", step.at)


def _changes(step: Step, live: Live, expected: str, basis: Basis | None, kind: Kind) -> list[Diagnostic]:
    """What has changed of one resource; as a whole where the plan does not say what it was computed from."""
    if seen(live, step.changes, kind) == expected:
        return []
    told = list(_Comparison(step, basis, live, kind).findings()) if basis else []
    words = f"{step.address} (id {live.id}) has changed on the server since the plan was made"
    return told or [_stale(words, step.at)]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One resource as it was when the plan was made, and as it is."""

    step: Step
    basis: Basis
    live: Live
    kind: Kind

    def findings(self) -> Iterator[Diagnostic]:
        yield from self._stage()
        yield from self._mark()
        there = (*self.basis.fields, *self.live.fields)
        for path in watched(self.basis.mark, self.step.changes, self.kind, there):
            if digest_of(self.live, path) != self.basis.digest(path):
                yield self._field(path)

    @property
    def _whole(self) -> str:
        return f"{self.step.address} (id {self.live.id})"

    def _change(self, path: Path) -> FieldChange | None:
        return next((change for change in self.step.changes if change.path == path), None)

    def _stage(self) -> Iterator[Diagnostic]:
        """The lifecycle stage."""
        if self.live.deleted == self.basis.deleted:
            return
        was, now = ("deleted", "active") if self.basis.deleted else ("active", "deleted")
        planned = {Action.delete: " (-> deleted)", Action.restore: " (-> active)"}.get(self.step.action, "")
        yield _stale(f"{self._whole} was {was} when the plan was made{planned}, and is {now} now", self.step.at)

    def _mark(self) -> Iterator[Diagnostic]:
        before, now = self.basis.mark, self.live.mark
        if self.live.damage:
            words = f"has changed since the plan was made: it {self.live.damage}"
            yield _stale(f"the mark of {self._whole} {words}", self.step.at)
        elif before and not now:
            yield _stale(f"{self._whole} had this stack's mark when the plan was made, and has none now", self.step.at)
        elif now and not before:
            words = f"had no mark of this stack when the plan was made, and has that of {now.address} now"
            yield _stale(f"{self._whole} {words}: another apply of this stack was at work", self.step.at)
        elif before and now:
            yield from self._rewritten(before, now)

    def _rewritten(self, before: Mark, now: Mark) -> Iterator[Diagnostic]:
        """What two marks of the stack say differently."""
        said, says = _sayings(before), _sayings(now)
        for path in said:
            if said[path] != says[path]:
                change = self._change(path)
                words = f"was {quoted(said[path])} when the plan was made{_planned(change)}"
                at = change.at if change else self.step.at
                yield _stale(f"{self._whole}: {path[0]} in its mark {words}, and is {quoted(says[path])} now", at)
        paths = {path for path, _ in before.keys.items() ^ now.keys.items()}
        if paths:
            words = "another apply of this stack was at work after the plan was made"
            other = listed(dotted(path) for path in sorted(paths))
            yield _stale(f"{self._whole}: {words}: its mark has other digests of {other}", self.step.at)

    def _field(self, path: Path) -> Diagnostic:
        change, value = self._change(path), self.live.fields.get(path)
        name, at = f"{self.step.address}: {dotted(path)}", change.at if change else self.step.at
        if path in self.basis.sensitive or (change and (_secret(change.before) or _secret(change.after))):
            return _stale(f"{name} has changed since the plan was made; its values are sensitive", at)
        was = self._was(path, change, value)
        now = "is not there" if value is None else f"is {quoted(value)}"
        return _stale(f"{name} {was} when the plan was made{_planned(change)}, and {now} now", at)

    def _was(self, path: Path, change: FieldChange | None, value: Value) -> str:
        """What a field was; a plan has the values of those fields only that it changes."""
        if self.basis.digest(path) is None:
            return "was not there"
        if change:
            return f"was {quoted(change.before)}"
        return "was there" if value is None else "had another value"


def _secret(value: Value) -> bool:
    return KEY in canonical(value)


def _sayings(mark: Mark) -> dict[Path, Value]:
    """What a mark says beside the digests; what stands for a directive of the manifests by its name there."""
    flags: dict[Path, Value] = {
        (one.name,): getattr(mark, one.name) for one in fields(mark) if one.name not in ("address", "keys", "keep")
    }
    return {("address",): str(mark.address), **flags, ("on_remove",): "keep" if mark.keep else "delete"}


def _planned(change: FieldChange | None) -> str:
    """What a plan wants to make of a field."""
    if change is None or change.before == change.after:
        return ""
    if change.after is None:
        return " (-> left alone)" if change.effect is Action.adopt else " (-> removed)"
    return f" (-> {quoted(change.after)})"


def _claims(step: Step, live: Live) -> Iterator[Diagnostic]:
    """What other stacks have come to manage there: there would have been no plan with it."""
    written = {change.path: change for change in step.changes if change.after is not None}
    kept = step.changes or step.action in (Action.adopt, Action.restore)
    guest = written[EXISTING].after if EXISTING in written else live.mark is not None and live.mark.existing
    whole = f"{step.address} (id {live.id})"
    for stack, mark in sorted(live.others.items()):
        if step.action is Action.delete:
            yield _stale(f"{whole} is to be deleted, and the stack '{stack}' manages some of it now", step.at)
        elif kept and not (mark.existing or guest):
            yield _stale(f"{whole} is owned by the stack '{stack}' now", step.at)
        else:
            for path in sorted(written.keys() & mark.keys.keys() - {NAME}):
                words = f"{step.address}: {dotted(path)} is managed by the stack '{stack}' now"
                yield _stale(words, written[path].at)


def _taken(plan: Plan, lives: Sequence[Live], kinds: Mapping[str, Kind]) -> Iterator[Diagnostic]:
    """Names that the plan gives and that others have by now; that of a resource which the plan makes is told before."""
    holders = {(live.address.kind, live.fields[NAME]): live for live in lives if kinds[live.address.kind].unique}
    named = {
        step.address: change
        for step in plan.steps
        for change in step.changes
        if change.path == NAME and change.effect is not Action.adopt and isinstance(change.after, str)
    }
    freed = {(address.kind, plan.ids[address]) for address in named if address in plan.ids}
    for address, change in named.items():
        holder = holders.get((address.kind, change.after))
        told = holder and holder.address == address and address not in plan.ids
        if holder and not told and (address.kind, holder.id) not in freed:
            yield _stale(f"{address}: the name {quoted(change.after)} is taken now, by id {holder.id}", change.at)
