"""Why no new request is to be started: one event for all who send, with the words for the report."""

from __future__ import annotations

import threading


class Stop(threading.Event):
    """Set once, by `because`; what follows is not attempted for that reason."""

    def __init__(self) -> None:
        super().__init__()
        self.why = ""

    def because(self, why: str) -> None:
        self.why = self.why or why
        self.set()
