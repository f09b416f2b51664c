"""One REST request as data, and the protocol of flows: reading a server without doing I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Literal, TypeAlias, TypeVar

from reconciler.core.address import Address
from reconciler.core.change import Path

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
Reply: TypeAlias = Any
"""The decoded JSON of an answer; None where an absorbed error stood in its place; an `Answer` where the call `asks`."""

NO_ROUTE = "no-route"
"""In a call's `absorbs`: the server has nothing at that path (404 without an error code of the API, or 405)."""
ID = "{id}"
"""In a call's path: the server's id of the step's own resource."""

T = TypeVar("T")
Flow: TypeAlias = Generator[Sequence["Call"], Sequence[Reply], T]
"""Yields batches of calls (those of one batch may run at once), is sent their replies, returns a value."""


def together(*flows: Flow[Any]) -> Flow[list[Any]]:
    """All `flows` at once, a batch of each in one batch, and the value of each."""
    values: dict[int, Any] = {}
    batches: dict[int, Sequence[Call]] = {}

    def step(index: int, advance: Callable[[], Sequence[Call]]) -> None:
        try:
            batches[index] = advance()
        except StopIteration as stop:
            values[index] = stop.value
            batches.pop(index, None)

    try:
        for index, flow in enumerate(flows):
            step(index, partial(next, flow))
        while batches:
            replies = iter((yield [call for batch in batches.values() for call in batch]))
            for index, batch in list(batches.items()):
                step(index, partial(flows[index].send, list(islice(replies, len(batch)))))
    finally:
        for flow in flows:
            flow.close()
    return [values[index] for index in range(len(flows))]


class Unfit(Exception):  # noqa: N818 - it reads `raise Unfit(call, why)`
    """A reply that is none to its call. Raised by a flow that was sent it; `why` shows nothing of its values."""

    def __init__(self, call: Call, why: str) -> None:
        super().__init__(f"{call.method} {call.path}: {why}")
        self.call, self.why = call, why


def is_id(text: str) -> bool:
    """Whether it is an id as servers give them, which stands in a path as it is."""
    return bool(_ID.fullmatch(text)) and not set(text) <= {"."}


def id_of(address: object) -> dict[str, str]:
    """In a call's body: the server's id of the resource at `address`, filled in when the call is sent."""
    return {"$id": str(address)}


NOW: Mapping[str, str] = {"$now": "ms"}
"""In a call's body: the milliseconds since 1970 at the moment of sending."""


def amended(name: str, values: Mapping[str, Any], *, but: str = "") -> dict[str, Any]:
    """In a call's body: the map that a GET of the call's path shows as `name` just before it is sent, with `values`.

    Others' entries are so written back as they are, and no plan holds them. `but`: how those entries of the map begin
    that are left out.
    """
    return {"$live": name, "but": but, "with": dict(values)}


_ID = re.compile(r"[\w.:-]{1,250}", re.ASCII)
_PATH = re.compile(r"(/([\w.~!$&'()*+,;=:@-]|%[0-9A-F]{2}|\{id\})+)+", re.ASCII | re.IGNORECASE)
_STEP = re.compile(r"/(\.|%2e){1,2}(?=/|$)", re.IGNORECASE)


def sendable(path: str) -> str:
    """`path`, if it is one as it is sent (RFC 3986, 3.3), none of its parts empty or a step up. Raises ValueError."""
    if not _PATH.fullmatch(path) or _STEP.search(path):
        raise ValueError("is not a path such as /api/2.0/mlflow, percent-encoded and without a '/' at its end")
    return path


def ends_with(path: str, ends: tuple[str, ...]) -> bool:
    """Whether `path` ends with one of `ends`, each of them whole segments."""
    return any(path.endswith("/" + end.strip("/")) for end in ends if end.strip("/"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said when it was asked what it is: the status, its error code, the start of its text."""

    status: int
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One exact request.

    Attributes:
        path: below the server's address, percent-encoded, with `{id}` for the step's own id.
        body: JSON, with what `id_of`, NOW and `amended` stand for filled in on sending.
        fields: the fields that the request writes.
        returns: where the reply has the id of what was created, such as ("run", "info", "run_id").
        absorbs: error codes of the server, or statuses ("404"), that mean that there is nothing left to do.
        repeatable: sending it twice does the same as sending it once.
        asks: it asks what the server is, so that refusals and pages are answers too.
        address: whose step sends it, filled in when it is sent; None for what only reads.
    """

    method: Method
    path: str
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[Path, ...] = ()
    returns: tuple[str, ...] = ()
    absorbs: tuple[str, ...] = ()
    repeatable: bool = False
    asks: bool = False
    address: Address | None = None
