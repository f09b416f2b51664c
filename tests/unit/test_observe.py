"""Flows: their batches run at once, replies keep their order, and one error or Ctrl-C ends all of them."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.kind import Rule, lineage
from reconciler.core.resource import Live
from reconciler.core.wire import Query, Sought
from reconciler.kinds import experiment, logged_model, run
from reconciler.runtime.observe import observe, read
from reconciler.runtime.pool import Pool

KINDS = {"experiments": experiment.KIND, "runs": run.KIND, "logged_models": logged_model.KIND}


def get(path):
    return Call("GET", f"/{path}")


def echo(call):
    return call.path


def pages():
    """Three batches: one call, two, none; returns all replies."""
    first = yield [get("a")]
    second = yield [get(first[0].strip("/") + "1"), get("a2")]
    third = yield []
    return [*first, *second, *third]


@pytest.fixture
def pool():
    pool = Pool(4)
    yield pool
    pool.shutdown()


class Found:
    """A wire that finds what it is given, and notes what it was asked."""

    def __init__(self, kind, ids, calls=1):
        self.kind, self.ids, self.calls = kind, ids, calls
        self.asked = []
        self.closed = False

    def observe(self, query: Query):
        self.asked.append(query)
        try:
            yield [get(f"{self.kind}/{number}") for number in range(self.calls)]
            return [Live(Address(self.kind, f"n{id_}"), id_, {}) for id_ in self.ids]
        finally:
            self.closed = True


def wires(experiments=("2", "10", "2"), runs=("r",), models=("m",)):
    return {
        "runs": Found("runs", runs),
        "logged_models": Found("logged_models", models),
        "experiments": Found("experiments", experiments),
    }


def test_read_returns_the_flows_value():
    assert read(pages(), echo) == ["/a", "/a1", "/a2"]


def test_read_on_a_pool_returns_the_same(pool):
    assert read(pages(), echo, pool) == ["/a", "/a1", "/a2"]


def test_flow_without_requests(pool):
    def nothing():
        return 7
        yield

    assert read(nothing(), echo) == 7
    assert read(nothing(), echo, pool) == 7


def test_while_the_server_is_waited_for_something_else_is_done():
    done = threading.Event()

    def send(call):
        assert done.wait(10)
        return echo(call)

    def idle():
        yield
        done.set()
        yield

    found = observe(wires(), KINDS, {}, stack="ml", send=send, idle=idle())
    assert [live.id for live in found] == ["r", "m", "2", "10", "2"]


def test_a_reply_does_not_wait_for_what_is_done_meanwhile():
    endless = itertools.repeat(None)
    found = observe(wires(), KINDS, {}, stack="ml", send=echo, idle=endless)
    assert [live.id for live in found] == ["r", "m", "2", "10", "2"]


def test_an_error_of_what_is_done_meanwhile_ends_it():
    def idle():
        raise LookupError("mine")
        yield

    go = threading.Event()
    with pytest.raises(LookupError, match="mine"):
        observe(wires(), KINDS, {}, stack="ml", send=lambda _: go.wait(10), idle=idle())
    go.set()


VERSIONS = replace(logged_model.KIND, name="versions", rules={"model": Rule(reference="logged_models", parent=True)})
DEEP = {**KINDS, "versions": VERSIONS}


def test_of_a_lineage_all_levels_are_read():
    every = {**wires(), "versions": Found("versions", ("v",))}
    some = {name: wire for name, wire in every.items() if name in lineage(["versions"], DEEP)}
    found = observe(some, DEEP, {}, stack="ml", send=echo)
    assert [live.id for live in found] == ["m", "2", "10", "2", "v"]
    assert every["versions"].asked[0].parents == ("m",)
    assert every["runs"].asked == []


def test_batch_runs_at_once_and_replies_keep_their_order(pool):
    together = threading.Barrier(4, timeout=5)

    def send(call):
        together.wait()
        time.sleep(0.01 * (4 - int(call.path[1:])))
        return call.path

    def flow():
        return (yield [get(str(n)) for n in range(4)])

    assert read(flow(), send, pool) == ["/0", "/1", "/2", "/3"]


@pytest.mark.parametrize("pooled", [False, True])
def test_error_ends_the_flow_and_its_later_calls(pool, pooled):
    closed = []

    def flow():
        try:
            yield [get(str(n)) for n in range(200)]
        finally:
            closed.append(True)

    sent = []

    def send(call):
        sent.append(call)
        time.sleep(0.005)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        read(flow(), send, pool if pooled else None)
    assert closed == [True]
    assert len(sent) < 20


def test_flow_may_end_by_itself_with_an_error(pool):
    def flow():
        yield [get("a")]
        raise LookupError("garbage")

    for by in (None, pool):
        with pytest.raises(LookupError):
            read(flow(), echo, by)


def test_children_are_asked_inside_all_parents_found():
    cells = wires()
    sought = {"runs": [Sought(Address("runs", "x"), "x")]}
    lives = observe(cells, KINDS, sought, stack="s", send=echo)
    assert [str(live.address) for live in lives] == [
        "runs.nr", "logged_models.nm", "experiments.n2", "experiments.n10", "experiments.n2",
    ]  # fmt: skip
    assert cells["experiments"].asked == [Query("s")]
    assert cells["runs"].asked == [Query("s", (Sought(Address("runs", "x"), "x"),), ("10", "2"))]
    assert cells["logged_models"].asked == [Query("s", (), ("10", "2"))]


def test_children_are_not_asked_where_there_are_no_parents():
    cells = wires(experiments=())
    assert observe(cells, KINDS, {}, stack="s", send=echo) == []
    assert cells["runs"].asked == cells["logged_models"].asked == []


def test_backend_without_the_parent_kind_is_not_asked_for_children():
    cells = {"runs": Found("runs", ["r"])}
    assert observe(cells, KINDS, {}, stack="s", send=echo) == []
    assert cells["runs"].asked == []


def test_kinds_of_one_level_are_read_at_once():
    both = threading.Barrier(2, timeout=5)

    def send(call):
        if not call.path.startswith("/experiments"):
            both.wait()
        return {}

    assert len(observe(wires(), KINDS, {}, stack="s", send=send, parallel=2)) == 5


def test_no_more_than_parallel_requests_are_under_way():
    cells = wires()
    for cell in cells.values():
        cell.calls = 30
    lock, under_way, most = threading.Lock(), [0], [0]

    def send(call):
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.002)
        with lock:
            under_way[0] -= 1

    observe(cells, KINDS, {}, stack="s", send=send, parallel=3)
    assert most[0] == 3


def test_error_in_one_flow_ends_all_and_leaves_no_thread():
    cells = wires()
    cells["runs"].calls = 500
    before = threading.active_count()

    def send(call):
        if call.path.startswith("/logged"):
            raise OSError("broken")
        time.sleep(0.002)

    with pytest.raises(OSError, match="broken"):
        observe(cells, KINDS, {}, stack="s", send=send, parallel=4)
    assert cells["runs"].closed
    deadline = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_ends_the_process_at_once():
    """Also while requests are under way that would take a minute: ThreadPoolExecutor would wait for them."""
    code = (
        "import sys, time\n"
        "from tests.unit.test_observe import *\n"
        "def send(call):\n"
        "    print('sent', flush=True)\n"
        "    time.sleep(60)\n"
        "observe(wires(), KINDS, {}, stack='s', send=send)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "sent\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=40)  # the requests take 60 s
    assert "KeyboardInterrupt" in err


def test_pool_cancels_what_has_not_begun_and_takes_nothing_more():
    pool = Pool(1)
    begun, go = threading.Event(), threading.Event()
    first = pool.submit(lambda: begun.set() or go.wait(5))
    second = pool.submit(lambda: 1)
    assert begun.wait(5)
    pool.shutdown(wait=False, cancel_futures=True)
    assert second.cancelled()
    go.set()
    assert first.result(5) is True
    with pytest.raises(RuntimeError):
        pool.submit(print)


def test_pool_hands_on_every_kind_of_error():
    pool = Pool(1)
    with pytest.raises(SystemExit):
        pool.submit(sys.exit, 3).result(5)
    assert pool.submit(divmod, 7, 2).result(5) == (3, 1)
    pool.shutdown()
