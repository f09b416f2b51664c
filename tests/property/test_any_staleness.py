"""Whatever a plan was computed from: unchanged it stands, and any one change of it by somebody is refused and named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reconciler.backends.mlflow.api import encoded
from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Action
from reconciler.core.document import dump, load
from reconciler.core.planner import sought_again
from reconciler.core.words import dotted
from tests.fakes.mlflow import FakeMlflow
from tests.lives import KINDS
from tests.property.worlds import EDITS, MANIFESTS, edit
from tests.world import PREFIX, World

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
MINE = "mine"
"""A value that no manifest has."""
IDS = {"experiments": "experiment_id", "runs": "run_id"}


@dataclass(frozen=True)
class Edit:
    """A request of somebody, and how the finding about it begins and ends, after the address."""

    begins: str
    ends: str
    method: str
    route: str
    body: dict[str, Any]


@st.composite
def plans(draw):
    """A world in which a stack was applied and somebody was at work, and the plan to another manifest, as saved."""
    world = World(FakeMlflow().transport())
    outcomes = world.apply(world.plan(draw(MANIFESTS)))
    ids = [[one.id for one in outcomes if one.step.address.kind == kind] for kind in IDS]
    for what, number, text in draw(EDITS):
        edit(world, *ids, what, number, text)
    manifest = draw(MANIFESTS)
    entries = [Address(kind, key) for kind in ("runs", "logged_models") for key in manifest.get(kind, {})]
    anew = frozenset(address for address in entries if draw(st.booleans()))
    deletions = sum(step.action is Action.delete for step in world.draft_of(manifest, replace=anew)[0].steps)
    plan, found = world.draft_of(manifest, replace=anew, safety=world.allowing(deletions))
    assume(not found and plan.basis)
    loaded, problems = load(dump(plan, "0"), "plan.json")
    assert (loaded, problems) == (plan, [])
    return world, loaded


def send(world, method, route, body):
    return world.client.send(Call(method, f"{PREFIX}/{route}", body))


def seen_again(world, plan):
    """The live resources that the plan was computed from, by address."""
    found = {(live.address.kind, live.id): live for live in world.observe(sought_again(plan, str))}
    return {address: found[address.kind, plan.ids[address]] for address in plan.basis}


def tag(live, key, value):
    """The request that sets a tag, or removes it."""
    kind = live.address.kind
    if kind == "logged_models":
        if value is None:
            return "DELETE", f"logged-models/{live.id}/tags/{encoded(key)}", {}
        return "PATCH", f"logged-models/{live.id}/tags", {"tags": [{"key": key, "value": value}]}
    name = "experiment-tag" if kind == "experiments" else "tag"
    body = {IDS[kind]: live.id, "key": key}
    return (
        "POST",
        f"{kind}/{'delete' if value is None else 'set'}-{name}",
        body if value is None else body | {"value": value},
    )


def stage(live):
    """What deletes a resource, or restores it."""
    kind = live.address.kind
    if kind == "logged_models":
        gone = " is not on the server any more, or its mark was taken off"
        return Edit(gone, "", "DELETE", f"logged-models/{live.id}", {})
    verb, was, now = ("restore", "deleted", "active") if live.deleted else ("delete", "active", "deleted")
    begins, ends = f" (id {live.id}) was {was} when the plan was made", f", and is {now} now"
    return Edit(begins, ends, "POST", f"{kind}/{verb}", {IDS[kind]: live.id})


def of_mark(live):
    """What puts a mark there, takes it off, or makes it say something else."""
    key, whole = "reconciler.ml", f" (id {live.id})"
    other = json.dumps({"v": 1, "address": str(live.address), "keys": {"tags/x": "0" * 8}})
    if live.mark is None:
        put = tag(live, key, other)
        return [
            Edit(
                f"{whole} had no mark of this stack when the plan was made",
                "another apply of this stack was at work",
                *put,
            )
        ]
    gone = f"{whole} had this stack's mark when the plan was made, and has none now"
    if not KINDS[live.address.kind].unique:
        gone = " is not on the server any more, or its mark was taken off"
    protected = json.dumps(json.loads(live.mark_tags[key]) | {"prevent_destroy": True})
    said = f"{whole}: prevent_destroy in its mark was false when the plan was made"
    return [
        Edit(gone, "", *tag(live, key, None)),
        Edit(f"{whole}: another apply of this stack was at work", "", *tag(live, key, other)),
        Edit(said, ", and is true now", *tag(live, key, protected)),
    ]


def of_field(live, path):
    """What changes one field; nothing where the server cannot change it."""
    kind = live.address.kind
    begins, ends = f": {dotted(path)} ", f', and is "{MINE}" now'
    match kind, path:
        case "experiments", ("name",):
            return [Edit(begins, ends, "POST", "experiments/update", {"experiment_id": live.id, "new_name": MINE})]
        case "runs", ("name",):
            return [Edit(begins, ends, "POST", "runs/update", {"run_id": live.id, "run_name": MINE})]
        case "runs", ("status",):
            other = {"run_id": live.id, "status": "SCHEDULED"}
            return [Edit(begins, ', and is "SCHEDULED" now', "POST", "runs/update", other)]
        case "runs", ("metrics", metric) if isinstance(live.fields.get(path), float):
            latest = {"run_id": live.id, "key": metric, "value": 123.5, "timestamp": 10**15, "step": 10**9}
            return [Edit(begins, ", and is 123.5 now", "POST", "runs/log-metric", latest)]
        case _, ("tags", _) | ("description",):
            key = path[1] if path[0] == "tags" else "mlflow.note.content"
            off = [Edit(begins, "is not there now", *tag(live, key, None))] if path in live.fields else []
            return [Edit(begins, ends, *tag(live, key, MINE)), *off]
    return []


def edits(plan, address, live):
    """All that somebody can change of what a plan was computed from; what is deleted can only be restored."""
    if live.deleted:
        return [stage(live)]
    applied = {path for path in (live.mark.keys if live.mark else ()) if path[0] != "metrics"}
    paths = sorted(applied | changed(plan, address))
    return [stage(live), *of_mark(live), *(one for path in paths for one in of_field(live, path))]


def changed(plan, address):
    """The fields of a resource that a plan changes."""
    return {change.path for step in plan.steps if step.address == address for change in step.changes}


def points(plan, address, live):
    """New points of the metrics of a run that the plan does not touch; there is no end to them while it is trained."""
    own = changed(plan, address)
    return [
        (
            "POST",
            "runs/log-metric",
            {"run_id": live.id, "key": path[1], "value": 9.5, "timestamp": 10**15, "step": 10**9},
        )
        for path in live.fields
        if path[0] == "metrics" and path not in own
    ]


def tags_of(world, live):
    """The tags that a resource has, also where it was deleted."""
    kind = live.address.kind
    route, query = f"{kind}/get", {IDS.get(kind, ""): live.id}
    if kind == "logged_models":
        route, query = f"logged-models/{live.id}", {"allow_deleted": "true"}
    reply = world.client.send(Call("GET", f"{PREFIX}/{route}", query=query))
    part = {"experiments": ("experiment",), "runs": ("run", "data"), "logged_models": ("model", "info")}[kind]
    for name in part:
        reply = reply[name]
    return {pair["key"]: pair["value"] for pair in reply["tags"]}


@RELAXED
@given(plans(), st.data())
def test_any_one_change_is_refused_and_named(case, data):
    world, plan = case
    assert world.stale(plan) == []
    address, live = data.draw(st.sampled_from(list(seen_again(world, plan).items())))
    one = data.draw(st.sampled_from(edits(plan, address, live)))
    send(world, one.method, one.route, one.body)
    told = [finding.summary for finding in world.stale(plan)]
    assert any(words.startswith(f"{address}{one.begins}") and words.endswith(one.ends) for words in told), told
    assert not any("has changed on the server since" in words for words in told)
    assert len(told) == 1 or not one.begins.startswith(":"), told


@RELAXED
@given(plans(), st.data())
def test_what_is_nobodys_may_change_and_outlives_the_apply(case, data):
    world, plan = case
    active = [(address, live) for address, live in seen_again(world, plan).items() if not live.deleted]
    assume(active)
    address, live = data.draw(st.sampled_from(active))
    send(world, *tag(live, "nobodys", MINE))
    for request in points(plan, address, live):
        send(world, *request)
    assert world.stale(plan) == []
    assert [outcome.detail for outcome in world.apply(plan) if outcome.status != "done"] == []
    assert tags_of(world, live)["nobodys"] == MINE
