"""From live resources that no stack owns to entries of manifests that declare them as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.address import Address
from reconciler.core.describe import Describer
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.keys import Keys, key_of
from reconciler.core.kind import Kind
from reconciler.core.mark import canonical
from reconciler.core.match import NAME
from reconciler.core.resource import Desired, Live
from reconciler.core.select import matches
from reconciler.core.stack import Stack
from reconciler.core.wire import Backend, Query
from reconciler.core.words import shown

EXPERIMENTS = "experiments"
DECLARED, OURS, OTHERS, UNNAMED = (
    "declared already",
    "of this stack",
    "of other stacks",
    "with a name that fits nowhere",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to import.

    Attributes:
        kinds: the kinds.
        names: globs on the names of the chosen kind; () is all. `filter`: the server's own, on the same kind.
    """

    kinds: tuple[str, ...]
    names: tuple[str, ...] = ()
    filter: str = ""

    @property
    def chosen(self) -> str:
        """The kind from which names and filter choose: experiments, whose runs and logged models come along."""
        return EXPERIMENTS if EXPERIMENTS in self.kinds else self.kinds[0]

    def takes(self, live: Live) -> bool:
        return live.address.kind != self.chosen or not self.names or matches(str(live.fields[NAME]), self.names)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a manifest, as it is on the server.

    Attributes:
        notes: what it does not say, and why.
        home: the key of the experiment that it is, or is in; `new`: that one is imported too.
    """

    address: Address
    body: Mapping[str, Any]
    notes: tuple[str, ...]
    home: str
    new: bool = True


@dataclass(frozen=True, slots=True)
class Imported:
    """What is to be written, in order.

    Attributes:
        left_out: how many resources are not imported, by the reason; `problems`: those that cannot be.
        untagged: how many of the entries lack some of the stack's default tags.
    """

    entries: tuple[Entry, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()
    untagged: int = 0


_NO_FILTER = "use --name, which chooses among what was read"


class Importer:
    """Chooses among the live resources of a server, and gives keys to those that nobody owns."""

    def __init__(
        self, stack: Stack, wanted: Wanted, desired: Mapping[Address, Desired], tags: Mapping[str, str]
    ) -> None:
        """`desired`: what the manifests declare already; `tags`: the stack's default tags."""
        self._wanted = wanted
        self._kinds = stack.kinds
        self._tags = tags
        self._desired = desired
        self._declared = {_claim(entry, stack.kinds): address for address, entry in desired.items()}
        self._describers = {
            name: Describer(stack.kinds[name], wire, stack.sensitive, tags) for name, wire in stack.wires.items()
        }
        self._keys: dict[tuple[str, str], str] = {}
        self._passed: dict[tuple[str, str], str] = {}
        self._problems: list[Diagnostic] = []

    @property
    def names(self) -> set[str]:
        """The kinds that have to be read: an entry names what it lives in, and no more."""
        return {*self._wanted.kinds, *(one for kind in self._wanted.kinds for one in self._kinds[kind].parents)}

    @property
    def filters(self) -> dict[str, str]:
        """The server's own, by the kind."""
        return {self._wanted.chosen: self._wanted.filter}

    def refusals(self, backend: Backend) -> list[Diagnostic]:
        """What of `wanted` the backend does not offer."""
        filters = backend.filters or not self._wanted.filter
        found = (
            [] if filters else [error("unsupported", f"the backend '{backend.name}' has no filters", hint=_NO_FILTER)]
        )
        for kind in self._wanted.kinds:
            wire = self._describers[kind].wire if kind in self._describers else None
            if wire is None or wire.survey(Query(""), "") is None:
                hint = "what it can do: reconciler backends"
                found.append(error("unsupported", f"the backend '{backend.name}' cannot list all {kind}", hint=hint))
        return found

    def keep(self, live: Live) -> bool:
        """Whether a live resource plays a part: it is imported, or what is in it may be."""
        if not self._wanted.takes(live):
            return False
        if live.address.kind not in self._wanted.kinds:
            return True
        why = self._foreign(live) or ("" if self._address(live) is None else DECLARED)
        if why:
            self._passed[live.address.kind, live.id] = why
        return why != OTHERS and not live.damage

    def imported(self, lives: Sequence[Live]) -> Imported:
        """The entries for what was kept."""
        for live in lives:
            if live.mark or live.damage or self._address(live):
                address = live.mark.address if live.mark else self._address(live)
                self._keys[live.address.kind, live.id] = address.name if address else ""
        givers = self._givers(lives)
        entries: list[Entry] = []
        untagged = 0
        for name in self._describers:
            mine = sorted(self._unknown(name, lives), key=self._place)
            made = {live.id: self._entry(live, givers[name]) for live in sorted(mine, key=self._bent)}
            for live in mine:
                entry = made[live.id]
                entries += [entry] if entry else []
                untagged += bool(entry) and any(("tags", key) not in live.fields for key in self._tags)
        return Imported(tuple(entries), Counter(self._passed.values()), tuple(self._problems), untagged)

    def _foreign(self, live: Live) -> str:
        if live.mark or live.damage:
            return OURS
        return OTHERS if any(not mark.existing for mark in live.others.values()) else ""

    def _address(self, live: Live) -> Address | None:
        """The entry that would adopt it, or has."""
        return self._declared.get(_claim(live, self._kinds))

    def _givers(self, lives: Iterable[Live]) -> dict[str, Keys]:
        """What gives the keys of each kind: none that the manifests have, or a mark of theirs."""
        taken = [*self._desired, *(live.mark.address for live in lives if live.mark)]
        return {
            kind: Keys(one.name.partition("[")[0] for one in taken if one.kind == kind) for kind in self._describers
        }

    def _unknown(self, kind: str, lives: Sequence[Live]) -> list[Live]:
        """Those that need an entry: of experiments that are not imported only those in which something is."""
        mine = [live for live in lives if live.address.kind == kind and (kind, live.id) not in self._keys]
        if kind in self._wanted.kinds:
            return mine
        parents = {live.parent for live in lives if live.parent and (live.address.kind, live.id) not in self._keys}
        return [live for live in mine if live.id in parents]

    def _place(self, live: Live) -> tuple[str, ...]:
        """Where it stands among its like: by what is declared of it, so that its key is the same wherever it is."""
        found = self._describers[live.address.kind].describe(live, "", self._key)
        plain = {name: value for name, value in found.body.items() if name != "id"}
        begun = str(live.fields.get(("start_time",), ""))
        return self._key(EXPERIMENTS, live.parent), begun, str(live.fields[NAME]), canonical(plain)

    def _bent(self, live: Live) -> bool:
        """Whether its name has to be changed to be a key: who need not change theirs choose first."""
        said = str(self._describers[live.address.kind].wire.short(NAME, live.fields[NAME]))
        return key_of(said) != said

    def _key(self, kind: str, number: str) -> str:
        return self._keys.get((kind, number), "")

    def _entry(self, live: Live, keys: Keys) -> Entry | None:
        kind, name = live.address.kind, str(live.fields[NAME])
        describer = self._describers[kind]
        home = self._key(EXPERIMENTS, live.parent)
        if live.parent and not home:  # what is wrong with its experiment is told already
            self._passed[kind, live.id] = UNNAMED
            return None
        if why := describer.unfit(NAME, name):
            self._passed[kind, live.id] = UNNAMED
            summary = f"{shown(name)} (id {live.id}, one of the {kind}) cannot be declared: its name {why}"
            self._problems.append(error("not-imported", summary, hint="rename it on the server, then import it"))
            return None
        said = str(describer.wire.short(NAME, name))
        key = self._keys[kind, live.id] = keys.make(said, home)
        if kind not in self._wanted.kinds:
            body = {"existing": "true"} if said == key else {"name": said, "existing": "true"}
            return Entry(Address(kind, key), body, (), key)
        found = describer.describe(live, key, self._key)
        return Entry(Address(kind, key), found.body, found.notes, home or key, self._is_new(live))

    def _is_new(self, live: Live) -> bool:
        return not live.parent or (EXPERIMENTS, live.parent) not in self._passed


def _claim(one: Desired | Live, kinds: Mapping[str, Kind]) -> tuple[str, str]:
    """By what a resource is known: its name where the server has each once, else its id."""
    kind = kinds[one.address.kind]
    return kind.name, str(one.fields[NAME]) if kind.unique else one.id
