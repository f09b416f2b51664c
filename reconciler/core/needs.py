"""What each step needs to be done before it: references, the contents of what is deleted, names that must be free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kind import Kind
from reconciler.core.match import NAME, Pair
from reconciler.core.plan import Step
from reconciler.core.resource import Desired
from reconciler.core.wire import Wire
from reconciler.core.words import typed


def references(desired: Desired, kind: Kind) -> list[Address]:
    """The addresses that an entry names."""
    named = (desired.fields.get((name,)) for name in kind.references)
    return [Address.parse(str(value)) for value in named if value is not None]


def needs(
    pairs: Mapping[Address, Pair], steps: Mapping[Address, Step], kinds: Mapping[str, Kind]
) -> dict[Address, tuple[Address, ...]]:
    """For each step the steps that it needs, sorted."""
    holders = {pair.live.id: address for address, pair in pairs.items() if pair.live and not pair.live.parent}
    found: dict[Address, set[Address]] = {address: set() for address in steps}
    for address in steps:
        pair = pairs[address]
        if pair.desired:
            named = references(pair.desired, kinds[address.kind])
            found[address].update(one for one in named if one in steps and _prepares(pairs[one], steps[one]))
        parent = holders.get(pair.live.parent) if pair.live else None
        if parent is not None and parent in steps:
            if pairs[parent].desired is None:
                found[parent].add(address)
            elif _prepares(pairs[parent], steps[parent]):
                found[address].add(parent)
        heir = _heir(pair, pairs)
        if heir is not None and heir in steps:
            found[heir].add(address)
    for taker, giver in _names(pairs, steps, kinds):
        found[taker].add(giver)
    return {
        address: tuple(sorted(one for one in found[address] if one in steps and one != address)) for address in steps
    }


def _heir(pair: Pair, pairs: Mapping[Address, Pair]) -> Address | None:
    """The entry that took the address of a resource and is somebody else's: that one must be let go of first."""
    if not (pair.live and pair.live.displaced and pair.live.mark):
        return None
    heir = pairs.get(pair.live.mark.address)
    return heir.address if heir and heir.desired and heir.desired.existing else None


def _prepares(pair: Pair, step: Step) -> bool:
    """Whether a step must come before what refers to its resource: it makes it, or marks it, so that it is found."""
    return step.action in (Action.create, Action.restore, Action.replace) or not (pair.live and pair.live.mark)


def _names(
    pairs: Mapping[Address, Pair], steps: Mapping[Address, Step], kinds: Mapping[str, Kind]
) -> Iterable[tuple[Address, Address]]:
    """Pairs of a step that takes a unique name and the step that frees it by a rename."""
    freed = {
        (address.kind, str(pair.live.fields[NAME])): address
        for address, pair in pairs.items()
        if kinds[address.kind].unique and address in steps and pair.live and pair.desired and _renames(pair)
    }
    for address in steps:
        pair = pairs[address]
        if pair.desired and (address.kind, str(pair.desired.fields[NAME])) in freed:
            yield address, freed[address.kind, str(pair.desired.fields[NAME])]


def _renames(pair: Pair) -> bool:
    return bool(pair.desired and pair.live and pair.desired.fields[NAME] != pair.live.fields[NAME])


def unseen(
    pairs: Mapping[Address, Pair], steps: Mapping[Address, Step], kinds: Mapping[str, Kind], wires: Mapping[str, Wire]
) -> list[Diagnostic]:
    """What would be made in an experiment that the same plan restores: it may come back with that, a second one."""
    restored = {address for address, step in steps.items() if step.action is Action.restore}
    found = []
    for address in sorted(address for address, step in steps.items() if step.action is Action.create):
        entry, why = pairs[address].desired, wires[address.kind].hides()
        homes = restored.intersection(references(entry, kinds[address.kind])) if entry and why else ()
        found += [
            error(
                "maybe-hidden",
                f"{address} cannot be made while {home} is restored, which may bring it back: {why}",
                entry.at() if entry else None,
                f"restore that first, with --only {typed(str(home))}; then plan again",
            )
            for home in homes
        ]
    return found


def bereaved(pairs: Mapping[Address, Pair], steps: Mapping[Address, Step]) -> list[Diagnostic]:
    """Resources that must stay and would go with the experiment that they live in."""
    going = {
        pair.live.id: address
        for address, pair in pairs.items()
        if pair.live and address in steps and steps[address].action is Action.delete
    }
    return [
        error(
            "kept-in-deleted",
            f"{going[pair.live.parent]} cannot be deleted: {address} lives in it and is to be kept",
            hint="keep the experiment (on_remove: keep), or let the other go: declare it without on_remove and "
            "prevent_destroy, and apply that first",
        )
        for address, pair in sorted(pairs.items())
        if pair.live and pair.live.mark and pair.live.parent in going
        if pair.live.mark.keep or pair.live.mark.prevent_destroy
        if not (pair.live.mark.replaced or pair.live.deleted)
    ]
