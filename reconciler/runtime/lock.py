"""Holds a stack's lock around a block: takes it, waits for it, renews it in a thread of its own, releases it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.core.call import Call, Reply
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.lock import Held, LockWire

Send = Callable[[Call], Reply]


class Lock:
    """A lock that was taken.

    Attributes:
        held: who holds it until when: ourselves.
        standing: whether it may be relied on at this moment; to be asked before each request that writes.
    """

    held: Held

    @property
    def standing(self) -> bool:
        raise NotImplementedError


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
) -> Iterator[Lock]:
    """Holds the lock of `stack` for as long as the block lasts. `wait`: seconds to wait for another holder.

    `on_wait` is called with the holder when the waiting begins, and again when another one has it. `on_lost` is called
    once, by another thread, when the lock is lost: nothing may be written any more. `on_warning` gets what went wrong
    with releasing it, which does not change what the block has done.

    Raises:
        Failed: `lock-held`, or `no-lock` where the account may not use what the lock is made of.
        RequestFailed: other trouble with the server.
    """
    raise NotImplementedError
    yield
