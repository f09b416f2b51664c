"""The three-way difference: what is declared, what is there and what was last applied, case by case."""

from dataclasses import replace

import pytest

from reconciler.core.change import Action, FieldChange
from reconciler.core.diff import created, diff, managed, mark_of, replaced, stripped
from reconciler.core.kind import Rule
from reconciler.core.mark import Mark, digest
from tests.lives import KINDS, address, entry, found, held, owned, path

EXPERIMENTS, RUNS, MODELS = KINDS["experiments"], KINDS["runs"], KINDS["logged_models"]


def brief(difference):
    """The changes as (path, before, after, effect, reason), those refused beside them."""
    changes = [(".".join(one.path), one.before, one.after, str(one.effect), one.reason) for one in difference.changes]
    refused = [(".".join(one.change.path), one.change.before, one.change.after) for one in difference.refused]
    return changes, refused


TABLE = [
    # declared, live, last applied: reason and effect
    ("a", "a", "a", None),
    ("a", "a", None, ("adopt", "adopt")),
    ("a", "a", "b", ("adopt", "adopt")),
    ("a", "b", "b", ("manifest", "update")),
    ("a", "b", "a", ("drift", "update")),
    ("a", "b", "c", ("conflict", "update")),
    ("a", "b", None, ("conflict", "update")),
    ("a", None, None, ("manifest", "update")),
    ("a", None, "a", ("drift", "update")),
    ("a", None, "b", ("conflict", "update")),
    (None, "a", "a", ("manifest", "update")),
    (None, "b", "a", ("conflict", "update")),
    (None, None, "a", ("manifest", "adopt")),
    (None, "a", None, None),
    (None, None, None, None),
]


@pytest.mark.parametrize("field", ["tags.team", "description"])
@pytest.mark.parametrize(("declared", "there", "applied", "expected"), TABLE)
def test_the_table_of_ownership(declared, there, applied, expected, field):
    body = {} if declared is None else {"tags": {"team": declared}} if "." in field else {field: declared}
    live = {} if there is None else {field: there}
    last = {} if applied is None else {field: applied}
    difference = diff(
        entry("experiments.fraud", **body),
        owned("experiments.fraud", {"name": "fraud", **live}, {"name": "fraud", **last}),
        EXPERIMENTS,
    )
    change = [] if expected is None else [(field, there, declared, expected[1], expected[0])]
    assert brief(difference) == (change, [])


def test_an_empty_text_is_a_value_and_not_an_absent_one():
    live = owned("experiments.fraud", {"name": "fraud"}, {"name": "fraud"})
    (change,) = diff(entry("experiments.fraud", tags={"team": ""}), live, EXPERIMENTS).changes
    assert (change.before, change.after) == (None, "")
    live = owned("experiments.fraud", {"name": "fraud", "tags.team": ""}, {"name": "fraud", "tags.team": ""})
    (change,) = diff(entry("experiments.fraud"), live, EXPERIMENTS).changes
    assert (change.before, change.after, change.effect) == ("", None, Action.update)


def test_what_an_apply_leaves_has_no_difference():
    for desired, kind in [
        (entry("experiments.fraud", tags={"a": "b"}, description="d", prevent_destroy="true"), EXPERIMENTS),
        (entry("runs.r", experiment="fraud", params={"a": "b"}, metrics={"x": 1, "y": [{"value": 2}]}), RUNS),
        (entry("logged_models.m", experiment="fraud", source_run="base", on_remove="keep"), MODELS),
    ]:
        assert diff(desired, held(desired), kind).changes == ()


def test_changes_are_sorted_by_path_and_have_their_places():
    desired = entry("experiments.fraud", tags={"b": "1", "a": "2"}, description="d", name="n")
    changes = diff(desired, owned("experiments.fraud", {"name": "o"}, {"name": "o"}), EXPERIMENTS).changes
    assert [".".join(one.path) for one in changes] == ["description", "name", "tags.a", "tags.b"]
    assert [one.at for one in changes] == [desired.at(one.path) for one in changes]
    assert len({one.at for one in changes}) == 4


def placed(changes, desired):
    """The paths of changes, each of which has the place where it is written, or else where it would be."""
    assert [one.at for one in changes] == [desired.at(one.path) for one in changes]
    assert all(one.at for one in changes)
    return {".".join(one.path) for one in changes}


def test_every_change_has_its_place_whatever_its_effect():
    desired = entry("experiments.fraud", tags={"new": "1", "same": "2"}, prevent_destroy="true")
    assert placed(created(desired).changes, desired) == {"name", "tags.new", "tags.same"}
    live = owned(
        "experiments.fraud",
        {"name": "fraud", "tags.same": "2", "tags.old": "3"},
        {"name": "fraud", "tags.old": "3", "tags.gone": "4"},
    )
    assert placed(replaced(desired, live), desired) == {"name", "tags.new", "tags.same"}
    changes = diff(desired, live, EXPERIMENTS).changes
    assert placed(changes, desired) == {"tags.new", "tags.same", "tags.old", "tags.gone", "prevent_destroy"}


def test_what_is_made_is_all_that_is_declared():
    desired = entry("experiments.fraud", tags={"b": "1"}, description="d")
    assert brief(created(desired))[0] == [
        ("description", None, "d", "create", "manifest"),
        ("name", None, "fraud", "create", "manifest"),
        ("tags.b", None, "1", "create", "manifest"),
    ]


@pytest.mark.parametrize(
    ("there", "applied", "reason"),
    [
        ("a", "a", "adopt"),
        ("b", "b", "manifest"),
        ("b", "a", "drift"),
        ("b", "c", "conflict"),
        (None, None, "manifest"),
    ],
)
def test_what_is_made_anew_has_the_reason_of_each_field(there, applied, reason):
    live = owned(
        "runs.r",
        {"name": "r"} | ({"params.p": there} if there else {}),
        {"name": "r"} | ({"params.p": applied} if applied else {}),
    )
    changes = replaced(entry("runs.r", experiment="fraud", params={"p": "a"}), live)
    (change,) = [one for one in changes if one.path == ("params", "p")]
    assert (change.before, change.after, change.effect, change.reason) == (there, "a", Action.replace, reason)
    assert len(changes) == 3


def test_what_no_mark_vouches_for_can_be_made_anew():
    changes = replaced(entry("experiments.fraud"), found("experiments.fraud", {"name": "fraud"}))
    assert [(one.before, one.after, one.reason) for one in changes] == [("fraud", "fraud", "adopt")]


@pytest.mark.parametrize(
    ("field", "body", "there", "why"),
    [
        ("params.depth", {"params": {"depth": "7"}}, "6", "params are written once"),
        (
            "datasets.cards@a1",
            {"datasets": [{"name": "cards", "digest": "a1", "source_type": "s3", "source": "b"}]},
            {"name": "cards", "digest": "a1", "source_type": "s3", "source": "a"},
            "a run's inputs are written once",
        ),
        ("start_time", {"start_time": "2026-01-31"}, "2026-01-30T00:00:00Z", "a run's start time cannot be changed"),
        ("experiment", {}, "7", "a run cannot move to another experiment"),
    ],
)
def test_what_is_written_once_is_refused_with_its_reason(field, body, there, why):
    desired = entry("runs.r", experiment="fraud", **body)
    live = owned("runs.r", {"name": "r", "experiment": "experiments.fraud"} | {field: there}, {field: there})
    (refused,) = diff(desired, live, RUNS).refused
    assert (refused.change.path, refused.change.before, refused.why) == (path(field), there, why)
    assert path(field) not in [one.path for one in diff(desired, live, RUNS).changes]


def test_a_param_or_a_dataset_that_is_not_there_is_written():
    dataset = {"name": "cards", "digest": "a1", "source_type": "s3", "source": "s"}
    desired = entry("runs.r", experiment="fraud", params={"depth": "7"}, datasets=[dataset])
    live = owned("runs.r", {"name": "r", "experiment": "experiments.fraud"}, {"name": "r"})
    changes, refused = brief(diff(desired, live, RUNS))
    assert refused == []
    assert ("params.depth", None, "7", "update", "manifest") in changes
    assert ("datasets.cards@a1", None, dataset, "update", "manifest") in changes


def test_a_removed_param_cannot_be_taken_away():
    live = owned("runs.r", {"name": "r", "experiment": "experiments.fraud", "params.a": "1"}, {"params.a": "1"})
    desired = entry("runs.r", experiment="fraud")
    difference = diff(desired, live, RUNS)
    (refused,) = difference.refused
    assert refused.change == FieldChange(
        ("params", "a"), "1", None, Action.update, "manifest", desired.at(("params", "a"))
    )
    assert refused.why == "params are written once"
    assert "params.a" not in [one[0] for one in brief(difference)[0]]


def test_a_removed_param_that_is_not_there_is_only_forgotten():
    fields = {"name": "r", "experiment": "experiments.fraud"}
    live = owned("runs.r", fields, {**fields, "params.a": "1"})
    changes = brief(diff(entry("runs.r", experiment="fraud"), live, RUNS))
    assert changes == ([("params.a", None, None, "adopt", "manifest")], [])


@pytest.mark.parametrize(
    ("field", "value"),
    [("metrics.auc", 0.5), ("status", "FINISHED"), ("end_time", "2026-01-31T00:00:00Z")],
)
def test_dropping_what_the_server_keeps_only_stops_managing_it(field, value):
    """A metric cannot be removed, a status cannot be unset: the mark forgets them, nothing is written."""
    fields = {"name": "r", "experiment": "experiments.fraud"} | {field: value}
    desired = entry("runs.r", experiment="fraud")
    live = owned("runs.r", fields, fields)
    assert brief(diff(desired, live, RUNS)) == ([(field, value, None, "adopt", "manifest")], [])


@pytest.mark.parametrize("rule", [Rule(fixed="it cannot move"), Rule(server_default=True), Rule(series=True)])
def test_dropping_what_cannot_be_taken_away_only_stops_managing_it(rule):
    """A kind of somebody else may have any rule."""
    kind = replace(EXPERIMENTS, rules={**EXPERIMENTS.rules, "artifact_location": rule})
    fields = {"name": "fraud", "artifact_location": "s3://x"}
    live = owned("experiments.fraud", fields, fields)
    assert brief(diff(entry("experiments.fraud"), live, kind)) == (
        [("artifact_location", "s3://x", None, "adopt", "manifest")],
        [],
    )
    assert stripped(live, kind).changes == ()


def test_what_is_written_once_is_never_taken_off_somebody_elses_resource():
    kind = replace(EXPERIMENTS, rules={**EXPERIMENTS.rules, "tags": Rule(once="tags are written once")})
    live = owned("experiments.shared", {"name": "s", "tags.a": "1"}, {"tags.a": "1"}, existing=True)
    assert stripped(live, kind).changes == ()


def test_a_field_of_a_later_version_is_left_alone():
    fields = {"name": "fraud", "owner": "me"}
    (change,) = diff(entry("experiments.fraud"), owned("experiments.fraud", fields, fields), EXPERIMENTS).changes
    assert (change.path, change.effect) == (("owner",), Action.adopt)


def test_artifacts_that_nobody_declared_are_the_servers_choice():
    live = owned("experiments.fraud", {"name": "fraud", "artifact_location": "s3://x"}, {"name": "fraud"})
    assert diff(entry("experiments.fraud"), live, EXPERIMENTS).changes == ()
    (refused,) = diff(entry("experiments.fraud", artifact_location="s3://y"), live, EXPERIMENTS).refused
    assert refused.why == "an experiment's artifacts cannot be moved"


@pytest.mark.parametrize(
    ("body", "flags", "expected"),
    [
        ({"prevent_destroy": "true"}, {}, ("prevent_destroy", False, True)),
        ({}, {"prevent_destroy": True}, ("prevent_destroy", True, False)),
        ({"on_remove": "keep"}, {}, ("on_remove", "delete", "keep")),
        ({}, {"keep": True}, ("on_remove", "keep", "delete")),
        ({}, {"existing": True}, ("existing", True, False)),
    ],
)
def test_what_the_entry_tells_us_is_bookkeeping(body, flags, expected):
    live = owned("experiments.fraud", {"name": "fraud"}, {"name": "fraud"}, **flags)
    changes, _ = brief(diff(entry("experiments.fraud", **body), live, EXPERIMENTS))
    assert changes == [(*expected, "adopt", "manifest")]


def test_adopting_records_what_the_entry_tells_us():
    live = found("experiments.fraud", {"name": "fraud"})
    changes, _ = brief(diff(entry("experiments.fraud", prevent_destroy="true"), live, EXPERIMENTS))
    assert changes == [
        ("name", "fraud", "fraud", "adopt", "adopt"),
        ("prevent_destroy", False, True, "adopt", "manifest"),
    ]


def test_the_name_of_somebody_elses_experiment_is_not_managed():
    desired = entry("experiments.shared", name="theirs", existing="true", tags={"a": "1"})
    assert list(managed(desired)) == [("tags", "a")]
    assert mark_of(desired) == Mark(desired.address, {("tags", "a"): digest("1")}, existing=True)
    changes, _ = brief(diff(desired, found("experiments.shared", {"name": "theirs", "tags.b": "2"}), EXPERIMENTS))
    assert changes == [
        ("tags.a", None, "1", "update", "manifest"),
        ("existing", False, True, "adopt", "manifest"),
    ]


def test_giving_an_experiment_away_forgets_its_name_and_writes_nothing():
    """Declared with `existing: true` from now on: the mark no longer has the name, the server keeps it."""
    desired = entry("experiments.fraud", existing="true")
    live = owned("experiments.fraud", {"name": "fraud"}, {"name": "fraud"})
    assert [one.effect for one in diff(desired, live, EXPERIMENTS).changes] == [Action.adopt, Action.adopt]


def test_a_reference_to_what_is_made_anew_cannot_stay():
    desired = entry("logged_models.m", experiment="fraud", source_run="base")
    live = held(desired)
    assert diff(desired, live, MODELS, {address("runs.other")}).refused == ()
    (refused,) = diff(desired, live, MODELS, {address("runs.base")}).refused
    assert refused.change.path == ("source_run",)
    assert refused.change.before == refused.change.after == "runs.base"


def test_what_is_taken_off_somebody_elses_experiment_is_ours_alone():
    fields = {"name": "theirs", "tags.a": "1", "tags.b": "changed", "tags.theirs": "x", "description": "d"}
    live = owned(
        "experiments.shared",
        fields,
        {"tags.a": "1", "tags.b": "2", "tags.gone": "3", "description": "d", "name": "theirs", "owner": "me"},
        existing=True,
    )
    changes, _ = brief(stripped(live, EXPERIMENTS))
    assert changes == [
        ("description", "d", None, "update", "manifest"),
        ("tags.a", "1", None, "update", "manifest"),
        ("tags.b", "changed", None, "update", "conflict"),
    ]


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        ("fraud", []),
        ("cards", [("name", "/Trash/fraud", "fraud", "update", "manifest")]),
        (None, [("name", "/Trash/fraud", "fraud", "update", "manifest")]),
    ],
)
def test_what_is_masked_differs_only_from_what_was_applied(applied, expected):
    """The trash of a server shows another name, which goes when the resource is restored."""
    last = {"name": applied} if applied else {}
    live = replace(owned("experiments.fraud", {"name": "/Trash/fraud"}, last), masked=frozenset({("name",)}))
    assert brief(diff(entry("experiments.fraud"), live, EXPERIMENTS)) == (expected, [])


def test_what_is_masked_and_has_no_mark_is_what_it_shows():
    live = replace(found("experiments.fraud", {"name": "/Trash/fraud"}), masked=frozenset({("name",)}))
    (change,) = diff(entry("experiments.fraud"), live, EXPERIMENTS).changes
    assert (change.before, change.after) == ("/Trash/fraud", "fraud")


def test_a_point_that_the_manifest_changed_is_no_conflict():
    """The server shows of a series the points that are declared: what it lacks of them was not changed there."""
    points = [{"step": 0, "value": 0.7}, {"step": 1, "value": 0.3}]
    desired = entry("runs.r", experiment="fraud", metrics={"loss": points})
    there = {**desired.fields, path("metrics.loss"): desired.fields[path("metrics.loss")][:1]}
    for applied, reason in (("anything", "manifest"), (desired.fields[path("metrics.loss")], "drift")):
        live = owned("runs.r", {}, {"metrics.loss": applied}, parent="1")
        changes = diff(desired, replace(live, fields=there), RUNS).changes
        assert [one.reason for one in changes if one.path == path("metrics.loss")] == [reason]
    live = replace(held(desired), fields=there, mark=None)
    assert [one.reason for one in diff(desired, live, RUNS).changes if one.path == path("metrics.loss")] == ["manifest"]
