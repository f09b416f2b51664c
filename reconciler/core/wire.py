"""What a backend provides for a kind: how to read it, and how each change of it is written as requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from reconciler.core.address import Address
from reconciler.core.call import Call, Flow
from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.lock import LockWire
from reconciler.core.mark import Mark
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

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]: ...

    def update(self, edit: Edit) -> list[Call]: ...

    def restore(self, live: Live) -> list[Call]: ...

    def delete(self, live: Live) -> list[Call]: ...

    def forbids(self, change: FieldChange) -> Unsupported | None:
        """What forbids this change of a live resource (a tag that the backend cannot remove)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a target's server is and how to speak to it. `store`, in place of `url`: MLflow is embedded on it."""

    url: str = field(default="", repr=False)
    store: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)
    verify: bool | str = True
    client_cert: str = ""


@dataclass(frozen=True, slots=True)
class Backend:
    """A tracking system.

    Attributes:
        name: as in a target's `backend`.
        options: the model of a target's entries for this backend.
        wires: from a target's options to the wires by the kind's name.
        endpoint: from a target's options and the environment to the server.
        abilities: what can be done with each kind, for `reconciler backends`.
        reads: the POST requests that only read, by the end of their path.
        passing: what marks an error after which nothing was written, and which passes: error code, part of the message.
        parallel: how many requests at once by default.
        lock: from a target's options to the requests of the stack's lock; None where the backend has none.
    """

    name: str
    options: type[BaseModel]
    wires: Callable[[Any], Mapping[str, Wire]]
    endpoint: Callable[[Any, Mapping[str, str]], Endpoint]
    abilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    passing: tuple[tuple[str, str], ...] = ()
    parallel: int = 4
    lock: Callable[[Any], LockWire] | None = None
