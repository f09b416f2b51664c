"""A gate in front of the requests of one client: fewer at once where the server is overloaded, step by step more again.

As TCP does it (RFC 5681): halved at each sign of overload, then one more for each round of successes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_POLL_SECONDS = 0.1
"""A condition cannot wait for an event too: who waits looks now and then whether it is set."""


@dataclass(slots=True)
class Passage:
    """One request's way through the gate. `round`: how often the gate had been narrowed when it went in."""

    round: int
    overloaded: bool = False
    success: bool = False


class Gate:
    """Lets at most `most` requests through at once, and fewer while the server is overloaded.

    Attributes:
        width: how many may be under way now.
        inside: how many are.
    """

    def __init__(self, most: int) -> None:
        self.width = self._most = max(1, most)
        self.inside = 0
        self._round = 0
        self._successes = 0
        self._room = threading.Condition()

    @contextmanager
    def passage(self, stop: threading.Event) -> Iterator[Passage | None]:
        """Wait for room, and hold it; None without any, where `stop` is set before there is room."""
        passage = self._enter(stop)
        try:
            yield passage
        finally:
            if passage:
                self._leave(passage)

    def _enter(self, stop: threading.Event) -> Passage | None:
        with self._room:
            while self.inside >= self.width:
                if stop.is_set():
                    return None
                self._room.wait(_POLL_SECONDS)
            self.inside += 1
            return Passage(self._round)

    def _leave(self, passage: Passage) -> None:
        with self._room:
            self.inside -= 1
            if passage.overloaded and passage.round == self._round:  # those that went in together count once
                self._round += 1
                self._successes = 0
                self.width = max(1, self.width // 2)
            elif passage.success:
                self._widen()
            self._room.notify_all()

    def _widen(self) -> None:
        self._successes += 1
        if self._successes >= self.width < self._most:
            self.width += 1
            self._successes = 0
