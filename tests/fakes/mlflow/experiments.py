"""The `experiments/...` endpoints: each takes the state and the request's fields, and returns the reply."""

from __future__ import annotations

from typing import Any

from . import filters, limits, locations, paging
from .errors import ApiError, absent, broken_constraint
from .state import ACTIVE, DELETED, Experiment, State, now
from .wire import Json

_TIMES = frozenset({"creation_time", "last_update_time"})
GRAMMAR = filters.Grammar(text=frozenset({"name"}), numeric=_TIMES, ids=frozenset({"experiment_id"}))
_ORDERABLE = frozenset({"name", "experiment_id"}) | _TIMES
STAGES = {"ACTIVE_ONLY": {ACTIVE}, "DELETED_ONLY": {DELETED}, "ALL": {ACTIVE, DELETED}}
_ATTRIBUTES = {
    "name": lambda found: found.name,
    "experiment_id": lambda found: found.id,
    "creation_time": lambda found: found.created,
    "last_update_time": lambda found: found.updated,
}


def create(state: State, fields: Json) -> Json:
    name, tags = fields.get("name", ""), fields.get("tags", [])
    location = locations.settled(fields.get("artifact_location", ""))
    limits.check_experiment_name(name)
    for tag in tags:
        check_tag(state, tag)
    values = {tag.get("key", ""): tag.get("value", "") for tag in tags}
    # Any broken constraint is reported as a taken name, that of the tags too.
    if state.named(name) or len(values) < len(tags):
        raise ApiError("RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists.")
    return {"experiment_id": str(state.add_experiment(name, location, values).id)}


def check_tag(state: State, tag: Json) -> None:
    state.limits.check_key(tag.get("key", ""))
    state.limits.check("value", tag.get("value", ""), state.limits.experiment_tag)


def get(state: State, fields: Json) -> Json:
    return {"experiment": state.experiment(fields["experiment_id"]).show()}


def get_by_name(state: State, fields: Json) -> Json:
    found = state.named(fields["experiment_name"])
    if found is None:
        raise absent(f"Could not find experiment with name '{fields['experiment_name']}'")
    return {"experiment": found.show()}


def update(state: State, fields: Json) -> Json:
    name = fields.get("new_name", "")
    limits.check_experiment_name(name)
    found = state.experiment(fields.get("experiment_id", ""))
    if found.stage != ACTIVE:
        raise ApiError("INVALID_STATE", "Cannot rename a non-active experiment.")
    if state.named(name) not in (None, found):
        raise broken_constraint("experiments", "workspace name")
    found.name, found.updated = name, now()
    return {}


def delete(state: State, fields: Json) -> Json:
    return _move(state, fields, ACTIVE, DELETED)


def restore(state: State, fields: Json) -> Json:
    return _move(state, fields, DELETED, ACTIVE)


def _move(state: State, fields: Json, before: str, after: str) -> Json:
    """All runs go along, whatever each of them was before; logged models stay as they are."""
    found = state.experiment(fields["experiment_id"])
    if found.stage != before:
        raise absent(f"No Experiment with id={found.id} exists")
    found.stage, found.updated = after, now()
    for run in state.runs.values():
        if run.experiment == found.id:
            run.stage = after
    return {}


def set_tag(state: State, fields: Json) -> Json:
    check_tag(state, fields)
    state.active_experiment(fields["experiment_id"]).tags[fields["key"]] = fields.get("value", "")
    return {}


def delete_tag(state: State, fields: Json) -> Json:
    tags = state.active_experiment(fields["experiment_id"]).tags
    if fields["key"] not in tags:
        raise absent(f"No tag with name: {fields['key']} in experiment with id {fields['experiment_id']}")
    del tags[fields["key"]]
    return {}


def search(state: State, fields: Json) -> Json:
    size = state.page_size(paging.check_size(fields.get("max_results", 0), state.limits.experiment_page))
    clauses = filters.parse(fields.get("filter", ""), GRAMMAR)
    order = filters.parse_order(
        fields.get("order_by") or ["creation_time DESC", "experiment_id ASC"],
        _ORDERABLE,
    )
    stages = STAGES[fields.get("view_type", "ACTIVE_ONLY")]
    found = [one for one in state.experiments.values() if one.stage in stages and filters.matches(one, clauses, _look)]
    found = filters.ordered(found, [*order, ("experiment_id", False)], lambda one, name: _ATTRIBUTES[name](one))
    page, more = paging.cut(found, paging.offset(fields.get("page_token", "")), size)
    return {**({"experiments": [one.show() for one in page]} if page else {}), **more}


def _look(experiment: Experiment, entity: str, key: str) -> Any:
    if entity == "attribute":
        value = _ATTRIBUTES[key](experiment)
        return str(value) if key == "experiment_id" else value
    return experiment.tags.get(key) if entity == "tag" else None
