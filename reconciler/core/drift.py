"""From what the server holds of a stack to what differs there from what the stack last applied: the marks say so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reconciler.core.address import Address
from reconciler.core.change import Path, Value
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.mark import Mark, digest
from reconciler.core.match import match
from reconciler.core.resource import Desired, Live
from reconciler.core.select import matches
from reconciler.core.sensitive import KEY
from reconciler.core.stack import Stack

DriftKind = Literal["changed", "missing", "deleted", "restored"]
KINDS: tuple[DriftKind, ...] = ("changed", "missing", "deleted", "restored")


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference, which somebody else made.

    Attributes:
        path: the field; () where it is the resource as a whole.
        kind: a field is changed or missing; a resource is deleted, or restored after the stack deleted it.
        live: the value on the server; None where there is none.
        applied: the value that was last applied, where the manifests still have it; else None.
    """

    address: Address
    path: Path
    kind: DriftKind
    live: Value = None
    applied: Value = None

    def named(self, globs: Sequence[str]) -> bool:
        """Whether a glob names the resource, the field, or the map that the field is part of."""
        names = (".".join((str(self.address), *self.path[:end])) for end in range(len(self.path) + 1))
        return any(matches(name, globs) for name in names)


@dataclass(frozen=True, slots=True)
class Drifts:
    """All drift of one stack on one target.

    Attributes:
        found: by address, then by field.
        ignored: how many more there are, which somebody asked to ignore.
        resources: how many active resources carry the stack's mark.
        server: its url without credentials, or its store.
    """

    stack: str
    target: str
    backend: str
    found: tuple[Drift, ...] = ()
    ignored: int = 0
    resources: int = 0
    server: str = ""

    @property
    def summary(self) -> dict[str, int]:
        """How many there are of each kind, and how many are ignored."""
        counts: dict[str, int] = {kind: sum(one.kind == kind for one in self.found) for kind in KINDS}
        return counts | {"ignored": self.ignored}


def find(
    stack: Stack, lives: Sequence[Live], declared: Mapping[Address, Desired] | None, ignore: Sequence[str] = ()
) -> tuple[Drifts, list[Diagnostic]]:
    """All drift among `lives`, and what stands in the way: marks that are damaged or there twice.

    `declared`: what the manifests declare; None where there are none that could be read.
    """
    pairs, problems = match({}, lives, stack.kinds)
    owned = [pair.live for _, pair in sorted(pairs.items()) if pair.live]
    finder = _Finder(
        stack,
        declared,
        gone=frozenset(live.id for live in owned if live.deleted and not live.parent),
    )
    every = [drift for live in owned for drift in finder.of(live)]
    found = tuple(drift for drift in every if not drift.named(ignore))
    active = sum(not live.deleted for live in owned)
    return Drifts(stack.name, stack.target, stack.backend, found, len(every) - len(found), active), problems


@dataclass(frozen=True, slots=True)
class _Finder:
    """What the search shares. `gone`: the ids of deleted experiments."""

    stack: Stack
    declared: Mapping[Address, Desired] | None
    gone: Collection[str]

    def of(self, live: Live) -> Iterator[Drift]:
        """The drift of one resource that carries our mark."""
        entry = self.declared.get(live.address) if self.declared else None
        mark = live.mark
        assert mark is not None
        if live.deleted:
            if not (mark.condemned or live.displaced or live.parent in self.gone or self._dropped(entry)):
                yield Drift(live.address, (), "deleted")
        elif mark.condemned and entry is None:
            yield Drift(live.address, (), "restored")
        else:
            for drift in self._fields(live, mark):
                yield self._told(drift, mark, entry)

    def _dropped(self, entry: Desired | None) -> bool:
        """Whether the manifests no longer want what is deleted: there is nothing to restore."""
        return self.declared is not None and entry is None

    def _fields(self, live: Live, mark: Mark) -> Iterator[Drift]:
        """What is only added to has not drifted; references are fixed, and what they name may have moved or gone."""
        kind = self.stack.kinds[live.address.kind]
        for path, applied in sorted(mark.keys.items()):
            rule, value = kind.rules.get(path[0]), live.fields.get(path)
            if rule is None or rule.append_only or rule.reference:
                continue  # no rule: a later version wrote it
            if value is None:
                yield Drift(live.address, path, "missing")
            elif digest(value) != applied:
                yield Drift(live.address, path, "changed", value)

    def _told(self, drift: Drift, mark: Mark, entry: Desired | None) -> Drift:
        """`drift` with the value that was applied, where the manifests still have it; secrets are hidden."""
        value = entry.fields.get(drift.path) if entry else None
        applied = value if digest(value) == mark.keys[drift.path] else None
        if not self.stack.sensitive.covers(drift.path):
            return replace(drift, applied=applied)
        return replace(drift, live=_hidden(drift.live), applied=_hidden(applied))


def _hidden(value: Value) -> Value:
    return None if value is None else {KEY: ""}
