"""Takes each request on its way to the server: counts it, asks what shall happen to it, forwards it, records it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from .kinds import Fault

PREFIX = "/api/2.0/mlflow/"


@dataclass
class Seen:
    """A request as it came by. `status` and `reply` are what the server answered, not what the client got."""

    number: int
    method: str
    path: str
    body: Any
    fault: Fault | None = None
    forwarded: bool = False
    status: int | None = None
    reply: Any = None

    @property
    def writes(self) -> bool:
        return self.method != "GET" and not self.path.endswith("/search")

    @property
    def what(self) -> tuple[str, str, str]:
        """What a repetition of the request has in common with it."""
        return (self.method, self.path, json.dumps(self.body, sort_keys=True))

    def __str__(self) -> str:
        return f"request {self.number}: {self.method} {self.path}"


Hook = Callable[[Seen], Fault | None]


def _let_pass(_: Seen) -> None:
    return None


@dataclass
class Relay:
    """Forwards to `upstream`. `fault` decides on each request, numbered from 0 in the order of arrival.

    `before` is called before a request is forwarded; it says whether it is. `after` is called when the server has
    answered, before the client hears of it.
    """

    upstream: httpx.BaseTransport
    fault: Hook = _let_pass
    before: Callable[[Seen], bool] = lambda _: True
    after: Callable[[Seen], None] = _let_pass
    requests: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Condition()
        self._under_way = 0

    def clear(self) -> None:
        """Let everything pass, and count from 0 again."""
        with self._lock:
            self.requests = []
            self.fault, self.before, self.after = _let_pass, lambda _: True, _let_pass

    def rest(self) -> None:
        """Wait until nothing is under way: a client that is gone may have left something."""
        with self._lock:
            self._lock.wait_for(lambda: not self._under_way)

    def take(self, request: httpx.Request) -> tuple[Fault | None, httpx.Response | None]:
        """The fault that the request meets, and what the server answered; None where it was not asked."""
        seen = self._record(request)
        try:
            return self._take(request, seen)
        finally:
            with self._lock:
                self._under_way -= 1
                self._lock.notify_all()

    def _take(self, request: httpx.Request, seen: Seen) -> tuple[Fault | None, httpx.Response | None]:
        seen.fault = self.fault(seen)
        if seen.fault and not seen.fault.after_commit:
            return seen.fault, None
        if not self.before(seen):
            return Fault.reset, None
        answered = self.upstream.handle_request(request)
        answered.read()
        answered.close()
        seen.forwarded, seen.status, seen.reply = True, answered.status_code, _json(answered.content)
        self.after(seen)
        return seen.fault, answered

    def _record(self, request: httpx.Request) -> Seen:
        path = request.url.raw_path.partition(b"?")[0].decode()
        with self._lock:
            seen = Seen(len(self.requests), request.method, path.removeprefix(PREFIX), _json(request.read()))
            self.requests.append(seen)
            self._under_way += 1
        return seen


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
