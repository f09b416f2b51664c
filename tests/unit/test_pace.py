"""No more requests a second than a server takes; the rest wait their turn."""

import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.wire import Rate
from reconciler.runtime import pace as module
from reconciler.runtime.pace import Bucket, Pace


def test_what_comes_in_one_second_goes_at_once_and_the_rest_one_by_one():
    bucket = Bucket(4)
    waits = [bucket.take(100.0) for _ in range(7)]
    assert waits == pytest.approx([0, 0, 0, 0, 0.25, 0.5, 0.75])
    assert bucket.take(200.0) == 0


def test_one_in_several_seconds():
    bucket = Bucket(0.5)
    assert [bucket.take(10.0) for _ in range(3)] == [0, 2, 4]


@given(st.floats(0.1, 50), st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_in_any_second_there_are_at_most_twice_as_many_and_in_the_long_run_no_more(per_second, gaps):
    """Twice: a full bucket, and what comes in while it is emptied."""
    bucket, now, sent = Bucket(per_second), 1000.0, []
    for gap in gaps:
        now += gap
        sent.append(now + bucket.take(now))
    for first in sent:
        inside = [moment for moment in sent if first <= moment <= first + 1]
        assert len(inside) <= 2 * max(1, per_second) + 1
    assert len(sent) <= per_second * (sent[-1] - sent[0]) + max(1, per_second) + 1


class Clock(threading.Event):
    """Notes for how long somebody waits."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return False


def test_the_first_rate_that_fits_counts(monkeypatch):
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 5.0))
    pace, clock = Pace([Rate(1, ("/runs/search",)), Rate(2)]), Clock()
    for path in ("/api/runs/search", "/api/runs/search", "/api/x", "/api/x", "/api/x"):
        pace.wait(path, clock)
    assert clock.waits == [0, 1, 0, 0, 0.5]


def test_without_rates_nobody_waits():
    clock = Clock()
    Pace().wait("/api/runs/search", clock)
    Pace([Rate(1, ("other",))]).wait("/api/runs/search", clock)
    assert clock.waits == []
