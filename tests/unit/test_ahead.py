"""Requests that are sent before they are asked for."""

import threading

import pytest

from reconciler.core.call import Call
from reconciler.runtime.ahead import Ahead, first
from reconciler.runtime.errors import Rejected
from tests.lives import PREFIX
from tests.world import World

A, B = Call("POST", "/a", {"x": 1}, repeatable=True), Call("POST", "/b", repeatable=True)


def test_what_was_begun_is_sent_once_and_given_once():
    sent = []

    def send(call):
        sent.append(call)
        return {"number": len(sent)}

    ahead = Ahead([A], send)
    assert ahead.send(Call("POST", "/a", {"x": 1}, repeatable=True)) == {"number": 1}
    assert ahead.send(B) == {"number": 2}
    assert ahead.send(A) == {"number": 3}
    assert sent == [A, B, A]


def test_it_is_under_way_while_nobody_asks():
    arrived, go = threading.Event(), threading.Event()

    def send(call):
        arrived.set()
        assert go.wait(10)
        return {}

    ahead = Ahead([A], send)
    assert arrived.wait(10)
    go.set()
    assert ahead.send(A) == {}


def test_whoever_asks_gets_the_error():
    def refuse(_):
        raise Rejected(400, "X", "no")

    with pytest.raises(Rejected):
        Ahead([A], refuse).send(A)


def test_an_observation_begins_with_what_needs_no_parents(tmp_path):
    from tests.fakes.mlflow import FakeMlflow

    world = World(FakeMlflow().transport())
    assert [call.path for call in first(world.stack)] == [f"{PREFIX}/experiments/search"]
