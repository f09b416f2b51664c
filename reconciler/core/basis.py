"""From a live resource and the changes of it to what a plan remembers of it: one digest of all, and its parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from reconciler.core.change import Action, FieldChange, Path
from reconciler.core.kind import Kind, Rule
from reconciler.core.mark import Mark, canonical, digest
from reconciler.core.match import NAME
from reconciler.core.plan import Basis
from reconciler.core.resource import Live
from reconciler.core.sensitive import Sensitive

ABSENT = "absent"
"""What `seen` says of a resource that was not there."""


def seen(live: Live | None, changes: Sequence[FieldChange], kind: Kind) -> str:
    """A digest of all of a live resource that a plan depends on: what the stack manages there."""
    if live is None:
        return ABSENT
    values = {"/".join(path): live.fields.get(path) for path in watched(live.mark, changes, kind, live.fields)}
    state = {"id": live.id, "deleted": live.deleted or live.revived, "mark": live.mark_tags, "fields": values}
    noted = {"/".join(change.path): live.facts.get(change.path) for change in changes if _access(kind, change)}
    if any(note is not None for note in noted.values()):
        state["facts"] = noted
    return "sha256:" + hashlib.sha256(canonical(state).encode()).hexdigest()


def basis(live: Live, changes: Sequence[FieldChange], kind: Kind, sensitive: Sensitive) -> Basis:
    """The parts of what `seen` is a digest of."""
    paths = watched(live.mark, changes, kind, live.fields)
    applied = live.mark.keys if live.mark else {}
    digests = {path: digest_of(live, path) for path in paths}
    return Basis(
        deleted=live.deleted or live.revived,
        mark=live.mark,
        fields={path: found for path, found in digests.items() if found != applied.get(path)},
        sensitive=tuple(path for path in paths if sensitive.covers(path)),
    )


def watched(mark: Mark | None, changes: Sequence[FieldChange], kind: Kind, there: Iterable[Path] = ()) -> list[Path]:
    """The fields that a plan depends on: those that it changes, those that the stack applied, and a unique name.

    Somebody else's resource is known by that name alone. What is only ever added to cannot change under a plan that
    does not touch it. References are left out: what they name is watched itself. `there`: all fields that are
    there; of those that say who may do what all count where one is taken away: the others may be written with it.
    """
    applied = mark.keys if mark else ()
    lasting = {path for path in applied if not kind.rules.get(path[0], Rule()).append_only}
    paths = lasting | {change.path for change in changes} | ({NAME} if kind.unique else set())
    removed = [change for change in changes if change.after is None and change.effect is Action.update]
    rewritten = {change.path[0] for change in removed if _access(kind, change)}
    paths |= {path for path in there if path[0] in rewritten}
    return sorted(path for path in paths if path[0] not in kind.references)


def _access(kind: Kind, change: FieldChange) -> bool:
    return kind.rules.get(change.path[0], Rule()).access


def digest_of(live: Live, path: Path) -> str | None:
    """The digest of a live value; None where there is none."""
    value = live.fields.get(path)
    return None if value is None else digest(value)
