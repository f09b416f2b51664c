"""Keeps the requests of one client to the rates that its server takes: a token bucket for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from reconciler.core.call import ends_with
from reconciler.core.wire import Rate


class Bucket:
    """Holds as many tokens as come in one second, at least one; a request takes one, on credit where there is none."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second
        self._room = max(0.0, 1 - self._gap)
        self._next = 0.0
        self._lock = threading.Lock()

    def take(self, now: float) -> float:
        """Take the next token; for how many seconds to wait for it."""
        with self._lock:
            self._next = max(self._next, now - self._room) + self._gap
            return max(0.0, self._next - self._gap - now)


class Pace:
    """The buckets of one server."""

    def __init__(self, rates: Sequence[Rate] = ()) -> None:
        self._buckets = [(rate.ends, Bucket(rate.per_second)) for rate in rates]

    def wait(self, path: str, stop: threading.Event) -> None:
        """Wait until a request to `path` is due, or `stop` is set. The first rate that fits counts."""
        for ends, bucket in self._buckets:
            if not ends or ends_with(path, ends):
                stop.wait(bucket.take(time.monotonic()))
                return
