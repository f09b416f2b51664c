"""Runs on MLflow: the exact requests of each change, and how they are read."""

import json

import pytest

from reconciler.core import mark as marks
from reconciler.core.call import NOW
from reconciler.core.change import Action, FieldChange
from reconciler.core.diff import mark_of
from reconciler.core.wire import Edit, Query, Sought
from tests.lives import WIRES, address, drive, entry, held, path, routes, sent

WIRE = WIRES["runs"]
RUN = "runs.r"
ID = {"run_id": {"$id": RUN}}
FINISHED = {"status": "FINISHED", "end_time": "2026-01-31T09:05:42Z"}
END, START = 1_769_850_342_000, 1_769_850_000_000
DATASET = {"name": "cards", "digest": "a1", "source_type": "s3", "source": "s3://cards"}


def made(**body):
    desired = entry(RUN, experiment="fraud", **body)
    return WIRE.create(desired, mark_of(desired), "ml")


def pair(key, value):
    return {"key": key, "value": value}


def change(field, after, before=None):
    return FieldChange(path(field), before, after, Action.update, "manifest")


def updated(*changes, mark=None, **body):
    live = held(entry(RUN, experiment="fraud", **body), "r1", parent="1")
    return WIRE.update(Edit(live, changes, mark or {}))


def mark_in(call):
    (tag,) = [tag for tag in call.body["tags"] if tag["key"] == "reconciler.ml"]
    return json.loads(tag["value"])


def test_a_plain_run_is_one_request_with_its_mark():
    (call,) = made()
    mark = marks.write(mark_of(entry(RUN, experiment="fraud")), "ml")["reconciler.ml"]
    body = {
        "experiment_id": {"$id": "experiments.fraud"},
        "run_name": "r",
        "start_time": NOW,
        "tags": [pair("reconciler.ml", mark)],
    }
    assert sent([call]) == [("POST", "runs/create", body)]
    assert (call.returns, call.repeatable) == (("run", "info", "run_id"), False)
    assert call.fields == (("experiment",), ("name",))


def test_a_run_is_filled_after_it_is_made_and_ended_last():
    calls = made(
        name="n", description="d", start_time="2026-01-31T09:00:00Z", tags={"t": "1"}, params={"p": "2"},
        metrics={"m": "0.5"}, datasets=[{**DATASET, "context": "training"}], **FINISHED,
    )  # fmt: skip
    create, inputs, batch, update = calls
    assert routes(calls) == ["runs/create", "runs/log-inputs", "runs/log-batch", "runs/update"]
    assert create.body["run_name"] == "n"
    assert create.body["start_time"] == START
    assert create.body["tags"][:2] == [
        pair("mlflow.note.content", "d"),
        pair("reconciler.ml", create.body["tags"][1]["value"]),
    ]
    assert create.body["tags"][2:] == [pair("t", "1")]
    context = [pair("mlflow.data.context", "training")]
    assert inputs.body == ID | {"datasets": [{"dataset": DATASET, "tags": context}]}
    assert inputs.fields == (("datasets", "cards@a1"),)
    assert batch.body["params"] == [pair("p", "2")]
    assert batch.body["metrics"] == [{"key": "m", "value": 0.5, "timestamp": END, "step": 0}]
    assert update.body == ID | {"status": "FINISHED", "end_time": END}
    assert update.fields == (("end_time",), ("status",))
    assert all(call.repeatable for call in calls[1:])


def test_every_field_is_written_by_one_request():
    desired = entry(
        RUN, experiment="fraud", description="d", tags={"t": "1"}, params={"p": "2"}, metrics={"m": "1"},
        datasets=[DATASET], start_time="2026-01-31", **FINISHED,
    )  # fmt: skip
    fields = [field for call in WIRE.create(desired, mark_of(desired), "ml") for field in call.fields]
    assert sorted(fields) == sorted(desired.fields)


def test_the_mark_vouches_for_metrics_only_once_they_are_there():
    """A crash after the first request: the next plan reads the histories and logs what is missing."""
    create, batch = made(metrics={"loss": [{"step": 0, "value": "1"}]}, tags={"t": "1"})
    assert mark_in(create)["keys"].keys() == {"experiment", "name", "tags/t"}
    assert mark_in(batch)["keys"].keys() == {"experiment", "name", "tags/t", "metrics/loss"}
    assert batch.fields == (("metrics", "loss"),)


def test_the_mark_comes_last_of_many_requests():
    calls = made(metrics={"loss": [{"step": number, "value": "1"} for number in range(1500)]})
    assert [len(call.body["metrics"]) for call in calls[1:]] == [1000, 500]
    assert "tags" not in calls[1].body
    assert "metrics/loss" in mark_in(calls[2])["keys"]


def test_params_alone_need_no_second_mark():
    _, batch = made(params={"p": "1"})
    assert batch.body == ID | {"params": [pair("p", "1")]}


def test_a_dataset_without_a_context_has_no_tags():
    assert made(datasets=[DATASET])[1].body["datasets"] == [{"dataset": DATASET, "tags": []}]


def test_numbers_that_json_does_not_have_are_texts():
    _, batch = made(metrics={"a": ".nan", "b": ".inf", "c": "-.inf", "d": "1e-3"})
    assert [one["value"] for one in batch.body["metrics"]] == ["NaN", "Infinity", "-Infinity", 0.001]
    json.dumps(batch.body, allow_nan=False)


@pytest.mark.parametrize(
    ("body", "time"),
    [({}, NOW), ({"start_time": "2026-01-31T09:00:00Z"}, START), (FINISHED, END)],
    ids=["none", "start", "end"],
)
def test_points_without_a_time_have_the_runs(body, time):
    _, batch, *_ = made(metrics={"a": "1", "s": [{"step": 3, "value": "2"}]}, **body)
    assert batch.body["metrics"] == [
        {"key": "a", "value": 1.0, "timestamp": time, "step": 0},
        {"key": "s", "value": 2.0, "timestamp": time, "step": 3},
    ]


def test_points_with_a_time_keep_it():
    _, batch, *_ = made(metrics={"s": [{"value": "2", "timestamp": START + 1}]}, **FINISHED)
    assert batch.body["metrics"] == [{"key": "s", "value": 2.0, "timestamp": START + 1, "step": 0}]


def test_an_edit_updates_first_and_writes_the_mark_last():
    calls = updated(
        change("name", "n"),
        change("status", "KILLED"),
        change("end_time", FINISHED["end_time"]),
        change("tags.t", "1"),
        change("description", "d"),
        change("tags.gone", None, "x"),
        change("params.p", "2"),
        change("datasets.cards@a1", DATASET),
        mark={"reconciler.ml": "{}", "reconciler.ml.1": None},
    )
    assert sent(calls) == [
        ("POST", "runs/update", ID | {"run_name": "n", "status": "KILLED", "end_time": END}),
        ("POST", "runs/delete-tag", ID | {"key": "gone"}),
        ("POST", "runs/log-inputs", ID | {"datasets": [{"dataset": DATASET, "tags": []}]}),
        (
            "POST",
            "runs/log-batch",
            ID
            | {
                "tags": [pair("mlflow.note.content", "d"), pair("t", "1"), pair("reconciler.ml", "{}")],
                "params": [pair("p", "2")],
            },
        ),
        ("POST", "runs/delete-tag", ID | {"key": "reconciler.ml.1"}),
    ]
    assert calls[1].absorbs == calls[4].absorbs == ("RESOURCE_DOES_NOT_EXIST",)
    assert calls[3].fields == (("description",), ("params", "p"), ("tags", "t"))


def test_a_mark_alone_is_one_request():
    assert sent(updated(mark={"reconciler.ml": "{}"})) == [
        ("POST", "runs/log-batch", ID | {"tags": [pair("reconciler.ml", "{}")]})
    ]


def test_no_change_is_no_request():
    assert updated() == []


def test_restoring_and_deleting():
    live = held(entry(RUN, experiment="fraud"), "r1", parent="1")
    (restore,), (delete,) = WIRE.restore(live), WIRE.delete(live)
    assert sent([restore, delete]) == [("POST", "runs/restore", ID), ("POST", "runs/delete", ID)]
    assert (restore.absorbs, delete.absorbs) == ((), ("RESOURCE_DOES_NOT_EXIST",))


def test_no_change_of_a_run_is_forbidden():
    assert WIRE.forbids(change("tags.a", None, "x")) is None


# reading

INFO = {"run_id": "r1", "experiment_id": 7, "run_name": "r", "status": "RUNNING", "lifecycle_stage": "active"}
MARK = '{"v":1,"address":"runs.r","keys":{}}'


def observed(*items, fields=None):
    sought = (Sought(address(RUN), "r", fields=fields),) if fields else ()
    asked, lives = drive(WIRE.observe(Query("ml", sought, ("7", "8"))), [{"runs": list(items)}])
    return asked, lives


def test_runs_are_searched_inside_all_experiments_with_one_request():
    asked, lives = observed()
    body = {
        "experiment_ids": ["7", "8"],
        "filter": "tags.`reconciler.ml` LIKE '%'",
        "run_view_type": "ALL",
        "max_results": 50_000,
    }
    assert (asked, lives) == ([[("POST", "runs/search", body)]], [])


def test_what_is_read_of_a_run():
    data = {
        "tags": [
            pair("team", "x"),
            pair("mlflow.runName", "r"),
            pair("reconciler.ml", MARK),
            pair("mlflow.note.content", "d"),
        ],
        "params": [pair("p", "1"), {"key": "empty"}],
        "metrics": [
            {"key": "auc", "value": 0.5, "timestamp": 5, "step": 2},
            {"key": "nan", "value": "NaN", "timestamp": "6", "step": "0"},
            {"key": "inf", "value": 1.7976931348623157e308},
        ],
    }
    dataset = {"dataset": DATASET, "tags": [pair("mlflow.data.context", "training")]}
    info = INFO | {"start_time": START, "end_time": str(END), "lifecycle_stage": "deleted"}
    item = {"info": info, "data": data, "inputs": {"dataset_inputs": [dataset]}}
    _, (live,) = observed(item)
    assert (str(live.address), live.id, live.parent, live.deleted) == (RUN, "r1", "7", True)
    assert live.fields == {
        ("experiment",): "7",
        ("name",): "r",
        ("status",): "RUNNING",
        ("start_time",): "2026-01-31T09:00:00Z",
        ("end_time",): "2026-01-31T09:05:42Z",
        ("description",): "d",
        ("tags", "team"): "x",
        ("params", "p"): "1",
        ("params", "empty"): "",
        ("metrics", "auc"): 0.5,
        ("metrics", "nan"): "NaN",
        ("metrics", "inf"): "Infinity",
        ("datasets", "cards@a1"): {**DATASET, "context": "training"},
    }
    assert live.facts == {("metrics", "auc"): [2, 5], ("metrics", "nan"): [0, 6], ("metrics", "inf"): [0, 0]}


@pytest.mark.parametrize("end", [{}, {"end_time": None}, {"end_time": 0}, {"end_time": "0"}])
def test_a_run_that_goes_on_has_no_end(end):
    _, (live,) = observed({"info": INFO | end})
    assert live.fields == {("experiment",): "7", ("name",): "r", ("status",): "RUNNING"}
    assert str(live.address) == "runs.?r1"


def test_parts_of_a_dataset_that_nobody_declared_are_not_compared():
    """MLflow fills in a schema and a profile by itself."""
    held_there = {**DATASET, "schema": "{}", "profile": "p"}
    tags = [pair("reconciler.ml", MARK)]
    item = {"info": INFO, "data": {"tags": tags}, "inputs": {"dataset_inputs": [{"dataset": held_there}]}}
    _, (live,) = observed(item, fields={("datasets", "cards@a1"): DATASET, ("datasets", "other@1"): DATASET})
    assert live.fields[("datasets", "cards@a1")] == DATASET
    assert ("datasets", "other@1") not in live.fields
    _, (live,) = observed(item)
    assert live.fields[("datasets", "cards@a1")] == held_there
