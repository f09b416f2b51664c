"""Why no new request is to be started: one event for all who send, with the words for the report."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Stop(threading.Event):
    """Set once, by `because`; what follows is not attempted for that reason.

    Attributes:
        why: in words.
        ask: says why to stop as of now, '' while there is no reason; asked before each request that writes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.why = ""
        self.ask: Callable[[], str] = str

    def because(self, why: str) -> None:
        self.why = self.why or why
        self.set()

    def asked(self) -> bool:
        """Whether to stop, as far as can be known at this moment."""
        if not self.is_set() and (why := self.ask()):
            self.because(why)
        return self.is_set()
