"""Decides which live resource is which entry: by the mark's address, then by a unique name or a declared id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.core.address import Address
from reconciler.core.change import Path, Value
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kind import Kind
from reconciler.core.mark import digest
from reconciler.core.resource import Desired, Live
from reconciler.core.words import dotted, shown

NAME: Path = ("name",)


@dataclass(frozen=True, slots=True)
class Pair:
    """An address with what is declared and what is there; one of the two may be missing."""

    address: Address
    desired: Desired | None
    live: Live | None


def match(
    desired: Mapping[Address, Desired], lives: Sequence[Live], kinds: Mapping[str, Kind]
) -> tuple[dict[Address, Pair], list[Diagnostic]]:
    """Pairs by address, and what stands in the way (other owners, duplicates, names that are taken).

    A live resource of ours that no entry declares has a pair without `desired`. One that lost its address to another
    (it was replaced, or its experiment's restoring brings it back) stands under `<address>!<id>`.
    """
    found: list[Diagnostic] = [_damaged(live) for live in lives if live.damage]
    sound = [live for live in lives if not live.damage]
    owned, doubles = _by_mark([live for live in sound if live.mark], desired)
    found += doubles
    named = {(live.address.kind, _claim(live, kinds)): live for live in sound}
    pairs: dict[Address, Pair] = {}
    for address, entry in sorted(desired.items()):
        live, problems = _pair(entry, owned, named.get((address.kind, _claim(entry, kinds))), desired)
        found += problems
        pairs[address] = Pair(address, entry, live)
    return _with_reactivated(_referring(pairs | _left(owned, pairs), kinds)), found


def _claim(one: Desired | Live, kinds: Mapping[str, Kind]) -> str:
    """By what it is known without a mark: its name where the server has each once, else its id."""
    return str(one.fields[NAME]) if kinds[one.address.kind].unique else one.id


def _left(owned: Mapping[Address, Live], pairs: Mapping[Address, Pair]) -> dict[Address, Pair]:
    """What is ours and no entry took."""
    taken = {id(pair.live) for pair in pairs.values()}
    left = {}
    for address, live in sorted(owned.items()):
        if id(live) not in taken:
            lost = address in pairs
            spare = _spare(live) if lost else address
            left[spare] = Pair(spare, None, replace(live, displaced=True) if lost else live)
    return left


def _referring(pairs: Mapping[Address, Pair], kinds: Mapping[str, Kind]) -> dict[Address, Pair]:
    """The pairs with addresses in place of the server's ids, where a live resource refers to another one of them."""
    known: dict[tuple[str, str], list[str]] = {}
    for pair in pairs.values():
        if pair.live:
            known.setdefault((pair.address.kind, pair.live.id), []).append(str(pair.address))
    references = {name: kind.references for name, kind in kinds.items()}
    return {address: _named(pair, known, references[address.kind]) for address, pair in pairs.items()}


def _named(pair: Pair, known: Mapping[tuple[str, str], Sequence[str]], fields: Mapping[str, str]) -> Pair:
    """The pair with addresses for ids; of several that one could have, the declared one is meant.

    `fields`: those that name another resource, and its kind.
    """
    if pair.live is None:
        return pair
    references: dict[Path, Value] = {}
    for name, kind in fields.items():
        if names := known.get((kind, str(pair.live.fields.get((name,))))):
            declared = pair.desired.fields.get((name,)) if pair.desired else None
            references[(name,)] = declared if declared in names else names[-1]
    if not references and pair.live.address == pair.address:
        return pair
    live = replace(pair.live, address=pair.address, fields={**pair.live.fields, **references})
    return Pair(pair.address, pair.desired, live)


def _spare(live: Live) -> Address:
    """The address of a resource whose own belongs to another one."""
    return Address(live.address.kind, f"{live.address.name}!{live.id}")


def _by_mark(lives: Sequence[Live], desired: Mapping[Address, Desired]) -> tuple[dict[Address, Live], list[Diagnostic]]:
    """Our resources by address. Of several deleted ones, the one that the manifest describes best has the address."""
    owned = {_spare(live): replace(live, displaced=True) for live in lives if live.mark and live.mark.replaced}
    groups: dict[Address, list[Live]] = {}
    for live in lives:
        if live.mark and not live.mark.replaced:
            groups.setdefault(live.address, []).append(live)
    found = []
    for address, group in sorted(groups.items()):
        best, *rest = sorted(group, key=lambda live: _rank(live, desired.get(address))) if group[1:] else group
        owned[address] = best
        owned.update({_spare(live): replace(live, displaced=True) for live in rest})
        active = sorted(live.id for live in group if not live.deleted)
        if len(active) > 1:
            found.append(_duplicate(address, active, desired.get(address)))
    return owned, found


def _rank(live: Live, entry: Desired | None) -> tuple[bool, int, str]:
    keys = live.mark.keys if live.mark else {}
    alike = sum(keys.get(path) == digest(value) for path, value in entry.fields.items()) if entry else 0
    return (live.deleted, -alike, live.id)


def _pair(
    entry: Desired,
    owned: Mapping[Address, Live],
    holder: Live | None,
    desired: Mapping[Address, Desired],
) -> tuple[Live | None, list[Diagnostic]]:
    """The live resource of one entry, with what forbids it. `holder`: the one that has its name, or its id."""
    marked = owned.get(entry.address)
    if entry.existing:
        live = holder
        problems = [] if live and not live.deleted else [_not_existing(entry, live)]
        if live and live.address != entry.address and _ours_elsewhere(live, desired):
            problems.append(_name_taken(entry, live))
        return live, problems + (_shared(entry, live) if live else [])
    if marked is None and holder is not None and _ours_elsewhere(holder, desired):
        holder = None  # it makes room: another entry's name moves on
    live = marked or holder
    if live is None:
        return None, []
    problems = _owned_elsewhere(entry, live) + _shared(entry, live)
    if marked and holder and not entry.id and holder is not marked and not _ours_elsewhere(holder, desired):
        problems.append(_name_taken(entry, holder))
    return live, problems


def _ours_elsewhere(holder: Live, desired: Mapping[Address, Desired]) -> bool:
    """Whether the holder of a name is another entry's resource, which by its own entry gets another name."""
    return holder.mark is not None and holder.address in desired and not desired[holder.address].existing


def _with_reactivated(pairs: dict[Address, Pair]) -> dict[Address, Pair]:
    """Restoring an experiment brings back all its runs, also those deleted one by one (MLflow 3.17): active, then."""
    restored = {
        pair.live.id
        for pair in pairs.values()
        if pair.desired and pair.live and pair.live.deleted and not pair.live.parent
    }
    return {
        address: replace(pair, live=replace(pair.live, deleted=False, revived=True))
        if pair.live and pair.live.deleted and pair.live.parent in restored
        else pair
        for address, pair in pairs.items()
    }


def _damaged(live: Live) -> Diagnostic:
    return error(
        "damaged-mark",
        f"the mark on {live.address.kind} with id {live.id} {live.damage}",
        hint="update the reconciler if a later version wrote it; else remove the tag and adopt the resource again",
    )


def _duplicate(address: Address, ids: Sequence[str], entry: Desired | None) -> Diagnostic:
    return error(
        "duplicate-address",
        f"{address} is there {len(ids)} times: ids {' and '.join(ids)} carry the same mark",
        entry.at() if entry else None,
        "remove the mark (the tag reconciler.<stack>) from all but one, or delete the others",
    )


def _not_existing(entry: Desired, live: Live | None) -> Diagnostic:
    state = "is deleted" if live else "is not on the server"
    return error(
        "not-existing",
        f"{entry.address}: {_name(entry)} {state}, but is declared with 'existing: true'",
        entry.at(("existing",)),
        "restore it first" if live else "check the name, or drop 'existing' to create it",
    )


def _owned_elsewhere(entry: Desired, live: Live) -> list[Diagnostic]:
    owners = [stack for stack, mark in sorted(live.others.items()) if not mark.existing]
    share = "" if live.parent else "declare it with 'existing: true' to manage only some of its tags, or "
    return [
        error(
            "owned-by-another-stack",
            f"{entry.address}: {_name(entry)} (id {live.id}) is owned by the stack '{stack}'",
            entry.at(),
            f"{share}drop it from that stack first",
        )
        for stack in owners
    ]


def _shared(entry: Desired, live: Live) -> list[Diagnostic]:
    """Keys of a shared resource that another stack manages already."""
    own = [path for path in sorted(entry.fields) if path != NAME]
    return [
        error(
            "key-of-another-stack",
            f"{entry.address}: {dotted(path)} is managed by the stack '{stack}'",
            entry.at(path),
            "drop the key here or there",
        )
        for stack, mark in sorted(live.others.items())
        for path in own
        if path in mark.keys and (entry.existing or mark.existing)
    ]


def _name_taken(entry: Desired, holder: Live) -> Diagnostic:
    what = "a deleted one" if holder.deleted else "one"
    owner = f"is {holder.address} of this stack" if holder.mark else "this stack does not own"
    summary = f"{entry.address}: the name {_name(entry)} is taken by {what} (id {holder.id}) that {owner}"
    hint = "choose another name, or rename that one first; a deleted experiment keeps its name"
    return error("name-taken", summary, entry.at(NAME), hint)


def _name(entry: Desired) -> str:
    """The entry's name as a finding may quote it."""
    name = entry.fields[NAME]
    assert isinstance(name, str)
    return shown(name)
