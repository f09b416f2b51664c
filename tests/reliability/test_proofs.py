"""The proofs see what they are to see: each of these worlds has one thing wrong with it."""

from __future__ import annotations

import json
import random

import pytest
import yaml

from tests.contract.api import pairs
from tests.faults import Fault
from tests.reliability import mixed
from tests.reliability.cases import Case, each, some
from tests.reliability.seen import MARK, look
from tests.reliability.worlds import check

PARTS = ("tags", "params")


@pytest.fixture
def done(fake):
    """The world after an apply that met no fault."""
    fake.reset()
    fake.apply(code=0)
    return fake


def ours(world, address):
    return look(world.api).ours(address.partition(".")[0], mixed.STACK)[address]


def doubled_run(world):
    one = ours(world, "runs.twin")
    world.api.run(one["experiment"], run_name=one["name"], tags=pairs({MARK + mixed.STACK: mark_of(one)}))


def mark_of(one):
    return one["tags"][MARK + mixed.STACK]


def deleted_double(world):
    one = ours(world, "runs.twin")
    twin = world.api.run(one["experiment"], run_name=one["name"], tags=pairs({MARK + mixed.STACK: mark_of(one)}))
    world.api.post("runs/delete", {"run_id": twin})


def orphan(world):
    one = ours(world, "logged_models.twin")
    world.api.model(one["experiment"], name=one["name"])


def lost_run(world):
    world.api.post("runs/delete", {"run_id": ours(world, "runs.new")["id"]})


def lost_value(world):
    world.api.tag_experiment(ours(world, "experiments.edited")["id"], "team", "risk")


def doubled_point(world):
    body = {"run_id": ours(world, "runs.new")["id"], "key": "loss", "value": 0.7, "timestamp": 1, "step": 0}
    world.api.post("runs/log-metric", body)


def forgotten_value(world):
    one = ours(world, "experiments.edited")
    mark = json.loads(mark_of(one))
    del mark["keys"]["tags/team"]
    world.api.tag_experiment(one["id"], MARK + mixed.STACK, json.dumps(mark))


def touched_run(world):
    runs = look(world.api).kinds["runs"].values()
    theirs = [one["id"] for one in runs if one["tags"].get("owner") == "people" and one["stage"] == "active"]
    world.api.post("runs/update", {"run_id": theirs[0], "status": "KILLED"})


def touched_tag(world):
    one = ours(world, "runs.edited")
    world.api.post("runs/delete-tag", {"run_id": one["id"], "key": "theirs"})


def touched_mark(world):
    one = ours(world, "experiments.edited")
    world.api.post("experiments/delete-experiment-tag", {"experiment_id": one["id"], "key": MARK + "ops"})


def lock_left(world):
    world.api.post("registered-models/create", {"name": "reconciler.ml.lock"})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (doubled_run, "not exactly once there: {'runs.twin': 2}"),
        (deleted_double, "nobody asked for this"),
        (orphan, "nobody asked for this"),
        (lost_run, "nobody asked for this"),
        (lost_value, "missing"),
        (doubled_point, "missing"),
        (forgotten_value, "missing"),
        (touched_run, "foreign values are not what they were"),
        (touched_tag, "foreign values are not what they were"),
        (touched_mark, "foreign values are not what they were"),
        (lock_left, "nobody asked for this"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_world_with_one_thing_wrong_is_found_out(wrong, words, done):
    check(done.start, look(done.api), done.goal)
    wrong(done)
    with pytest.raises(AssertionError, match=words):
        check(done.start, look(done.api), done.goal)


def test_an_apply_that_says_it_is_done_and_is_not_is_found_out(done):
    lost_value(done)
    with pytest.raises(AssertionError, match=r"the apply said it was done, and yet: .*/set-experiment-tag"):
        done.prove(done=True)


def test_what_is_declared_is_what_is_there(done):
    """Read from the manifest without any of the program, and compared value by value."""
    counted = 0
    for kind, entries in yaml.safe_load(mixed.SECOND).items():
        found = look(done.api).ours(kind, mixed.STACK)
        assert found.keys() == {f"{kind}.{key}" for key in entries}
        for key, entry in entries.items():
            one = found[f"{kind}.{key}"]
            assert one["name"] == entry.get("name", key)
            assert one.get("status", "").endswith(entry.get("status", ""))
            wanted = {(part, name, str(value)) for part in PARTS for name, value in entry.get(part, {}).items()}
            assert wanted <= {(part, name, value) for part in PARTS for name, value in one.get(part, {}).items()}
            for name, value in entry.get("metrics", {}).items():
                assert all(point in one["metrics"][name] for point in points(value))
            counted += len(wanted)
    assert counted > 30


def points(value):
    return [[one["step"], one["value"]] for one in value] if isinstance(value, list) else [[0, value]]


def test_the_start_of_each_case_is_the_same(done):
    done.reset()
    assert look(done.api) == done.start


def test_a_case_strikes_what_it_says(fake):
    everywhere = each(Fault.error_503, fake)
    assert [case.number for case in everywhere] == list(range(len(fake.requests)))
    assert len(some(random.Random(1), everywhere, fake)) == 3
    create = next(seen for seen in fake.requests if seen.path == "experiments/create")
    hook = Case(Fault.error_503, create.number, "always").hook()
    struck = [seen.number for seen in (*fake.requests, *fake.requests) if hook(seen)]
    assert struck == [create.number, create.number]
