"""Metrics as series: which histories are read, which points count as there, and which are logged."""

import pytest

from reconciler.core.call import NOW, Call
from reconciler.core.mark import digest
from reconciler.core.scalars import milliseconds
from reconciler.core.wire import Query, Sought
from tests.fakes.mlflow import FakeMlflow
from tests.lives import WIRES, address, drive
from tests.world import PREFIX, World

LOSS = ("metrics", "loss")
TWO = [{"step": 0, "value": 0.7}, {"step": 1, "value": 0.3}]


def item(number="r1", address="runs.r", keys="{}", metrics=()):
    mark = f'{{"v":1,"address":"{address}","keys":{keys}}}'
    info = {"run_id": number, "experiment_id": "7", "run_name": "r", "status": "RUNNING"}
    return {"info": info, "data": {"tags": [{"key": "reconciler.ml", "value": mark}], "metrics": list(metrics)}}


def latest(value=0.3, key="loss", step=1, timestamp=5):
    return {"key": key, "value": value, "step": step, "timestamp": timestamp}


def observed(declared, items, *replies):
    """What is asked after the search, and the loss of each run."""
    sought = tuple(Sought(address(name), "r", fields=fields) for name, fields in declared.items())
    asked, lives = drive(WIRES["runs"].observe(Query("ml", sought, ("7",))), [{"runs": items}], *replies)
    return asked[1:], [live.fields.get(LOSS) for live in lives]


def history(*points):
    return {"metrics": [{"key": "loss", "step": step, "value": value, "timestamp": 9} for step, value in points]}


def test_a_series_that_the_mark_vouches_for_is_not_read():
    keys = f'{{"metrics/loss":"{digest(TWO)}"}}'
    assert observed({"runs.r": {LOSS: TWO}}, [item(keys=keys, metrics=[latest()])]) == ([], [TWO])


def test_a_plain_number_is_never_read():
    """The search has the latest value."""
    assert observed({"runs.r": {LOSS: 0.3}}, [item(metrics=[latest()])]) == ([], [0.3])


def test_a_series_of_which_there_is_no_point_is_not_read():
    assert observed({"runs.r": {LOSS: TWO}}, [item()]) == ([], [None])


def test_all_doubtful_series_are_read_at_once():
    declared = {
        "runs.a": {LOSS: TWO, ("metrics", "auc"): [{"step": 0, "value": 1.0}], ("tags", "t"): "x"},
        "runs.b": {LOSS: TWO},
        "runs.c": {LOSS: 0.3},
    }
    items = [
        item("1", "runs.a", '{"metrics/loss":"00000000"}', [latest(), latest(key="auc")]),
        item("2", "runs.b", metrics=[latest()]),
        item("3", "runs.c", metrics=[latest()]),
        item("4", "runs.undeclared", metrics=[latest()]),
    ]
    replies = [history((0, 0.7), (1, 0.3)), history((0, 1.0)), history((1, 0.3))]
    asked, losses = observed(declared, items, replies)
    assert asked == [
        [
            ("GET", "metrics/get-history", {"run_id": "1", "metric_key": "loss"}),
            ("GET", "metrics/get-history", {"run_id": "1", "metric_key": "auc"}),
            ("GET", "metrics/get-history", {"run_id": "2", "metric_key": "loss"}),
        ]
    ]
    assert losses == [TWO, [TWO[1]], 0.3, 0.3]


@pytest.mark.parametrize(
    ("points", "present"),
    [
        ([(0, 0.7), (1, 0.3)], TWO),
        ([(1, 0.3), (0, 0.7), (2, 0.1)], TWO),  # in any order, more may be there
        ([(1, 0.3)], [TWO[1]]),
        ([(0, 0.3), (1, 0.7)], None),
        ([], None),
    ],
)
def test_what_counts_as_there(points, present):
    _, losses = observed({"runs.r": {LOSS: TWO}}, [item(metrics=[latest()])], [history(*points)])
    assert losses == [present]


def test_an_empty_history_may_have_no_list():
    assert observed({"runs.r": {LOSS: TWO}}, [item(metrics=[latest()])], [{}])[1] == [None]


def test_a_time_counts_where_it_is_declared():
    when = "2026-01-31T09:00:00Z"
    declared = [{"step": 0, "value": "NaN", "timestamp": when}, {"value": "Infinity"}]
    there = {"metrics": [{"value": "NaN", "timestamp": milliseconds(when)}, {"value": 1.7976931348623157e308}]}
    assert observed({"runs.r": {LOSS: declared}}, [item(metrics=[latest()])], [there])[1] == [declared]
    there["metrics"][0]["timestamp"] += 1
    assert observed({"runs.r": {LOSS: declared}}, [item(metrics=[latest()])], [there])[1] == [declared[1:]]


# writing, on the fake


@pytest.fixture
def world():
    return World(FakeMlflow().transport())


def manifest(**metrics):
    return {"experiments": {"fraud": None}, "runs": {"r": {"experiment": "fraud", "metrics": metrics}}}


def points(world, key="loss"):
    (run,) = [live.id for live in world.observe({}) if live.address.kind == "runs"]
    call = Call("GET", f"{PREFIX}/metrics/get-history", query={"run_id": run, "metric_key": key})
    found = world.client.send(call).get("metrics", [])
    return sorted((point["step"], point["value"]) for point in found)


def logged(plan):
    return [entry for step in plan.steps for call in step.calls for entry in call.body.get("metrics", [])]


def test_only_points_that_are_not_there_are_logged(world):
    world.sync(manifest(loss=TWO))
    plan = world.sync(manifest(loss=[*TWO, {"step": 2, "value": 0.1}]))
    assert [(one["step"], one["value"]) for one in logged(plan)] == [(2, 0.1)]
    assert points(world) == [(0, 0.7), (1, 0.3), (2, 0.1)]
    assert world.plan(manifest(loss=[*TWO, {"step": 2, "value": 0.1}])).steps == ()


def test_a_series_with_fewer_points_takes_none_away(world):
    world.sync(manifest(loss=TWO))
    plan = world.sync(manifest(loss=TWO[:1]))
    assert logged(plan) == []
    assert points(world) == [(0, 0.7), (1, 0.3)]


def test_a_number_becomes_the_latest_by_a_later_time_at_the_same_step(world):
    world.sync(manifest(loss=TWO))
    plan = world.sync(manifest(loss="0.2"))
    (entry,) = logged(plan)
    assert (entry["step"], entry["value"]) == (1, 0.2)
    assert isinstance(entry["timestamp"], int)
    assert points(world) == [(0, 0.7), (1, 0.2), (1, 0.3)]
    assert world.plan(manifest(loss="0.2")).steps == ()


def test_a_first_number_stands_at_step_0(world):
    world.sync(manifest())
    plan = world.sync(manifest(auc="0.5"))
    (entry,) = logged(plan)
    assert (entry["step"], entry["value"]) == (0, 0.5)
    assert world.plan(manifest(auc="0.5")).steps == ()


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "-0.0", "1e308", "5e-324"])
def test_odd_numbers_converge(world, value):
    world.sync(manifest(a=value, s=[{"value": value}]))
    assert world.plan(manifest(a=value, s=[{"value": value}])).steps == ()


def test_a_series_after_a_number_of_the_same_value_is_there_already(world):
    world.sync(manifest(loss="0.7"))
    plan = world.sync(manifest(loss=[{"step": 0, "value": "0.7"}]))
    assert logged(plan) == []


def test_points_of_a_run_without_times_have_the_moment_of_the_request(world):
    plan = world.plan(manifest(loss=TWO))
    assert [entry["timestamp"] for entry in logged(plan)] == [NOW, NOW]


def test_points_that_come_with_the_runs_end_have_that_time(world):
    world.sync(manifest())
    ended = manifest(loss=TWO)
    ended["runs"]["r"]["end_time"] = "2999-01-31T09:00:00Z"
    plan = world.sync(ended)
    assert [entry["timestamp"] for entry in logged(plan)] == [milliseconds("2999-01-31T09:00:00Z")] * 2
