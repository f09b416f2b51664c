"""Requests sent before they are asked for: whatever is sought, an observation begins with the same ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from reconciler.core.call import Call, Reply
from reconciler.core.stack import Stack
from reconciler.core.wire import Query, Wire
from reconciler.runtime.observe import Send
from reconciler.runtime.pool import Pool


class Ahead:
    """Sends `calls` at once, in threads of its own. `send` gives the reply of each to the first who asks for it."""

    def __init__(self, calls: Sequence[Call], send: Send) -> None:
        self._send = send
        self._lock = threading.Lock()
        pool = Pool(len(calls))
        self._begun: list[tuple[Call, Future[Reply]]] = [(call, pool.submit(send, call)) for call in calls]
        pool.shutdown(wait=False)

    def send(self, call: Call) -> Reply:
        """As the `send` it was made with."""
        begun = self._taken(call)
        return begun.result() if begun else self._send(call)

    def _taken(self, call: Call) -> Future[Reply] | None:
        with self._lock:
            index = next((index for index, (known, _) in enumerate(self._begun) if known == call), None)
            return None if index is None else self._begun.pop(index)[1]


def first(stack: Stack) -> list[Call]:
    """What an observation of the stack begins with."""
    return [call for name, wire in stack.wires.items() if not stack.kinds[name].parents for call in _first(wire, stack)]


def _first(wire: Wire, stack: Stack) -> Iterator[Call]:
    flow = wire.observe(Query(stack.name))
    yield from next(flow, ())
    flow.close()
