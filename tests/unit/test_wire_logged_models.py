"""Logged models on MLflow: the exact requests of each change, and how they are read."""

import pytest

from reconciler.backends.mlflow.api import encoded
from reconciler.core import mark as marks
from reconciler.core.change import Action, FieldChange
from reconciler.core.diff import mark_of
from reconciler.core.wire import Edit, Query
from tests.lives import WIRES, drive, entry, held, path, sent

WIRE = WIRES["logged_models"]
MODEL = "logged_models.m"
MARK = '{"v":1,"address":"logged_models.m","keys":{}}'


def pair(key, value):
    return {"key": key, "value": value}


def change(field, after, before=None):
    return FieldChange(path(field), before, after, Action.update, "manifest")


def edited(*changes, mark=None):
    return WIRE.update(Edit(held(entry(MODEL, experiment="fraud"), "m1", parent="1"), changes, mark or {}))


def test_a_plain_model_is_one_request():
    desired = entry(MODEL, experiment="fraud")
    mark = marks.write(mark_of(desired), "ml")["reconciler.ml"]
    (call,) = WIRE.create(desired, mark_of(desired), "ml")
    body = {
        "experiment_id": {"$id": "experiments.fraud"},
        "name": "m",
        "params": [],
        "tags": [pair("reconciler.ml", mark)],
    }
    assert sent([call]) == [("POST", "logged-models", body)]
    assert (call.returns, call.repeatable) == (("model", "info", "model_id"), False)


def test_a_model_with_everything_is_made_and_then_finalized():
    desired = entry(
        MODEL, experiment="fraud", name="xgb", type="Classifier", source_run="base", status="READY",
        params={"b": "1", "a": "2"}, tags={"t": "x"},
    )  # fmt: skip
    create, finalize = WIRE.create(desired, mark_of(desired), "ml")
    assert create.body["name"] == "xgb"
    assert create.body["model_type"] == "Classifier"
    assert create.body["source_run_id"] == {"$id": "runs.base"}
    assert create.body["params"] == [pair("a", "2"), pair("b", "1")]
    assert create.body["tags"][1:] == [pair("t", "x")]
    assert sent([finalize]) == [
        ("PATCH", "logged-models/{id}", {"model_id": {"$id": MODEL}, "status": "LOGGED_MODEL_READY"})
    ]
    assert sorted([*create.fields, *finalize.fields]) == sorted(desired.fields)


@pytest.mark.parametrize(("status", "count"), [("PENDING", 1), ("READY", 2), ("UPLOAD_FAILED", 2)])
def test_a_new_model_is_pending_by_itself(status, count):
    desired = entry(MODEL, experiment="fraud", status=status)
    assert len(WIRE.create(desired, mark_of(desired), "ml")) == count


def test_an_edit_writes_the_mark_with_the_tags_and_after_params_and_status():
    calls = edited(
        change("tags.b", "1"),
        change("tags.gone", None, "x"),
        change("params.p", "2"),
        change("status", "READY", "PENDING"),
        mark={"reconciler.ml": MARK, "reconciler.ml.1": None},
    )
    own = {"model_id": {"$id": MODEL}}
    assert sent(calls) == [
        ("POST", "logged-models/{id}/params", own | {"params": [pair("p", "2")]}),
        ("PATCH", "logged-models/{id}", own | {"status": "LOGGED_MODEL_READY"}),
        ("DELETE", "logged-models/{id}/tags/gone", None),
        ("PATCH", "logged-models/{id}/tags", {"tags": [pair("b", "1"), pair("reconciler.ml", MARK)]}),
        ("DELETE", "logged-models/{id}/tags/reconciler%2Eml%2E1", None),
    ]
    assert [call.repeatable for call in calls] == [False, True, True, True, True]
    assert calls[2].absorbs == ("RESOURCE_DOES_NOT_EXIST",)
    assert [call.fields for call in calls] == [
        (("params", "p"),), (("status",),), (("tags", "gone"),), (("tags", "b"),), (),
    ]  # fmt: skip


def test_no_change_is_no_request():
    assert edited() == []


@pytest.mark.parametrize(
    ("key", "segment"),
    [
        ("team", "team"),
        ("a b", "a%20b"),
        ("50%", "50%25"),
        ("a.b", "a%2Eb"),
        ("..", "%2E%2E"),
        ("a/b", "a%2Fb"),
        ("?#&=", "%3F%23%26%3D"),
        ("é", "%C3%A9"),
    ],
)
def test_a_key_is_one_segment_of_the_path(key, segment):
    """`..` sent as it is would be a step up, and delete the model itself."""
    assert encoded(key) == segment
    (call,) = edited(FieldChange(("tags", key), "x", None, Action.update, "manifest"))
    assert call.path.endswith(f"/logged-models/{{id}}/tags/{segment}")


def test_a_tag_that_could_never_be_removed_is_refused():
    assert WIRE.forbids(change("tags.a/b", None, "x")).path == ("tags", "a/b")
    assert WIRE.forbids(change("tags.a", None, "x")) is None
    assert WIRE.forbids(change("tags.a/b", "y", "x")) is None
    assert WIRE.forbids(change("status", None, "x")) is None


def test_deleting():
    (call,) = WIRE.delete(held(entry(MODEL, experiment="fraud"), "m1"))
    assert sent([call]) == [("DELETE", "logged-models/{id}", None)]
    assert (call.absorbs, call.repeatable) == (("RESOURCE_DOES_NOT_EXIST",), True)


def test_there_is_no_restoring():
    with pytest.raises(AssertionError):
        WIRE.restore(held(entry(MODEL, experiment="fraud"), "m1"))


def test_reading():
    info = {
        "model_id": "m1", "experiment_id": 7, "name": "m", "status": "LOGGED_MODEL_READY", "model_type": "Classifier",
        "source_run_id": "r1", "tags": [pair("t", "x"), pair("reconciler.ml", MARK), pair("mlflow.note.content", "d")],
    }  # fmt: skip
    items = [
        {"info": info, "data": {"params": [pair("p", "1")]}},
        {"info": {"model_id": "m2", "experiment_id": 7, "model_type": "", "source_run_id": None}},
    ]
    asked, lives = drive(WIRE.observe(Query("ml", (), ("7",))), [{"models": items, "next_page_token": ""}])
    body = {
        "experiment_ids": ["7"],
        "filter": "tags.`reconciler.ml` LIKE '%'",
        "max_results": 50_000,
        "order_by": [{"field_name": "creation_timestamp", "ascending": True}],
    }
    assert asked == [[("POST", "logged-models/search", body)]]
    assert [(str(live.address), live.id, live.parent, live.deleted) for live in lives] == [
        (MODEL, "m1", "7", False),
        ("logged_models.?m2", "m2", "7", False),
    ]
    assert lives[0].fields == {
        ("experiment",): "7",
        ("name",): "m",
        ("status",): "READY",
        ("type",): "Classifier",
        ("source_run",): "r1",
        ("params", "p"): "1",
        ("tags", "t"): "x",
    }
    assert lives[1].fields == {("experiment",): "7", ("name",): "", ("status",): ""}
