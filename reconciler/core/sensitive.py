"""Keeps what is secret out of a plan: values of sensitive fields give way to the text that stands for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from reconciler.core.change import FieldChange, Path, Secret, Value
from reconciler.core.words import shown

if TYPE_CHECKING:
    from reconciler.core.plan import Step

KEY = "$sensitive"
"""In a plan: `{"$sensitive": template}`. The template is filled in from the environment when the call is sent."""


@dataclass(frozen=True, slots=True)
class Sensitive:
    """The globs of a target's `sensitive` on dotted fields, such as `tags.token`."""

    globs: tuple[str, ...] = ()

    def covers(self, path: Path) -> bool:
        """Whether a glob names the field, or the map that it is part of."""
        names = [".".join(path[:end]) for end in range(1, len(path) + 1)]
        return any(fnmatchcase(name, glob) for name in names for glob in self.globs)

    def hide(self, step: Step) -> Step:
        """`step` without a secret in it."""
        if not self.globs:
            return step
        calls = tuple(replace(call, body=hidden(call.body)) for call in step.calls)
        return replace(step, calls=calls, changes=tuple(self.change(change) for change in step.changes))

    def change(self, change: FieldChange) -> FieldChange:
        """`change` without a secret in it."""
        after = hidden(change.after)
        secret = self.covers(change.path) or after != change.after
        before: Value = {KEY: ""} if secret and change.before is not None else change.before
        return replace(change, before=before, after=after)


def hidden(value: Any) -> Any:
    """`value` with each Secret in it as `{"$sensitive": template}`."""
    match value:
        case Secret():
            return {KEY: value.template}
        case Mapping():
            return {key: hidden(entry) for key, entry in value.items()}
        case list() | tuple():
            return [hidden(entry) for entry in value]
    return value


def secrets_in(value: Any) -> list[Secret]:
    """Each Secret in `value`."""
    match value:
        case Secret():
            return [value]
        case Mapping():
            return [secret for entry in value.values() for secret in secrets_in(entry)]
        case list() | tuple():
            return [secret for entry in value for secret in secrets_in(entry)]
    return []


def as_text(value: Value) -> str:
    """`value` as a text; `str()` would make of a Secret a text like any other."""
    return value if isinstance(value, str) else str(value)


def revealed(value: Value, secret: Callable[[str], str]) -> Value:
    """`value` with the text in place of what stands for a secret; the reverse of `hidden`."""
    match value:
        case {"$sensitive": str(template), **rest} if not rest:
            return Secret(secret(template), template)
        case dict():
            return {key: revealed(entry, secret) for key, entry in value.items()}
        case list():
            return [revealed(entry, secret) for entry in value]
    return value


def quoted(value: object) -> str:
    """A value as a finding may quote it."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return "(sensitive)" if KEY in text else shown(text)[1:-1]
