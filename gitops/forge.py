"""What a pipeline needs of a forge: notes on a change that is reviewed, issues, and the plan that was saved with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

TIMEOUT = 30.0
"""Seconds for one request."""


class Refused(Exception):  # noqa: N818 - it reads `raise Refused(words)`
    """There is no plan that may be applied; says why."""


class Unavailable(Exception):  # noqa: N818
    """The forge did not do what it was asked; says why. `status`: that of its answer, 0 where there was none."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class Note:
    """A note on a change, or an issue, that we wrote."""

    id: int
    body: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is reviewed. `head`: its last commit; `words`: what the forge calls it."""

    number: int
    head: str
    words: str


class Forge(Protocol):
    """A place where changes are reviewed. Every method but `change` raises Unavailable."""

    run: str
    """Where the log of this run can be read."""
    request: str
    """What a change that is reviewed is called."""
    tokens: frozenset[str]
    """Which variables of the environment hold the forge's tokens: nobody else gets them."""

    def change(self) -> Change | None:
        """The change that this run is for, while it is reviewed."""

    def merged(self) -> Change:
        """The change that this run's commit merged. Raises Refused."""

    def saved_plan(self, change: Change, name: str) -> bytes:
        """The plan that was saved for `change` as `name`, the latest one. Raises Refused."""

    def notes(self, change: Change) -> Iterator[Note]:
        """What we wrote below a change."""

    def add_note(self, change: Change, body: str) -> None: ...

    def edit_note(self, change: Change, note: Note, body: str) -> None: ...

    def issues(self, label: str) -> Iterator[Note]:
        """The open issues that we wrote."""

    def open_issue(self, title: str, body: str, label: str) -> None: ...

    def edit_issue(self, issue: Note, body: str) -> None: ...

    def close_issue(self, issue: Note, words: str) -> None:
        """Say why below it, and close it."""

    def warn(self, words: str) -> None:
        """Tell in the log that something was not done."""

    def begin(self) -> None:
        """What follows in the log is the program's output, and no command to the forge."""

    def end(self) -> None: ...


class Api:
    """JSON over HTTP with a token."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._client = httpx.Client(
            base_url=url.rstrip("/") + "/",
            headers=headers,
            timeout=TIMEOUT,
            transport=httpx.HTTPTransport(retries=3),
            follow_redirects=True,  # an Authorization does not go along to another host
        )

    def send(self, method: str, path: str, body: object = None, **query: str) -> httpx.Response:
        """Raises Unavailable."""
        try:
            reply = self._client.request(method, path, json=body, params=query or None)
        except httpx.HTTPError as problem:
            raise Unavailable(f"{method} {path}: {type(problem).__name__}") from None
        if reply.is_error:
            raise Unavailable(f"{method} {path}: {reply.status_code} {_message(reply)}".rstrip(), reply.status_code)
        return reply

    def json(self, method: str, path: str, body: object = None, **query: str) -> Any:
        return _document(self.send(method, path, body, **query))

    def pages(self, path: str, **query: str) -> Iterator[Any]:
        """The document of each page of a list, of which the header Link names the next."""
        reply = self.send("GET", path, **query, per_page="100")
        yield _document(reply)
        while following := reply.links.get("next", {}).get("url"):
            reply = self.send("GET", following)
            yield _document(reply)


def _document(reply: httpx.Response) -> Any:
    """The JSON of an answer. Raises Unavailable, as for the page of a proxy."""
    try:
        return reply.json()
    except ValueError:
        raise Unavailable(f"{reply.request.method} {reply.request.url.path}: the answer is no JSON") from None


def _message(reply: httpx.Response) -> str:
    try:
        found = reply.json()
    except ValueError:
        return ""
    return str(found.get("message", "") if isinstance(found, dict) else "")[:200]
