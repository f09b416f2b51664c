"""What may be refused, what may be changed and what must be there, told from the server and the manifest alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from reconciler.core.scalars import milliseconds, moment
from tests.property.life.manifests import Entry, Manifest, entries
from tests.property.life.sight import START, Marked, Thing, Things, marked


@dataclass(frozen=True)
class Oracle:
    """A stack whose sound `manifest` is to be applied to `things`.

    `replace`: the addresses that are to be made anew; `globs`: what a selection names.
    """

    stack: str
    manifest: Manifest
    things: Things
    replace: AbstractSet[str] = frozenset()
    globs: tuple[str, ...] = ()

    @cached_property
    def entries(self) -> Mapping[str, tuple[str, Entry]]:
        return entries(self.manifest)

    @cached_property
    def named(self) -> Mapping[str, Thing]:
        """Experiments by name; deleted ones keep theirs."""
        return {one.name: one for one in self.things.values() if one.kind == "experiments"}

    @cached_property
    def owned(self) -> Mapping[str, list[Thing]]:
        """What carries the stack's mark, by address; active ones first."""
        found: dict[str, list[Thing]] = {}
        for one, mark in marked(self.things, self.stack):
            if not mark.replaced:
                found.setdefault(mark.address, []).append(one)
        return {address: sorted(group, key=lambda one: not one.active) for address, group in found.items()}

    @cached_property
    def lives(self) -> Mapping[str, Thing]:
        """Which resource each entry means."""
        found = {}
        for address, (kind, entry) in self.entries.items():
            holder = self.named.get(entry["name"]) if kind == "experiments" else None
            if holder and not existing(entry) and self.elsewhere(holder):
                holder = None
            own = None if existing(entry) else next(iter(self.owned.get(address, ())), None)
            if one := own or holder:
                found[address] = one
        return found

    def mark(self, one: Thing) -> Marked | None:
        return one.marks.get(self.stack)

    def elsewhere(self, one: Thing) -> bool:
        """Whether it is the resource of an entry that owns it whole."""
        mark = self.mark(one)
        return bool(mark and mark.address in self.entries and not existing(self.entries[mark.address][1]))

    @cached_property
    def left(self) -> list[tuple[Thing, Marked]]:
        """What carries the stack's mark, is active or will be, and no entry means."""
        meant = {id(one) for one in self.lives.values()}
        return [(one, mark) for one, mark in marked(self.things, self.stack) if id(one) not in meant]

    def refusals(self) -> set[str]:
        """The codes with which a plan may be refused."""
        found = set()
        for address, (kind, entry) in self.entries.items():
            if kind == "experiments":
                found |= self._of_experiment(address, entry)
            elif address in self.lives and any(_fixed(self, address, entry, one) for one in self.owned[address]):
                found.add("fixed-field")
            if address in self.replace and self._protected(address, entry):
                found.add("prevent-destroy")
        found |= {code for one, mark in self.left for code in self._of_left(one, mark)}
        found |= {"fixed-field"} if any(self._follows(entry) for _, entry in self.entries.values()) else set()
        found |= {"cycle"} if self._swapped() or self._entangled() else set()
        return found | ({"unknown-address"} if self._unknown() else set())

    def _of_experiment(self, address: str, entry: Entry) -> set[str]:
        found = set()
        holder, one = self.named.get(entry["name"]), self.lives.get(address)
        if existing(entry):
            if holder is None or not holder.active:
                found.add("not-existing")
            if holder and self.elsewhere(holder) and self.mark(holder).address != address:
                found.add("name-taken")
        elif one and holder and one is not holder and not self.elsewhere(holder):
            found.add("name-taken")
        others = [mark for stack, mark in one.marks.items() if stack != self.stack] if one else []
        if not existing(entry) and any(not mark.existing for mark in others):
            found.add("owned-by-another-stack")
        if any(_keys(entry) & mark.keys and (existing(entry) or mark.existing) for mark in others):
            found.add("key-of-another-stack")
        return found

    def _of_left(self, one: Thing, mark: Marked) -> Iterator[str]:
        """What forbids to delete what no entry means."""
        if not (one.active or self._revived(one)) or mark.existing or (mark.keep and not mark.replaced):
            return
        if mark.prevent_destroy and not mark.replaced:
            yield "prevent-destroy"
        if len(one.marks) > 1:
            yield "shared"
        inner = [other for two, other in marked(self.things, self.stack) if two.experiment == one.id and two.active]
        if any((other.keep or other.prevent_destroy) and not other.replaced for other in inner):
            yield "kept-in-deleted"

    def _revived(self, one: Thing) -> bool:
        """Whether a run comes back with its experiment."""
        homes = [home for home in self.lives.values() if home.kind == "experiments" and home.id == one.experiment]
        return one.kind == "runs" and any(not home.active for home in homes)

    def _protected(self, address: str, entry: Entry) -> bool:
        marks = [self.mark(one) for one in self.owned.get(address, ())]
        return bool(entry.get("prevent_destroy")) or any(mark and mark.prevent_destroy for mark in marks)

    def _follows(self, entry: Entry) -> bool:
        """Whether an entry refers for good to what is to be made anew."""
        return f"runs.{entry.get('source_run')}" in self.replace

    def _swapped(self) -> bool:
        """Whether experiments are to take over each other's names in a circle."""
        giver = {
            address: mark.address
            for address, one in self.lives.items()
            if one.kind == "experiments" and one.name != self.entries[address][1]["name"]
            if (holder := self.named.get(self.entries[address][1]["name"])) and (mark := self.mark(holder))
        }
        return any(_circles(giver, address) for address in giver)

    def _entangled(self) -> bool:
        """Whether what is to be made anew lives in an experiment that must go before its entry can mean another one."""
        homes = {one.id for one, mark in self.left if existing(self.entries.get(mark.address, ("", {}))[1])}
        return any(one.experiment in homes for address, one in self.lives.items() if address in self.replace)

    @property
    def known(self) -> list[str]:
        """The addresses of what is declared and of what is there, sorted."""
        lost = {mark.address for one, mark in self.left if mark.replaced or mark.address in self.entries}
        return sorted({*self.entries, *(mark.address for _, mark in self.left if mark.address not in lost)})

    def _unknown(self) -> bool:
        return not all(any(fnmatchcase(address, glob) for address in self.known) for glob in self.globs)


def _circles(giver: Mapping[str, str], start: str) -> bool:
    at, seen = start, set()
    while at in giver and at not in seen:
        seen.add(at)
        at = giver[at]
    return at in seen


def existing(entry: Entry) -> bool:
    return bool(entry.get("existing"))


def _keys(entry: Entry) -> set[str]:
    """The fields of an experiment that an entry manages beside its name, as they stand in a mark."""
    return {f"tags/{key}" for key in entry.get("tags", {})} | ({"description"} & entry.keys())


def _fixed(oracle: Oracle, address: str, entry: Entry, one: Thing) -> bool:
    """Whether a run or a logged model cannot become what its entry says."""
    home = oracle.lives.get(f"experiments.{entry['experiment']}")
    wanted = {("params", key): value for key, value in entry.get("params", {}).items()}
    if any(one.values.get(place, value) != value for place, value in wanted.items()):
        return True
    mark = oracle.mark(one)
    stuck = {("params", key.partition("/")[2]) for key in mark.keys if key.startswith("params/")} if mark else set()
    stuck |= {("inputs", key.partition("/")[2]) for key in mark.keys if key.startswith("datasets/")} if mark else set()
    wanted |= {("inputs", f"{one['name']}@{one['digest']}"): "" for one in entry.get("datasets", ())}
    if home is None or home.id != one.experiment or any(place in one.values for place in stuck - wanted.keys()):
        return True
    if one.kind == "runs":
        return "start_time" in entry and milliseconds_of(entry["start_time"]) != one.values[START]
    source = oracle.lives.get(f"runs.{entry.get('source_run')}")
    return (
        one.name != entry.get("name", address.partition(".")[2])
        or entry.get("type", one.values["type", ""]) != one.values["type", ""]
        or ("source_run" in entry and (source is None or source.id != one.values["source_run", ""]))
    )


def milliseconds_of(text: str) -> int:
    return milliseconds(moment(text))
