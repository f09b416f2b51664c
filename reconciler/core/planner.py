"""From what is declared and what is there to a plan: match, diff, select, order, guard."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from reconciler.core import mark as marks
from reconciler.core import sensitive
from reconciler.core.address import Address
from reconciler.core.change import FieldChange, Value
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.guard import Safety, guard
from reconciler.core.kind import Kind, Rule
from reconciler.core.match import NAME, Pair, match
from reconciler.core.needs import bereaved, needs, references
from reconciler.core.order import order
from reconciler.core.plan import Plan, Step
from reconciler.core.resource import Desired, Live
from reconciler.core.select import Selection, select, unmatched
from reconciler.core.sensitive import Sensitive
from reconciler.core.steps import Stepper
from reconciler.core.wire import Sought, Wire
from reconciler.core.words import shown, suggest

ABSENT = "absent"
"""What `seen` says of a resource that was not there."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Which stack is planned, on which target, with which kinds and wires."""

    name: str
    target: str
    backend: str
    kinds: Mapping[str, Kind]
    wires: Mapping[str, Wire]
    sensitive: Sensitive = field(default_factory=Sensitive)


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asked of this plan."""

    selection: Selection = field(default_factory=Selection)
    safety: Safety = field(default_factory=Safety)
    replace: frozenset[Address] = frozenset()
    on_conflict: Literal["apply", "fail"] = "apply"
    destroy: bool = False


def make(
    stack: Stack, desired: Mapping[Address, Desired], lives: Sequence[Live], options: Options
) -> tuple[Plan, list[Diagnostic]]:
    """The plan that takes `lives` to `desired`, and all findings; with an error among them it is not to be applied."""
    pairs, found = match(desired, lives, stack.kinds)
    stepper = _stepper(stack, pairs, options)
    steps: dict[Address, Step] = {}
    raised: dict[Address, list[Diagnostic]] = {}
    for address, pair in sorted(pairs.items()):
        step, raised[address] = stepper.step(pair)
        if step:
            steps[address] = step
    wanted = needs(pairs, steps, stack.kinds)
    steps = {address: replace(step, needs=wanted[address]) for address, step in steps.items()}
    chosen = select(steps, options.selection)
    concerned = {address for address in raised if address in chosen or _idle(address, steps, options.selection)}
    found += [problem for address in sorted(concerned) for problem in raised[address]]
    found += bereaved(pairs, chosen) + _unknown(pairs, options)
    sequence, cycle = order({address: step.needs for address, step in chosen.items()})
    plan = Plan(
        stack=stack.name,
        target=stack.target,
        backend=stack.backend,
        steps=tuple(stack.sensitive.hide(chosen[address]) for address in sequence),
        noop=sum(pair.desired is not None and address not in steps for address, pair in pairs.items()),
        left_out=len(steps) - len(chosen),
        ids=_ids(pairs, chosen, stack.kinds),
        seen=_seen(pairs, chosen, stack.kinds),
    )
    again = {address for address, pair in pairs.items() if pair.live and pair.live.revived}
    unsafe = [] if options.destroy else guard(plan, _owned(pairs), options.safety, again)
    return plan, [*found, *([_cycle(cycle, chosen)] if cycle else []), *unsafe]


def sought(desired: Mapping[Address, Desired]) -> dict[str, tuple[Sought, ...]]:
    """What to look for on the server for the sake of `desired`, by kind."""
    return _by_kind(
        [Sought(address, str(entry.fields[NAME]), fields=entry.fields) for address, entry in desired.items()]
    )


def sought_again(plan: Plan, secret: Callable[[str], str]) -> dict[str, tuple[Sought, ...]]:
    """What to look for to see whether what `plan` was computed from still stands, by kind.

    `secret`: from what stands in a plan for a secret to its text.
    """
    changes = {step.address: {change.path: change.after for change in step.changes} for step in plan.steps}
    return _by_kind(
        [
            Sought(a, _name(changes.get(a, {}).get(NAME), secret), plan.ids.get(a, ""), changes.get(a, {}))
            for a in plan.seen
            if a in plan.ids or NAME in changes.get(a, {})
        ]
    )


def stale(plan: Plan, lives: Sequence[Live], kinds: Mapping[str, Kind]) -> list[Diagnostic]:
    """What has changed on the server since `plan` was made, of all that it was computed from."""
    changes = {step.address: step.changes for step in plan.steps}
    by_id = {(live.address.kind, live.id): live for live in lives}
    by_address = {live.address: live for live in lives if _holds(live, kinds)}
    found = []
    for address, expected in sorted(plan.seen.items()):
        live = by_id.get((address.kind, plan.ids[address])) if address in plan.ids else by_address.get(address)
        if _digest(live, changes.get(address, ()), kinds) != expected:
            found.append(_stale(address, live, expected))
    return found


def _idle(address: Address, steps: Mapping[Address, Step], selection: Selection) -> bool:
    """Whether `address` is meant by the selection and has no step that could be left out."""
    return address not in steps and selection.takes(address)


def _holds(live: Live, kinds: Mapping[str, Kind]) -> bool:
    """Whether a live resource has its address, so that nothing else can be made there."""
    replaced = live.mark is not None and live.mark.replaced
    return not replaced and (not live.deleted or kinds[live.address.kind].unique)


def _name(value: Value, secret: Callable[[str], str]) -> str:
    match value:
        case {sensitive.KEY: str(template)}:
            return secret(template)
        case str():
            return value
    return ""


def _stepper(stack: Stack, pairs: Mapping[Address, Pair], options: Options) -> Stepper:
    anew = {address for address in options.replace & pairs.keys() if not stack.kinds[address.kind].irreplaceable}
    return Stepper(
        stack=stack.name,
        kinds=stack.kinds,
        wires=stack.wires,
        sensitive=stack.sensitive,
        replace=options.replace,
        moving=frozenset(anew),
        on_conflict=options.on_conflict,
        destroying=options.destroy,
    )


def _by_kind(found: Sequence[Sought]) -> dict[str, tuple[Sought, ...]]:
    kinds = sorted({one.address.kind for one in found})
    return {
        kind: tuple(sorted((one for one in found if one.address.kind == kind), key=lambda one: one.address))
        for kind in kinds
    }


def _owned(pairs: Mapping[Address, Pair]) -> int:
    lives = [pair.live for pair in pairs.values() if pair.live and not (pair.live.deleted or pair.live.revived)]
    return sum(live.mark is not None and not live.mark.existing for live in lives)


def _named(pairs: Mapping[Address, Pair], chosen: Mapping[Address, Step], kinds: Mapping[str, Kind]) -> set[Address]:
    """The addresses that the chosen steps are about or refer to."""
    named = set(chosen)
    for address in chosen:
        entry = pairs[address].desired
        named.update(references(entry, kinds[address.kind]) if entry else ())
    return named


def _ids(
    pairs: Mapping[Address, Pair], chosen: Mapping[Address, Step], kinds: Mapping[str, Kind]
) -> dict[Address, str]:
    named = sorted(_named(pairs, chosen, kinds))
    return {address: live.id for address in named if (live := pairs[address].live)}


def _seen(
    pairs: Mapping[Address, Pair], chosen: Mapping[Address, Step], kinds: Mapping[str, Kind]
) -> dict[Address, str]:
    return {
        address: _digest(pairs[address].live, chosen[address].changes if address in chosen else (), kinds)
        for address in sorted(_named(pairs, chosen, kinds))
    }


def _digest(live: Live | None, changes: Sequence[FieldChange], kinds: Mapping[str, Kind]) -> str:
    """A digest of all of a live resource that a plan depends on: what the stack manages there, and nothing else."""
    if live is None:
        return ABSENT
    rules = kinds[live.address.kind].rules
    lasting = {path for path in (live.mark.keys if live.mark else ()) if not rules.get(path[0], Rule()).append_only}
    paths = sorted(lasting | {change.path for change in changes})
    values = {
        "/".join(path): live.fields.get(path) for path in paths if path[0] not in kinds[live.address.kind].references
    }
    state = {"id": live.id, "deleted": live.deleted or live.revived, "mark": live.mark_tags, "fields": values}
    return "sha256:" + hashlib.sha256(marks.canonical(state).encode()).hexdigest()


def _stale(address: Address, live: Live | None, expected: str) -> Diagnostic:
    if live is None:
        summary = f"{address} is not on the server any more"
    elif expected == ABSENT:
        summary = f"{address} is on the server now (id {live.id}); it was not when the plan was made"
    else:
        summary = f"{address} (id {live.id}) has changed on the server since the plan was made"
    return error("stale-plan", summary, hint="make the plan again and look at it")


def _cycle(path: Sequence[Address], steps: Mapping[Address, Step]) -> Diagnostic:
    edges = ", which needs ".join(str(address) for address in path)
    hint = "two names that change places take two applies: rename one of them to something else first"
    return error("cycle", f"cycle detected: {edges}", steps[path[0]].at, hint)


def _unknown(pairs: Mapping[Address, Pair], options: Options) -> list[Diagnostic]:
    """Addresses and globs in the options that name nothing."""
    declared = {address for address, pair in pairs.items() if pair.desired}
    names = [str(address) for address in options.replace - declared]
    names += unmatched(list(pairs), options.selection)
    known = [str(address) for address in pairs]
    return [
        error("unknown-address", f"{shown(name)} names no resource of the stack", hint=suggest(name, known, "there is"))
        for name in sorted(names)
    ]
