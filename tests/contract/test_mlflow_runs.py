"""Runs: their making, their state, and what is logged to them other than metrics."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.api import Api, Json, mapping, pairs

INVALID = "INVALID_PARAMETER_VALUE"
ABSENT = "RESOURCE_DOES_NOT_EXIST"


def test_create_and_get(api: Api) -> None:
    """A run has what it was made with; the reply to a create says nothing of outputs, a get does."""
    experiment = api.experiment()
    body = {"experiment_id": experiment, "run_name": "r", "start_time": 5, "user_id": "me", "tags": pairs({"a": "1"})}
    made = api.post("runs/create", body)["run"]
    ident = made["info"]["run_id"]
    assert made["info"] == {
        "run_uuid": ident,
        "run_id": ident,
        "experiment_id": experiment,
        "run_name": "r",
        "user_id": "me",
        "status": "RUNNING",
        "start_time": 5,
        "artifact_uri": f"mlflow-artifacts:/{experiment}/{ident}/artifacts",
        "lifecycle_stage": "active",
    }
    assert list(made["data"]) == ["tags"]
    assert mapping(made["data"]["tags"]) == {"a": "1", "mlflow.runName": "r"}
    assert made["inputs"] == {}
    assert {**made, "outputs": {}} == {**api.shown_run(ident), "data": made["data"]}


def test_defaults(api: Api) -> None:
    """Without a name one is invented and tagged; without a start time it is 0, not now."""
    found = api.shown_run(api.run())
    assert found["info"]["start_time"] == 0
    assert found["info"]["run_name"]
    assert mapping(found["data"]["tags"]) == {"mlflow.runName": found["info"]["run_name"]}


def test_name_from_the_tag(api: Api) -> None:
    """The tag mlflow.runName names a run, and must not contradict its name."""
    tags = pairs({"mlflow.runName": "c"})
    assert api.shown_run(api.run(tags=tags))["info"]["run_name"] == "c"
    api.refuses("runs/create", {"experiment_id": "0", "run_name": "a", "tags": tags}, 400, INVALID)


def test_names_are_not_unique(api: Api) -> None:
    """Two runs may have one name."""
    experiment = api.experiment()
    assert api.run(experiment, run_name="same") != api.run(experiment, run_name="same")


def test_duplicate_tag_keys_are_refused(api: Api) -> None:
    """Equal tag keys in a create are a broken database constraint, and so is an empty mlflow.runName."""
    for tags in ([{"key": "a", "value": "1"}, {"key": "a", "value": "2"}], pairs({"mlflow.runName": ""})):
        api.refuses("runs/create", {"experiment_id": api.experiment(), "tags": tags}, 400, "BAD_REQUEST")


def test_create_refuses(api: Api) -> None:
    """A run needs an experiment that exists, named by text."""
    api.refuses("runs/create", {}, 400, "BAD_REQUEST")
    api.refuses("runs/create", {"experiment_id": "999999999"}, 404, ABSENT)
    api.refuses("runs/create", {"experiment_id": "abc"}, 400, INVALID)
    api.refuses("runs/create", {"experiment_id": 0}, 400, INVALID)
    api.refuses("runs/create", {"experiment_id": "0", "start_time": "x"}, 400, INVALID)


def test_bad_tag_loses_the_fields_after_it(api: Api) -> None:
    """A number among the tags loses the rest of the request: here the name that stands behind."""
    tags = [{"key": "k", "value": 5}, {"key": "l", "value": "5"}]
    found = api.shown_run(api.run(tags=tags, run_name="after"))
    assert found["info"]["run_name"] != "after"
    assert {"k": "", "mlflow.runName": found["info"]["run_name"]} == mapping(found["data"]["tags"])


def test_get_unknown(api: Api) -> None:
    """An unknown run is a 404, none a 400."""
    api.get_refuses("runs/get", 404, ABSENT, run_id="nope")
    api.get_refuses("runs/get", 400, INVALID)


def update(api: Api, ident: str, **body: Any) -> Json:
    found: Json = api.post("runs/update", {"run_id": ident, **body})["run_info"]
    return found


def test_update(api: Api) -> None:
    """Status, end and name can be changed, any status to any other; the name's tag follows."""
    ident = api.run()
    for status in ("FINISHED", "RUNNING", "KILLED", "SCHEDULED", "FAILED", "FINISHED"):
        assert update(api, ident, status=status, end_time=9)["status"] == status
    assert update(api, ident, run_name="new")["run_name"] == "new"
    assert api.shown_run(ident)["info"] == update(api, ident)
    assert update(api, ident)["end_time"] == 9
    assert api.run_data(ident, "tags") == {"mlflow.runName": "new"}


def test_status_as_a_number(api: Api) -> None:
    """A status may be sent as its number; an unknown number is refused."""
    ident = api.run()
    assert update(api, ident, status=3)["status"] == "FINISHED"
    api.refuses("runs/update", {"run_id": ident, "status": 99}, 400, INVALID)


def test_update_ignores(api: Api) -> None:
    """An unknown status, an empty name, null and a start time change nothing, with a 200."""
    ident = api.run(run_name="r", start_time=5)
    before = update(api, ident, status="FINISHED")
    for body in ({"status": "BOGUS"}, {"run_name": ""}, {"end_time": None, "status": ""}, {"start_time": 44}):
        assert update(api, ident, **body) == before


def test_end_time_of_zero_is_none(api: Api) -> None:
    """An end time of 0 removes the end time, and reopening a run keeps it."""
    ident = api.run()
    update(api, ident, status="FINISHED", end_time=9)
    assert update(api, ident, status="RUNNING")["end_time"] == 9
    assert "end_time" not in update(api, ident, end_time=0)


def test_delete_and_restore_are_repeatable(api: Api) -> None:
    """Deleting and restoring a run may be repeated; an unknown one is a 404."""
    ident = api.run()
    for path, stage in (("runs/delete", "deleted"), ("runs/restore", "active")):
        for _ in range(2):
            assert api.post(path, {"run_id": ident}) == {}
            assert api.shown_run(ident)["info"]["lifecycle_stage"] == stage
        api.refuses(path, {"run_id": "nope"}, 404, ABSENT)


WRITES: list[tuple[str, Json]] = [
    ("update", {"run_name": "z"}),
    ("set-tag", {"key": "a", "value": "b"}),
    ("delete-tag", {"key": "mlflow.runName"}),
    ("log-parameter", {"key": "a", "value": "1"}),
    ("log-metric", {"key": "a", "value": 1, "timestamp": 1}),
    ("log-batch", {}),
    ("log-inputs", {"datasets": []}),
]


@pytest.mark.parametrize(("path", "body"), WRITES)
def test_deleted_run_takes_nothing(api: Api, path: str, body: Json) -> None:
    """Every write to a deleted run is refused, and one to an unknown run is a 404."""
    ident = api.run()
    api.post("runs/delete", {"run_id": ident})
    api.refuses(f"runs/{path}", {"run_id": ident, **body}, 400, INVALID)
    api.refuses(f"runs/{path}", {"run_id": "nope", **body}, 404, ABSENT)
    api.refuses(f"runs/{path}", body, 400, INVALID)


def test_set_and_delete_tag(api: Api) -> None:
    """A tag is set, overwritten and deleted; deleting an absent one is a 404."""
    ident = api.run(run_name="r")
    for value in ("1", "2"):
        api.post("runs/set-tag", {"run_id": ident, "key": "k", "value": value})
    assert api.run_data(ident, "tags")["k"] == "2"
    assert api.post("runs/delete-tag", {"run_id": ident, "key": "k"}) == {}
    api.refuses("runs/delete-tag", {"run_id": ident, "key": "k"}, 404, ABSENT)


def test_tag_renames_the_run(api: Api) -> None:
    """Setting mlflow.runName renames, setting it to '' is ignored, deleting it keeps the name."""
    ident, tag = api.run(), {"key": "mlflow.runName"}
    for value in ("new", ""):
        api.post("runs/set-tag", {"run_id": ident, **tag, "value": value})
        assert api.shown_run(ident)["info"]["run_name"] == "new"
    api.post("runs/delete-tag", {"run_id": ident, **tag})
    assert api.shown_run(ident)["info"]["run_name"] == "new"
    assert api.run_data(ident, "tags") == {}


def test_params_are_written_once(api: Api) -> None:
    """The same param again is fine, another value is refused."""
    param = {"run_id": api.run(), "key": "p", "value": "1"}
    for _ in range(2):
        assert api.post("runs/log-parameter", param) == {}
    api.refuses("runs/log-parameter", {**param, "value": "2"}, 400, INVALID)
    api.refuses("runs/log-parameter", {**param, "value": 1}, 400, INVALID)
    api.post("runs/log-parameter", {**param, "key": "q", "value": None})
    assert api.run_data(param["run_id"], "params") == {"p": "1", "q": ""}


def dataset(name: str, context: str | None = None, **more: str) -> Json:
    tags = {"tags": pairs({"mlflow.data.context": context})} if context else {}
    return {"dataset": {"name": name, "digest": "d", "source_type": "s", "source": "src", **more}, **tags}


def test_log_inputs(api: Api) -> None:
    """Datasets are logged with their context; logging one again changes nothing, not even the context."""
    ident = api.run()
    first = [dataset("a", "train", schema="{}"), dataset("b")]
    api.post("runs/log-inputs", {"run_id": ident, "datasets": first})
    api.post("runs/log-inputs", {"run_id": ident, "datasets": [dataset("a", "eval")]})
    found = api.shown_run(ident)["inputs"]["dataset_inputs"]
    assert sorted(found, key=lambda one: str(one["dataset"]["name"])) == first


def test_datasets_belong_to_the_experiment(api: Api) -> None:
    """A second run that logs a known name and digest gets the dataset as it was first logged."""
    experiment = api.experiment()
    for source in ("first", "second"):
        ident = api.run(experiment)
        api.post("runs/log-inputs", {"run_id": ident, "datasets": [dataset("a", source=source)]})
    assert api.shown_run(ident)["inputs"]["dataset_inputs"][0]["dataset"]["source"] == "first"


def test_dataset_limits(api: Api) -> None:
    """A dataset's name has at most 500 characters, its digest 36, a tag 500; missing parts are ''."""
    ident = api.run()
    for bad in (dataset("n" * 501), dataset("a", digest="d" * 37), dataset("a", "c" * 501)):
        api.refuses("runs/log-inputs", {"run_id": ident, "datasets": [bad]}, 400, INVALID)
    api.post("runs/log-inputs", {"run_id": ident, "datasets": [{"dataset": {"name": "z"}}]})
    found = api.shown_run(ident)["inputs"]["dataset_inputs"]
    assert found == [{"dataset": {"name": "z", "digest": "", "source_type": "", "source": ""}}]


def test_duplicate_input_tags_are_refused(api: Api) -> None:
    """Equal keys among a dataset's tags are a broken database constraint, and nothing is stored."""
    ident = api.run()
    twice = [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]
    body = {"run_id": ident, "datasets": [{**dataset("a"), "tags": twice}]}
    api.refuses("runs/log-inputs", body, 400, "BAD_REQUEST")
    assert api.shown_run(ident)["inputs"] == {}
