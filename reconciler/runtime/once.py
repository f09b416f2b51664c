"""Sends a request that must not be carried out twice: where its fate is unknown, it looks before it sends again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from reconciler.core.resource import Live
from reconciler.runtime.errors import RequestFailed, Unreachable
from reconciler.runtime.line import DOWN
from reconciler.runtime.stop import Stop

T = TypeVar("T")
Look = Callable[[], Sequence[Live]]
"""Observes what the server has of all that the plan names."""

SENT = 3
"""How often a request is sent at most that fails for another reason than that the server is down."""
TOTAL = 60.0
PAUSE, LONGEST = 0.1, 5.0
"""Seconds before it is sent again: twice as long each time, up to the longest."""
SETTLE = 30.0
"""Seconds; as long as MLflow waits for a database connection before it gives a request up (3.17.2)."""
BRIEF = 1.0
"""Seconds in which a request may still be carried out whose connection broke, or which a proxy answered."""


@dataclass(frozen=True, slots=True)
class Once:
    """How to find out what became of a request.

    Attributes:
        look: from the server to the live resources that the plan names.
        stop: set where no new request is wanted.
        settle: for how many seconds a request that timed out may still be carried out.
        total: for how many seconds it is tried in all.
    """

    look: Look
    stop: Stop
    settle: float = SETTLE
    total: float = TOTAL

    def carry_out(self, send: Callable[[], T], found: Callable[[Sequence[Live]], T | None]) -> T:
        """What `send` returns, or what `found` makes of the server's state after a lost reply. Raises as `send`.

        Nothing but time tells a request that is lost from one that is slow: after one that timed out, the server is
        looked at until `settle` is over, and only then is it sent again.
        """
        began, doubt, number = monotonic(), None, 0
        while True:
            number += 1
            try:
                return send()
            except RequestFailed as error:
                if not (error.ambiguous or doubt):
                    raise
                doubt = error
            there = self._search(found, doubt, self.total - (monotonic() - began))
            if there is not None:
                return there
            waited = monotonic() - began
            pause = max(doubt.retry_after or 0, min(PAUSE * 2**number, LONGEST))
            if not doubt.ambiguous or self._enough(doubt, number, waited + pause):
                doubt.add(f"sent {number} {'time' if number == 1 else 'times'} in {waited:.2g} s")
                raise doubt
            if self.stop.wait(pause):
                raise doubt

    def _enough(self, doubt: RequestFailed, number: int, seconds: float) -> bool:
        """A server that is down is waited for; whatever else fails again and again will go on failing."""
        passing = doubt.status in DOWN or isinstance(doubt, Unreachable)
        return seconds > self.total or (number >= SENT and not passing)

    def _search(self, found: Callable[[Sequence[Live]], T | None], doubt: RequestFailed, left: float) -> T | None:
        settle = min(self.settle, left) if doubt.timed_out else min(self.settle, BRIEF)
        for pause in _pauses(settle):
            if self.stop.wait(pause) or self.stop.asked():
                raise doubt
            there = found(self._looked(doubt))
            if there is not None:
                return there
        return None

    def _looked(self, doubt: RequestFailed) -> Sequence[Live]:
        try:
            return self.look()
        except RequestFailed as error:
            error.brief = f"{doubt}; whether it was carried out is not known, since {error.brief}"
            error.hint = "plan again: what was made is found by its mark"
            error.ambiguous = True
            raise


def _pauses(settle: float) -> Iterator[float]:
    """Seconds before each look: at once, a moment later, then at growing distances until `settle` is over."""
    yield 0.0
    pause, waited = 0.25, 0.0
    while waited < settle:
        yield min(pause, settle - waited)
        waited += pause
        pause *= 2
