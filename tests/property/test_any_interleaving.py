"""However the steps of several applies are interleaved, whatever is lost or late: never do two rely on the lock."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import lock
from reconciler.core.call import Flow
from reconciler.core.diagnostics import Failed
from reconciler.runtime.errors import RequestFailed
from reconciler.runtime.locking import KEPT
from tests.locks import MINUTE, START, Life, Participant, Room, apply, holder, locks, place

EXPIRED = START - 10 * MINUTE
RENEWING = partial(apply, renewals=1)
ALL = bool(os.environ.get("RECONCILER_TEST_ALL"))
SLOW = pytest.mark.skipif(not ALL, reason="slow")


def key(room: Room, *left: int) -> tuple[object, ...]:
    """Two ways that lead here go on alike."""
    return (
        room.time,
        left,
        tuple(sorted((name, str(held)) for name, held in locks(room.fake).items())),
        tuple((one.done, *one.history) for one in room.people),
    )


def moves(room: Room, faults: int, ticks: int) -> list[tuple[int, str]]:
    """What can happen next: somebody's request has one of its fates, or six minutes pass."""
    fates = ["done", "reply lost", "request lost"] if faults else ["done"]
    found = [
        (number, fate)
        for number, one in enumerate(room.people)
        if not one.done
        for fate in (fates if one.calls else ["done"])
    ]
    return found + ([(-1, "tick")] if ticks and found else [])


def explore(room: Room, faults: int = 0, ticks: int = 0) -> tuple[int, list[Room]]:
    """Go every way there is from `room`; how many situations there are, and those in which the ways end."""
    seen: set[tuple[object, ...]] = set()
    ends: list[Room] = []
    ways = [(room, faults, ticks)]
    while ways:
        before, faults, ticks = ways.pop()
        following = moves(before, faults, ticks)
        if not following:
            ends.append(before)
        for number, fate in following:
            room = before.copy()
            if fate == "tick":
                room.time += 6 * MINUTE
            else:
                room.people[number].answer(fate)
            room.check()
            left = (faults - (fate not in {"done", "tick"}), ticks - (fate == "tick"))
            found = key(room, *left)
            if found not in seen:
                seen.add(found)
                ways.append((room, *left))
    return len(seen), ends


def room_of(lives: Sequence[Life], *, expired: bool) -> Room:
    room = Room()
    if expired:
        place(room.fake, holder("old", EXPIRED))
    for number, life in enumerate(lives):
        room.enter("abc"[number], life)
    return room


@pytest.mark.parametrize("expired", [False, True], ids=["free", "expired"])
@pytest.mark.parametrize("count", [2, pytest.param(3, marks=SLOW)])
def test_every_interleaving(count, expired):
    """Nothing goes wrong: somebody gets the lock, and in the end it is free."""
    situations, ends = explore(room_of([apply] * count, expired=expired))
    assert situations > 20
    for room in ends:
        assert {held.who for held in locks(room.fake).values()} == ({"old"} if expired else set())
        assert lock.name("ml") not in locks(room.fake)
        assert any(one.worked for one in room.people)


@pytest.mark.parametrize("expired", [False, pytest.param(True, marks=SLOW)], ids=["free", "expired"])
@pytest.mark.parametrize("lives", [[apply, apply], [RENEWING, apply]], ids=["short", "renewing"])
def test_every_interleaving_with_a_request_or_a_reply_lost_anywhere(lives, expired):
    """Who is left alone with it finds out what became of its request: in the end the lock is free."""
    situations, ends = explore(room_of(lives, expired=expired), faults=2 if ALL and not expired else 1)
    assert situations > 100
    for room in ends:
        assert lock.name("ml") not in locks(room.fake)


@pytest.mark.parametrize(
    ("lives", "ticks"),
    [([apply, apply], 1), ([RENEWING, apply], 1), pytest.param([RENEWING, apply], 2, marks=SLOW)],
    ids=["short", "renewing", "twice"],
)
def test_every_interleaving_with_time_running_out_anywhere(lives, ticks):
    """Whoever is held up so long that others take the lock over does not rely on it any more."""
    situations, ends = explore(room_of(lives, expired=False), ticks=ticks)
    assert situations > 100
    assert any(room.fake.requests or len(locks(room.fake)) > 1 for room in ends)


def apply_for_ever(me: Participant) -> Flow[None]:
    while True:
        try:
            yield from apply(me, renewals=1)
        except (Failed, RequestFailed):
            me.held = None
            with suppress(RequestFailed):
                yield from me.locking.give_back()
        yield []


STEPS = 400
SKEW = 30_000
"""Milliseconds by which a clock may be wrong."""
EVENTS = {"done": 80, "reply lost": 2, "request lost": 2, "late": 4, "arrive": 4, "tick": 6, "crash": 2}
SECONDS = (1, 29, 31, 61, 241, 271, 301, 331, 391)


@given(st.integers(0, 2**32))
def test_any_schedule(seed):
    """Clocks that differ by a minute, requests that are lost or arrive at any time later, applies that are killed."""
    chance = random.Random(seed)
    room = Room()
    for who in "abc":
        room.enter(who, apply_for_ever, chance.choice((-SKEW, 0, SKEW)))
    for event in chance.choices(list(EVENTS), list(EVENTS.values()), k=STEPS):
        number = chance.randrange(3)
        if event == "tick":
            room.time += chance.choice(SECONDS) * 1000
        elif event == "arrive":
            room.arrive(number)
        elif event == "crash":
            room.restart(number)
        else:
            room.people[number].answer(event)
        room.check()
        if room.time - START > KEPT - 10 * MINUTE:
            break  # a request that arrives after more than an hour is not one that may be late
