"""Whatever is declared and whatever is there: plan after apply is empty, and nobody else's is touched."""

import re

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.diagnostics import Failed
from reconciler.core.document import dump, load
from reconciler.core.guard import Safety
from tests.fakes.mlflow import FakeMlflow
from tests.property.worlds import EDITS, MANIFESTS, edit
from tests.world import World

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIXED = {"fixed-field", "kept-in-deleted", "cycle", "name-taken", "safety-threshold"}
"""What may stand against a change from one random manifest to another."""


def changed(world, manifest):
    """Sync to `manifest`, with each run and logged model made anew that cannot be changed."""
    try:
        return world.sync(manifest)
    except Failed as failed:
        assert {one.code for one in failed.diagnostics} <= FIXED
    replaced = {Address(kind, key) for kind in ("runs", "logged_models") for key in manifest.get(kind, {})}
    _, found = world.draft_of(manifest)
    assume({one.code for one in found} <= {"fixed-field", "safety-threshold"})
    _, found = world.draft_of(manifest, replace=frozenset(replaced))
    asked = [re.search(r"--allow-delete (\d+)", one.hint) for one in found if one.code == "safety-threshold"]
    safety = world.allowing(int(asked[0][1])) if asked else Safety()
    return world.sync(manifest, replace=frozenset(replaced), safety=safety)


@RELAXED
@given(first=MANIFESTS, second=MANIFESTS)
def test_a_plan_after_an_apply_is_empty(first, second):
    fake = FakeMlflow()
    world = World(fake.transport())
    for manifest in (first, second, first):
        changed(world, manifest)
        assert world.plan(manifest).steps == ()


@RELAXED
@given(manifest=MANIFESTS, edits=EDITS)
def test_what_others_change_is_found_and_taken_back(manifest, edits):
    fake = FakeMlflow()
    world = World(fake.transport())
    outcomes = world.apply(world.plan(manifest))
    ids = [one.id for one in outcomes if one.step.address.kind == "experiments"]
    runs = [one.id for one in outcomes if one.step.address.kind == "runs"]
    for what, number, text in edits:
        edit(world, ids, runs, what, number, text)
    world.sync(manifest)
    assert world.plan(manifest).steps == ()


@RELAXED
@given(first=MANIFESTS, second=MANIFESTS)
def test_a_plan_survives_being_saved(first, second):
    world = World(FakeMlflow().transport())
    world.sync(first)
    plan, _ = world.draft_of(second)
    text = dump(plan, "0")
    loaded, problems = load(text, "plan.json")
    assert problems == []
    assert loaded == plan
    assert dump(loaded, "0") == text


@RELAXED
@given(first=MANIFESTS, second=MANIFESTS, data=st.data())
def test_a_saved_plan_is_not_stale_while_nothing_changes(first, second, data):
    world = World(FakeMlflow().transport())
    world.sync(first)
    plan, found = world.draft_of(second)
    assume(not found)
    assert world.stale(load(dump(plan, "0"), "plan.json")[0]) == []


@RELAXED
@given(first=MANIFESTS, second=MANIFESTS)
def test_a_foreign_resource_or_key_is_in_no_call(first, second):
    fake = FakeMlflow()
    world = World(fake.transport())
    foreign = world.post("experiments/create", name="foreign", tags=[{"key": "theirs", "value": "1"}])["experiment_id"]
    run = world.post("runs/create", experiment_id=foreign, run_name="theirs")["run"]["info"]["run_id"]
    world.sync(first)
    for live in world.observe({}):
        if live.address.kind == "experiments":
            world.try_post("experiments/set-experiment-tag", {"experiment_id": live.id, "key": "theirs", "value": "2"})
    before = len(fake.requests)
    changed(world, second)
    for request in fake.requests[before:]:
        if request.path.endswith("/search"):
            continue
        assert "theirs" not in str(request.body)
        assert request.path != "experiments/delete" or request.body["experiment_id"] != foreign
        assert f"'{run}'" not in str(request.body)
        assert f"'experiment_id': '{foreign}'" not in str(request.body)
