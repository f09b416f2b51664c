"""The fake itself: takes a request, records it, lets a test break it, and answers as MLflow 3.17.2 would."""

from __future__ import annotations

import base64
import copy
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from . import routes
from .errors import ApiError, PageError, UnroutedError, invalid
from .state import State
from .transport import FakeTransport, NotJson, Reply, ReplyLostError, serve
from .wire import Json, read_body, read_query

VERSION = "3.17.2"


@dataclass(frozen=True)
class Request:
    """A recorded request; iterates as (method, path, body), with the path below the prefix."""

    method: str
    path: str
    body: Any

    def __iter__(self) -> Iterator[Any]:
        return iter((self.method, self.path, self.body))


@dataclass(frozen=True)
class Fault:
    """What happens to one request: it gets this answer unseen by the server, or its reply is lost after the work."""

    status: int = 503
    body: Json | str = ""
    retry_after: str = ""
    lose_reply: bool = False

    @classmethod
    def lost(cls) -> Fault:
        return cls(lose_reply=True)


# Called with the number of the request (from 0), its method and its path below the prefix.
FaultHook = Callable[[int, str, str], Fault | None]


class FakeMlflow:
    """An MLflow tracking server in memory; `requests` holds what it was sent, `fault` breaks what it answers.

    `page_cap` makes every page at most that long, whatever was asked for, so that a few objects need several pages.
    `busiest` is the highest number of requests that were under way at once since a test last set it to 0.
    """

    def __init__(
        self,
        prefix: str = "/api/2.0/mlflow",
        auth: tuple[str, str] | None = None,
        page_cap: int | None = None,
    ) -> None:
        self.fault: FaultHook | None = None
        self._prefix = prefix.rstrip("/") + "/"
        self._auth = auth
        self._page_cap = page_cap
        self._lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Forgets all objects and all recorded requests; the fault hook stays."""
        with self._lock:
            self._state = State(page_cap=self._page_cap)
            self._requests: list[Request] = []
            self.under_way = self.busiest = 0

    @property
    def requests(self) -> list[Request]:
        """A copy of what was recorded so far."""
        with self._lock:
            return list(self._requests)

    def handle(
        self, method: str, path: str, query: dict[str, str], body: Any | None, authorization: str | None = None
    ) -> Reply:
        """The status and the reply (a dict is JSON, a str is text); raises ReplyLostError where a fault says so."""
        with self._lock:
            self.under_way += 1
            self.busiest = max(self.busiest, self.under_way)
        try:
            return self._handle(method, path, query, body, authorization)
        finally:
            with self._lock:
                self.under_way -= 1

    def _handle(
        self, method: str, path: str, query: dict[str, str], body: Any | None, authorization: str | None
    ) -> Reply:
        short = path.removeprefix(self._prefix)
        with self._lock:
            number = len(self._requests)
            self._requests.append(Request(method, short, copy.deepcopy(body)))
        fault = self.fault(number, method, short) if self.fault else None
        if fault and not fault.lose_reply:
            return fault.status, fault.body, *([fault.retry_after] if fault.retry_after else [])
        reply = self._answer(method, path, query, body, authorization)
        if fault:
            raise ReplyLostError
        return reply

    def _answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, authorization: str | None
    ) -> Reply:
        try:
            if path == "/health":
                return _get_only(method, "OK")
            if not self._allows(authorization):
                return 401, "You are not authenticated."
            if path == "/version":
                return _get_only(method, VERSION)
            with self._lock:
                return 200, copy.deepcopy(self._dispatch(method, path, query, body))
        except (ApiError, PageError) as error:
            return error.status, error.body

    def _allows(self, authorization: str | None) -> bool:
        if self._auth is None:
            return True
        return authorization == "Basic " + base64.b64encode(":".join(self._auth).encode()).decode()

    def _dispatch(self, method: str, path: str, query: dict[str, str], body: Any | None) -> Json:
        if "\n" in path[:-1]:  # what stands in front of the application knows no path with a line end inside
            raise UnroutedError
        if not path.startswith(self._prefix):
            raise PageError(404)
        route, held = routes.find(method, re.sub("/{2,}", "/", path.removeprefix(self._prefix)))
        if "//" in path:
            raise PageError(308)
        if not route.reads_body:
            return route.handler(self._state, dict(held))
        if isinstance(body, NotJson):
            raise invalid("Bad Request. Content-Type must be one of ['application/json'].")
        found = read_query(route.shape, query) if method == "GET" else {} if body is None else body
        fields = read_body(route.shape, found)
        if route.check_body:
            route.check_body(found)
        return route.handler(self._state, {**fields, **held})

    def transport(self) -> FakeTransport:
        """A transport for httpx.Client that stays in the process."""
        return FakeTransport(self.handle)

    def serve(self) -> AbstractContextManager[str]:
        """Serves over HTTP on a free loopback port for as long as the context lasts; yields the base URL."""
        return serve(self.handle)


def _get_only(method: str, text: str) -> Reply:
    if method != "GET":
        raise PageError(405)
    return 200, text
