"""The `runs/...` endpoints that make, find and end runs; what is logged to a run stands in `runlog.py`."""

from __future__ import annotations

from typing import Any

from . import filters, paging
from .errors import broken_constraint, invalid, unknown_parent
from .experiments import STAGES
from .state import ACTIVE, DELETED, Run, State, experiment_id, filled, random_name
from .wire import Json

_TIMES = frozenset({"start_time", "end_time"})
_TEXTS = frozenset({"run_name", "status", "user_id", "artifact_uri"})
GRAMMAR = filters.Grammar(text=_TEXTS, numeric=_TIMES, ids=frozenset({"run_id"}))
_NAME = "mlflow.runName"


def create(state: State, fields: Json) -> Json:
    """Tags are taken as they come: neither keys nor lengths are checked here, unlike in set-tag and log-batch."""
    ident = fields.get("experiment_id", "")
    experiment = state.active_experiment(ident)
    given = fields.get("tags", [])
    tags = {tag.get("key", ""): tag.get("value", "") for tag in given}
    name = _name(fields.get("run_name", ""), tags.get(_NAME, ""))
    # An empty name in the tag gets a second tag beside it.
    if len(tags) < len(given) or tags.get(_NAME) == "":
        raise broken_constraint("tags", "key run_uuid")
    if not ident:
        raise unknown_parent()
    tags.setdefault(_NAME, name)
    user, start = fields.get("user_id", ""), fields.get("start_time", 0)
    run = Run(experiment.id, name, user, start, experiment.location, tags)
    state.runs[run.id] = run
    return {"run": {"info": run.info(), "data": run.data(), "inputs": {}}}


def _name(name: str, tag: str) -> str:
    if name and tag and name != tag:
        raise invalid("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values.")
    return name or tag or random_name()


def get(state: State, fields: Json) -> Json:
    return {"run": _show(state, state.run(fields["run_id"]))}


def _show(state: State, run: Run) -> Json:
    inputs = [
        {**filled(tags=tags), "dataset": state.datasets[run.experiment, name, digest]}
        for (name, digest), tags in run.inputs.items()
    ]
    return {"info": run.info(), "data": run.data(), "inputs": filled(dataset_inputs=inputs), "outputs": {}}


def update(state: State, fields: Json) -> Json:
    run = state.active_run(fields["run_id"])
    run.status = fields.get("status", run.status)
    run.end = fields.get("end_time", run.end)
    if fields.get("run_name"):
        run.rename(fields["run_name"])
    return {"run_info": run.info()}


def delete(state: State, fields: Json) -> Json:
    state.run(fields["run_id"]).stage = DELETED
    return {}


def restore(state: State, fields: Json) -> Json:
    state.run(fields["run_id"]).stage = ACTIVE
    return {}


def search(state: State, fields: Json) -> Json:
    """Newest first, by the start time that the client gave; ties in the order of the random ids."""
    size = state.page_size(paging.check_size(fields.get("max_results", 1_000), state.limits.run_page))
    clauses = filters.parse(fields.get("filter", ""), GRAMMAR)
    order = filters.parse_order(fields.get("order_by", []), _TEXTS | _TIMES | {"run_id"})
    start = paging.offset(fields.get("page_token", ""))
    experiments = {experiment_id(text) for text in fields.get("experiment_ids", [])}
    stages = STAGES[fields.get("run_view_type", "ACTIVE_ONLY")]
    found = [run for run in state.runs.values() if run.experiment in experiments and run.stage in stages]
    found = [run for run in found if filters.matches(run, clauses, _look)]
    found = filters.ordered(found, [*order, ("start_time", False), ("run_id", True)], _attribute)
    page, more = paging.cut(found, start, size)
    return {**filled(runs=[_show(state, run) for run in page]), **more}


def _attribute(run: Run, name: str) -> Any:
    return run.info().get(name, 0)


def _look(run: Run, entity: str, key: str) -> Any:
    if entity == "attribute":
        return run.info().get(key)
    return (run.tags if entity == "tag" else run.params).get(key)
