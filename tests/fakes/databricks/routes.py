"""The routes of a workspace: MLflow's, with some replaced, some left out, and those that only Databricks has."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fakes.mlflow import models, registry
from tests.fakes.mlflow import shapes as s
from tests.fakes.mlflow.errors import ApiError, absent, invalid
from tests.fakes.mlflow.routes import ROUTES, Handler, Route, Routes
from tests.fakes.mlflow.state import DELETED
from tests.fakes.mlflow.wire import FLAG, TEXT, Json, Many, One, Shape

from . import experiments, permissions
from .workspace import Workspace, canonical

_PATH = Shape({"path": TEXT}, required=("path",))
_ENTRY = dict.fromkeys(("user_name", "group_name", "service_principal_name", "permission_level"), TEXT)
_ENTRIES = Shape({"access_control_list": Many(One(_ENTRY))})
_FINALIZE = Shape(s.MODEL_FINALIZE.fields, required=("status",))
_PARAMS = Shape(s.MODEL_PARAMS.fields)
_MODEL = "logged-models/{path_id}"
_PERMITTED = "permissions/experiments/{path_id}"
MODEL_PAGE = 50
_ABSENT = {("GET", "experiments/search"), ("GET", "registered-models/get")}


def _finalize(state: Workspace, fields: Json) -> Json:
    """The id in the path is enough."""
    return models.finalize(state, {**fields, "model_id": fields["path_id"]})


def _search_models(state: Workspace, fields: Json) -> Json:
    return models.search(state, {"max_results": MODEL_PAGE, **fields})


def _registered(state: Workspace, fields: Json) -> Json:
    return {"registered_model_databricks": registry.get(state, fields)["registered_model"]}


def _if_there(handler: Handler) -> Handler:
    """A workspace can be without the registry of its own. A guess: with which error."""

    def handle(state: Workspace, fields: Json) -> Json:
        if not state.registry:
            raise ApiError("FEATURE_DISABLED", "The legacy workspace model registry is disabled in this workspace.")
        return handler(state, fields)

    return handle


def _make_folders(state: Workspace, fields: Json) -> Json:
    if not fields["path"].startswith("/"):
        raise invalid(f"Path ({fields['path']}) doesn't start with '/'")
    state.make_folders(canonical(fields["path"]))
    return {}


def _status(state: Workspace, fields: Json) -> Json:
    path = canonical(fields["path"])
    if path in state.folders:
        return {"object_type": "DIRECTORY", "path": path, "object_id": 1}
    found = state.at(path)
    if found is None or found.stage == DELETED:
        raise absent(f"Path ({path}) doesn't exist.")
    return {"object_type": "MLFLOW_EXPERIMENT", "path": path, "object_id": found.id}


def _me(state: Workspace, fields: Json) -> Json:
    return {"id": "7731", "userName": state.user, "active": True, "groups": [{"display": "users"}]}


_OWN: Routes = {
    ("POST", "experiments/create"): Route(s.EXPERIMENT_CREATE, experiments.create),
    ("GET", "experiments/get"): Route(s.EXPERIMENT, experiments.get),
    ("GET", "experiments/get-by-name"): Route(s.EXPERIMENT_BY_NAME, experiments.get_by_name),
    ("POST", "experiments/search"): Route(s.EXPERIMENT_SEARCH, experiments.search),
    ("POST", "experiments/update"): Route(s.EXPERIMENT_UPDATE, experiments.update),
    ("POST", "experiments/delete"): Route(s.EXPERIMENT, experiments.delete),
    ("POST", "experiments/restore"): Route(s.EXPERIMENT, experiments.restore),
    ("POST", "experiments/delete-experiment-tag"): Route(Shape(s.EXPERIMENT_KEY.fields), experiments.delete_tag),
    ("POST", "logged-models/search"): Route(s.MODEL_SEARCH, _search_models),
    ("PATCH", _MODEL): Route(_FINALIZE, _finalize),
    ("POST", f"{_MODEL}/params"): Route(_PARAMS, models.log_params),
    ("GET", "databricks/registered-models/get"): Route(s.NAME, _registered),
}
_WORKSPACE: Routes = {
    ("POST", "workspace/mkdirs"): Route(_PATH, _make_folders),
    ("GET", "workspace/get-status"): Route(_PATH, _status),
    ("GET", "preview/scim/v2/Me"): Route(Shape({"attributes": TEXT, "active": FLAG}), _me),
    ("GET", _PERMITTED): Route(s.NOTHING, permissions.read),
    ("PUT", _PERMITTED): Route(_ENTRIES, permissions.replace),
    ("PATCH", _PERMITTED): Route(_ENTRIES, permissions.merge),
    ("GET", f"{_PERMITTED}/permissionLevels"): Route(s.NOTHING, permissions.levels),
}


def _tracking() -> Routes:
    found = {key: route for key, route in ROUTES.items() if key not in _ABSENT} | dict(_OWN)
    return {
        (method, path): Route(route.shape, _if_there(route.handler), route.check_body, route.reads_body)
        if "registered-models/" in path
        else route
        for (method, path), route in found.items()
    }


TABLES: Mapping[str, Routes] = {"/api/2.0/mlflow/": _tracking(), "/api/2.0/": _WORKSPACE}
"""By the start of the path."""
