"""Carries out one step: fills and sends its calls in order, keeps the id of what was made, says how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.core import fate
from reconciler.core.address import Address
from reconciler.core.call import Call, Reply
from reconciler.core.plan import Outcome, Step
from reconciler.core.resource import Fields, Live
from reconciler.core.sensitive import revealed
from reconciler.runtime.errors import BadReply, RequestFailed, Stopped, Unauthorized, clean
from reconciler.runtime.fill import Filler, Missing, new_id
from reconciler.runtime.once import Once
from reconciler.runtime.stop import Stop

Send = Callable[[Call], Reply]


class Runner:
    """Runs steps, several at once in as many threads.

    A step writes the id of its own address only, and only steps that need it read that one, after it is done: the
    dictionary needs no lock.
    """

    def __init__(
        self, send: Send, secret: Callable[[str], str], ids: Mapping[Address, str], stop: Stop, once: Once | None
    ) -> None:
        self._stop = stop
        self._send = send
        self._once = once
        self._secret = secret
        self._before = dict(ids)
        self._ids = dict(ids)

    def run(self, step: Step) -> Outcome | None:
        """None where `stop` was set before the step's first request. No error of a call gets out: it is the outcome."""
        filler = Filler(step.address, self._ids, _now, self._secret, self._send)
        for number, call in enumerate(step.calls):
            if self._stop.asked():
                return self._failed(step, call, self._stop.why) if number else None
            try:
                self._carry_out(step, call, filler)
            except Stopped as stopped:
                return self._failed(step, call, str(stopped)) if number else None
            except Exception as error:  # noqa: BLE001 - an apply reports everything that it has begun
                if isinstance(error, Unauthorized) and error.everywhere:
                    self._stop.because("the credentials were refused")
                finding = error.finding if isinstance(error, RequestFailed) else "internal"
                return self._failed(step, call, _words(error, sensitive=filler.sensitive), finding)
        return Outcome(step, "done", id=self._ids.get(step.address, ""))

    def _carry_out(self, step: Step, call: Call, filler: Filler) -> None:
        filled = filler.fill(call)

        def send() -> str:
            reply = self._send(filled)
            return _made(reply, filled) if call.returns else ""

        if call.repeatable or self._once is None:
            number = send()
        else:
            changes = [change for change in step.changes if change.path in call.fields]
            values = {change.path: revealed(change.after, self._secret) for change in changes}
            number = self._once.carry_out(send, lambda lives: self._found(step.address, filled, values, lives))
        if call.returns:
            self._ids[filler.own] = number

    def _found(self, address: Address, call: Call, values: Fields, lives: Sequence[Live]) -> str | None:
        """The id of what a call made, '' where it wrote to what was there; None where it was not carried out."""
        if call.returns:
            known = {number for other, number in self._before.items() if other.kind == address.kind}
            return next(iter(fate.made(address, lives, known)), None)
        return "" if fate.written(address, lives, call, values) else None

    def _failed(self, step: Step, call: Call, detail: str, finding: str = "") -> Outcome:
        return Outcome(step, "failed", detail, self._ids.get(step.address, ""), finding, call, step.at)


def _made(reply: Any, call: Call) -> str:
    found = new_id(reply, call.returns)
    if found is None:
        why = f"it has no id at {'.'.join(call.returns)}"
        raise BadReply(call.method, call.path, why, ambiguous=True)
    return found


def _words(error: Exception, *, sensitive: bool) -> str:
    if isinstance(error, RequestFailed | Missing):
        return str(error)  # the client has left out what the server may have repeated of a secret
    return type(error).__name__ if sensitive else clean(f"{type(error).__name__}: {error}")


def _now() -> int:
    return time.time_ns() // 1_000_000
