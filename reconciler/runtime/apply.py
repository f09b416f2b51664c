"""Applies a plan to a server: sees that the plan still stands, carries it out, and reads back what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reconciler.core import planner
from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, stop_on_errors
from reconciler.core.kept import Found, Proof
from reconciler.core.kind import lineage
from reconciler.core.lock import Held, LockWire
from reconciler.core.plan import Outcome, Plan, Step
from reconciler.core.resource import Live
from reconciler.core.stack import Stack
from reconciler.core.wire import Sought
from reconciler.runtime.ahead import Ahead, first
from reconciler.runtime.errors import NotTracking, Rejected, RequestFailed
from reconciler.runtime.execute import Interrupted, execute
from reconciler.runtime.lock import drive, hold
from reconciler.runtime.locking import locked, unseen
from reconciler.runtime.observe import Send, observe, survey
from reconciler.runtime.once import SETTLE, TOTAL, Once
from reconciler.runtime.pool import NOTHING_ELSE

if TYPE_CHECKING:
    from reconciler.runtime.http import Client

LOST = "the stack's lock was lost"
_BUSY = range(429, 600)
"""What says nothing of what a server can do."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who wants to know how an apply goes; all are called by the thread that applies.

    Attributes:
        wait: somebody else holds the stack's lock, and is waited for.
        warning: something went wrong that changes nothing of what was done.
    """

    start: Callable[[Step], None] = lambda _: None
    outcome: Callable[[Outcome], None] = lambda _: None
    interrupt: Callable[[], None] = lambda: None
    wait: Callable[[Held], None] = lambda _: None
    warning: Callable[[Diagnostic], None] = lambda _: None


class Unproven(Exception):  # noqa: N818 - the apply itself may have gone well
    """An apply went through, and afterwards the server could not be read."""

    def __init__(self, outcomes: list[Outcome], cause: RequestFailed) -> None:
        super().__init__(str(cause))
        self.outcomes = outcomes
        self.cause = cause


@dataclass(slots=True)
class Place:
    """One stack on one server.

    Attributes:
        stack: with the wires for what the server is taken to be.
        meet: asks the server what it is; the stack with other wires, or None where those it has are right.
        secret: from what stands in a plan for a secret to its text.
        parallel: how many requests may be under way at once.
        patience: for how many seconds a request is tried in all.
    """

    stack: Stack
    client: Client
    secret: Callable[[str], str]
    meet: Callable[[Send], Stack | None] = lambda _: None
    parallel: int = 4
    patience: float = TOTAL
    _ahead: Ahead | None = field(default=None, init=False)

    def ask(self) -> bool:
        """Ask the server what it is; whether that is other than it was taken to be. Raises RequestFailed."""
        stack = self.meet(self.client.read)
        self.stack = stack or self.stack
        return stack is not None

    def observe(self, sought: Mapping[str, Sequence[Sought]], idle: Iterator[None] = NOTHING_ELSE) -> list[Live]:
        """What the server holds of the stack, and of what is sought. Raises RequestFailed.

        While it is waited for, `idle` is worked off piece by piece.
        """
        return self._known(lambda: self._observe(sought, idle))

    def survey(self, names: Collection[str], filters: Mapping[str, str], keep: Callable[[Live], bool]) -> list[Live]:
        """All that is active of these kinds, whoever owns it, as far as `keep` says. Raises RequestFailed."""

        def read() -> list[Live]:
            wires = {name: wire for name, wire in self.stack.wires.items() if name in names}
            name, send = self.stack.name, self.client.read
            return survey(wires, self.stack.kinds, filters, keep, stack=name, send=send, parallel=self.parallel)

        return self._known(read)

    def _known(self, read: Callable[[], list[Live]]) -> list[Live]:
        """What `read` gives; after a refusal again, where the server turns out to be another one."""
        try:
            return read()
        except (Rejected, NotTracking) as refusal:
            if refusal.status in _BUSY or not self._asked():
                raise refusal from None
        return read()

    def _asked(self) -> bool:
        """As `ask`, but for a server that answers that no better."""
        try:
            return self.ask()
        except RequestFailed:
            return False

    def begin(self) -> None:
        """Ask for what an observation begins with, while somebody else finds out what is sought."""
        self._ahead = Ahead(first(self.stack), self.client.read)

    def _observe(
        self,
        sought: Mapping[str, Sequence[Sought]],
        idle: Iterator[None] = NOTHING_ELSE,
        only: Collection[str] | None = None,
    ) -> list[Live]:
        """`only`: the kinds that are read; None for all."""
        stack, send = self.stack, self._ahead.send if self._ahead else self.client.read
        self._ahead = None
        wires = {name: wire for name, wire in stack.wires.items() if only is None or name in only}
        return observe(wires, stack.kinds, sought, stack=stack.name, send=send, parallel=self.parallel, idle=idle)

    def recheck(self, plan: Plan) -> None:
        """See that all that a plan was computed from still stands. Raises Failed, RequestFailed."""
        stop_on_errors(planner.stale(plan, self._again(plan, applied=False), self.stack.kinds))

    def prospect(self, lock: LockWire | None) -> tuple[str, list[Diagnostic]]:
        """Why an apply may not be able to take the lock, "" where it will; and who holds it now."""
        if lock is None:
            return f"the backend '{self.stack.backend}' has none", []
        try:
            holder = drive(lock.read(self.stack.name), self.client.read)
        except RequestFailed as problem:
            return unseen(problem), []
        if holder is None or holder.expired(time.time_ns() // 1_000_000):
            return "", []
        return "", [replace(locked(self.stack.name, holder), severity="warning")]

    @contextmanager
    def locked(self, lock: LockWire | None, wait: float, listener: Listener) -> Iterator[None]:
        """Holds the lock, if there is one; once it is lost nothing is written. `wait`: seconds. Raises Failed."""
        if lock is None:
            yield
            return
        stop = self.client.stop
        with hold(
            lock,
            self.stack.name,
            self.client.aside,
            wait=wait,
            on_wait=listener.wait,
            on_lost=lambda: stop.because(LOST),
            on_warning=listener.warning,
        ) as held:
            stop.ask = lambda: "" if held.standing else LOST
            yield

    def apply(self, plan: Plan, listener: Listener) -> list[Outcome]:
        """Send exactly the requests of `plan`, and see what came of them. Raises Interrupted, Unproven."""
        outcomes = execute(
            plan,
            self.client.send,
            parallel=self.parallel,
            resolve_secret=self.secret,
            stop=self.client.stop,
            once=Once(lambda: self._again(plan), self.client.stop, min(SETTLE, self.patience / 2), self.patience),
            on_start=listener.start,
            on_outcome=listener.outcome,
            on_interrupt=listener.interrupt,
        )
        return self._read_back(plan, outcomes)

    def _again(self, plan: Plan, *, applied: bool = True) -> list[Live]:
        """What the server now holds of all that `plan` names; kinds that it does not touch are not read."""
        sought = planner.sought_again(plan, self.secret, applied=applied)
        return self._known(lambda: self._observe(sought, only=lineage(sought, self.stack.kinds)))

    def _read_back(self, plan: Plan, outcomes: list[Outcome]) -> list[Outcome]:
        """Outcomes as the server proves them; what it did not keep is a failure."""
        if not any(outcome.status == "done" for outcome in outcomes):
            return outcomes
        try:
            lives = self._again(plan)
        except RequestFailed as cause:
            raise Unproven(outcomes, cause) from None
        except KeyboardInterrupt:
            raise Interrupted(outcomes) from None
        made: dict[Address, str] = {outcome.step.address: outcome.id for outcome in outcomes if outcome.id}
        proof = Proof(
            Found.of(lives), self.stack.kinds, {**plan.ids, **made}, plan.ids, self.secret, self.stack.sensitive
        )
        return [proof.of(outcome) for outcome in outcomes]
