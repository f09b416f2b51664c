"""Whatever was applied: there is no drift after it, each edit by somebody is reported once, and the plan agrees."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.backends.mlflow.api import NOTE, encoded
from reconciler.core.call import Call
from reconciler.core.change import Action
from reconciler.core.diagnostics import Failed
from reconciler.core.drift import find
from reconciler.core.scalars import milliseconds
from tests.fakes.mlflow import FakeMlflow
from tests.property.worlds import EDITS, MANIFESTS, edit
from tests.world import PREFIX, World, declare

STATUSES = {"runs": ("KILLED", "FAILED"), "logged_models": ("READY", "PENDING")}
LATER = "2027-01-31T09:00:00Z"


def drift_of(world, manifest=None):
    """Address, field, kind and live value of all drift; with the manifests where there are some."""
    declared = None if manifest is None else declare(manifest)
    drifts, problems = find(world.stack, world.observe({}), declared)
    assert problems == []
    return [(one.address, one.path, one.kind, one.live) for one in drifts.found]


def settle(world, manifest, **options):
    """Sync to `manifest`, deletions and all; whether that could be done."""
    plan, _ = world.draft_of(manifest, **options)
    deletions = sum(step.action is Action.delete for step in plan.steps)
    try:
        world.sync(manifest, safety=world.allowing(deletions), **options)
    except Failed:
        return False
    return True


@settings(deadline=None)
@given(first=MANIFESTS, second=MANIFESTS)
def test_after_an_apply_there_is_no_drift(first, second):
    world = World(FakeMlflow().transport())
    for manifest in (first, second, first):
        if settle(world, manifest):
            assert drift_of(world, manifest) == drift_of(world) == []
    if settle(world, {}, destroy=True):
        assert drift_of(world) == []


def tagged(live, key, value):
    """The request that sets a tag of a live resource, or takes it off where `value` is None."""
    number = live.id
    match live.address.kind, value:
        case "experiments", None:
            return Call("POST", f"{PREFIX}/experiments/delete-experiment-tag", {"experiment_id": number, "key": key})
        case "experiments", _:
            body = {"experiment_id": number, "key": key, "value": value}
            return Call("POST", f"{PREFIX}/experiments/set-experiment-tag", body)
        case "runs", None:
            return Call("POST", f"{PREFIX}/runs/delete-tag", {"run_id": number, "key": key})
        case "runs", _:
            return Call("POST", f"{PREFIX}/runs/set-tag", {"run_id": number, "key": key, "value": value})
        case _, None:
            return Call("DELETE", f"{PREFIX}/logged-models/{number}/tags/{encoded(key)}")
    return Call("PATCH", f"{PREFIX}/logged-models/{number}/tags", {"tags": [{"key": key, "value": value}]})


def updated(live, field, value):
    """The request that changes another field of a live resource."""
    number = live.id
    match live.address.kind, field:
        case "experiments", _:
            return Call("POST", f"{PREFIX}/experiments/update", {"experiment_id": number, "new_name": value})
        case "runs", "end_time":
            return Call("POST", f"{PREFIX}/runs/update", {"run_id": number, field: milliseconds(value) if value else 0})
        case "runs", _:
            name = {"name": "run_name"}.get(field, field)
            return Call("POST", f"{PREFIX}/runs/update", {"run_id": number, name: value})
    body = {"model_id": number, "status": f"LOGGED_MODEL_{value}"}
    return Call("PATCH", f"{PREFIX}/logged-models/{number}", body)


def edits_of(live):
    """What somebody can do to a live resource: the request, and the drift that it makes."""
    kind = live.address.kind
    if kind != "logged_models":
        body = {"experiment_id" if kind == "experiments" else "run_id": live.id}
        yield Call("POST", f"{PREFIX}/{kind}/delete", body), (live.address, (), "deleted", None)
    for path in sorted(live.mark.keys):
        value = live.fields.get(path)
        if path[0] in ("tags", "description"):
            key = NOTE if path[0] == "description" else path[1]
            yield tagged(live, key, f"{value}!"), (live.address, path, "changed", f"{value}!")
            yield tagged(live, key, None), (live.address, path, "missing", None)
        elif path[0] == "status":
            other = next(one for one in STATUSES[kind] if one != value)
            yield updated(live, "status", other), (live.address, path, "changed", other)
        elif path[0] == "end_time":
            yield updated(live, "end_time", LATER), (live.address, path, "changed", LATER)
            yield updated(live, "end_time", None), (live.address, path, "missing", None)
        elif path[0] == "name" and kind != "logged_models":
            yield updated(live, "name", f"{value}!"), (live.address, path, "changed", f"{value}!")


@settings(deadline=None)
@given(manifest=MANIFESTS, data=st.data())
def test_each_single_edit_is_reported_once_and_planned_to_be_taken_back(manifest, data):
    world = World(FakeMlflow().transport())
    world.sync(manifest)
    possible = [one for live in world.observe({}) for one in edits_of(live)]
    assume(possible)
    call, expected = data.draw(st.sampled_from(possible))
    world.client.send(call)
    assert drift_of(world, manifest) == drift_of(world) == [expected]
    (step,) = world.plan(manifest).steps
    assert step.address == expected[0]
    planned = {(change.path, change.reason) for change in step.changes}
    assert planned == ({(expected[1], "drift")} if expected[1] else set())
    world.sync(manifest)
    assert drift_of(world) == []


@settings(deadline=None)
@given(manifest=MANIFESTS, edits=EDITS)
def test_there_is_drift_just_where_there_is_a_plan(manifest, edits):
    """What was edited and then deleted with its experiment is only seen by the plan, which restores the experiment."""
    world = World(FakeMlflow().transport())
    outcomes = world.apply(world.plan(manifest))
    ids = [one.id for one in outcomes if one.step.address.kind == "experiments"]
    runs = [one.id for one in outcomes if one.step.address.kind == "runs"]
    for what, number, text in edits:
        edit(world, ids, runs, what, number, text)
    drifted = {address for address, *_ in drift_of(world, manifest)}
    planned = {step.address for step in world.plan(manifest).steps}
    assert drifted <= planned
    assert bool(drifted) == bool(planned)
