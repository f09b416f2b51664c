"""Many applies at once, in threads of their own, on a server with a port: never do two hold the lock."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from reconciler.core.lock import Held
from reconciler.runtime.connection import Connection
from reconciler.runtime.http import Client
from reconciler.runtime.lock import Clock, hold
from reconciler.runtime.locking import LENGTH
from tests.fakes.mlflow import FakeMlflow, Fault
from tests.locks import MINUTE, WIRE, holder, locks, place

TAKERS = 12
ROUNDS = 40 if os.environ.get("RECONCILER_TEST_ALL") else 5
EAGER = Clock(wait=lambda event, seconds: event.wait(seconds / 100))
"""Those who wait come back a hundred times as often."""


class Inside:
    """Counts who is inside of the block; two at once are seen by whoever comes second."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.passed = 0

    def visit(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(50):
            time.sleep(0)
        self.passed += 1
        self.now -= 1


@pytest.fixture
def fake() -> FakeMlflow:
    return FakeMlflow()


@pytest.fixture
def clients(fake) -> Iterator[list[Client]]:
    with fake.serve() as url, ExitStack() as stack:
        yield [stack.enter_context(Client(Connection(url), version="0", writable=True)) for _ in range(TAKERS)]


def compete(clients: list[Client], inside: Inside) -> list[Held]:
    """All take the lock at once, each waits for the others; who held it, in order."""
    start = threading.Barrier(len(clients))
    held: list[Held] = []

    def take(client: Client) -> None:
        start.wait()
        with hold(WIRE, "ml", client.send, wait=60, clock=EAGER) as found:
            held.append(found.held)
            inside.visit()
            assert found.standing

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(take, clients))
    return held


def test_twelve_who_wait_hold_it_one_after_the_other(fake, clients):
    inside = Inside()
    for _ in range(ROUNDS):
        held = compete(clients, inside)
        assert len({one.token for one in held}) == TAKERS
        assert locks(fake) == {}
    assert (inside.most, inside.passed) == (1, ROUNDS * TAKERS)


def test_of_twelve_who_take_an_expired_lock_over_one_does(fake, clients):
    inside = Inside()
    for number in range(ROUNDS):
        old = holder("old", Clock().now() - LENGTH - 2 * MINUTE, number)
        place(fake, old)
        compete(clients, inside)
        assert list(locks(fake).values()) == [old]
        fake.clear()
    assert (inside.most, inside.passed) == (1, ROUNDS * TAKERS)


def test_twelve_on_a_network_that_loses_replies(fake, clients):
    """Of what may be sent only once, every seventh reply is lost after the work was done."""
    inside = Inside()
    fake.fault = lambda number, method, path: Fault.lost() if method == "POST" and number % 7 == 0 else None
    for _ in range(ROUNDS):
        compete(clients, inside)
        assert [held.who for name, held in locks(fake).items() if name == "reconciler.ml.lock"] == []
    assert (inside.most, inside.passed) == (1, ROUNDS * TAKERS)
