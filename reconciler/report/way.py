"""What a report says of a changed field: which of its two values to show, and the words beside them."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.core.change import Action, FieldChange


class Way(NamedTuple):
    """Whether the value before and the one after are shown, and what stands in place of a value."""

    before: bool
    after: bool
    words: str = ""


def way(change: FieldChange, action: Action) -> Way:
    """How to show `change` in a step that does `action`."""
    if change.after is None and change.before is None:
        return Way(before=False, after=False, words="not there, not managed any more")
    if action is Action.create or change.before == change.after or change.before is None:
        return Way(before=False, after=True)
    if change.after is None:
        gone = "not managed any more" if change.effect is Action.adopt else "removed"
        return Way(before=True, after=False, words=gone)
    return Way(before=True, after=True)
