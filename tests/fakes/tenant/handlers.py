"""What each request does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import fields
from .errors import absent, conflict, invalid
from .fields import Json
from .state import ACTIVE, DELETED, OWN_TAG, Experiment, Run, Semantics, Tenant, now

ENDED = ("finished", "failed", "killed")


@dataclass(frozen=True)
class Asked:
    """One request, taken apart. `id`: that in its path; `tags`: what a PATCH does with a map of tags."""

    tenant: Tenant
    id: str
    query: Mapping[str, str]
    body: Json
    tags: Semantics
    page_cap: int
    hides: bool
    totals: bool


Handler = Callable[[Asked], tuple[int, Json]]


def create_experiment(asked: Asked) -> tuple[int, Json]:
    name = fields.text(asked.body, "name", fields.NAME, least=1)
    description = fields.text(asked.body, "description", fields.DESCRIPTION, default=None)
    location = fields.location(asked.body, f"s3://matih-{asked.tenant.name}/{name}")
    tags = fields.texts(asked.body, "tags")
    asked.tenant.free(name)
    found = Experiment(name, description, location, {**tags, OWN_TAG: asked.tenant.name})
    asked.tenant.experiments[found.id] = found
    return 201, found.shown()


def list_experiments(asked: Asked) -> tuple[int, Json]:
    stage = asked.query.get("lifecycle_stage", ACTIVE)
    if stage not in {ACTIVE, DELETED}:
        raise invalid("lifecycle_stage", "active or deleted")
    words = asked.query.get("search", "")
    found = [one.shown() for one in asked.tenant.experiments.values() if one.stage == stage and words in one.name]
    return 200, _page(asked, "experiments", found, 100)


def get_experiment(asked: Asked) -> tuple[int, Json]:
    return 200, asked.tenant.experiment(asked.id).shown()


def patch_experiment(asked: Asked) -> tuple[int, Json]:
    found = asked.tenant.active(asked.id)
    name = fields.text(asked.body, "name", fields.NAME, least=1, default=found.name)
    description = fields.text(asked.body, "description", fields.DESCRIPTION, default=found.description)
    tags = fields.texts(asked.body, "tags") if "tags" in asked.body else found.tags
    asked.tenant.free(name, found.id)
    before = found.tags if asked.tags == "merge" else {}
    found.name, found.description = name, description
    found.tags = {**before, **tags, OWN_TAG: asked.tenant.name}
    found.updated = now()
    return 200, found.shown()


def archive_experiment(asked: Asked) -> tuple[int, Json]:
    found = asked.tenant.experiment(asked.id)
    if found.stage == DELETED:
        raise absent(f"Experiment {found.id}")
    found.stage = DELETED
    return 200, {"message": "Experiment archived", "id": found.id}


def restore_experiment(asked: Asked) -> tuple[int, Json]:
    found = asked.tenant.experiment(asked.id)
    if found.stage == ACTIVE:
        raise conflict(f"Experiment {found.id} is not archived")
    found.stage = ACTIVE
    return 200, found.shown()


def create_run(asked: Asked) -> tuple[int, Json]:
    parent = asked.tenant.active(fields.text(asked.body, "experiment_id", 64, least=1))
    name = fields.text(asked.body, "name", fields.NAME, least=1)
    description = fields.text(asked.body, "description", fields.VALUE, default=None)
    found = Run(parent, name, description, fields.texts(asked.body, "tags"))
    asked.tenant.runs[found.id] = found
    return 201, found.shown()


def list_runs(asked: Asked) -> tuple[int, Json]:
    """Those of archived experiments too, or not."""
    wanted = {"experiment_id": asked.query.get("experiment_id"), "status": asked.query.get("status")}
    every = [one.shown() for one in asked.tenant.runs.values() if not (asked.hides and one.experiment.stage == DELETED)]
    found = [one for one in every if all(one[name] == value for name, value in wanted.items() if value is not None)]
    return 200, _page(asked, "runs", found, 50)


def get_run(asked: Asked) -> tuple[int, Json]:
    return 200, asked.tenant.run(asked.id).shown()


def log_metrics(asked: Asked) -> tuple[int, Json]:
    found = asked.tenant.open_run(asked.id)
    values = fields.metrics(asked.body)
    step, when = fields.whole(asked.body, "step", 0), fields.whole(asked.body, "timestamp", now())
    for key, value in values.items():
        found.log(key, value, step, when)
    return 200, {"message": "Metrics logged", "run_id": found.id}


def log_params(asked: Asked) -> tuple[int, Json]:
    found = asked.tenant.open_run(asked.id)
    _set_params(found, fields.params(asked.body))
    return 200, {"message": "Parameters logged", "run_id": found.id}


def log_batch(asked: Asked) -> tuple[int, Json]:
    found = asked.tenant.open_run(asked.id)
    lists = fields.batch(asked.body)
    _set_params(found, {one["key"]: one["value"] for one in lists["params"]})
    when = now()
    for point in lists["metrics"]:
        found.log(point["key"], point["value"], point["step"], when)
    found.tags |= {one["key"]: one["value"] for one in lists["tags"]}
    return 200, {"message": "Batch logged", "run_id": found.id}


def end_run(asked: Asked) -> tuple[int, Json]:
    found = asked.tenant.open_run(asked.id)
    status = asked.query.get("status", "finished")
    if status not in ENDED:
        raise invalid("status", "finished, failed or killed")
    found.status, found.end = status, now()
    seconds = (found.end - found.start) / 1000
    return 200, {"message": "Run ended", "run_id": found.id, "status": status, "duration_seconds": seconds}


def _set_params(run: Run, values: dict[str, str]) -> None:
    for key, value in values.items():
        if run.params.get(key, value) != value:
            raise conflict(f"Parameter '{key}' is already logged with another value")
    run.params |= values


def _page(asked: Asked, what: str, found: list[Any], default: int) -> Json:
    """The newest first."""
    limit, offset = fields.page(asked.query, default)
    shown = found[::-1][offset : offset + min(limit, asked.page_cap or limit)]
    counts = {"total": len(found), "limit": limit, "offset": offset}
    return {what: shown, **(counts if asked.totals else {})}
