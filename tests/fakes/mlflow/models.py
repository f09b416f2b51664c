"""The `logged-models...` endpoints; ids in the path arrive as the fields `path_id` and `path_key`."""

from __future__ import annotations

from typing import Any

from . import filters, limits, paging
from .errors import absent, broken_constraint, unknown_parent
from .state import DELETED, Model, State, experiment_id, filled, now, random_name
from .wire import Json

_TIMES = frozenset(
    {"creation_timestamp_ms", "last_updated_timestamp_ms", "creation_timestamp", "last_updated_timestamp"}
)
_TEXTS = frozenset({"name", "model_id", "model_type", "source_run_id"})
GRAMMAR = filters.Grammar(text=_TEXTS | {"status"}, numeric=_TIMES, ids=frozenset(), lenient=True)
UNSPECIFIED = "LOGGED_MODEL_STATUS_UNSPECIFIED"


def create(state: State, fields: Json) -> Json:
    """Nothing about tags and params is checked but that their keys are distinct."""
    limits.check_model_name(fields.get("name", ""))
    experiment = state.active_experiment(fields["experiment_id"])
    if not fields["experiment_id"]:
        raise unknown_parent()
    model = Model(
        experiment.id,
        fields.get("name") or random_name(),
        fields.get("model_type", ""),
        fields.get("source_run_id", ""),
        experiment.location,
        tags=_distinct("tag", fields.get("tags", [])),
        params=_distinct("param", fields.get("params", [])),
    )
    state.models[model.id] = model
    return {"model": model.show()}


def _values(pairs: list[Json]) -> dict[str, str]:
    return {pair.get("key", ""): pair.get("value", "") for pair in pairs}


def _distinct(what: str, pairs: list[Json]) -> dict[str, str]:
    values = _values(pairs)
    if len(values) < len(pairs):
        raise broken_constraint(f"logged_model_{what}s", f"model_id {what}_key")
    return values


def get(state: State, fields: Json) -> Json:
    model = state.model(fields["path_id"])
    if model.stage == DELETED and not fields.get("allow_deleted"):
        raise absent(f"Logged model with ID '{model.id}' not found.")
    return {"model": model.show()}


def finalize(state: State, fields: Json) -> Json:
    """The id in the body counts, not the one in the path; an unknown status is stored as unspecified."""
    model = state.model(fields["model_id"])
    model.status, model.updated = fields.get("status", UNSPECIFIED), now()
    return {"model": model.show()}


def delete(state: State, fields: Json) -> Json:
    model = state.model(fields["path_id"])
    model.stage, model.updated = DELETED, now()
    return {}


def set_tags(state: State, fields: Json) -> Json:
    state.model(fields["path_id"]).tags |= _values(fields.get("tags", []))
    return {}


def delete_tag(state: State, fields: Json) -> Json:
    tags = state.model(fields["path_id"]).tags
    if fields["path_key"] not in tags:
        raise absent(f"No tag with key {fields['path_key']!r} found for model with ID {fields['path_id']!r}.")
    del tags[fields["path_key"]]
    return {}


def log_params(state: State, fields: Json) -> Json:
    """The body must hold a model id, yet the one in the path counts; no key can be written twice."""
    model, params = state.model(fields["path_id"]), _distinct("param", fields.get("params", []))
    if params.keys() & model.params.keys():
        raise broken_constraint("logged_model_params", "model_id param_key")
    model.params |= params
    return {}


def search(state: State, fields: Json) -> Json:
    experiments, text = fields["experiment_ids"], fields.get("filter") or None
    clauses = filters.parse(text or "", GRAMMAR)
    asked = [
        {"field_name": item.get("field_name", ""), "ascending": item.get("ascending", True)}
        for item in fields.get("order_by", [])
    ]
    order = filters.parse_order([item["field_name"] for item in asked], _TEXTS | _TIMES)
    query = {"experiment_ids": experiments, "filter_string": text, "order_by": asked or None}
    start = paging.bound_offset(fields.get("page_token", ""), query)
    wanted = {experiment_id(one) for one in experiments}
    found = [model for model in state.models.values() if model.experiment in wanted and model.stage != DELETED]
    found = [model for model in found if filters.matches(model, clauses, _look)]
    terms = [(name, item["ascending"]) for (name, _), item in zip(order, asked, strict=True)]
    found = filters.ordered(found, [*terms, ("creation_timestamp", False), ("model_id", True)], _attribute)
    asked_size = fields.get("max_results", 50) or 100
    if state.limits.model_page:
        paging.check_size(asked_size, state.limits.model_page)
    size = state.page_size(asked_size)
    page, more = paging.cut(found, start, size, **query)
    return {**filled(models=[model.show() for model in page]), **more}


def _attribute(model: Model, name: str) -> Any:
    info = model.show()["info"]
    return info[name] if name in info else info[f"{name}_ms"]


def _look(model: Model, entity: str, key: str) -> Any:
    if entity == "attribute":
        # The database holds a status as a number, which equals no text.
        return None if key == "status" else _attribute(model, key)
    return (model.tags if entity == "tag" else model.params).get(key)
