"""Releases a stack's lock in the place of its holder, and deletes what is left of old ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from reconciler.core.diagnostics import Diagnostic, Failed, error
from reconciler.core.lock import Held, LockWire, words
from reconciler.runtime.errors import RequestFailed
from reconciler.runtime.lock import Clock, Send, drive, ourselves
from reconciler.runtime.locking import Locking


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
        raise Failed([_another(stack, found, token)])
    if found:
        agree(found)
        drive(locking.unlock(found), send)
    swept = 0
    with suppress(RequestFailed, KeyboardInterrupt):  # the lock is released, which is what was wanted
        swept = drive(locking.sweep(), send)
    return Unlocked(found, swept)


def _another(stack: str, found: Held, token: str) -> Diagnostic:
    summary = f"the lock of the stack '{stack}' is not {token}: it is {words(found)}; nothing was released"
    return error("lock-held", summary, hint=f"if that apply is gone too: reconciler unlock {found.token}".rstrip())
