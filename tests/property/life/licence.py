"""What an apply may change on a server: fields, and lifecycle stages; and what it has changed beyond that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from tests.property.life.manifests import Entry
from tests.property.life.oracle import Oracle, existing
from tests.property.life.sight import END, NAME, NOTE, PREFIX, STAGE, STATUS, Ident, Place, Thing, Things

RUN_NAME = ("tags", "mlflow.runName")


@dataclass(frozen=True)
class Licence:
    """What an apply may change: fields by resource, and which resources may go, and come back."""

    fields: Mapping[Ident, AbstractSet[Place]]
    going: AbstractSet[Ident]
    coming: AbstractSet[Ident]

    @classmethod
    def of(cls, oracle: Oracle) -> Licence:
        fields = {(one.kind, one.id): set(_places(oracle, one)) for one in oracle.things.values()}
        going = {(one.kind, one.id) for one in oracle.things.values() if _may_go(oracle, one)}
        coming = {(one.kind, one.id) for one in oracle.things.values() if _may_come(oracle, one)}
        for ident, one in oracle.things.items():
            if one.kind == "runs":  # they share their experiment's fate, whosever they are
                going |= {ident} if ("experiments", one.experiment) in going else set()
                coming |= {ident} if ("experiments", one.experiment) in coming else set()
        return cls(fields, going, coming)

    def broken(self, before: Things, after: Things, stack: str) -> list[str]:
        """What an apply of `stack` has changed and may not."""
        found = []
        for ident, one in after.items():
            old = before.get(ident)
            if old is None:
                found += [] if stack in one.marks else [f"{one}: was made without a mark"]
                continue
            for place in one.values.keys() | old.values.keys():
                was, now = old.values.get(place), one.values.get(place)
                if was != now and not self._allows(ident, place, now):
                    found.append(f"{one}: {place} was {was!r}, and is {now!r}")
        return found

    def _allows(self, ident: Ident, place: Place, now: Any) -> bool:
        if place == STAGE:
            return ident in (self.going if now == "deleted" else self.coming)
        return place in self.fields[ident]


def _entries_of(oracle: Oracle, one: Thing) -> Iterator[tuple[str, Entry]]:
    """The entries that may mean a resource."""
    mark = oracle.mark(one)
    for address, (kind, entry) in oracle.entries.items():
        by_mark = mark and mark.address == address and not mark.replaced and not existing(entry)
        by_name = kind == one.kind == "experiments" and entry["name"] == one.name
        if by_mark or by_name:
            yield address, entry


def _places(oracle: Oracle, one: Thing) -> Iterator[Place]:
    mark = oracle.mark(one)
    meant = list(_entries_of(oracle, one))
    if mark or meant:
        yield ("tags", f"{PREFIX}{oracle.stack}")
    for _, entry in meant:
        yield from (("tags", key) for key in entry.get("tags", {}))
        yield from (("params", key) for key in entry.get("params", {}) if ("params", key) not in one.values)
        yield from ((part, key) for key in entry.get("metrics", {}) for part in ("points", "latest"))
        yield from (("inputs", f"{one['name']}@{one['digest']}") for one in entry.get("datasets", ()))
        yield from ([("tags", NOTE)] if "description" in entry else [])
        yield from ([] if existing(entry) or one.kind == "logged_models" else [NAME])
        yield from [RUN_NAME] if one.kind == "runs" else []
        yield from (place for place in (STATUS, END) if place[0] in entry)
    if mark and (meant or mark.existing):
        for key in mark.keys:
            name, _, rest = key.partition("/")
            yield ("tags", NOTE if name == "description" else rest)


def _may_go(oracle: Oracle, one: Thing) -> bool:
    mark = oracle.mark(one)
    if mark is None or mark.existing:
        return False
    if mark.replaced or mark.address in oracle.replace:
        return True
    _, entry = oracle.entries.get(mark.address, ("", None))
    return not (mark.keep or mark.prevent_destroy) and (entry is None or existing(entry))


def _may_come(oracle: Oracle, one: Thing) -> bool:
    mark = oracle.mark(one)
    return any(not existing(entry) and not (mark and mark.existing) for _, entry in _entries_of(oracle, one))
