"""What an apply has done against what the server holds afterwards."""

from dataclasses import replace

import pytest

from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.diff import created, diff
from reconciler.core.kept import Found, Proof
from reconciler.core.plan import Outcome, Step
from reconciler.core.sensitive import Sensitive
from tests.lives import KINDS, address, entry, found, held, owned, path

FRAUD = entry("experiments.fraud", tags={"team": "ml"}, description="d", prevent_destroy=True)
HELD = held(FRAUD)


def outcome(step, status="done", id="1"):  # noqa: A002
    return Outcome(step, status, id=id)


def make(desired=FRAUD):
    return Step(desired.address, Action.create, changes=created(desired).changes, at=desired.at())


def proof(*lives, sensitive=(), **ids):
    known = {address(name.replace("__", ".")): number for name, number in ids.items()}
    return Proof(Found.of(lives), KINDS, known, {}, lambda template: f"text of {template}", Sensitive(sensitive))


def without(live, *names):
    gone = {path(name) for name in names}
    return replace(live, fields={key: value for key, value in live.fields.items() if key not in gone})


def with_(live, **tags):
    return replace(live, fields={**live.fields, **{("tags", key): value for key, value in tags.items()}})


def change(name, before, after, effect=Action.update):
    return FieldChange(path(name), before, after, effect, "manifest", Span("m.yaml", 4, 9))


def update(*changes, at="experiments.fraud"):
    return outcome(Step(address(at), Action.update, changes=changes, at=Span("m.yaml", 1, 1)))


def test_what_was_written_and_is_there_is_done():
    assert proof(HELD).of(outcome(make())) == outcome(make())


def test_an_update_that_is_there_is_done():
    changes = diff(FRAUD, with_(HELD, team="risk"), KINDS["experiments"]).changes
    assert changes
    assert proof(HELD).of(update(*changes)).status == "done"


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_only_what_is_done_is_looked_at(status):
    one = outcome(make(), status)
    assert proof().of(one) is one


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ([], "it was written without an error, and is not on the server"),
        ([replace(HELD, deleted=True)], "it was written without an error, and is deleted"),
        ([replace(HELD, mark=None)], "it was written without an error, and the stack's mark is not on it"),
        ([with_(HELD, team="m")], 'tags.team was written as "ml", and the server holds "m"'),
        ([without(HELD, "tags.team")], 'tags.team was written as "ml", and the server does not hold it'),
        ([HELD, replace(HELD, id="2")], "it is there 2 times: ids 1 and 2 carry the same mark"),
    ],
)
def test_what_is_not_there_as_written_is_named(live, words):
    told = proof(*live).of(outcome(make()))
    assert (told.status, told.detail, told.finding, told.id) == ("failed", words, "not-kept", "1")
    assert told.at


def test_all_fields_are_named_and_the_first_has_the_place():
    told = proof(without(with_(HELD, team="x"), "description")).of(outcome(make()))
    assert told.detail == (
        'description was written as "d", and the server does not hold it; '
        'tags.team was written as "ml", and the server holds "x"'
    )
    assert told.at == FRAUD.at(path("description"))


def test_a_removed_field_is_gone():
    gone = update(change("tags.old", "x", None))
    assert proof(HELD).of(gone).status == "done"
    told = proof(with_(HELD, old="x")).of(gone)
    assert told.detail == 'tags.old was removed, and is still "x"'
    assert str(told.at) == "m.yaml:4:9"


def test_a_field_that_is_only_let_go_may_stay():
    assert proof(with_(HELD, old="x")).of(update(change("tags.old", "x", None, Action.adopt))).status == "done"


def test_a_resource_that_is_let_go_need_not_be_found():
    assert proof().of(update(change("tags.old", "x", None))).status == "done"
    assert proof().of(update()).status == "done"


def test_what_is_deleted_is_gone_or_restorable():
    step = outcome(Step(address("experiments.fraud"), Action.delete))
    assert proof().of(step).status == "done"
    assert proof(replace(HELD, deleted=True)).of(step).status == "done"
    told = proof(HELD).of(step)
    assert (told.detail, told.at) == ("it was deleted, and is still there", None)


def test_a_reference_is_compared_by_the_id_of_what_it_names():
    run = entry("runs.r", experiment="fraud")
    live = owned("runs.r", {"name": "r", "experiment": "5"}, {"name": "r"}, id="1")
    assert proof(live, experiments__fraud="5").of(outcome(make(run))).status == "done"
    told = proof(live, experiments__fraud="6").of(outcome(make(run)))
    assert told.detail == 'experiment was written as "experiments.fraud", and the server holds "5"'
    told = proof(without(live, "experiment")).of(outcome(make(run)))
    assert told.detail == 'experiment was written as "experiments.fraud", and the server does not hold it'


def test_ids_are_those_of_a_kind():
    """An experiment and a run may have the same id."""
    run = owned("runs.r", {"name": "r"}, {"name": "r"}, id="1")
    assert proof(run, HELD).of(outcome(make())).status == "done"
    told = proof(run).of(outcome(make()))
    assert told.detail == "it was written without an error, and is not on the server"


def test_a_secret_is_compared_by_its_text_and_never_shown():
    secret = change("tags.team", None, {"$sensitive": "${env.T}"})
    assert proof(with_(HELD, team="text of ${env.T}")).of(update(secret)).status == "done"
    told = proof(with_(HELD, team="canary")).of(update(secret))
    assert told.detail == "tags.team was written as (sensitive), and the server holds (sensitive)"


def test_a_secret_inside_of_a_value_is_compared_too():
    inner = change("datasets.d@1", None, {"name": "d", "list": [{"$sensitive": "${env.T}"}]})
    run = owned("runs.r", {"name": "r"}, {"name": "r"}, id="1")
    live = replace(run, fields={("datasets", "d@1"): {"name": "d", "list": ["text of ${env.T}"]}})
    assert proof(live).of(update(inner, at="runs.r")).status == "done"
    told = proof(replace(run, fields={("datasets", "d@1"): {"name": "canary"}})).of(update(inner, at="runs.r"))
    assert "canary" not in told.detail


def test_a_field_named_sensitive_is_never_shown():
    told = proof(with_(HELD, team="canary"), sensitive=("tags.*",)).of(update(change("tags.team", "a", "b")))
    assert told.detail == "tags.team was written as (sensitive), and the server holds (sensitive)"


def test_a_twin_that_is_deleted_or_replaced_is_none():
    deleted = replace(HELD, id="2", deleted=True)
    replaced = owned("experiments.fraud", {"name": "fraud"}, {}, id="3", replaced=True)
    foreign = found("experiments.fraud", {"name": "fraud"}, id="4")
    assert proof(HELD, deleted, replaced, foreign).of(outcome(make())).status == "done"


def test_of_a_long_text_that_was_cut_the_lengths_are_told():
    told = proof(with_(HELD, team="a" * 40)).of(update(change("tags.team", None, "a" * 41)))
    written, there = "a" * 41, "a" * 40
    assert told.detail == f'tags.team was written as "{written}" of 41 characters, and the server holds "{there}"'
    told = proof(with_(HELD, team="b" * 1000)).of(update(change("tags.team", None, "a" * 1001)))
    assert "of 1,001 characters, and the server holds" in told.detail
    assert told.detail.endswith("of 1,000 characters")


def test_a_directive_stands_in_the_mark_alone():
    assert proof(HELD).of(update(change("prevent_destroy", False, True, Action.adopt))).status == "done"


@pytest.mark.parametrize(("deleted", "status"), [(False, "failed"), (True, "done")])
def test_what_is_replaced_has_to_be_gone(deleted, status):
    old = owned("runs.r", {"name": "r"}, {"name": "r"}, id="1", replaced=True, deleted=deleted)
    new = owned("runs.r", {"name": "r"}, {"name": "r"}, id="2")
    step = Step(address("runs.r"), Action.replace, changes=(change("name", "r", "r", Action.replace),))
    told = replace(proof(old, new), before={address("runs.r"): "1"}).of(outcome(step, id="2"))
    assert told.status == status
    assert told.detail == ("" if deleted else "what it replaces is still there (id 1)")


def test_of_a_series_others_may_have_logged_the_latest_point():
    run = owned("runs.r", {"name": "r", "metrics.auc": 0.3}, {"name": "r"}, id="1")
    assert proof(run).of(update(change("metrics.auc", 0.1, 0.2), at="runs.r")).status == "done"


@pytest.mark.parametrize(
    ("lives", "words"),
    [
        ([replace(HELD, deleted=True)], "it was restored without an error, and is deleted"),
        ([], "it was restored without an error, and is not on the server"),
        ([HELD], ""),
    ],
)
def test_what_was_restored_is_looked_at_though_nothing_else_was_written(lives, words):
    done = outcome(Step(address("experiments.fraud"), Action.restore))
    proven = proof(*lives).of(done)
    assert (proven.status, proven.detail) == ("failed" if words else "done", words)
