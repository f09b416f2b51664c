"""Metrics, and the batch that logs metrics, params and tags together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.api import Api, Json, assert_page, pairs

INVALID = "INVALID_PARAMETER_VALUE"
ABSENT = "RESOURCE_DOES_NOT_EXIST"
LARGEST = 1.7976931348623157e308


def point(value: Any, timestamp: int = 1, step: int = 0, key: str = "m") -> Json:
    return {"key": key, "value": value, "timestamp": timestamp, "step": step}


def log(api: Api, run: str, **fields: Any) -> None:
    assert api.post("runs/log-metric", {"run_id": run, **fields}) == {}


def history(api: Api, run: str, key: str = "m", **more: int) -> list[Any]:
    found: list[Any] = api.get("metrics/get-history", run_id=run, metric_key=key, **more).get("metrics", [])
    return found


def latest(api: Api, run: str) -> list[Any]:
    found: list[Any] = api.shown_run(run)["data"].get("metrics", [])
    return found


def test_points_are_appended(api: Api) -> None:
    """A metric keeps all its points, ordered by time, step and value; equal ones are kept once."""
    run = api.run()
    points = [point(1, 1, 2), point(9, 9, 1), point(1, 1, 2), point(3, 1, 2), point(2, 1, 2), point(7, 0, 2)]
    for one in points:
        log(api, run, **one)
    assert history(api, run) == [point(7, 0, 2), point(1, 1, 2), point(2, 1, 2), point(3, 1, 2), point(9, 9, 1)]
    assert latest(api, run) == [point(3, 1, 2)]


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        (point(1, 9, 1), point(1, 1, 2), 1),
        (point(1, 1, 1), point(0, 2, 1), 1),
        (point(1, 1, 1), point(2, 1, 1), 1),
        (point(2, 1, 1), point(1, 1, 1), 0),
        (point(1, 1, 2), point(9, 9, 1), 0),
        (point(-1, 1, 1), point("NaN", 1, 1), 1),
        (point(1, 1, 1), point("NaN", 1, 1), 0),
        (point("NaN", 1, 1), point(0, 1, 1), 0),
    ],
)
def test_latest(api: Api, first: Json, second: Json, winner: int) -> None:
    """The latest point has the greatest step, then time, then value, with NaN as 0."""
    run = api.run()
    log(api, run, **first)
    log(api, run, **second)
    assert latest(api, run) == [(first, second)[winner]]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (3, 3.0),
        (0.1, 0.1),
        (1e308, 1e308),
        ("1.5", 1.5),
        (True, 1.0),
        ("NaN", "NaN"),
        ("Infinity", LARGEST),
        ("-Infinity", -LARGEST),
        ("inf", LARGEST),
    ],
)
def test_values(api: Api, sent: Any, read: Any) -> None:
    """Quoted NaN comes back as text, quoted infinities as the largest doubles, all else as doubles."""
    run = api.run()
    log(api, run, **point(sent))
    assert history(api, run) == latest(api, run) == [point(read)]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", '"nan"'])
def test_unquoted_nan_is_stored_as_zero(api: Api, text: str) -> None:
    """An unquoted NaN or infinity is stored as 0 at time 0, and the fields after it are lost, with a 200."""
    run = api.run()
    body = f'{{"run_id": "{run}", "key": "m", "value": {text}, "timestamp": 7, "step": 3}}'
    assert api.send_text("runs/log-metric", body).status_code == 200
    assert history(api, run) == [point(0.0, 0, 0)]


def test_nan_is_not_zero(api: Api) -> None:
    """NaN and 0 at one step and time are two points, each kept once."""
    run = api.run()
    points = [point("NaN"), point("NaN"), point(0), point(0)]
    api.post("runs/log-batch", {"run_id": run, "metrics": points})
    assert sorted(str(one["value"]) for one in history(api, run)) == ["0.0", "NaN"]


@pytest.mark.parametrize(
    "fields",
    [
        {"value": None},
        {"value": "x"},
        {"timestamp": None},
        {"timestamp": -1},
        {"timestamp": "x"},
        {"step": "x"},
        {"key": ""},
        {"key": None},
    ],
)
def test_log_metric_refuses(api: Api, fields: Json) -> None:
    """A metric needs a key, a number and a time that is not negative."""
    api.refuses("runs/log-metric", {"run_id": api.run(), **point(1), **fields}, 400, INVALID)


def test_step_defaults_to_zero(api: Api) -> None:
    """Without a step, or with null, the step is 0; it may be negative."""
    run = api.run()
    log(api, run, key="m", value=1, timestamp=1)
    log(api, run, key="m", value=1, timestamp=1, step=None)
    log(api, run, key="m", value=1, timestamp=1, step=-5)
    assert history(api, run) == [point(1, 1, -5), point(1, 1, 0)]


def test_history_of_nothing(api: Api) -> None:
    """An unknown metric, and even an unknown run, has no points and is no error."""
    assert api.get("metrics/get-history", run_id=api.run(), metric_key="m") == {}
    assert api.get("metrics/get-history", run_id="nope", metric_key="m") == {}
    api.get_refuses("metrics/get-history", 400, INVALID, run_id="nope")
    api.get_refuses("metrics/get-history", 400, INVALID, run_id="nope", metric_key="m", max_results="0")


def test_history_pages(api: Api) -> None:
    """A history is paged only if a page size is asked for."""
    run = api.run()
    api.post("runs/log-batch", {"run_id": run, "metrics": [point(1, time) for time in range(5)]})
    assert len(history(api, run)) == 5
    page = api.get("metrics/get-history", run_id=run, metric_key="m", max_results=3)
    assert page["metrics"] == [point(1, time) for time in range(3)]
    token = page["next_page_token"]
    rest = api.get("metrics/get-history", run_id=run, metric_key="m", max_results=3, page_token=token)
    assert rest == {"metrics": [point(1, 3), point(1, 4)]}


def test_batch_stores_all(api: Api) -> None:
    """A batch stores metrics, params and tags; of equal tag keys the last counts; an empty one is fine."""
    run = api.run(run_name="r")
    tags = [{"key": "t", "value": "1"}, {"key": "t", "value": "2"}]
    api.post("runs/log-batch", {"run_id": run, "metrics": [point(1)], "params": pairs({"p": "1"}), "tags": tags})
    assert latest(api, run) == [point(1)]
    assert api.run_data(run, "params") == {"p": "1"}
    assert api.run_data(run, "tags") == {"t": "2", "mlflow.runName": "r"}
    assert api.post("runs/log-batch", {"run_id": run}) == {}


def test_batch_renames(api: Api) -> None:
    """The tag mlflow.runName in a batch renames the run."""
    run = api.run()
    api.post("runs/log-batch", {"run_id": run, "tags": pairs({"mlflow.runName": "new"})})
    assert api.shown_run(run)["info"]["run_name"] == "new"


@pytest.mark.parametrize(
    "bad",
    [
        {"params": pairs({"p": "changed"})},
        {"params": [{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]},
        {"tags": pairs({"a@": "1"})},
        {"metrics": [point(1), {"key": "m"}]},
        {"tags": [{"value": "1"}]},
        {"tags": pairs({f"k{number}": "" for number in range(101)})},
        {"params": pairs({f"k{number}": "" for number in range(101)})},
        {"metrics": [point(1, time) for time in range(1001)]},
        {"metrics": [point(1, time) for time in range(1000)], "tags": pairs({"t": "1"})},
    ],
)
def test_batch_is_all_or_nothing(api: Api, bad: Json) -> None:
    """A batch with a changed param, a bad key or too much in it is refused, and nothing of it is stored."""
    run = api.run(run_name="r")
    api.post("runs/log-parameter", {"run_id": run, "key": "p", "value": "1"})
    before = api.shown_run(run)
    good = {"metrics": [point(1)], "params": pairs({"new": "1"}), "tags": pairs({"new": "1"})}
    api.refuses("runs/log-batch", {"run_id": run, **good, **bad}, 400, INVALID)
    assert api.shown_run(run) == before


def test_full_batch(api: Api) -> None:
    """A thousand entries go in one batch: 800 metrics, 100 params, 100 tags."""
    run = api.run()
    some = pairs({f"k{number}": "v" for number in range(100)})
    body = {"run_id": run, "metrics": [point(1, time) for time in range(800)], "params": some, "tags": some}
    assert api.post("runs/log-batch", body) == {}
    assert len(history(api, run)) == 800


def test_batch_repeats(api: Api) -> None:
    """A batch can be sent again: params stay, metrics are not doubled."""
    run = api.run()
    body = {"run_id": run, "metrics": [point(1), point(1)], "params": pairs({"p": "1"}), "tags": pairs({"t": "1"})}
    for _ in range(2):
        assert api.post("runs/log-batch", body) == {}
    assert history(api, run) == [point(1)]


@pytest.mark.parametrize("tags", [None, ["text"], [None]])
def test_batch_breaks_on_what_is_no_list_of_objects(api: Api, tags: Any) -> None:
    """A null in place of a list, and a list of other things than objects, is an HTML 500."""
    assert_page(api.send("POST", "runs/log-batch", {"run_id": api.run(), "tags": tags}), 500)


def test_batch_run_id(api: Api) -> None:
    """A batch for an unknown run is a 404, for an id of other characters a 400."""
    api.refuses("runs/log-batch", {"run_id": "nope"}, 404, ABSENT)
    api.refuses("runs/log-batch", {"run_id": "a b"}, 400, INVALID)


def test_batch_with_unquoted_nan_loses_the_rest(api: Api) -> None:
    """An unquoted NaN in a batch is stored as 0 at time 0, and all that stands after it is lost, with a 200."""
    run = api.run(run_name="r")
    metrics = '[{"key": "m", "value": NaN, "timestamp": 7}, {"key": "n", "value": 1, "timestamp": 7}]'
    body = f'{{"run_id": "{run}", "metrics": {metrics}, "tags": [{{"key": "t", "value": "1"}}]}}'
    assert api.send_text("runs/log-batch", body).status_code == 200
    assert latest(api, run) == [point(0.0, 0, 0)]
    assert api.run_data(run, "tags") == {"mlflow.runName": "r"}


def test_metric_of_a_logged_model(api: Api) -> None:
    """A metric with a model id is shown on the run and on the model."""
    experiment = api.experiment()
    run, model = api.run(experiment), api.model(experiment)
    for _ in range(2):
        log(api, run, **point(1), model_id=model)
    assert latest(api, run) == [point(1)]
    assert api.shown_model(model)["data"]["metrics"] == [{**point(1), "model_id": model, "run_id": run}]
