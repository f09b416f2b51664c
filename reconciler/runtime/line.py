"""What the requests of one client share: the gate, the word to stop, and what is known of the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from reconciler.runtime.errors import FAILED, RequestFailed
from reconciler.runtime.pace import Pace
from reconciler.runtime.stop import Stop
from reconciler.runtime.throttle import Gate

TOO_MANY = 429
CROWDED = (TOO_MANY, 503)
"""What asks for fewer requests at once."""
DOWN = (*CROWDED, 502, 504)
"""What says that a server, or the one behind a proxy, is overloaded or down."""


Tell: TypeAlias = Callable[[RequestFailed, float], None]
"""Is told why a server is waited for, and for how many seconds at most; by whichever thread waits."""
QUIET = 2.0
"""Seconds for which nobody is told that a server is waited for."""


@dataclass(slots=True)
class Server:
    """Whether a server answers, so that it is worth waiting for; and who is told that it is waited for."""

    tell: Tell = lambda _error, _left: None
    answers: bool = False
    _lost: bool = False
    _told: bool = False

    def heard(self) -> None:
        self.answers, self._lost, self._told = True, False, False

    def awaited(self, error: RequestFailed, waited: float, left: float) -> None:
        """Note that it will have been waited for so many seconds: once until it answers again, somebody is told."""
        if waited >= QUIET and not self._told:
            self._told = True
            self.tell(error, left)

    def lose(self) -> None:
        """It was waited for in vain: the next requests do not wait as long, until it answers again."""
        self.answers, self._lost = False, True

    def failed(self, error: RequestFailed) -> None:
        """A refusal is an answer; so is the word that it is down, unless that was all that came for too long."""
        if refused(error):
            self.heard()
        elif error.status in DOWN and not self._lost:
            self.answers = True


@dataclass(frozen=True, slots=True)
class Line:
    """`stop`: once it is set, nothing is waited for and nothing is sent again."""

    gate: Gate
    pace: Pace = field(default_factory=Pace)
    stop: Stop = field(default_factory=Stop)
    server: Server = field(default_factory=Server)


def refused(error: RequestFailed) -> bool:
    """Whether the server answered as one that has time to: with a no."""
    return 0 < error.status < FAILED and error.status != TOO_MANY
