"""Holds a stack's lock around a block: takes it, waits for it, renews it in a thread of its own, releases it."""

from __future__ import annotations

import getpass
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from reconciler.core.call import Call, Flow, Reply
from reconciler.core.diagnostics import Diagnostic, Failed
from reconciler.core.lock import Held, LockWire
from reconciler.runtime.errors import RequestFailed
from reconciler.runtime.locking import LENGTH, Locking, locked, lost_lock, perhaps_standing, unreleased, unusable
from reconciler.runtime.observe import feed

T = TypeVar("T")
Send = Callable[[Call], Reply]

EVERY, AGAIN = 60.0, 5.0
"""Seconds between two renewals, and after one that failed."""
SHORTEST, LONGEST = 0.5, 10.0
"""Seconds between two attempts to take a lock that another one has: at first, and in the end."""
_PATIENCE = 5.0
"""Seconds for which a renewal under way is waited for before the lock is released: it can do no harm."""


def _jitter() -> float:
    return random.uniform(0.5, 1.0)  # noqa: S311 - only so that those who wait do not come at once


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as a test may have it otherwise.

    Attributes:
        now: milliseconds since 1970.
        wait: waits until an event is set or so many seconds are over; whether it is set.
        jitter: what a pause is multiplied with.
    """

    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait
    jitter: Callable[[], float] = _jitter


def ourselves(now: int) -> Held:
    """This process as a holder from `now` on, with a new token."""
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # no such user, as in some containers; KeyError before Python 3.13
        who = ""
    where = f"{socket.gethostname()}, process {os.getpid()}"
    return Held(secrets.token_hex(16), who, where, since=now, until=now + LENGTH)


def _ignore(*_: object) -> None:
    pass


@contextmanager
def hold(
    wire: LockWire,
    stack: str,
    send: Send,
    *,
    wait: float = 0.0,
    on_wait: Callable[[Held], None] = _ignore,
    on_lost: Callable[[], None] = _ignore,
    on_warning: Callable[[Diagnostic], None] = _ignore,
    clock: Clock | None = None,
) -> Iterator[Lock]:
    """Holds the lock of `stack` for as long as the block lasts. `wait`: seconds to wait for another holder.

    `send` is used by two threads at once, and has to work after Ctrl-C too. `on_wait` is called with the holder when
    the waiting begins, and again when another one has it. `on_lost` is called once when the lock is lost, by another
    thread or at the end of the block: nothing may be written any more. `on_warning` is told at the end, by this thread,
    that the lock was lost (`lock-lost`) or could not be released (`lock-stands`), also where it is not known whether it
    was taken; neither changes what the block did.

    Raises:
        Failed: `lock-held`, or `no-lock` where the server or the account has no lock.
        RequestFailed: other trouble with the server.
    """
    lock = Lock(wire, stack, send, clock or Clock(), on_lost)
    hurried = False
    try:
        lock.take(wait, on_wait)
        yield lock
    except KeyboardInterrupt:
        hurried = True
        raise
    finally:
        lock.release(on_warning, hurried=hurried)


class Lock:
    """The lock of one stack, which `hold` has taken.

    Attributes:
        held: who holds it until when: ourselves.
        standing: whether it may be relied on at this moment; to be asked before each request that writes.
    """

    held: Held

    def __init__(self, wire: LockWire, stack: str, send: Send, clock: Clock, on_lost: Callable[[], None]) -> None:
        self._locking = Locking(wire, stack, lambda: ourselves(clock.now()), clock.now)
        self._send = send
        self._clock = clock
        self._on_lost = on_lost
        self._taken = False
        self._lost = False
        self._ended = threading.Event()
        self._change = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="lock", daemon=True)

    @property
    def standing(self) -> bool:
        return self._taken and not self._lost and self.held.stands(self._clock.now())

    def take(self, wait: float, on_wait: Callable[[Held], None]) -> None:
        """Raises Failed, RequestFailed."""
        try:
            self.held = self._wait(wait, on_wait)
        except RequestFailed as problem:
            finding = unusable(self._locking.stack, problem)
            if finding is None:
                raise
            raise Failed([finding]) from None
        self._taken = True
        self._thread.start()
        if self._locking.took_over:
            with suppress(RequestFailed):  # whoever takes over next deletes them
                drive(self._locking.sweep(), self._send)

    def _wait(self, wait: float, on_wait: Callable[[Held], None]) -> Held:
        deadline = self._clock.now() + wait * 1000
        pause, told = SHORTEST, None
        while True:
            holder = drive(self._locking.take(), self._send)
            if self._locking.ours(holder):
                return holder
            left = (deadline - self._clock.now()) / 1000
            if left <= 0:
                raise Failed([locked(self._locking.stack, holder)])
            if holder.token != told:
                on_wait(holder)
                told = holder.token
            self._clock.wait(self._ended, min(left, pause * self._clock.jitter()))
            pause = min(pause * 2, LONGEST)

    def _keep(self) -> None:
        """Renews the lock until it is released or lost."""
        pause = EVERY
        while not self._clock.wait(self._ended, pause):
            pause = EVERY if self.renew() else AGAIN

    def renew(self) -> bool:
        """Whether the lock has a new end, or is lost and needs none."""
        try:
            found = drive(self._locking.renew(self.held), self._send)
        except Exception:  # noqa: BLE001 - whatever it is, it may pass; the lock's time does
            found = self.held if self.standing else None
        if found is None:
            self._lose()
            return True
        renewed = found.until != self.held.until
        self.held = found
        return renewed

    def _lose(self) -> None:
        with self._change:
            over = self._ended.is_set()
            self._ended.set()
            self._lost = self._lost or not over
        if not over:
            self._on_lost()

    def release(self, on_warning: Callable[[Diagnostic], None], *, hurried: bool = False) -> None:
        """Ends it, whatever has become of it. `hurried`: gives up soon. Raises KeyboardInterrupt only."""
        if not hurried:
            return self._release(on_warning)
        told: list[Diagnostic] = []
        thread = threading.Thread(target=self._release, args=(told.append,), name="release", daemon=True)
        thread.start()
        thread.join(_PATIENCE)
        if thread.is_alive() and self._taken:
            told = [unreleased(self._locking.stack, self.held, TimeoutError("the server does not answer"))]
        for finding in told:
            on_warning(finding)
        return None

    def _release(self, on_warning: Callable[[Diagnostic], None]) -> None:
        with self._change:
            lost = self._lost
            self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)
        if not self._taken:
            self._give_back(on_warning)
        elif lost or not self._released(on_warning):
            on_warning(lost_lock(self._locking.stack, self.held))

    def _give_back(self, on_warning: Callable[[Diagnostic], None]) -> None:
        """Releases what we may have taken without knowing."""
        try:
            drive(self._locking.give_back(), self._send)
        except Exception as problem:  # noqa: BLE001 - it is a warning, whatever it is
            on_warning(perhaps_standing(self._locking.stack, list(self._locking.sent.values()), problem))

    def _released(self, on_warning: Callable[[Diagnostic], None]) -> bool:
        """Whether it was ours until now, as far as we know."""
        try:
            ours = self.standing and drive(self._locking.release(self.held), self._send)
        except BaseException as problem:
            on_warning(unreleased(self._locking.stack, self.held, problem))
            if not isinstance(problem, Exception):
                raise
            return True
        self._lost = True
        if not ours:
            self._on_lost()
        return ours


def drive(flow: Flow[T], send: Send) -> T:
    """What `flow` returns; a request that failed is thrown into it."""
    try:
        calls = next(flow)
        while True:
            try:
                replies = [send(call) for call in calls]
            except RequestFailed as problem:
                calls = flow.throw(problem)
            else:
                calls = feed(flow, replies)
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        flow.close()
