"""The lock of a stack: who holds it until when, as tags and in words; and the requests that a backend has for it.

A lock is one thing on the server, under a fixed name, that only one apply can make. It ends in one of two ways, and in
both it is *retired*: renamed to a name that has its token in it. See `reconciler.runtime.locking` for why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reconciler.core.call import Call, Flow
from reconciler.core.scalars import milliseconds, moment

MARGIN = 30_000
"""Milliseconds: its holder gives a lock up that much before its end, and others take it that much after.

So two clocks may differ by twice as much.
"""
TEXT = 200
"""How many characters of a name go into a tag."""
_TOKEN = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds a lock; all of it as far as its tags can be read.

    Attributes:
        token: unique for each request that tries to take a lock; '' where it cannot be read.
        who: a user.
        where: host and process.
        since, until: milliseconds since 1970; None where they cannot be read. Without an `until` it never ends.
    """

    token: str = ""
    who: str = ""
    where: str = ""
    since: int | None = None
    until: int | None = None

    def expired(self, now: int) -> bool:
        """Whether others may take it."""
        return self.until is not None and now > self.until + MARGIN

    def stands(self, now: int) -> bool:
        """Whether its holder may still rely on it."""
        return self.until is not None and now < self.until - MARGIN


def is_token(text: str) -> bool:
    return bool(_TOKEN.fullmatch(text))


def name(stack: str) -> str:
    """What the lock of `stack` is called on the server."""
    return f"reconciler.{stack}.lock"


def retired_name(stack: str, token: str) -> str:
    """What the lock with `token` is called once it has ended."""
    return f"{name(stack)}.{token or 'unknown'}"


def token_in(stack: str, retired: str) -> str:
    """The token in the name of a retired lock."""
    return retired.removeprefix(f"{name(stack)}.")


def tags(held: Held) -> dict[str, str]:
    """What is written on a lock. Raises ValueError for times that are none."""
    texts = {"lock.token": held.token, "lock.who": _plain(held.who), "lock.where": _plain(held.where)}
    return texts | {"lock.since": moment(held.since)} | until(held)


def until(held: Held, number: int = 0) -> dict[str, str]:
    """The tag that a renewal writes. `number`: how many renewals have been sent whose fate is not known.

    The key has the token in it: a renewal that arrives late, and finds somebody else's lock, does not change its end.
    Nor does it shorten ours, since a key is not written again by anybody whose last writing of it is in doubt, and the
    latest time counts.
    """
    return {_until_key(held.token) + (f".{number}" if number else ""): moment(held.until)}


def read(found: Mapping[str, str]) -> Held:
    """The inverse of `tags`: what cannot be read is left out. Without a token nothing else counts."""
    token = found.get("lock.token", "")
    if not is_token(token):
        return Held()
    ends = [_time(text) for key, text in found.items() if key.startswith(_until_key(token))]
    return Held(
        token=token,
        who=_plain(found.get("lock.who", "")),
        where=_plain(found.get("lock.where", "")),
        since=_time(found.get("lock.since", "")),
        until=max((end for end in ends if end is not None), default=None),
    )


def words(held: Held) -> str:
    """`held by alice on build-7, process 4211, since 2026-11-21 09:14:05 UTC, until 2026-11-21 09:19:05 UTC`."""
    parts = [f"held by {held.who or 'somebody unknown'}" + (f" on {held.where}" if held.where else "")]
    parts += [f"since {clock(held.since)}"] if held.since is not None else []
    parts += [f"until {clock(held.until)}"] if held.until is not None else []
    return ", ".join(parts)


def clock(when: int) -> str:
    """Milliseconds since 1970 as `2026-11-21 09:14:05 UTC`."""
    return moment(when // 1000 * 1000).replace("T", " ").replace("Z", " UTC")


def _until_key(token: str) -> str:
    return f"lock.until.{token}"


def _time(text: str) -> int | None:
    try:
        return milliseconds(moment(text))
    except ValueError:
        return None


def _plain(text: str) -> str:
    """`text` on one line and not too long, as every database and terminal takes it."""
    return "".join(char if char.isprintable() else "?" for char in text[:TEXT])


class LockWire(Protocol):
    """How a backend takes, reads and ends a lock: pure functions, all by the stack's name.

    No call that writes is `repeatable`: whoever takes a lock has to know of each request whether its fate is known.
    """

    def take(self, stack: str, held: Held) -> Call:
        """Makes the lock with the tags of `held`. Atomic: of many at once one wins. A reply of None: it is taken."""

    def read(self, stack: str) -> Flow[Held | None]:
        """Who holds it; None where nobody does."""

    def renew(self, stack: str, held: Held, number: int) -> Call:
        """Writes the new `until` of `held`; `number` as in `until`. A reply of None: the lock is not there."""

    def retire(self, stack: str, token: str) -> Call:
        """Renames the lock to the name for `token`, whoever holds it. Atomic.

        A reply of None: it is not there, or that name is taken: the lock with this token has been retired before.
        """

    def retired(self, stack: str) -> Flow[list[Held]]:
        """Locks that were retired and are still there."""

    def forget(self, stack: str, token: str) -> Call:
        """Deletes the lock that was retired with `token`, where there is one."""
