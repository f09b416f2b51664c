"""Whatever was cut short, and wherever: planning again goes on from there, and nobody is stuck."""

import pytest

from reconciler.core.address import Address
from reconciler.core.diagnostics import Failed
from reconciler.core.guard import Safety
from reconciler.core.select import Selection
from tests.fakes.mlflow import FakeMlflow, Fault
from tests.world import World

RUN = Address("runs", "r")
REFUSED = Fault(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no"})


@pytest.fixture
def fake():
    return FakeMlflow()


@pytest.fixture
def world(fake):
    return World(fake.transport())


def stack(**run):
    return {"experiments": {"e": None}, "runs": {"r": {"experiment": "e", **run}}}


def active(fake_world, kind="runs"):
    return [live for live in fake_world.observe({}) if live.address.kind == kind and not live.deleted]


def test_a_deleted_run_that_was_replaced_does_not_come_back_with_its_experiment(fake, world):
    world.sync(stack(params={"a": "1"}))
    (old,) = active(world)
    world.post("runs/delete", run_id=old.id)
    world.sync(stack(params={"a": "1"}), replace=frozenset({RUN}))
    (new,) = active(world)
    world.post("experiments/delete", experiment_id="1")
    world.sync(stack(params={"a": "1"}))
    assert [live.id for live in active(world)] == [new.id] != [old.id]
    assert world.plan(stack(params={"a": "1"})).steps == ()


def test_a_plan_after_an_interrupted_replacement_is_not_stale(fake, world):
    world.sync(stack(params={"a": "1"}))
    fake.fault = lambda _, __, path: REFUSED if path == "runs/delete" else None
    world.apply(world.plan(stack(params={"a": "2"}), replace=frozenset({RUN})))
    fake.fault = None
    plan = world.plan(stack(params={"a": "2"}))
    assert sorted(str(step.action) for step in plan.steps) == ["create", "delete"]
    assert world.stale(plan) == []
    world.apply(plan)
    assert world.plan(stack(params={"a": "2"})).steps == ()


def test_a_shared_experiment_is_let_go_before_the_next_one_is_taken(fake, world):
    for name in ("x", "y"):
        world.post("experiments/create", name=name)
    first = {"experiments": {"e": {"name": "x", "existing": True, "tags": {"t": "1"}}}}
    second = {"experiments": {"e": {"name": "y", "existing": True, "tags": {"t": "1"}}}}
    world.sync(first)
    fake.fault = lambda _, __, path: REFUSED if path == "experiments/delete-experiment-tag" else None
    assert "skipped" in [one.status for one in world.apply(world.plan(second))]
    fake.fault = None
    world.sync(second)
    assert world.plan(second).steps == ()
    assert [live.fields[("name",)] for live in world.observe({})] == ["y"]


def test_an_owned_experiment_that_becomes_a_shared_one_is_not_marked_twice(world):
    world.post("experiments/create", name="y")
    world.sync({"experiments": {"e": {"name": "x"}}})
    second = {"experiments": {"e": {"name": "y", "existing": True, "tags": {"t": "1"}}}}
    world.sync(second, selection=Selection(no_delete=True))
    world.sync(second, safety=Safety(allow_delete=1))
    assert world.plan(second).steps == ()


def test_one_experiment_is_not_two_entries(world):
    world.sync({"experiments": {"a": {"name": "x"}}})
    with pytest.raises(Failed) as caught:
        world.plan({"experiments": {"a": {"name": "y"}, "e": {"name": "x", "existing": True}}})
    assert [one.code for one in caught.value.diagnostics] == ["name-taken"]


def test_a_name_that_a_shared_entry_leaves_can_be_owned_at_once(world):
    for name in ("x", "y"):
        world.post("experiments/create", name=name)
    world.sync({"experiments": {"e": {"name": "x", "existing": True}}})
    second = {"experiments": {"e": {"name": "y", "existing": True}, "b": {"name": "x"}}}
    world.sync(second)
    assert world.plan(second).steps == ()


def test_a_restoring_whose_reply_was_lost_goes_on(fake, world):
    world.sync(stack())
    world.post("experiments/delete", experiment_id="1")
    lost = iter([Fault.lost()])
    fake.fault = lambda _, __, path: next(lost, None) if path == "experiments/restore" else None
    world.sync(stack(tags={"t": "1"}))
    assert world.plan(stack(tags={"t": "1"})).steps == ()


def test_a_mark_of_several_parts_that_is_taken_off_keeps_its_head_to_the_end(fake, world):
    many = {"tags": {f"tag-{number:03}": "x" for number in range(220)}, "on_remove": "keep"}
    world.sync({"experiments": {"e": many}})
    refused = iter([None, REFUSED])
    fake.fault = lambda _, __, path: next(refused, None) if path == "experiments/delete-experiment-tag" else None
    world.apply(world.plan({}))
    fake.fault = None
    world.sync({})
    other = World(fake.transport(), stack="other")
    other.sync({"experiments": {"mine": {"name": "e"}}})


@pytest.mark.parametrize(
    "selection", [Selection(no_delete=True), Selection(only=("experiments.o",)), Selection(exclude=("experiments.e",))]
)
def test_what_a_selection_leaves_out_forbids_nothing(world, selection):
    world.sync({"experiments": {"e": {"prevent_destroy": True}, "o": None}})
    plan = world.plan({"experiments": {"o": {"tags": {"t": "1"}}}}, selection=selection)
    assert [str(step.address) for step in plan.steps] == ["experiments.o"]


def test_a_left_out_change_of_an_experiment_does_not_hold_up_its_runs(world):
    both = {**stack(), "runs": {"r": {"experiment": "e"}, "d": {"experiment": "e"}}}
    world.sync(both)
    after = {"experiments": {"e": {"tags": {"t": "1"}}}, "runs": {"r": {"experiment": "e", "tags": {"t": "1"}}}}
    plan = world.plan(after, selection=Selection(exclude=("experiments.e",)))
    assert sorted((str(step.address), str(step.action)) for step in plan.steps) == [
        ("runs.d", "delete"),
        ("runs.r", "update"),
    ]


def test_what_is_only_forgotten_is_no_conflict(world):
    world.sync(stack(metrics={"auc": "0.5"}))
    (run,) = active(world)
    world.post("runs/log-metric", run_id=run.id, key="auc", value=0.7, timestamp=99, step=9)
    plan = world.plan(stack(), on_conflict="fail")
    assert [str(step.action) for step in plan.steps] == ["adopt"]


def test_what_is_restored_after_a_destroy_needs_no_permission_to_go_again(world):
    """Restoring an experiment brings back a run that was dropped long before; that it goes again is no new deletion."""
    world.sync(stack())
    world.sync({"experiments": {"e": None}}, safety=Safety(allow_delete=1))
    world.sync({}, destroy=True)
    plan = world.sync({"experiments": {"e": None}})
    assert [(str(step.address), step.reason) for step in plan.steps] == [
        ("experiments.e", "it is deleted on the server; all its runs come back with it"),
        ("runs.r", "deleted before; it comes back with its experiment"),
    ]
    assert world.plan({"experiments": {"e": None}}).steps == ()
