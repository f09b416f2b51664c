"""What a backend provides for a kind: how to read it, and how each change of it is written as requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel

from reconciler.core.address import Address
from reconciler.core.call import Call, Flow
from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.kind import Kind
from reconciler.core.resource import Desired, Fields, Live


@dataclass(frozen=True, slots=True)
class Sought:
    """A resource to look for beside those that carry the stack's mark: by its id where one is known, else by its name.

    `fields` are the declared values that a wire may need to compare (series of points).
    """

    address: Address
    name: str
    id: str = ""
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """What an observation is after. `parents`: the ids of the experiments that runs and logged models are read from."""

    stack: str
    sought: tuple[Sought, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes to one live resource: `changes` first, then `mark` (a tag's new value, or None to remove it)."""

    live: Live
    changes: tuple[FieldChange, ...]
    mark: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something that the backend cannot hold or do, found before anything is sent. `hint` says what to do instead."""

    path: Path
    why: str
    hint: str = ""
    code: str = "unsupported"


class Wire(Protocol):
    """One cell of WIRES[(kind, backend)]: pure functions from values to requests and from replies to values."""

    def observe(self, query: Query) -> Flow[list[Live]]: ...

    def check(self, path: Path, value: Value) -> Unsupported | None:
        """What forbids `value` at `path`: limits, characters, values that the server would silently cut."""

    def create(self, desired: Desired, mark: Mapping[str, str]) -> list[Call]: ...

    def update(self, edit: Edit) -> list[Call]: ...

    def restore(self, live: Live) -> list[Call]: ...

    def delete(self, live: Live) -> list[Call]: ...

    def forbids(self, change: FieldChange) -> Unsupported | None:
        """What forbids this change of a live resource (a tag that the backend cannot remove)."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A tracking system.

    Attributes:
        name: as in a target's `backend`.
        options: the model of a target's entries for this backend.
        wires: by the kind's name.
        reads: the POST requests that only read, by the end of their path.
        repeatable_errors: what marks an error as passing, beside 429 and 503: (error code, part of the message).
        parallel: how many requests at once by default.
    """

    name: str
    options: type[BaseModel]
    wires: Mapping[str, Wire]
    reads: tuple[str, ...] = ()
    repeatable_errors: tuple[tuple[str, str], ...] = ()
    parallel: int = 4


Kinds = Mapping[str, Kind]
