"""Carries out a plan: its steps in the order of their needs, several at once, and how each ended; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from reconciler.core.address import Address
from reconciler.core.plan import Outcome, Plan, Step
from reconciler.runtime.fill import Missing
from reconciler.runtime.once import Once
from reconciler.runtime.pool import Done, Pool
from reconciler.runtime.runner import Runner, Send
from reconciler.runtime.stop import Stop


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """The user stopped the apply: no new request was started, those under way were finished."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__("interrupted")
        self.outcomes = outcomes


def _no_secret(template: str) -> str:
    raise Missing(f"the sensitive value {template} is not at hand")


def _ignore(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Listener:
    """Who wants to know how an apply goes. All are called by the thread that called `execute`, one at a time."""

    start: Callable[[Step], None] = _ignore
    outcome: Callable[[Outcome], None] = _ignore
    interrupt: Callable[[], None] = _ignore


def execute(
    plan: Plan,
    send: Send,
    *,
    parallel: int = 4,
    resolve_secret: Callable[[str], str] = _no_secret,
    stop: Stop | None = None,
    once: Once | None = None,
    on_start: Callable[[Step], None] = _ignore,
    on_outcome: Callable[[Outcome], None] = _ignore,
    on_interrupt: Callable[[], None] = _ignore,
) -> list[Outcome]:
    """How each step of `plan` ended, in the plan's order.

    A step whose call fails is failed and its later calls are not sent; what needs it is skipped, the rest goes on.
    Once `stop` is set, no request is started. `once` finds out what became of a request that must not be sent twice;
    without it such a request fails where its reply is lost.

    Raises:
        Interrupted: after a first Ctrl-C, once the requests under way have ended. A second one is raised at once.
        graphlib.CycleError: steps need each other; nothing was sent.
    """
    stop = stop or Stop()
    runner = Runner(send, resolve_secret, plan.ids, stop, once)
    apply = _Apply(plan, runner, stop, _Listener(on_start, on_outcome, on_interrupt))
    pool = Pool(parallel)
    try:
        apply.drive(pool, max(1, parallel))
    except KeyboardInterrupt:
        stop.because("interrupted")
        apply.finish(pool)
        raise Interrupted(apply.outcomes()) from None
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=False)
    return apply.outcomes()


class _Apply:
    """The state of one apply. Steps go by their index, since the two steps of a replacement may share an address.

    `_ended` is written by the workers, each at its own index, so that it is right whenever Ctrl-C hits this thread.
    """

    def __init__(self, plan: Plan, runner: Runner, stop: Stop, listener: _Listener) -> None:
        self._steps = plan.steps
        self._runner = runner
        self._stop = stop
        self._listener = listener
        self._needs = _needs(plan)
        self._order = TopologicalSorter(self._needs)
        self._order.prepare()
        self._ready: list[int] = []
        self._ended: dict[int, Outcome] = {}
        self._told: set[int] = set()
        self._blamed: dict[int, frozenset[Address]] = {}

    def drive(self, pool: Pool, parallel: int) -> None:
        """Keep `parallel` steps under way until none is left; of those that are ready, the plan's first goes first."""
        done = Done()
        running: dict[Future[None], int] = {}
        self._more()
        while self._ready or running:
            while self._ready and len(running) < parallel:
                index = heappop(self._ready)
                if self._skip(index):
                    self._end(index)
                    continue
                self._listener.start(self._steps[index])
                future = pool.submit(self._work, index)
                running[future] = index
                future.add_done_callback(done.put)
            if running:
                future = done.next()
                future.result()
                self._end(running.pop(future))

    def finish(self, pool: Pool) -> None:
        """Wait for the requests under way, then tell of all that has not been told yet."""
        self._listener.interrupt()
        pool.shutdown(wait=True)
        for index in range(len(self._steps)):
            if index not in self._told:
                self._tell(index)

    def outcomes(self) -> list[Outcome]:
        return [self._outcome(index) for index in range(len(self._steps))]

    def _work(self, index: int) -> None:
        outcome = self._runner.run(self._steps[index])
        if outcome is not None:
            self._ended[index] = outcome

    def _end(self, index: int) -> None:
        self._tell(index)
        if self._outcome(index).status == "failed":
            self._blamed[index] = frozenset({self._steps[index].address})
        self._order.done(index)
        self._more()

    def _more(self) -> None:
        for index in self._order.get_ready():
            heappush(self._ready, index)

    def _skip(self, index: int) -> bool:
        """Whether something that the step needs has failed; then its outcome names what."""
        blamed = frozenset[Address]().union(*(self._blamed.get(need, ()) for need in self._needs[index]))
        if blamed:
            self._blamed[index] = blamed
            failed = ", ".join(map(str, sorted(blamed)))
            self._ended[index] = Outcome(self._steps[index], "skipped", f"needs {failed}, which failed")
        return bool(blamed)

    def _tell(self, index: int) -> None:
        self._told.add(index)
        self._listener.outcome(self._outcome(index))

    def _outcome(self, index: int) -> Outcome:
        never = Outcome(self._steps[index], "skipped", f"{self._stop.why} before it was started")
        return self._ended.get(index, never)


def _needs(plan: Plan) -> dict[int, list[int]]:
    """For each step the steps that it needs, by index. What has no step in the plan is there already."""
    indexes: dict[Address, list[int]] = {}
    for index, step in enumerate(plan.steps):
        indexes.setdefault(step.address, []).append(index)
    return {
        index: [need for address in step.needs if address != step.address for need in indexes.get(address, ())]
        for index, step in enumerate(plan.steps)
    }
