"""Replies of another form than MLflow's are refused with the place of what is wrong, and never taken for empty ones."""

import pytest

from reconciler.backends.mlflow.api import IDLE
from reconciler.core.address import Address
from reconciler.core.call import Call, Unfit, is_id
from reconciler.core.wire import Query, Sought
from reconciler.runtime.errors import BadReply
from reconciler.runtime.lock import drive as drive_lock
from reconciler.runtime.observe import read
from tests.lives import MLFLOW, WIRES, drive, path

FRAUD = {"experiment_id": "1", "name": "fraud"}
RUN = {"info": {"run_id": "r1", "experiment_id": "1"}}
MODEL = {"info": {"model_id": "m-1", "experiment_id": "1"}}
PLAIN = {"experiments": ("experiments", FRAUD), "runs": ("runs", RUN), "logged_models": ("models", MODEL)}


def observed(kind, *replies, sought=()):
    return drive(WIRES[kind].observe(Query("ml", sought, ("1",))), *([reply] for reply in replies))[1]


def with_info(item, **info):
    return {**item, "info": {**item["info"], **info}}


@pytest.mark.parametrize("kind", PLAIN)
def test_the_least_that_a_reply_can_hold(kind):
    name, item = PLAIN[kind]
    (live,) = observed(kind, {name: [item]})
    assert live.id in {"1", "r1", "m-1"}
    assert (live.deleted, live.mark, live.damage) == (False, None, "")
    assert observed(kind, {}) == observed(kind, {name: []}) == observed(kind, {name: None}) == []


@pytest.mark.parametrize("kind", PLAIN)
def test_what_is_null_is_empty(kind):
    name, item = PLAIN[kind]
    nothing = dict.fromkeys(("tags", "data", "inputs", "artifact_location", "lifecycle_stage"))
    info = dict.fromkeys(("run_name", "status", "start_time", "end_time", "model_type", "source_run_id", "tags"))
    filled = {**item, **nothing} if kind == "experiments" else {**with_info(item, **info), **nothing}
    assert observed(kind, {name: [filled], "next_page_token": None}) == observed(kind, {name: [item]})


def test_numbers_are_taken_for_texts_and_texts_for_whole_numbers():
    (experiment,) = observed("experiments", {"experiments": [{"experiment_id": 5, "name": 7}]})
    assert (experiment.id, experiment.fields[path("name")]) == ("5", "7")
    (run,) = observed("runs", {"runs": [with_info(RUN, start_time="1700000000000")]})
    assert run.fields[path("start_time")] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("time", [0, -5, 10**15, 10**30])
def test_a_time_that_no_calendar_has_is_none(time):
    (run,) = observed("runs", {"runs": [with_info(RUN, end_time=time)]})
    assert path("end_time") not in run.fields


WRONG = [
    ("experiments", {"experiments": {}}, "experiments: input should be a valid list"),
    ("experiments", {"experiments": ["fraud"]}, "experiments[0]: input should be a valid dictionary"),
    ("experiments", {"experiments": [{"name": "x"}]}, "experiments[0].experiment_id: field required"),
    ("experiments", {"experiments": [FRAUD, {**FRAUD, "experiment_id": "../x"}]}, "[1].experiment_id: is not an id"),
    ("experiments", {"experiments": [{**FRAUD, "tags": {"a": "b"}}]}, "[0].tags: input should be a valid list"),
    ("experiments", {"experiments": [{**FRAUD, "tags": [{"value": "s3cret"}]}]}, "[0].tags[0].key: field required"),
    ("experiments", {"experiments": [{**FRAUD, "lifecycle_stage": "old"}]}, "should be 'active' or 'deleted'"),
    ("experiments", {"next_page_token": 5.5, "experiments": [[]]}, "experiments[0]: input should be a valid dict"),
    (
        "experiments",
        {"error_code": "X", "message": "y"},
        "it has 'error_code', 'message', and none of next_page_token, ",
    ),
    ("experiments", {"a": 1, "b": 2, "c\n": 3, "d": 4}, "it has 'a', 'b', 'c\\n' and 1 more, and none of "),
    ("experiments", [], "input should be a valid dictionary"),
    ("runs", {"runs": [{"data": {}}]}, "runs[0].info: field required"),
    ("runs", {"runs": [{**RUN, "data": {"metrics": [{"key": "a", "value": "high"}]}}]}, "value: is not a number"),
    ("runs", {"runs": [{**RUN, "inputs": {"dataset_inputs": [{"dataset": {}}]}}]}, ".dataset.name: field required"),
    ("logged_models", {"models": [{**MODEL, "data": []}]}, "models[0].data: input should be a valid dictionary"),
]


@pytest.mark.parametrize(("kind", "reply", "words"), WRONG)
def test_what_is_of_another_form_has_its_place(kind, reply, words):
    with pytest.raises(Unfit) as refused:
        observed(kind, reply)
    assert words in refused.value.why
    assert refused.value.call.path.endswith("/search")
    assert "s3cret" not in str(refused.value)


def test_a_reply_to_a_name_and_to_a_metric_is_looked_at_too():
    sought = (Sought(Address.parse("experiments.churn"), "churn"),)
    with pytest.raises(Unfit, match=r"get-by-name: experiment: field required"):
        observed("experiments", {}, {}, sought=sought)
    assert observed("experiments", {}, None, sought=sought) == []
    declared = Sought(Address.parse("runs.?r1"), "r", fields={path("metrics.loss"): [{"value": 1.0}]})
    held = {"runs": [{**RUN, "data": {"metrics": [{"key": "loss", "value": 1}]}}]}
    with pytest.raises(Unfit, match=r"get-history: metrics\[0\]\.value: field required"):
        observed("runs", held, {"metrics": [{"step": 1}]}, sought=(declared,))


@pytest.mark.parametrize("text", ["1", "0123456789abcdef" * 2, "m-1_a.b:c", "x" * 250])
def test_an_id(text):
    assert is_id(text)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a b", "a?b", "é", "1\n", "x" * 251])
def test_what_is_no_id(text):
    assert not is_id(text)


def test_one_that_comes_twice_counts_once():
    pages = [{"runs": [RUN, RUN], "next_page_token": "a"}, {"runs": [with_info(RUN, run_name="new"), RUN]}]
    assert len(observed("runs", *pages)) == 1
    renamed = ({"experiments": [{**FRAUD, "name": "old"}]}, {"experiment": FRAUD})
    (live,) = observed("experiments", *renamed, sought=(Sought(Address.parse("experiments.a"), "fraud"),))
    assert live.fields[path("name")] == "fraud"


def test_the_same_page_again_and_again():
    page = {"runs": [RUN], "next_page_token": "a"}
    with pytest.raises(Unfit, match="its pages have no end: 2 were read"):
        observed("runs", page, page)


def test_pages_with_nothing_new_are_not_read_for_ever():
    pages = [{"next_page_token": str(number)} for number in range(IDLE)]
    with pytest.raises(Unfit, match=f"its pages have no end: {IDLE} were read"):
        observed("runs", *pages)
    assert len(observed("runs", *pages[:-1], {"runs": [RUN]})) == 1


def test_who_drives_a_flow_tells_of_the_request():
    for drive_one in (read, drive_lock):
        with pytest.raises(BadReply, match=r"POST /api/2\.0/mlflow/runs/search cannot be used: runs: ") as refused:
            drive_one(WIRES["runs"].observe(Query("ml", (), ("1",))), lambda _: {"runs": 5})
        assert refused.value.finding == "bad-reply"
        assert isinstance(refused.value.__cause__, Unfit)


def test_the_lock_reads_only_what_is_one():
    wire = MLFLOW.lock(MLFLOW.options.model_validate({"url": "http://h"}))
    for reply in ({}, {"registered_model": []}, {"registered_model": {"tags": {"a": "b"}}}):
        with pytest.raises(Unfit):
            drive(wire.read("ml"), [reply])
    with pytest.raises(Unfit):
        drive(wire.retired("ml"), [{"registered_models": {}}])
    assert drive(wire.retired("ml"), [{}])[1] == []


def test_a_mistake_of_our_own_is_not_taken_for_the_servers():
    def flow():
        yield [Call("GET", "/x")]
        raise KeyError("info")

    with pytest.raises(KeyError):
        read(flow(), lambda _: {})
