"""Adds permissions to the wire of experiments: from direct entries that a stack declares to requests, and back.

What is inherited is never a field: it is noted for one question only, whether the caller would lock itself out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import Call, Flow
from reconciler.core.change import Action, FieldChange, Path, Value
from reconciler.core.mark import Mark
from reconciler.core.resource import Desired, Fields, Live
from reconciler.core.wire import Edit, Query, Unsupported, Wire

FIELD = "permissions"
USER, GROUP, SERVICE_PRINCIPAL = "user:", "group:", "service_principal:"
"""How principals start."""
INHERITED: Path = ("inherited",)
"""The fact that holds the principals who may manage an experiment by other entries than its own."""
STUCK: Path = ("stuck",)
"""The fact that says why no entry can be taken away."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what with one experiment.

    Attributes:
        direct: the levels of its own entries, by principal.
        inherited: who manages it in other ways.
        stuck: why none of its own entries can be taken away; '' where they can.
        notes: what is needed to change an entry, by principal; a plan that changes it is stale where that has changed.
    """

    direct: Mapping[str, str] = field(default_factory=dict)
    inherited: Collection[str] = ()
    notes: Mapping[str, Value] = field(default_factory=dict)
    stuck: str = ""


class Permissions(Protocol):
    """How one backend reads and writes who may do what. `managing`: the level that lets change it.

    `absent`: what is to be said of a server without permissions.
    """

    managing: ClassVar[str]
    absent: ClassVar[str]

    def check(self, principal: str, level: Value) -> tuple[str, str] | None:
        """What is wrong with an entry, and what to do instead."""

    def same(self, principal: str) -> str:
        """The principal in a form that is equal for all spellings that the server takes for one."""

    def read(self, ids: Sequence[str]) -> Flow[Mapping[str, Access]]:
        """By experiment; one about which the server tells nothing is left out."""

    def grant(self, address: Address, levels: Mapping[Path, Value]) -> list[Call]:
        """Writes the entries of an experiment that was just made."""

    def change(self, live: Live, changes: Sequence[FieldChange]) -> list[Call]:
        """Writes, changes and takes away entries, and leaves all others as they are."""


@dataclass(frozen=True, slots=True)
class Permitted(Wire):
    """`caller`: what the server calls us; () where it has no permissions, None where that is not known."""

    experiments: Wire
    permissions: Permissions
    caller: tuple[str, ...] | None = None
    grants: ClassVar[bool] = True

    def observe(self, query: Query) -> Flow[list[Live]]:
        """Permissions are read of those experiments only of which the stack declares some, or has written some."""
        lives = yield from self.experiments.observe(query)
        stack = _Named.of(query)
        named = {live.id: names for live in lives if (names := stack.names(live))}
        if not named:
            return lives
        found = yield from self.permissions.read(sorted(named))
        return [self._with(live, found[live.id], named[live.id]) if live.id in found else live for live in lives]

    def survey(self, query: Query, filter: str) -> Flow[list[Live]] | None:  # noqa: A002 - as in MLflow
        """Without permissions: reading them costs a request for each, and what nobody declares is left alone."""
        return self.experiments.survey(query, filter)

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]:
        """The mark speaks of permissions once they are there: else a failure in between would pass for drift."""
        own, rest = _parted(desired.fields)
        bare, first = replace(desired, fields=rest), mark.without(FIELD)
        calls = self.experiments.create(bare, first, stack)
        if not own:
            return calls
        made = Live(desired.address, "", rest, mark=first, mark_tags=marks.write(first, stack))
        whole = sorted(marks.write(mark, stack).items(), reverse=True)
        tags: dict[str, str | None] = {key: text for key, text in whole if made.mark_tags.get(key) != text}
        return [*calls, *self.permissions.grant(desired.address, own), *self.experiments.update(Edit(made, (), tags))]

    def update(self, edit: Edit) -> list[Call]:
        """Permissions first: once the mark is written, they are the stack's."""
        own = [change for change in edit.changes if change.path[0] == FIELD]
        rest = tuple(change for change in edit.changes if change.path[0] != FIELD)
        calls = self.experiments.update(replace(edit, changes=rest))
        return [*(self.permissions.change(edit.live, own) if own else ()), *calls]

    def restore(self, live: Live) -> list[Call]:
        return self.experiments.restore(live)

    def delete(self, live: Live) -> list[Call]:
        return self.experiments.delete(live)

    def canonical(self, path: Path, value: Value) -> Value:
        return value if path[0] == FIELD else self.experiments.canonical(path, value)

    def short(self, path: Path, value: Value) -> Value:
        return self.experiments.short(path, value)

    def check(self, path: Path, value: Value) -> Unsupported | None:
        if path[0] != FIELD:
            return self.experiments.check(path, value)
        wrong = self.permissions.check(path[1], value)
        return Unsupported(path, *wrong, code="bad-value") if wrong else self.experiments.check(path, value)

    def forbids(self, change: FieldChange) -> Unsupported | None:
        return None if change.path[0] == FIELD else self.experiments.forbids(change)

    def cannot(self, action: Action) -> str:
        return self.experiments.cannot(action)

    def spares(self, live: Live, desired: Desired | None) -> Unsupported | None:
        return self.experiments.spares(live, desired)

    def refuses(self, live: Live | None, changes: Sequence[FieldChange]) -> Sequence[Unsupported]:
        own = {change.path: change.after for change in changes if change.path[0] == FIELD}
        if not own:
            return self.experiments.refuses(live, changes)
        if self.caller == ():
            hint = "leave the permissions out for this target"
            return [Unsupported(path, f"cannot be set: {self.permissions.absent}", hint) for path in own]
        return [*self.experiments.refuses(live, changes), *_stuck(live, own), *self._lock_outs(live, own)]

    def _lock_outs(self, live: Live | None, levels: Mapping[Path, Value]) -> list[Unsupported]:
        """The changes after which the caller may not manage the experiment any more. Whoever makes one manages it."""
        us = {self._same(name) for name in self.caller or ()}
        after = {self._same(path[1]): level for path, level in levels.items() if self._same(path[1]) in us}
        before = self._managers(live) & us if live else {name for name in after if not name.startswith(GROUP)}
        still = before - after.keys() | {name for name, level in after.items() if level == self.permissions.managing}
        if still or (live and self._inheriting(live) & us):
            return []
        why = "would lock out the caller, who could not change it back"
        hint = f"leave {self.permissions.managing} to the caller, or let somebody else apply this"
        return [Unsupported(path, why, hint, code="lock-out") for path in levels if self._same(path[1]) in before]

    def _managers(self, live: Live) -> set[str]:
        levels = ((path, level) for path, level in live.fields.items() if path[0] == FIELD)
        return {self._same(path[1]) for path, level in levels if level == self.permissions.managing}

    def _inheriting(self, live: Live) -> set[str]:
        names = live.facts.get(INHERITED)
        return {self._same(str(name)) for name in names} if isinstance(names, list) else set()

    def _same(self, principal: str) -> str:
        return self.permissions.same(principal)

    def _with(self, live: Live, access: Access, names: Sequence[str]) -> Live:
        """`live` with its permissions, spelled as the stack spells them."""
        spelled = {self._same(name): name for name in reversed(names)}
        paths = {name: (FIELD, spelled.get(self._same(name), name)) for name in access.direct}
        entries: Fields = {paths[name]: level for name, level in access.direct.items()}
        notes: Fields = {paths[name]: note for name, note in access.notes.items()}
        facts: Fields = {**live.facts, **notes, INHERITED: list(access.inherited)}
        stuck = {STUCK: access.stuck} if access.stuck else {}
        return replace(live, fields={**live.fields, **entries}, facts={**facts, **stuck})


@dataclass(frozen=True, slots=True)
class _Named:
    """The principals that the stack names, by what its experiments are sought by."""

    by_key: Mapping[object, Sequence[str]]

    @classmethod
    def of(cls, query: Query) -> _Named:
        found: dict[object, Sequence[str]] = {}
        for sought in query.sought:
            own, _ = _parted(sought.fields)
            if own:
                names = sorted((path[1] for path in own), key=lambda name: own[FIELD, name] is None)
                found |= dict.fromkeys((sought.address, ("id", sought.id) if sought.id else sought.name), names)
        return cls(found)

    def names(self, live: Live) -> list[str]:
        """Those that are declared, then those that are to go, then those of the mark."""
        keys = (live.address, ("id", live.id), live.fields.get(("name",)))
        declared = next((self.by_key[key] for key in keys if key in self.by_key), ())
        return [*declared, *(path[1] for path in (live.mark.keys if live.mark else ()) if path[0] == FIELD)]


def _stuck(live: Live | None, levels: Mapping[Path, Value]) -> list[Unsupported]:
    """The entries that should go and cannot."""
    why = live.facts.get(STUCK) if live else ""
    gone = [path for path, level in levels.items() if level is None] if why else []
    return [Unsupported(path, f"cannot be taken away: {why}", "declare it, or take it away by hand") for path in gone]


def _parted(fields: Fields) -> tuple[dict[Path, Value], dict[Path, Value]]:
    """The permissions among `fields`, and the rest."""
    own = {path: value for path, value in fields.items() if path[0] == FIELD}
    return own, {path: value for path, value in fields.items() if path[0] != FIELD}
