"""What would change: the actions, their order of gravity, and one field's before and after."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Self, TypeAlias

from reconciler.core.diagnostics import Span

Path: TypeAlias = tuple[str, ...]
"""Where a field stands in a resource: ("tags", "team"). Never a dotted string, since tag keys have dots."""

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""What a field holds: JSON, nothing else."""

Reason = Literal["manifest", "drift", "conflict", "adopt"]


class Action(IntEnum):
    """What happens to a resource, by gravity: a resource's action is the gravest of its fields'."""

    noop = 0
    adopt = 1
    create = 2
    restore = 3
    update = 4
    replace = 5
    delete = 6

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's way from `before` to `after`; None stands for "not there". `effect`: what it does to the resource."""

    path: Path
    before: Value
    after: Value
    effect: Action
    reason: Reason
    at: Span | None = None


class Secret(str):
    """A string that came from the environment and is named in the target's `sensitive`.

    It equals its text, so it compares and is sent as any other; a plan shows `template` (`${env.TOKEN}`) instead. With
    the template '' it is what others keep on the server, and may be anything.
    """

    __slots__ = ("template",)
    template: str

    def __new__(cls, text: str, template: str) -> Self:
        secret = super().__new__(cls, text)
        secret.template = template
        return secret

    def __repr__(self) -> str:
        return f"Secret({self.template!r})"
