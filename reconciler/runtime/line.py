"""What the requests of one client share: the gate, the word to stop, and what is known of the server."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.runtime.errors import FAILED, RequestFailed
from reconciler.runtime.pace import Pace
from reconciler.runtime.stop import Stop
from reconciler.runtime.throttle import Gate

TOO_MANY = 429
CROWDED = (TOO_MANY, 503)
"""What asks for fewer requests at once."""
DOWN = (*CROWDED, 502, 504)
"""What says that a server, or the one behind a proxy, is overloaded or down."""


@dataclass(slots=True)
class Server:
    """Whether a server answers, so that it is worth waiting for."""

    answers: bool = False
    _lost: bool = False

    def heard(self) -> None:
        self.answers, self._lost = True, False

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
