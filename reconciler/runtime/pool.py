"""A pool of threads that nobody waits for: an interrupted command ends at once, not when the server has answered."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_POLL_SECONDS = 0.5
_EXHAUSTED = object()
NOTHING_ELSE: Iterator[None] = iter(())
"""What to do meanwhile, where nothing is to be done."""

_Task = Callable[[], None]


class Pool(Executor):
    """As ThreadPoolExecutor, but with daemon threads: that one's are joined when the interpreter exits."""

    def __init__(self, threads: int) -> None:
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._closed = False
        self._futures: set[Future[Any]] = set()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(max(1, threads))]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._closed:
            raise RuntimeError("the pool is closed")
        future: Future[T] = Future()
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        self._tasks.put(lambda: _run(future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._closed = True
        if cancel_futures:
            for future in list(self._futures):
                future.cancel()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads if wait else ():
            while thread.is_alive():
                thread.join(_POLL_SECONDS)  # a wait without end cannot be interrupted on Windows

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()


def _run(future: Future[T], fn: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = fn()
    except BaseException as error:  # noqa: BLE001 - it is raised again by whoever asks for the result
        future.set_exception(error)
    else:
        future.set_result(result)


class Done(queue.SimpleQueue[Future[Any]]):
    """Futures in the order in which they end."""

    def next(self, idle: Iterator[None] = NOTHING_ELSE) -> Future[Any]:
        """The next one. Until it ends, `idle` is worked off piece by piece."""
        while self.empty() and next(idle, _EXHAUSTED) is not _EXHAUSTED:
            pass
        while True:
            try:
                return self.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
