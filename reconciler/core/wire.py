"""What a backend provides for a kind: how to read it, and how each change of it is written as requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from reconciler.core.address import Address
from reconciler.core.call import Call, Flow
from reconciler.core.change import Action, FieldChange, Path, Value
from reconciler.core.lock import LockWire
from reconciler.core.mark import Mark
from reconciler.core.resource import Desired, Fields, Live


@dataclass(frozen=True, slots=True)
class Sought:
    """A resource to look for beside those that carry the stack's mark: by its id where one is known, else by its name.

    `fields` are the declared values that a wire may need to compare (series of points). `marked`: it carries the mark,
    as far as is known; else it is looked for by its id, also where names are not unique. `free`: as far as is known,
    nobody has the name.
    """

    address: Address
    name: str
    id: str = ""
    fields: Fields = field(default_factory=dict)
    marked: bool = True
    free: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What an observation is after. `parents`: the ids of the experiments that runs and logged models are read from."""

    stack: str
    sought: tuple[Sought, ...] = ()
    parents: tuple[str, ...] = ()

    def unmarked(self, lives: Sequence[Live]) -> list[Sought]:
        """What may be there without the mark, by its id, and is not among `lives`."""
        known = {live.id for live in lives}
        addresses = {live.address for live in lives}
        return [s for s in self.sought if not s.marked and s.id not in known and s.address not in addresses]


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes to one live resource: `changes` first, then `mark` (a tag's new value, or None to remove it)."""

    live: Live
    changes: tuple[FieldChange, ...]
    mark: Mapping[str, str | None]


CANNOT_REMOVE = "cannot-remove"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something that the backend cannot hold or do, found before anything is sent. `hint` says what to do instead.

    With the code CANNOT_REMOVE nothing is refused: the value stays on the server, and the plan says so.
    """

    path: Path
    why: str
    hint: str = ""
    code: str = "unsupported"


class Wire(Protocol):
    """One cell of WIRES[(kind, backend)]: pure functions from values to requests and from replies to values.

    What has a body here is the default of wires that name this class as their base.

    Attributes:
        grants: whether it writes the fields that say who may do what.
    """

    grants: ClassVar[bool] = False

    def observe(self, query: Query) -> Flow[list[Live]]: ...

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]: ...

    def update(self, edit: Edit) -> list[Call]: ...

    def restore(self, live: Live) -> list[Call]: ...

    def delete(self, live: Live) -> list[Call]: ...

    def survey(self, query: Query, filter: str) -> Flow[list[Live]] | None:  # noqa: A002, ARG002 - as in MLflow
        """All that is active, whoever owns it, as far as the server's own `filter` takes it; None: not on offer."""
        return None

    def canonical(self, path: Path, value: Value) -> Value:  # noqa: ARG002 - of the path, by default
        """`value` in the form in which the server holds it; what is declared is in it before all else."""
        return value

    def short(self, path: Path, value: Value) -> Value:  # noqa: ARG002
        """The least that a manifest has to say for `canonical` to make `value` of it."""
        return value

    def check(self, path: Path, value: Value) -> Unsupported | None:  # noqa: ARG002
        """What forbids `value` at `path`: limits, characters, values that the server would silently cut."""
        return None

    def forbids(self, change: FieldChange) -> Unsupported | None:  # noqa: ARG002
        """What forbids this change of a live resource (a tag that the backend cannot remove)."""
        return None

    def refuses(self, live: Live | None, changes: Sequence[FieldChange]) -> Sequence[Unsupported]:  # noqa: ARG002
        """What forbids `changes` of one resource together, such as that the caller would lock itself out."""
        return ()

    def spares(self, live: Live, desired: Desired | None) -> Unsupported | None:  # noqa: ARG002
        """What forbids to take `live` for what is declared, or to delete it where `desired` is None."""
        return None

    def hides(self) -> str:
        """Why what lives in a deleted experiment may not be observed; '' where it always is."""
        return ""

    def cannot(self, action: Action) -> str:  # noqa: ARG002
        """Why the backend cannot delete, restore or replace one of this kind; '' where it can."""
        return ""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server was found to be, beside what its backend is taken to be until it is asked.

    Attributes:
        version: its own, '' where it does not tell.
        lacks: what it cannot do, and why: `logged_models`, `experiments.remove_tag`.
        limits: what it holds less or more of, by the name that the backend gives the limit.
        caller: what the server calls us: names to which it gives rights. () where it has none; None until it is asked.
    """

    version: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    caller: tuple[str, ...] | None = None

    @property
    def usual(self) -> bool:
        """Whether it is what was taken for granted."""
        return not (self.lacks or self.limits)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a target's server is and how to speak to it.

    Attributes:
        store: in place of `url`: MLflow is embedded on it.
        part: which of the worlds on that server, where they share nothing: "tenant acme-corp".
        sign: gives the headers that prove who we are, for each request anew. Raises NoCredentials.
        idempotency: the header that gets one key per write, the same however often it is sent.
    """

    url: str = field(default="", repr=False)
    store: str = field(default="", repr=False)
    part: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)
    verify: bool | str = True
    client_cert: str = ""
    sign: Callable[[], Mapping[str, str]] | None = field(default=None, repr=False)
    idempotency: str = ""


class NoCredentials(Exception):  # noqa: N818 - it reads `raise NoCredentials(why)`
    """There is nothing to sign a request with. `hint` says what to do; neither holds a secret."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


class NotNow(NoCredentials):
    """They cannot be had at this moment, and may be in the next."""


class NoExtra(NoCredentials):
    """What could sign requests is not installed."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests a second a server takes of those whose paths end with one of `ends`; () is all the rest."""

    per_second: float
    ends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Backend:
    """A tracking system.

    Attributes:
        name: as in a target's `backend`.
        options: the model of a target's entries for this backend.
        wires: from a target's options, and what the server was found to be, to the wires by the kind's name.
        probe: from a target's options to the flow that finds out what its server is; None where all are alike.
        caller: from a target's options to the flow that finds out who we are to its server; None where there are no
            rights. It is asked where a plan changes a field that says who may do what.
        endpoint: from a target's options and the environment to the server. Raises NoCredentials.
        unmet: from a target's options to the flow that finds the one that its server would pass over in silence; asked
            before all else. None where there is no such option.
        abilities: what can be done with each kind, for `reconciler backends`.
        reads: the POST requests that only read, by the end of their path.
        probes: the paths to which a POST of an empty object changes nothing, since it names nothing.
        rates: how many requests a second its servers take; the first that fits holds.
        passing: what marks an error after which nothing was written, and which passes: error code ('' for any), part of
            the message.
        filters: whether its lists can be narrowed by a filter of its own, as in MLflow's searches.
        parallel: how many requests at once by default.
        lock: from a target's options to the requests of the stack's lock; None where the backend has none.
    """

    name: str
    options: type[BaseModel]
    wires: Callable[[Any, Server], Mapping[str, Wire]]
    endpoint: Callable[[Any, Mapping[str, str]], Endpoint]
    unmet: Callable[[Any], Flow[Unsupported | None]] | None = None
    probe: Callable[[Any], Flow[Server]] | None = None
    caller: Callable[[Any], Flow[tuple[str, ...]]] | None = None
    abilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    rates: tuple[Rate, ...] = ()
    passing: tuple[tuple[str, str], ...] = ()
    filters: bool = False
    parallel: int = 4
    lock: Callable[[Any], LockWire] | None = None
