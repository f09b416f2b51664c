"""Runs the flows of the wires: from what is sought on a server to the live resources found there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any, Generic, TypeVar

from reconciler.core.call import Call, Flow, Reply, Unfit
from reconciler.core.kind import Kind
from reconciler.core.resource import Live
from reconciler.core.wire import Query, Sought, Wire
from reconciler.runtime.errors import BadReply
from reconciler.runtime.pool import NOTHING_ELSE, Done, Pool

T = TypeVar("T")
Send = Callable[[Call], Reply]


def read(flow: Flow[T], send: Send, pool: Executor | None = None) -> T:
    """The value that `flow` returns; the calls of one batch run at once where there is a `pool`."""
    if pool is not None:
        return _together([flow], send, pool)[0]
    try:
        calls = next(flow)
        while True:
            calls = feed(flow, [send(call) for call in calls])
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        flow.close()


def feed(flow: Flow[T], replies: Sequence[Reply]) -> Sequence[Call]:
    """What `flow` asks for next, given the replies to what it asked last. Raises BadReply; StopIteration at its end."""
    try:
        return flow.send(replies)
    except Unfit as unfit:
        raise BadReply(unfit.call.method, unfit.call.path, unfit.why) from unfit


def observe(
    wires: Mapping[str, Wire],
    kinds: Mapping[str, Kind],
    sought: Mapping[str, Sequence[Sought]],
    *,
    stack: str,
    send: Send,
    parallel: int = 4,
    idle: Iterator[None] = NOTHING_ELSE,
) -> list[Live]:
    """What the server holds of `stack`, and of what is `sought` by kind; in the order of `wires`.

    Kinds without parents are read first, the others inside the parents found, all kinds of one level at once with at
    most `parallel` requests under way. Where there are no parents, nothing is asked. While the server is waited for,
    `idle` is worked off piece by piece.
    """

    def flow(name: str, parents: tuple[str, ...]) -> Flow[list[Live]]:
        return wires[name].observe(Query(stack, tuple(sought.get(name, ())), parents))

    return _by_level(list(wires), kinds, flow, send, parallel=parallel, idle=idle)


def survey(
    wires: Mapping[str, Wire],
    kinds: Mapping[str, Kind],
    filters: Mapping[str, str],
    keep: Callable[[Live], bool],
    *,
    stack: str,
    send: Send,
    parallel: int = 4,
) -> list[Live]:
    """All that is active of the kinds of `wires`, whoever owns it; of these what to `keep`, and what is in that.

    `filters`: the server's own, by kind.
    """

    def flow(name: str, parents: tuple[str, ...]) -> Flow[list[Live]]:
        asked = wires[name].survey(Query(stack, parents=parents), filters.get(name, ""))
        lives = [] if asked is None else (yield from asked)
        return [live for live in lives if keep(live)]

    return _by_level(list(wires), kinds, flow, send, parallel=parallel)


def _by_level(
    names: Sequence[str],
    kinds: Mapping[str, Kind],
    flow: Callable[[str, tuple[str, ...]], Flow[list[Live]]],
    send: Send,
    *,
    parallel: int,
    idle: Iterator[None] = NOTHING_ELSE,
) -> list[Live]:
    found: dict[str, list[Live]] = {}
    pool = Pool(parallel)
    try:
        while level := [name for name in names if _ready(name, kinds, names, found)]:
            parents = {name: _parents(kinds[name], found) for name in level}
            flows = {name: flow(name, ids) for name, ids in parents.items() if ids or not kinds[name].parents}
            lives = _together(list(flows.values()), send, pool, idle)
            found |= {name: [] for name in level} | dict(zip(flows, lives, strict=True))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [live for name in names for live in found.get(name, ())]


def _ready(name: str, kinds: Mapping[str, Kind], names: Collection[str], found: Mapping[str, list[Live]]) -> bool:
    return name not in found and all(parent in found or parent not in names for parent in kinds[name].parents)


def _parents(kind: Kind, found: Mapping[str, list[Live]]) -> tuple[str, ...]:
    return tuple(sorted({live.id for parent in kind.parents for live in found.get(parent, ())}))


class _Driver(Generic[T]):
    """One flow under way: its batch's replies as they come in, and in the end its value."""

    value: T

    def __init__(self, flow: Flow[T], submit: Callable[[Call], Future[Any]]) -> None:
        self._flow = flow
        self._submit = submit
        self._batch: list[Future[Any]] = []
        self._missing = 0

    def start(self) -> list[Future[Any]]:
        return self._step(lambda: next(self._flow))

    def take(self, future: Future[Any]) -> list[Future[Any]]:
        """Note that `future` is done; the futures of the next batch if it was the last one of this."""
        future.result()
        self._missing -= 1
        if self._missing:
            return []
        replies = [done.result() for done in self._batch]
        return self._step(lambda: feed(self._flow, replies))

    def close(self) -> None:
        self._flow.close()

    def _step(self, advance: Callable[[], Sequence[Call]]) -> list[Future[Any]]:
        try:
            calls = advance()
            while not calls:
                calls = feed(self._flow, [])
        except StopIteration as stop:
            self.value = stop.value
            return []
        self._batch = [self._submit(call) for call in calls]
        self._missing = len(self._batch)
        return self._batch


def _together(flows: Sequence[Flow[T]], send: Send, pool: Executor, idle: Iterator[None] = NOTHING_ELSE) -> list[T]:
    """The values of `flows`, all driven by this thread; the requests run on `pool`. The first error ends them all."""
    done = Done()
    owners: dict[Future[Any], _Driver[T]] = {}
    drivers = [_Driver(flow, lambda call: pool.submit(send, call)) for flow in flows]

    def expect(driver: _Driver[T], futures: list[Future[Any]]) -> None:
        for future in futures:
            owners[future] = driver
            future.add_done_callback(done.put)

    try:
        for driver in drivers:
            expect(driver, driver.start())
        while owners:
            future = done.next(idle)
            driver = owners.pop(future)
            expect(driver, driver.take(future))
    finally:
        for future in owners:
            future.cancel()
        for driver in drivers:
            driver.close()
    return [driver.value for driver in drivers]
