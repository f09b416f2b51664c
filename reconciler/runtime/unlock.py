"""Releases a stack's lock in the place of its holder, and deletes what is left of old ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from reconciler.core.diagnostics import Failed
from reconciler.core.lock import Held, LockWire
from reconciler.runtime.errors import RequestFailed
from reconciler.runtime.lock import Clock, Send, drive, ourselves
from reconciler.runtime.locking import Locking, locked


@dataclass(frozen=True, slots=True)
class Unlocked:
    """What `unlock` has done: whose lock it has released, if there was one; how many old ones it has deleted."""

    held: Held | None
    swept: int


def unlock(
    wire: LockWire,
    stack: str,
    send: Send,
    agree: Callable[[Held], None],
    *,
    token: str = "",
    clock: Clock | None = None,
) -> Unlocked:
    """Releases the lock of `stack`, once `agree` has not raised anything on seeing its holder.

    Raises:
        Failed: `lock-held`: another one holds it than the one with `token`, or than the one that was agreed on.
        RequestFailed: trouble with the server.
    """
    now = (clock or Clock()).now
    locking = Locking(wire, stack, lambda: ourselves(now()), now)
    found = drive(wire.read(stack), send)
    if found and token and found.token != token:
        raise Failed([locked(stack, found)])
    if found:
        agree(found)
        drive(locking.unlock(found), send)
    swept = 0
    with suppress(RequestFailed, KeyboardInterrupt):  # the lock is released, which is what was wanted
        swept = drive(locking.sweep(), send)
    return Unlocked(found, swept)
