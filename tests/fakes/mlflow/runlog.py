"""The endpoints that log to a run: tags, params, metrics, batches and inputs."""

from __future__ import annotations

from . import limits, paging
from .errors import PageError, absent, broken_constraint, invalid, missing
from .state import Run, State, filled, shown_point, stored_value
from .wire import Json

_DATASET_LIMITS = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
_INPUT_TAG_LIMITS = {"key": 255, "value": 500}
_IN_BATCH = {"metrics": ("key", "value", "timestamp"), "params": ("key",), "tags": ("key",)}


def set_tag(state: State, fields: Json) -> Json:
    state.limits.check_key(fields["key"])
    _store_tag(state, state.active_run(fields["run_id"]), fields["key"], fields.get("value", ""))
    return {}


def _store_tag(state: State, run: Run, key: str, value: str) -> None:
    """The tag of the run's name renames the run, unless it is empty."""
    kept = state.limits.kept("value", value, state.limits.run_tag)
    if key != "mlflow.runName":
        run.tags[key] = kept
    elif value:
        run.rename(kept)


def delete_tag(state: State, fields: Json) -> Json:
    tags = state.active_run(fields["run_id"]).tags
    if fields["key"] not in tags:
        raise absent(f"No tag with name: {fields['key']} in run with id {fields['run_id']}")
    del tags[fields["key"]]
    return {}


def log_parameter(state: State, fields: Json) -> Json:
    state.limits.check_key(fields["key"])
    run = state.active_run(fields["run_id"])
    _store_params(state, run, {fields["key"]: fields.get("value", "")})
    return {}


def _store_params(state: State, run: Run, params: dict[str, str]) -> None:
    cut = {key: state.limits.kept("value", value, state.limits.run_param) for key, value in params.items()}
    changed = [key for key, value in cut.items() if run.params.get(key, value) != value]
    if changed:
        raise invalid(f"Changing param values is not allowed. Params were already logged={changed}")
    run.params |= cut


def log_metric(state: State, fields: Json) -> Json:
    _check_point(state, fields)
    _store_point(state, state.active_run(fields["run_id"]), fields)
    return {}


def _check_point(state: State, point: Json) -> None:
    state.limits.check_key(point.get("key", ""))
    if point.get("timestamp", 0) < 0:
        raise invalid("Timestamp must be a nonnegative long (64-bit integer)")


def _store_point(state: State, run: Run, fields: Json) -> None:
    """A point equal in all parts is kept once; the latest is the greatest by step, then time, then value."""
    key, (value, is_nan) = fields["key"], stored_value(fields.get("value", 0.0))
    point = (fields.get("step", 0), fields.get("timestamp", 0), value, is_nan)
    run.points.setdefault(key, set()).add(point)
    if key not in run.latest or point[:3] > run.latest[key][:3]:
        run.latest[key] = point
    if fields.get("model_id") in state.models:
        shown = {**shown_point(key, point), "model_id": fields["model_id"], "run_id": run.id}
        metrics = state.models[fields["model_id"]].metrics
        metrics += [shown] if shown not in metrics else []


def log_batch(state: State, fields: Json) -> Json:
    """All is checked before anything is stored."""
    metrics, params, tags = (fields.get(what, []) for what in ("metrics", "params", "tags"))
    limits.check_run_id(fields["run_id"])
    for point in metrics:
        _check_point(state, point)
    for pair in [*params, *tags]:
        state.limits.check_key(pair.get("key", ""))
        if state.limits.batch_value:
            limits.check_length("value", pair.get("value", ""), state.limits.batch_value)
    limits.check_batch({"metrics": len(metrics), "params": len(params), "tags": len(tags)})
    values = {pair["key"]: pair.get("value", "") for pair in params}
    if len(values) < len(params):
        raise invalid("Duplicate parameter keys have been submitted.")
    run = state.active_run(fields["run_id"])
    _store_params(state, run, values)
    for point in metrics:
        _store_point(state, run, point)
    for tag in tags:
        _store_tag(state, run, tag["key"], tag.get("value", ""))
    return {}


def check_batch_body(body: Json) -> None:
    """What is looked for in the body as sent, however much of it could be read; null and non-objects break it."""
    for what, names in _IN_BATCH.items():
        items = body.get(what, [])
        if items is None or not all(isinstance(item, dict) for item in items):
            raise PageError(500)
        for index, item in enumerate(items):
            for name in names:
                if item.get(name) in (None, ""):
                    raise missing(f"{what}[{index}].{name}")


def history(state: State, fields: Json) -> Json:
    """Every point of a metric, ordered by time, step and value; of an unknown run or metric there are none."""
    run = state.runs.get(fields["run_id"])
    points = run.points.get(fields["metric_key"], set()) if run else set()
    found = sorted(points, key=lambda point: (point[1], point[0], point[2]))
    size = fields.get("max_results", max(len(found), 1))
    if size < 1:
        raise invalid(f"Invalid value {size} for parameter 'max_results' supplied.")
    page, more = paging.cut(found, paging.offset(fields.get("page_token", "")), size)
    return {**filled(metrics=[shown_point(fields["metric_key"], point) for point in page]), **more}


def log_inputs(state: State, fields: Json) -> Json:
    """A dataset is known to its experiment by name and digest; what came first stays, input tags included."""
    limits.check_run_id(fields["run_id"])
    given = [_checked_input(item) for item in fields.get("datasets", [])]
    run = state.active_run(fields["run_id"])
    fresh: dict[tuple[str, str], tuple[Json, list[Json]]] = {}
    for dataset, tags in given:
        ident = dataset["name"], dataset["digest"]
        if ident not in run.inputs:
            fresh.setdefault(ident, (dataset, tags))
    for _, tags in fresh.values():
        if len({tag["key"] for tag in tags}) < len(tags):
            raise broken_constraint("input_tags", "input_uuid name")
    for ident, (dataset, tags) in fresh.items():
        state.datasets.setdefault((run.experiment, *ident), _shown(dataset))
        run.inputs[ident] = tags
    return {}


def _shown(dataset: Json) -> Json:
    """An empty schema or profile is not shown again."""
    return {name: text for name, text in dataset.items() if text or name not in ("schema", "profile")}


def _checked_input(item: Json) -> tuple[Json, list[Json]]:
    """A dataset with '' for what it lacks, and its tags."""
    dataset = {"name": "", "digest": "", "source_type": "", "source": "", **item.get("dataset", {})}
    tags = [{"key": "", "value": "", **tag} for tag in item.get("tags", [])]
    for name, limit in _DATASET_LIMITS.items():
        limits.check_length(name, dataset.get(name, ""), limit)
    for tag in tags:
        for name, limit in _INPUT_TAG_LIMITS.items():
            limits.check_length(name, tag[name], limit)
    return dataset, tags
