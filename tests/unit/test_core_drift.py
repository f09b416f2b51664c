"""What differs on the server from what was last applied: each way that it can differ, and nothing else."""

from dataclasses import replace

import pytest

from reconciler.core import mark as marks
from reconciler.core.change import Secret
from reconciler.core.drift import Drift, Drifts, find
from reconciler.core.sensitive import KEY, Sensitive
from reconciler.core.stack import Stack
from tests.lives import KINDS, WIRES, address, entry, found, held, owned, path

FRAUD = "experiments.fraud"
STACK = Stack("ml", "local", "mlflow", KINDS, WIRES)
HIDDEN = {KEY: ""}


def told(lives, declared=None, stack=STACK, **options):
    """Address, field, kind, live and applied value of all drift."""
    entries = None if declared is None else {one.address: one for one in declared}
    drifts, problems = find(stack, lives, entries, **options)
    assert problems == []
    return [(str(one.address), ".".join(one.path), one.kind, one.live, one.applied) for one in drifts.found]


def condemned(live):
    """`live` with a mark that says that the stack deleted it."""
    mark = replace(live.mark, deleted=True)
    return replace(live, mark=mark, mark_tags=marks.write(mark, "ml"))


def experiment(fields, applied, /, **more):
    return owned(FRAUD, {"name": "fraud", **fields}, {"name": "fraud", **applied}, **more)


def run(id="r", **more):  # noqa: A002 - as in Live
    return owned("runs.r", {"name": "r"}, {"name": "r"}, id=id, parent="1", **more)


def test_nothing_there_is_no_drift():
    drifts, problems = find(STACK, [], None)
    assert (drifts, problems) == (Drifts("ml", "local", "mlflow"), [])
    assert drifts.summary == {"changed": 0, "missing": 0, "deleted": 0, "restored": 0, "ignored": 0}


def test_what_is_as_it_was_applied_is_no_drift():
    lives = [
        held(entry(FRAUD, description="cards", tags={"team": "ml"})),
        held(entry("runs.r", experiment="fraud", params={"depth": "6"}, metrics={"auc": "0.5"}), "r", parent="1"),
        held(entry("logged_models.m", experiment="fraud", status="READY"), "m", parent="1"),
    ]
    drifts, problems = find(STACK, lives, None)
    assert (drifts.found, problems, drifts.resources) == ((), [], 3)


@pytest.mark.parametrize(
    ("field", "value"), [("tags.team", "ops"), ("tags.team", ""), ("name", "theirs"), ("description", "x")]
)
def test_another_value_is_changed(field, value):
    live = experiment({"tags.team": "ml", "description": "d", field: value}, {"tags.team": "ml", "description": "d"})
    assert told([live]) == [(FRAUD, field, "changed", value, None)]


def test_no_value_is_missing():
    assert told([experiment({}, {"tags.team": "ml"})]) == [(FRAUD, "tags.team", "missing", None, None)]


def test_what_the_stack_never_applied_is_nobodys_business():
    assert told([experiment({"tags.theirs": "x", "description": "theirs"}, {})]) == []


@pytest.mark.parametrize("field", ["metrics.auc", "params.depth", "datasets.cards@a1"])
def test_what_is_only_ever_added_to_is_not_compared(field):
    """The search has the latest points only, and parts of datasets that nobody declared."""
    for there in ({}, {field: "other"}):
        assert told([owned("runs.r", {"name": "r", **there}, {"name": "r", field: "applied"}, parent="1")]) == []


def test_a_field_of_a_later_version_is_left_alone():
    assert told([experiment({}, {"colour": "red"})]) == []


def test_a_reference_to_one_of_ours_is_no_drift_also_where_that_one_has_moved():
    """The run was applied when the experiment was `old`; an apply of that alone has moved it."""
    lives = [
        owned(FRAUD, {"name": "f"}, {"name": "f"}, id="5"),
        owned("runs.r", {"experiment": "5"}, {"experiment": "experiments.old"}, id="r", parent="5"),
    ]
    assert told(lives) == []


def test_a_tag_that_reads_like_an_address_is_no_reference():
    assert told([experiment({"tags.team": FRAUD}, {"tags.team": "ml"})]) == [
        (FRAUD, "tags.team", "changed", FRAUD, None)
    ]


def test_a_reference_to_what_is_gone_has_not_drifted():
    """It is fixed: what it names was moved to another address, or removed for good."""
    live = owned("logged_models.m", {"source_run": "gone"}, {"source_run": "runs.r"}, parent="5")
    assert told([live]) == []


def test_a_resource_that_somebody_deleted_is_deleted_and_its_fields_play_no_part():
    live = experiment({"tags.team": "ops"}, {"tags.team": "ml"}, deleted=True)
    assert told([live]) == [(FRAUD, "", "deleted", None, None)]


@pytest.mark.parametrize("flag", ["deleted", "replaced"])
def test_what_the_stack_itself_deleted_is_no_drift(flag):
    live = run(deleted=True)
    assert told([replace(live, mark=replace(live.mark, **{flag: True}))]) == []


def test_the_runs_of_a_deleted_experiment_went_with_it():
    lives = [experiment({}, {}, deleted=True), run(deleted=True)]
    assert told(lives) == [(FRAUD, "", "deleted", None, None)]
    assert told([condemned(lives[0]), lives[1]]) == []


def test_a_run_that_was_deleted_by_itself_is_deleted():
    """Also where another run has the id that its experiment has: an id is one within its kind."""
    twin = replace(condemned(run("1", deleted=True)), address=address("runs.twin"))
    assert told([experiment({}, {}), twin, run(deleted=True)]) == [("runs.r", "", "deleted", None, None)]
    assert told([experiment({}, {}), run(deleted=True)]) == [("runs.r", "", "deleted", None, None)]


def test_what_was_deleted_and_is_no_longer_declared_is_as_it_should_be():
    """Nobody can mark what is deleted; the manifests say that it was dropped."""
    lives = [experiment({}, {}), run(deleted=True)]
    assert told(lives, [entry(FRAUD)]) == []
    assert told(lives, []) == []
    assert told(lives, [entry(FRAUD), entry("runs.r", experiment="fraud")]) == [("runs.r", "", "deleted", None, None)]


def test_a_deleted_one_whose_address_another_one_has_is_not_missed():
    """Somebody deleted it because it was there twice."""
    assert told([experiment({}, {}), run("a"), run("b", deleted=True)]) == []


@pytest.mark.parametrize("flag", ["deleted", "replaced"])
def test_what_the_stack_deleted_and_is_active_was_restored(flag):
    live = owned("runs.r", {"name": "theirs"}, {"name": "r"}, id="r", parent="1")
    live = replace(live, mark=replace(live.mark, **{flag: True}))
    name = "runs.r!r" if flag == "replaced" else "runs.r"
    assert told([live]) == told([live], [entry(FRAUD)]) == [(name, "", "restored", None, None)]


def test_what_was_restored_and_is_declared_again_is_compared_like_any_other():
    live = condemned(experiment({"tags.team": "ops"}, {"tags.team": "ml"}))
    declared = [entry(FRAUD, tags={"team": "ml"})]
    assert told([live], declared) == [(FRAUD, "tags.team", "changed", "ops", "ml")]


def test_the_applied_value_is_told_where_the_manifests_still_have_it():
    live = experiment({"tags.team": "x", "tags.tier": "x"}, {"tags.team": "ml", "tags.tier": "old", "tags.gone": "1"})
    declared = [entry(FRAUD, tags={"team": "ml", "tier": "new"})]
    assert told([live], declared) == [
        (FRAUD, "tags.gone", "missing", None, None),
        (FRAUD, "tags.team", "changed", "x", "ml"),
        (FRAUD, "tags.tier", "changed", "x", None),
    ]


@pytest.mark.parametrize("value", ["theirs", ""])
def test_a_sensitive_field_shows_neither_value(value):
    stack = replace(STACK, sensitive=Sensitive(("tags.token",)))
    live = experiment({"tags.token": value}, {"tags.token": "ours", "tags.open": "x"})
    declared = entry(FRAUD, tags={"token": "ours", "open": "x"})
    fields = {**declared.fields, ("tags", "token"): Secret("ours", "${env.TOKEN}")}
    assert told([live], [replace(declared, fields=fields)], stack) == [
        (FRAUD, "tags.open", "missing", None, "x"),
        (FRAUD, "tags.token", "changed", HIDDEN, HIDDEN),
    ]
    assert told([live], None, stack)[1] == (FRAUD, "tags.token", "changed", HIDDEN, None)
    assert told([experiment({}, {"tags.token": "ours"})], None, stack) == [(FRAUD, "tags.token", "missing", None, None)]


def test_drift_is_sorted_by_address_and_field():
    lives = [
        owned("runs.b", {}, {"name": "b"}, id="b", parent="1"),
        owned("runs.a", {}, {"tags.x": "1", "name": "a"}, id="a", parent="1"),
        experiment({}, {"tags.z": "1"}),
    ]
    assert [one[:2] for one in told(lives)] == [
        (FRAUD, "tags.z"),
        ("runs.a", "name"),
        ("runs.a", "tags.x"),
        ("runs.b", "name"),
    ]


@pytest.mark.parametrize(
    ("globs", "left"),
    [
        (["none.*"], ["fraud.name", "fraud.a", "gone"]),
        ([FRAUD], ["gone"]),
        (["experiments.*"], []),
        ([f"{FRAUD}.name"], ["fraud.a", "gone"]),
        (["*.tags.a"], ["fraud.name", "gone"]),
        ([f"{FRAUD}.tags"], ["fraud.name", "gone"]),
        (["experiments.fra"], ["fraud.name", "fraud.a", "gone"]),
        (["EXPERIMENTS.*"], ["fraud.name", "fraud.a", "gone"]),
        ([f"{FRAUD}.name", "experiments.gone"], ["fraud.a"]),
    ],
)
def test_what_is_ignored_is_counted(globs, left):
    lives = [
        owned(FRAUD, {"name": "theirs"}, {"name": "fraud", "tags.a": "1"}),
        owned("experiments.gone", {"name": "gone"}, {}, id="2", deleted=True),
    ]
    drifts, _ = find(STACK, lives, None, globs)
    names = {"tags.a": "fraud.a", "name": "fraud.name", "": "gone"}
    assert [names[".".join(one.path)] for one in drifts.found] == left
    assert drifts.ignored == drifts.summary["ignored"] == 3 - len(left)


def test_a_key_in_brackets_stands_for_itself():
    drift = Drift(address("experiments.churn[eu]"), path("tags.a.b"), "missing")
    assert drift.named(["experiments.churn[eu].tags.a.b"])
    assert not drift.named(["experiments.churn[e].*"])


def test_the_summary_counts_each_kind():
    lives = [
        owned("experiments.a", {"name": "x"}, {"name": "a", "tags.t": "1", "tags.u": "1"}),
        owned("experiments.b", {"name": "b"}, {}, id="2", deleted=True),
        condemned(owned("experiments.c", {"name": "c"}, {}, id="3")),
    ]
    drifts, _ = find(STACK, lives, None)
    assert drifts.summary == {"changed": 1, "missing": 2, "deleted": 1, "restored": 1, "ignored": 0}
    assert drifts.resources == 2


def test_marks_that_cannot_be_told_apart_or_read_are_findings():
    damaged = found("experiments.?7", {"name": "fraud"}, "7", damage="is not JSON")
    lives = [damaged, run("a"), run("b"), experiment({"name": "theirs"}, {})]
    _, problems = find(STACK, lives, None)
    assert [one.code for one in problems] == ["damaged-mark", "duplicate-address"]
