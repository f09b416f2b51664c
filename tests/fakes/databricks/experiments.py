"""The `experiments/...` endpoints, as far as they differ from MLflow's: names are paths, and deleting is the trash."""

from __future__ import annotations

import posixpath

from tests.fakes.mlflow import experiments, locations
from tests.fakes.mlflow.errors import ApiError, absent, invalid
from tests.fakes.mlflow.limits import check_length
from tests.fakes.mlflow.state import ACTIVE, DELETED, now
from tests.fakes.mlflow.wire import Json

from .workspace import Node, Workspace, canonical

TAGS, TAG_VALUE = 20, 5_000
"""What one create may hold."""
DEFAULT_PAGE = 1_000
ORDERS = ("name", "last_update_time")
"""What the documentation names; MLflow orders by the id too."""


def create(state: Workspace, fields: Json) -> Json:
    path, tags = _path(fields.get("name", "")), fields.get("tags", [])
    if len(tags) > TAGS:
        raise invalid(f"At most {TAGS} tags can be set on creation.")
    for tag in tags:
        experiments.check_tag(state, tag)
        check_length("value", tag.get("value", "").encode(), TAG_VALUE)
    state.check_parent(path)
    state.check_free(path)
    location = locations.settled(fields.get("artifact_location", ""))
    made = state.add_experiment(path, location, {tag.get("key", ""): tag.get("value", "") for tag in tags})
    return {"experiment_id": str(made.id)}


def _path(name: str) -> str:
    if not name.startswith("/") or canonical(name) == "/":
        raise invalid(
            f"Got an invalid experiment name '{name}'. An experiment name must be an absolute path within the "
            "Databricks workspace. E.g., '/Users/<some-username>/my-experiment'."
        )
    return canonical(name)


def get(state: Workspace, fields: Json) -> Json:
    return {"experiment": state.node(fields["experiment_id"]).show()}


def get_by_name(state: Workspace, fields: Json) -> Json:
    """Only the path that is held finds anything: not one that starts with /Workspace, nor that of what is trashed."""
    found = state.at(fields["experiment_name"])
    if found is None:
        raise absent(f"Node {fields['experiment_name']} does not exist.")
    return {"experiment": found.show()}


def search(state: Workspace, fields: Json) -> Json:
    if "tag" in fields.get("filter", "") and not state.filters_tags:
        raise invalid("Invalid filter: experiments are searched by their names alone.")
    for term in fields.get("order_by", []):
        if term.split()[0] not in ORDERS:
            raise invalid(f"Invalid order_by {term!r}: experiments are ordered by their name or their last update.")
    return experiments.search(state, {"max_results": DEFAULT_PAGE, **fields})


def update(state: Workspace, fields: Json) -> Json:
    path, found = _path(fields.get("new_name", "")), state.node(fields["experiment_id"])
    if found.stage != ACTIVE:
        raise invalid(f"Cannot move node '{posixpath.basename(found.name)}' because it is in trash folder")
    if path != found.name:
        state.check_parent(path)
        state.check_free(path)
    found.name, found.updated = path, now()
    return {}


def delete(state: Workspace, fields: Json) -> Json:
    found = state.node(fields["experiment_id"])
    if found.stage != ACTIVE:
        raise absent(f"No Experiment with id={found.id} exists")
    found.origin, found.name = found.name, _in_trash(state, found)
    return _move(state, found, DELETED)


def _in_trash(state: Workspace, found: Node) -> str:
    """A guess: what happens to a second one of that name in the trash, nobody knows."""
    trash = f"/Users/{state.user}/Trash"
    state.make_folders(trash)
    path = f"{trash}/{posixpath.basename(found.name)}"
    return f"{path}-{found.id}" if state.at(path) else path


def restore(state: Workspace, fields: Json) -> Json:
    """A guess: that it cannot come back to a path that is taken, or whose folder is gone."""
    found = state.node(fields["experiment_id"])
    if found.stage != DELETED:
        raise absent(f"No Experiment with id={found.id} exists")
    state.check_parent(found.origin)
    state.check_free(found.origin)
    found.name = found.origin
    return _move(state, found, ACTIVE)


def _move(state: Workspace, found: Node, stage: str) -> Json:
    found.stage, found.updated = stage, now()
    for run in state.runs.values():
        if run.experiment == found.id:
            run.stage = stage
    return {}


def delete_tag(state: Workspace, fields: Json) -> Json:
    """Neither the SDK nor the documentation has it; a workspace that does has MLflow's."""
    if not state.untags:
        path = "/mlflow/experiments/delete-experiment-tag"
        raise ApiError("ENDPOINT_NOT_FOUND", f"No API found for 'POST {path}'")
    if not fields.get("experiment_id"):
        raise invalid("Missing value for required parameter 'experiment_id'.")
    return experiments.delete_tag(state, fields)
