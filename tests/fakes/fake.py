"""What all fakes have: a record of what they were sent, faults on command, a quota, and two ways to reach them."""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from .transport import FakeTransport, Reply, ReplyLostError, serve


@dataclass(frozen=True)
class Request:
    """A recorded request; iterates as (method, path, body), with the path below the prefix."""

    method: str
    path: str
    body: Any
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.method, self.path, self.body))


@dataclass(frozen=True)
class Fault:
    """What happens to one request: it gets this answer unseen by the server, or its reply is lost after the work."""

    status: int = 503
    body: dict[str, Any] | str = ""
    retry_after: str = ""
    lose_reply: bool = False

    @classmethod
    def lost(cls) -> Fault:
        return cls(lose_reply=True)


# Called with the number of the request (from 0), its method and its path below the prefix.
FaultHook = Callable[[int, str, str], Fault | None]


class Fake:
    """A server in memory; `requests` holds what it was sent, `fault` breaks what it answers.

    `quota`: so many requests a second, and as many at once; the others are refused with 429 and Retry-After.
    `refused` counts those. `busiest` is the highest number of requests that were under way at once since a test last
    set it to 0.
    """

    def __init__(self, prefix: str, quota: float = 0) -> None:
        self.fault: FaultHook | None = None
        self.quota = quota
        self._prefix = prefix.rstrip("/") + "/"
        self._lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Forgets all objects and all recorded requests; the fault hook stays."""
        with self._lock:
            self._empty()
            self._requests: list[Request] = []
            self._left, self._since = max(1.0, self.quota), time.monotonic()
            self.under_way = self.busiest = self.refused = 0

    @property
    def requests(self) -> list[Request]:
        """A copy of what was recorded so far."""
        with self._lock:
            return list(self._requests)

    def handle(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Any | None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """The reply, for headers with names in lower case; raises ReplyLostError where a fault says so."""
        with self._lock:
            self.under_way += 1
            self.busiest = max(self.busiest, self.under_way)
        try:
            return self._handle(method, path, query, body, headers or {})
        finally:
            with self._lock:
                self.under_way -= 1

    def _handle(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        short = path.removeprefix(self._prefix)
        with self._lock:
            number = len(self._requests)
            self._requests.append(Request(method, short, copy.deepcopy(body), query, headers))
        fault = self.fault(number, method, short) if self.fault else None
        if fault and not fault.lose_reply:
            return fault.status, fault.body, *([{"Retry-After": fault.retry_after}] if fault.retry_after else [])
        if self.quota and (pause := self._pause()):
            return 429, self._exhausted(), {"Retry-After": str(pause)}
        reply = self.answer(method, path, query, body, headers)
        if fault:
            raise ReplyLostError
        return reply

    def _pause(self) -> int:
        """0 for a request that is within the quota, else after how many seconds to come again."""
        with self._lock:
            now = time.monotonic()
            self._left = min(max(1.0, self.quota), self._left + (now - self._since) * self.quota)
            self._since = now
            if self._left >= 1:
                self._left -= 1
                return 0
            self.refused += 1
            return math.ceil((1 - self._left) / self.quota)

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        """What the server answers, unrecorded and without a fault."""
        raise NotImplementedError

    def _empty(self) -> None:
        """Make the server hold nothing."""
        raise NotImplementedError

    def _exhausted(self) -> dict[str, Any] | str:
        """The body of the answer over the quota."""
        return ""

    def transport(self) -> FakeTransport:
        """A transport for httpx.Client that stays in the process."""
        return FakeTransport(self.handle)

    def serve(self) -> AbstractContextManager[str]:
        """Serves over HTTP on a free loopback port for as long as the context lasts; yields the base URL."""
        return serve(self.handle)
