"""Fewer requests at once where the server asks for it, and step by step more again: counted by the server."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.call import Call
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import RequestFailed
from reconciler.runtime.http import Client
from reconciler.runtime.retry import Retry
from reconciler.runtime.throttle import Gate
from tests.fakes.mlflow import FakeMlflow, Fault

READ = Call("GET", "/api/2.0/mlflow/experiments/get", query={"experiment_id": "0"}, repeatable=True)
NEVER = threading.Event()
LONG = 30
"""Seconds after which a test is broken."""


def through(gate, *, overloaded=False, success=True):
    with gate.passage(NEVER) as passage:
        passage.overloaded, passage.success = overloaded, success


def test_it_is_halved_at_each_sign_of_overload_and_never_closed():
    gate = Gate(9)
    widths = []
    for _ in range(6):
        through(gate, overloaded=True)
        widths.append(gate.width)
    assert widths == [4, 2, 1, 1, 1, 1]


def test_those_that_went_in_together_count_once():
    gate = Gate(8)
    passages = [gate.passage(NEVER) for _ in range(8)]
    inside = [passage.__enter__() for passage in passages]
    for one in inside:
        one.overloaded = True
    for passage in passages:
        passage.__exit__(None, None, None)
    assert (gate.width, gate.inside) == (4, 0)


def test_it_widens_by_one_for_each_round_of_successes_up_to_what_it_was():
    gate = Gate(4)
    through(gate, overloaded=True)
    through(gate, overloaded=True)
    widths = []
    for _ in range(12):
        through(gate)
        widths.append(gate.width)
    assert widths == [2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4]


def test_a_failure_that_is_no_overload_changes_nothing():
    gate = Gate(4)
    through(gate, overloaded=True)
    for _ in range(9):
        through(gate, success=False)
    assert gate.width == 2


def test_it_is_left_also_by_who_fails():
    gate = Gate(1)
    with pytest.raises(ZeroDivisionError), gate.passage(NEVER):
        raise ZeroDivisionError
    assert gate.inside == 0


def test_there_is_always_room_for_one():
    assert Gate(0).width == 1


@given(st.integers(1, 20), st.lists(st.sampled_from(["overloaded", "success", "failure"]), max_size=200))
def test_its_width_stays_between_one_and_what_it_was(most, endings):
    gate = Gate(most)
    for ending in endings:
        before = gate.width
        through(gate, overloaded=ending == "overloaded", success=ending == "success")
        assert 1 <= gate.width <= most
        assert gate.width == max(1, before // 2) if ending == "overloaded" else gate.width - before in (0, 1)
        assert gate.inside == 0


def test_once_stopped_who_would_have_to_wait_is_turned_away_and_who_would_not_is_let_in():
    stop = threading.Event()
    stop.set()
    gate = Gate(1)
    with gate.passage(stop) as first:
        assert first is not None
        with gate.passage(stop) as second:
            assert second is None
        assert gate.inside == 1
    assert gate.inside == 0


def test_the_word_to_stop_reaches_who_waits():
    stop = threading.Event()
    gate = Gate(1)
    found = []

    def wait():
        with gate.passage(stop) as passage:
            found.append(passage)

    with gate.passage(stop):
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        stop.set()
        thread.join(LONG)
    assert found == [None]


# with a server


class Turnstile(threading.Condition):
    """What a gate waits on; knows how many wait."""

    def __init__(self):
        super().__init__()
        self.waiting = 0

    def wait(self, timeout=None):
        self.waiting += 1
        try:
            return super().wait(timeout)
        finally:
            self.waiting -= 1


class Crowd:
    """Threads that send through one client; the server holds what reaches it until nobody else can come."""

    def __init__(self, threads, retry=None):
        self.fake = FakeMlflow()
        self.fake.fault = self._fault
        self.answers = []
        self.threads = threads
        self.ended = 0
        self.lock = threading.Lock()
        retry = retry or Retry(total=LONG)
        connection = Connection("http://h", transport=self.fake.transport())
        self.client = Client(connection, version="1", connections=threads, retry=retry)
        self.gate = self.client._line.gate
        self.gate._room = Turnstile()

    def _fault(self, *_):
        """Hold each request until every thread is here, or waits for its turn, or has nothing left to send."""
        deadline = time.monotonic() + LONG
        while self.fake.under_way + self.gate._room.waiting + self.ended < self.threads:
            assert time.monotonic() < deadline, "a thread got lost"
            time.sleep(0.001)
        with self.lock:
            return self.answers.pop(0) if self.answers else None

    def send(self, requests):
        """Send so many requests from all threads; how many were under way at once."""
        self.fake.busiest = self.ended = 0
        left = threading.Semaphore(requests)

        def work():
            while left.acquire(blocking=False):
                with suppress(RequestFailed):
                    self.client.send(READ)
            with self.lock:
                self.ended += 1

        with ThreadPoolExecutor(self.threads) as pool:
            for done in [pool.submit(work) for _ in range(self.threads)]:
                done.result(LONG)
        return self.fake.busiest


@pytest.fixture
def no_pause(monkeypatch):
    monkeypatch.setattr("reconciler.runtime.retry._backoff", lambda _: 0.0)


@pytest.mark.parametrize("status", [429, 503])
def test_after_a_sign_of_overload_half_as_many_are_under_way(status, no_pause):
    crowd = Crowd(8)
    assert crowd.send(16) == 8
    crowd.answers = [Fault(status)]
    crowd.send(1)
    crowd.gate._successes = -1000  # it stays narrow for as long as we count
    assert crowd.send(40) == 4


def test_it_recovers_to_what_it_was(no_pause):
    crowd = Crowd(8)
    crowd.answers = [Fault(429)]
    crowd.send(4 + 5 + 6 + 1)
    assert crowd.gate.width == 7
    crowd.send(7)
    assert crowd.send(40) == 8


@pytest.mark.parametrize("status", [400, 404, 500, 502])
def test_another_failure_does_not_narrow_it(status):
    crowd = Crowd(4, Retry(total=1e-6))
    crowd.answers = [Fault(status, {"error_code": "X", "message": ""})] * 4
    crowd.send(4)
    assert crowd.send(20) == 4


@given(st.integers(1, 6), st.lists(st.sampled_from([200, 429, 503, 500]), max_size=12))
@settings(max_examples=30, deadline=None)
def test_no_more_are_under_way_than_the_gate_lets_through(threads, statuses):
    crowd = Crowd(threads, Retry(total=1e-6))
    for status in statuses:
        crowd.answers = [Fault(status, {"error_code": "X", "message": ""})] if status != 200 else []
        crowd.send(1)
        width, crowd.gate._successes = crowd.gate.width, -1000
        assert crowd.send(2 * threads) == width
        crowd.gate._successes = 0


def test_who_waits_out_a_pause_does_not_stand_in_the_way():
    """One request is asked to wait for long, with room for one: others pass meanwhile."""
    fake = FakeMlflow()
    once = iter([Fault(429, retry_after="25")])
    fake.fault = lambda *_: next(once, None)
    connection = Connection("http://h", transport=fake.transport())
    waiting = threading.Event()
    with Client(connection, version="1", connections=1) as client, ThreadPoolExecutor(1) as pool:
        wait = client.stop.wait
        client.stop.wait = lambda seconds: waiting.set() or wait(seconds)
        slow = pool.submit(client.send, READ)
        assert waiting.wait(LONG)
        for _ in range(3):
            client.send(READ)
        assert not slow.done()
        client.stop.set()
        with pytest.raises(RequestFailed, match="429"):
            slow.result(LONG)
    assert len(fake.requests) == 4
