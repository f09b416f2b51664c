"""The phases that need the server: plan (what is declared to plan), apply (plan to outcomes)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core import planner
from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, Failed, error, stop_on_errors
from reconciler.core.guard import Safety
from reconciler.core.intents import Intents
from reconciler.core.lock import Held, LockWire
from reconciler.core.match import Pair, match
from reconciler.core.placeholders import changed_secrets
from reconciler.core.plan import Outcome, Plan
from reconciler.core.resource import Desired, Live
from reconciler.core.stack import Stack
from reconciler.core.wire import Server, Sought
from reconciler.core.words import dotted
from reconciler.declared import Declared
from reconciler.runtime.apply import Listener, Place
from reconciler.runtime.execute import Interrupted
from reconciler.runtime.meet import Acquaintance
from reconciler.runtime.observe import Send
from reconciler.runtime.pool import NOTHING_ELSE
from reconciler.runtime.unlock import Unlocked, unlock
from reconciler.version import __version__

if TYPE_CHECKING:
    from reconciler.core.drift import Drifts
    from reconciler.core.imports import Imported, Importer
    from reconciler.runtime.http import Client


@dataclass
class Session(Declared):
    """One stack on one target's server.

    Attributes:
        timeout: for how many seconds one request is tried in all.
        lock: whether an apply takes the stack's lock; `lock_timeout`: for how many seconds it waits for another's.
        journal: the file that gets a line of JSON for each request; `journal_bodies`: with what was sent.
        requests: how many were sent so far, by reading and writing.
        tell: is told where the server is waited for, by whichever thread waits.
    """

    parallel: int | None = None
    timeout: float = 60.0
    journal: Path | None = None
    journal_bodies: bool = False
    lock: bool = True
    lock_timeout: float = 0.0
    requests: dict[str, int] = field(default_factory=lambda: {"reads": 0, "writes": 0})
    tell: Callable[[str], None] = field(default=lambda _: None, repr=False)

    @property
    def lock_wire(self) -> LockWire | None:
        """The requests of the stack's lock; None where the backend has none."""
        return self.backend.lock(self.selected.options) if self.backend.lock else None

    @cached_property
    def _known(self) -> Acquaintance:
        return Acquaintance(self.backend, self.selected.options)

    @property
    def _server(self) -> Server:
        return self._known.server

    def plan(self, options: planner.Options | None = None) -> Plan:
        """What an apply would do. Nothing is written. Raises Failed, RequestFailed."""
        safety = Safety(self.config.safety.max_delete_percent)
        plan, problems = self.draft(options or planner.Options(safety=safety))
        stop_on_errors(problems)
        return plan

    def draft(self, options: planner.Options) -> tuple[Plan, list[Diagnostic]]:
        """The plan with what stands against it, of which nothing is raised."""
        with self._place(writable=False) as place:
            if not options.destroy and self.inputs.large:
                place.begin()
            _, plan, found = self._planned({} if options.destroy else self.desired, options, place)
            plan = replace(plan, server=place.client.server)
            if not plan.steps:
                return plan, found
            no_lock, held = place.prospect(self.lock_wire) if self.lock else ("--no-lock", [])
        return replace(plan, no_lock=no_lock), [*found, *held]

    def server(self) -> tuple[Server, str]:
        """What the target's server is, and where. Raises Failed, RequestFailed."""
        with self._place(writable=False) as place:
            place.observe({})  # shows whether it can be read at all
            place.ask()
            return self._known.server, place.client.server

    def look(self, options: planner.Options) -> tuple[Mapping[Address, Pair], Plan]:
        """Each address with what is declared and what is there, and the plan; findings are left out. Raises Failed."""
        with self._place(writable=False) as place:
            lives, plan, _ = self._planned(self.desired, options, place)
        return match(self.desired, lives, self.stack.kinds)[0], plan

    def drift(self, ignore: Sequence[str] = ()) -> Drifts:
        """What differs on the server from what was last applied, but for what the globs `ignore` name.

        Manifests that have errors, or none, play no part. Raises Failed, RequestFailed.
        """
        from reconciler.core import drift  # noqa: PLC0415 - not for plan and apply

        with self._place(writable=False) as place:
            drifts, problems = drift.find(self.stack, place.observe({}), self._declared(), ignore)
            stop_on_errors(problems)
            return replace(drifts, server=place.client.server)

    def observe(self, sought: Mapping[str, Sequence[Sought]]) -> list[Live]:
        """What the server holds of the stack, and of what is sought. Raises RequestFailed."""
        with self._place(writable=False) as place:
            return place.observe(sought)

    def survey(self, importer: Importer) -> Imported:
        """What is on the server and no stack owns, as entries of manifests. Raises RequestFailed."""
        with self._place(writable=False) as place:
            return importer.imported(place.survey(importer.names, importer.filters, importer.keep))

    def recheck(self, plan: Plan) -> None:
        """See that a plan is for this stack and that all that it was computed from still stands. Raises Failed."""
        stop_on_errors(planner.foreign(plan, self.stack) or changed_secrets(plan, self.selected.scope))
        with self._place(writable=False, plan=plan) as place:
            place.recheck(plan)

    def apply(self, plan: Plan, listener: Listener | None = None) -> list[Outcome]:
        """Send exactly the requests of `plan`, if all that it was computed from still stands, and read back what came.

        Raises:
            Failed: the plan is stale or another stack's, or somebody else holds the lock; nothing was sent.
            Interrupted: Ctrl-C; it has the outcomes.
            Unproven: all was sent, and then the server could not be read; it has the outcomes.
        """
        stop_on_errors(planner.foreign(plan, self.stack) or changed_secrets(plan, self.selected.scope))
        if not plan.steps:
            return []
        listener = listener or Listener()
        outcomes: list[Outcome] | None = None
        try:
            with self._place(writable=True, plan=plan) as place, place.locked(self._lock, self.lock_timeout, listener):
                place.recheck(plan)
                outcomes = place.apply(plan, listener)
        except KeyboardInterrupt:  # while the lock was released
            if outcomes is None:
                raise
            raise Interrupted(outcomes) from None
        return outcomes

    def unlock(self, agree: Callable[[Held], None], token: str = "") -> Unlocked:
        """Release the stack's lock in the place of its holder; `agree` is shown who that is, and may raise.

        Raises:
            Failed: another one holds the lock than the one with `token`, or than the one that was agreed on.
            RequestFailed: trouble with the server.
        """
        if (wire := self.lock_wire) is None:
            return Unlocked(None, 0)
        with self._client(writable=True) as client:
            return unlock(wire, self.stack.name, client.send, agree, token=token)

    @property
    def _workers(self) -> int:
        return self.parallel or self.selected.parallel or self.backend.parallel

    def _planned(
        self, desired: Mapping[Address, Desired], options: planner.Options, place: Place
    ) -> tuple[list[Live], Plan, list[Diagnostic]]:
        """What is there and the plan; where there is something to do, for the server as it turns out to be."""
        intents = Intents(place.stack.name)
        lives = self._looked(desired, place, intents.ahead(desired.values()))
        plan, found = planner.make(place.stack, desired, lives, options, intents)
        if plan.steps and place.ask():
            lives = self._looked(desired, place)
            plan, found = planner.make(place.stack, desired, lives, options, intents)
        if planner.changes_access(plan, self.stack) and self._known.ask_for_caller(place.client.read):
            plan, found = planner.make(self.stack, desired, lives, options, intents)
        return lives, plan, found

    def _looked(
        self, desired: Mapping[Address, Desired], place: Place, idle: Iterator[None] = NOTHING_ELSE
    ) -> list[Live]:
        """Raises Failed where the server, now that it is known, cannot hold what is declared."""
        lives = place.observe(planner.sought(desired), idle)
        if self._known.met:
            stop_on_errors(self._unfit(desired))
        return lives

    def _meet(self, send: Send) -> Stack | None:
        """The stack as its server turns out to be, where that is not yet known and not as usual."""
        return self.stack if self._known.ask(send) else None

    def _declared(self) -> Mapping[Address, Desired] | None:
        """What the manifests declare; None where there are none, or where they have errors."""
        try:
            return self.desired if self.inputs.files.manifests else None
        except Failed:
            return None

    @contextmanager
    def _place(self, *, writable: bool, plan: Plan | None = None) -> Iterator[Place]:
        """The stack on its server, which has to be the one of `plan`. Raises Failed."""
        with self._client(writable=writable) as client:
            stop_on_errors(planner.elsewhere(plan, client.server) if plan else ())
            scope, meet = self.selected.scope, self._meet
            yield Place(self.stack, client, scope.secret, meet, self._workers, patience=self.timeout)

    @property
    def _lock(self) -> LockWire | None:
        return self.lock_wire if self.lock else None

    def _see_to_needs(self, client: Client) -> None:
        """Raises Failed where the server would pass over an option of the target in silence."""
        if no := self._known.unmet(client.read):
            written = self.config.targets[self.selected.name]
            at = written.value_at(no.path) if written.file else None
            raise Failed([error(no.code, f"the target's {dotted(no.path)} {no.why}", at, no.hint)])

    @contextmanager
    def _client(self, *, writable: bool) -> Iterator[Client]:
        from reconciler.runtime.connect import connected  # noqa: PLC0415 - httpx, which validate does not need
        from reconciler.runtime.journal import opened  # noqa: PLC0415

        with (
            opened(self.journal, bodies=self.journal_bodies) as journal,
            connected(
                self.backend,
                self.selected.options,
                self.environ,
                version=__version__,
                writable=writable,
                workers=self._workers,
                timeout=self.timeout,
                journal=journal,
                tell=lambda error, left: self.tell(f"{error.brief}; trying again, for {left:.0f} s at most"),
            ) as client,
        ):
            try:
                self._see_to_needs(client)
                yield client
            finally:
                self.requests["reads"] += client.counts.reads
                self.requests["writes"] += client.counts.writes
