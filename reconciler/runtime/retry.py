"""Decides whether a failed request is sent again, and when: only where that can do no harm, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Generic, TypeAlias, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from reconciler.core.call import Call
from reconciler.runtime.errors import FAILED, NotTracking, Rejected, RequestFailed, ServerFailed, Stopped, Unreachable
from reconciler.runtime.line import CROWDED, DOWN, TOO_MANY, Line, refused
from reconciler.runtime.throttle import Passage

T = TypeVar("T")
Send: TypeAlias = Callable[[int, float], T]
"""Sends a request once, given the number of the attempt, from 1, and the seconds that it may take."""

STRANGER = 2
"""How often a server is tried that has not answered: its url may be wrong, and that is to be told soon."""
_LEAST_SECONDS = 1.0
"""A last attempt gets so much time, or it would only fail for want of it."""
_backoff = wait_random_exponential(multiplier=0.1, max=5)


@dataclass(frozen=True, slots=True)
class Retry:
    """How long and how often a request is tried, and what marks an error as passing.

    Attributes:
        total: seconds in all, waiting included; a server that is overloaded or down is tried until they are over.
        attempts: how often after any other failure; a server that has not answered is tried twice.
        passing: pairs of an error code ('' for any) and of a part of its message: after such nothing was written.
    """

    total: float = 60.0
    attempts: int = 6
    passing: tuple[tuple[str, str], ...] = ()

    def run(self, send: Send[T], call: Call, line: Line) -> T:
        """What `send` returns. Raises its last error, which says how often and how long it was tried."""
        course = _Course(self, call, line, send)
        retrying = Retrying(
            retry=retry_if_exception(course.again), stop=course.over, wait=_wait, sleep=course.sleep, reraise=True
        )
        try:
            return retrying(course.attempt)
        except RequestFailed as error:
            course.explain(error)
            raise


class _Course(Generic[T]):
    """One request on its way through its attempts."""

    def __init__(self, retry: Retry, call: Call, line: Line, send: Send[T]) -> None:
        self._retry = retry
        self._call = call
        self._line = line
        self._send = send
        self._began = monotonic()
        self._number = 0
        self._error: RequestFailed | None = None
        self._remarks: list[str] = []

    @property
    def _left(self) -> float:
        return self._retry.total - (monotonic() - self._began)

    @property
    def _seconds(self) -> float:
        """What one attempt may take. What cannot be repeated is not cut short: nobody would know what became of it."""
        total = self._retry.total
        return max(self._left, min(total, _LEAST_SECONDS)) if self._call.repeatable else total

    @property
    def _withheld(self) -> bool:
        """Whether it is a step's request, and no more of these are wanted: it waited for its turn for too long."""
        return self._call.address is not None and self._line.stop.asked()

    def attempt(self) -> T:
        asked = monotonic()
        self._line.pace.wait(self._call.path, self._line.stop)
        with self._line.gate.passage(self._line.stop) as passage:
            self._began += monotonic() - asked  # we waited for ourselves, not for the server
            if passage is None or self._withheld:
                raise self._error or Stopped("the command was stopped before the request was sent")
            self._number += 1
            try:
                reply = self._send(self._number, self._seconds)
            except RequestFailed as error:
                self._failed(error, passage)
                raise
            passage.success = True
        self._line.server.heard()
        return reply

    def _failed(self, error: RequestFailed, passage: Passage) -> None:
        self._error = error
        self._line.server.failed(error)
        passage.overloaded = error.status in CROWDED
        passage.success = refused(error)

    def again(self, error: BaseException) -> bool:
        """Whether the call may be sent again: it was not carried out, or doing it twice is doing it once."""
        if not isinstance(error, RequestFailed):
            return False
        return self._undone(error) or (self._call.repeatable and _may_pass(error))

    def over(self, state: RetryCallState) -> bool:
        """Whether it has been tried for long enough, or often enough."""
        assert self._error is not None
        if self._line.stop.asked():
            return True
        left = self._left
        if state.upcoming_sleep >= left:
            self._give_up(self._error, max(0.0, left))
            return True
        if not self._line.server.answers:
            return self._number >= min(self._retry.attempts, STRANGER)
        return not _is_down(self._error) and self._number >= self._retry.attempts

    def sleep(self, seconds: float) -> None:
        assert self._error is not None
        left = self._left
        self._line.server.awaited(self._error, self._retry.total - left + seconds, left)
        if self._line.stop.wait(seconds):
            raise self._error

    def explain(self, error: RequestFailed) -> None:
        if self._number > 1:
            self._remarks.insert(0, f"tried {self._number} times in {_told(monotonic() - self._began)}")
        if self._remarks:
            error.add("; ".join(self._remarks))

    def _give_up(self, error: RequestFailed, left: float) -> None:
        self._line.server.lose()
        error.hint = error.hint or "try again later, or give it more time with --timeout"
        if error.retry_after and error.retry_after >= left:
            asked = _told(error.retry_after)
            self._remarks.append(f"the server asks for a pause of {asked}, and --timeout leaves {_told(left)}")

    def _undone(self, error: RequestFailed) -> bool:
        """Whether the server surely has not carried the request out, and may do so later."""
        if isinstance(error, Unreachable):
            return not error.ambiguous
        return error.status == TOO_MANY or (isinstance(error, Rejected) and self._passes(error))

    def _passes(self, error: Rejected) -> bool:
        return any(code in ("", error.code) and words in error.message for code, words in self._retry.passing)


def _may_pass(error: RequestFailed) -> bool:
    """Whether another attempt may end otherwise. A garbled answer counts: a proxy may have written it."""
    if isinstance(error, Rejected):
        return error.status >= FAILED and error.code != "INVALID_STATE"  # renaming what is deleted (MLflow 3.17.2)
    return isinstance(error, Unreachable | ServerFailed) or (isinstance(error, NotTracking) and error.ambiguous)


def _is_down(error: RequestFailed) -> bool:
    return isinstance(error, Unreachable) or error.status in DOWN


def _wait(state: RetryCallState) -> float:
    """What the server asked for, at least what is exponential with jitter, in seconds."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, RequestFailed) else None
    return max(asked or 0.0, _backoff(state))


def _told(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"  # noqa: PLR2004


def seconds(text: str, now: float) -> float | None:
    """The value of a Retry-After header: seconds, or a date; None where it is neither. `now`: seconds since 1970."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
