"""Which handler answers a method and a path, and what it is given of the request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.transport import NotJson

from . import experiments, models, registry, runlog, runs
from . import shapes as s
from .errors import PageError, UnroutedError, invalid
from .wire import Json, Shape, read_body, read_query

Handler = Callable[[Any, Json], Json]
"""Takes the state, or what a server has in its place, and the fields of the request."""


@dataclass(frozen=True)
class Route:
    shape: Shape
    handler: Handler
    check_body: Callable[[Json], None] | None = None
    reads_body: bool = True


Routes = Mapping[tuple[str, str], Route]
"""By method and path below the prefix."""

_MODEL = "logged-models/{path_id}"
ROUTES: Routes = {
    ("POST", "experiments/create"): Route(s.EXPERIMENT_CREATE, experiments.create),
    ("GET", "experiments/get"): Route(s.EXPERIMENT, experiments.get),
    ("GET", "experiments/get-by-name"): Route(s.EXPERIMENT_BY_NAME, experiments.get_by_name),
    ("POST", "experiments/search"): Route(s.EXPERIMENT_SEARCH, experiments.search),
    ("GET", "experiments/search"): Route(s.EXPERIMENT_SEARCH, experiments.search),
    ("POST", "experiments/update"): Route(s.EXPERIMENT_UPDATE, experiments.update),
    ("POST", "experiments/delete"): Route(s.EXPERIMENT, experiments.delete),
    ("POST", "experiments/restore"): Route(s.EXPERIMENT, experiments.restore),
    ("POST", "experiments/set-experiment-tag"): Route(s.EXPERIMENT_TAG, experiments.set_tag),
    ("POST", "experiments/delete-experiment-tag"): Route(s.EXPERIMENT_KEY, experiments.delete_tag),
    ("POST", "runs/create"): Route(s.RUN_CREATE, runs.create),
    ("GET", "runs/get"): Route(s.RUN, runs.get),
    ("POST", "runs/update"): Route(s.RUN_UPDATE, runs.update),
    ("POST", "runs/delete"): Route(s.RUN, runs.delete),
    ("POST", "runs/restore"): Route(s.RUN, runs.restore),
    ("POST", "runs/search"): Route(s.RUN_SEARCH, runs.search),
    ("POST", "runs/set-tag"): Route(s.RUN_TAG, runlog.set_tag),
    ("POST", "runs/delete-tag"): Route(s.RUN_KEY, runlog.delete_tag),
    ("POST", "runs/log-parameter"): Route(s.RUN_TAG, runlog.log_parameter),
    ("POST", "runs/log-metric"): Route(s.RUN_METRIC, runlog.log_metric),
    ("POST", "runs/log-batch"): Route(s.RUN_BATCH, runlog.log_batch, runlog.check_batch_body),
    ("POST", "runs/log-inputs"): Route(s.RUN_INPUTS, runlog.log_inputs),
    ("GET", "metrics/get-history"): Route(s.HISTORY, runlog.history),
    ("POST", "logged-models"): Route(s.MODEL_CREATE, models.create),
    ("POST", "logged-models/search"): Route(s.MODEL_SEARCH, models.search),
    ("GET", _MODEL): Route(s.MODEL_GET, models.get),
    ("PATCH", _MODEL): Route(s.MODEL_FINALIZE, models.finalize),
    ("DELETE", _MODEL): Route(s.NOTHING, models.delete, reads_body=False),
    ("PATCH", f"{_MODEL}/tags"): Route(s.MODEL_TAGS, models.set_tags),
    ("DELETE", f"{_MODEL}/tags/{{path_key}}"): Route(s.NOTHING, models.delete_tag, reads_body=False),
    ("POST", f"{_MODEL}/params"): Route(s.MODEL_PARAMS, models.log_params),
    ("POST", "registered-models/create"): Route(s.REGISTERED_CREATE, registry.create),
    ("GET", "registered-models/get"): Route(s.NAME, registry.get),
    ("GET", "registered-models/search"): Route(s.REGISTERED_SEARCH, registry.search),
    ("POST", "registered-models/rename"): Route(s.REGISTERED_RENAME, registry.rename),
    ("DELETE", "registered-models/delete"): Route(s.NAME, registry.delete),
    ("POST", "registered-models/set-tag"): Route(s.NAMED_TAG, registry.set_tag),
    ("DELETE", "registered-models/delete-tag"): Route(s.NAMED_KEY, registry.delete_tag),
}


def dispatch(
    tables: Mapping[str, Routes], state: Any, method: str, path: str, query: Mapping[str, str], body: Any | None
) -> Json:
    """The reply of the handler that stands for the path in the table of its prefix."""
    if "\n" in path[:-1]:  # what stands in front of the application knows no path with a line end inside
        raise UnroutedError
    prefix = next((prefix for prefix in tables if path.startswith(prefix)), None)
    if prefix is None:
        raise PageError(404)
    route, held = find(tables[prefix], method, re.sub("/{2,}", "/", path.removeprefix(prefix)))
    if "//" in path:
        raise PageError(308)
    if not route.reads_body:
        return route.handler(state, dict(held))
    if isinstance(body, NotJson):
        raise invalid("Bad Request. Content-Type must be one of ['application/json'].")
    found = read_query(route.shape, query) if method == "GET" else {} if body is None else body
    fields = read_body(route.shape, found)
    if route.check_body:
        route.check_body(found)
    return route.handler(state, {**fields, **held})


def find(routes: Routes, method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route for a path below the prefix, with what the path holds; a fixed path goes before a pattern."""
    if (method, path) in routes:
        return routes[method, path], {}
    matching = {
        verb: (route, held) for (verb, pattern), route in routes.items() if (held := _match(pattern, path)) is not None
    }
    if not matching:
        raise PageError(404)
    if method not in matching:
        raise PageError(405)
    return matching[method]


def _match(pattern: str, path: str) -> dict[str, str] | None:
    """An encoded slash counts as a slash, so a key with one never reaches its handler."""
    names, parts = pattern.split("/"), path.split("/")
    if len(names) != len(parts):
        return None
    held = {}
    for name, part in zip(names, parts, strict=True):
        if name.startswith("{") and part:
            held[name.strip("{}")] = part
        elif name != part:
            return None
    return held
