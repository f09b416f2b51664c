"""Decides whether a failed request is sent again, and when: only where that can do no harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from reconciler.core.call import Call
from reconciler.runtime.errors import NotTracking, Rejected, RequestFailed, ServerFailed, Unreachable

T = TypeVar("T")

TOO_MANY, UNAVAILABLE, FAILED = 429, 503, 500
LONGEST_WAIT = 60.0
"""Seconds; a server that asks for more is not waited for."""
_backoff = wait_random_exponential(multiplier=0.1, max=5)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a request is tried, and what marks an error as passing.

    Attributes:
        attempts: in all; a server that has never answered gets no more than two.
        passing: pairs of an error code and of a part of its message, of errors after which nothing was written.
    """

    attempts: int = 6
    passing: tuple[tuple[str, str], ...] = ()

    def run(self, send: Callable[[Call], T], call: Call, *, met: bool) -> T:
        """What `send` returns. Raises its last error. `met`: the server has answered before."""
        retrying = Retrying(
            retry=retry_if_exception(lambda error: self._again(call, error)),
            stop=stop_after_attempt(self.attempts if met else min(self.attempts, 2)),
            wait=_wait,
            reraise=True,
        )
        return retrying(send, call)

    def _again(self, call: Call, error: BaseException) -> bool:
        """Whether `call` may be sent again: it was not carried out, or doing it twice is doing it once."""
        if not isinstance(error, RequestFailed) or (error.retry_after or 0) > LONGEST_WAIT:
            return False
        return self._undone(error) or (call.repeatable and _may_pass(error))

    def _undone(self, error: RequestFailed) -> bool:
        """Whether the server surely has not carried the request out, and may do so later."""
        if isinstance(error, Unreachable):
            return not error.ambiguous
        if not isinstance(error, Rejected):
            return False
        return error.status == TOO_MANY or any(
            error.code == code and words in error.message for code, words in self.passing
        )


def _may_pass(error: RequestFailed) -> bool:
    """Whether another attempt may end otherwise. A garbled answer counts: a proxy may have written it."""
    if isinstance(error, Rejected):
        return error.status >= FAILED and error.code != "INVALID_STATE"  # renaming what is deleted (MLflow 3.17.2)
    return isinstance(error, Unreachable | ServerFailed | NotTracking)


def _wait(state: RetryCallState) -> float:
    """What the server asked for, else exponential with jitter, in seconds."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, RequestFailed) else None
    return _backoff(state) if asked is None else asked


def seconds(text: str, now: float) -> float | None:
    """The value of a Retry-After header: seconds, or a date; None where it is neither. `now`: seconds since 1970."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
