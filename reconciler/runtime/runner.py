"""Carries out one step: fills and sends its calls in order, keeps the id of what was made, says how it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.core.address import Address
from reconciler.core.call import Call, Reply
from reconciler.core.plan import Outcome, Step
from reconciler.runtime.errors import RequestFailed, clean
from reconciler.runtime.fill import Filler, Missing, new_id

Send = Callable[[Call], Reply]


class Runner:
    """Runs steps, several at once in as many threads.

    A step writes the id of its own address only, and only steps that need it read that one, after it is done: the
    dictionary needs no lock.
    """

    def __init__(self, send: Send, secret: Callable[[str], str], ids: Mapping[Address, str]) -> None:
        self.stop = threading.Event()
        self._send = send
        self._secret = secret
        self._ids = dict(ids)

    def run(self, step: Step) -> Outcome | None:
        """None where `stop` was set before the step's first request. No error of a call gets out: it is the outcome."""
        filler = Filler(step.address, self._ids, _now, self._secret)
        for number, call in enumerate(step.calls):
            if self.stop.is_set():
                return self._ended(step, "interrupted") if number else None
            try:
                self._carry_out(call, filler)
            except Exception as error:  # noqa: BLE001 - an apply reports everything that it has begun
                finding = error.finding if isinstance(error, RequestFailed) else "internal"
                return self._ended(step, _words(error, sensitive=filler.sensitive), finding)
        return self._ended(step, "")

    def _carry_out(self, call: Call, filler: Filler) -> None:
        reply = self._send(filler.fill(call))
        if call.returns:
            self._ids[filler.own] = _made(reply, call.returns)

    def _ended(self, step: Step, detail: str, finding: str = "") -> Outcome:
        return Outcome(step, "failed" if detail else "done", detail, self._ids.get(step.address, ""), finding)


def _made(reply: Any, path: tuple[str, ...]) -> str:
    found = new_id(reply, path)
    if found is None:
        raise Missing(f"the server's reply has no id at {'.'.join(path)}: it may have made the resource all the same")
    return found


def _words(error: Exception, *, sensitive: bool) -> str:
    match error:
        case RequestFailed() if sensitive and str(error) != error.brief:
            # MLflow repeats values, and shortens them: no search for the secret would find it
            return f"{error.brief} (the server's words are left out: the request held a sensitive value)"
        case RequestFailed() | Missing():
            return str(error)
    return type(error).__name__ if sensitive else clean(f"{type(error).__name__}: {error}")


def _now() -> int:
    return time.time_ns() // 1_000_000
