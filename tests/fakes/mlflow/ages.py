"""What older MLflow servers are and lack, as it was found on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import experiments
from . import shapes as s
from .errors import invalid
from .limits import check_length
from .routes import ROUTES, Handler, Route, Routes
from .state import State
from .wire import Json


@dataclass(frozen=True)
class Age:
    """How a server differs from 3.17.2.

    Attributes:
        version: what it says that it is; '' where it has no such page.
        lacks: the starts of the paths below the prefix that it has nothing at.
        lists: whether it has experiments/list.
        longest: the longest value that a set tag or a logged param may have, by the start of the path and the list.
        colons: whether a key may have them. like, presence: whether a filter knows LIKE, and IS NOT NULL.
        partial: whether an update of a run leaves alone what it does not name.
        workspaces: the names that there are besides `default`; None where it runs without workspaces.
    """

    version: str = "3.17.2"
    lacks: tuple[str, ...] = ()
    lists: bool = False
    longest: Mapping[tuple[str, str], int] = field(default_factory=dict)
    colons: bool = True
    like: bool = True
    presence: bool = True
    partial: bool = True
    workspaces: tuple[str, ...] | None = None

    @property
    def refuses_workspaces(self) -> bool:
        return self.version == Age.version and self.workspaces is None

    def routes(self) -> Routes:
        """Those that it has, with handlers that refuse what it did not take."""
        known = {**ROUTES, **(_LIST if self.lists else {})}
        return {
            (method, path): replace(route, handler=self._guarded(path, route.handler))
            for (method, path), route in known.items()
            if not path.startswith(self.lacks)
        }

    def _guarded(self, path: str, handler: Handler) -> Handler:
        def handle(state: State, fields: Json) -> Json:
            self._check(path, fields)
            whole = {} if self.partial or path != "runs/update" else {"status": "RUNNING", "end_time": 0}
            return handler(state, {**whole, **fields})

        return handle

    def _check(self, path: str, fields: Json) -> None:
        if not self.like and "LIKE" in fields.get("filter", ""):
            raise invalid("Invalid comparator 'LIKE' in the filter.")
        if not self.presence and "NULL" in fields.get("filter", ""):
            raise invalid("Invalid clause(s) in filter string: 'IS NOT NULL'")
        if path.endswith("/create"):
            return  # none of them looked at the tags of what is made
        for name, pair in _pairs(fields):
            limit = self.longest.get((path.partition("/")[0], name), 10**9)
            check_length("value", str(pair.get("value", "")), limit)
            if not self.colons and ":" in pair.get("key", ""):
                raise invalid(f"Invalid name: '{pair['key']}'. Names may only contain alphanumerics, ...")


def _listed(state: State, fields: Json) -> Json:
    return experiments.search(state, {"max_results": 1000, "order_by": ["experiment_id ASC"], **fields})


_LIST = {("GET", "experiments/list"): Route(s.EXPERIMENT_SEARCH, _listed)}


def _pairs(fields: Json) -> Iterator[tuple[str, Any]]:
    if "key" in fields:
        yield "tags", fields
    for name in ("tags", "params", "metrics"):
        for pair in fields.get(name) or ():
            yield name, pair


_NO_REMOVAL = ("experiments/delete-experiment-tag",)
_NO_MODELS = (*_NO_REMOVAL, "logged-models")
_EXPERIMENTS = {("experiments", "tags"): 5000}
_LONGEST = {**_EXPERIMENTS, ("runs", "tags"): 5000}

NEWEST = Age()
V3_1 = Age("3.1.4", _NO_REMOVAL, longest=_EXPERIMENTS, presence=False)
V2_22 = Age("2.22.4", _NO_MODELS, longest=_EXPERIMENTS, presence=False)
V2_9 = Age("2.9.2", _NO_MODELS, longest=_LONGEST | {("runs", "params"): 6000}, colons=False, presence=False)
V1_30 = Age(
    "",
    (*_NO_MODELS, "runs/log-inputs"),
    True,
    _LONGEST | {("runs", "params"): 500},
    colons=False,
    presence=False,
    partial=False,
)
V1_30_PREVIEW = replace(V1_30, lacks=(*V1_30.lacks, "experiments/search", "experiments/get-by-name"))
"""1.30 below /api/2.0/preview/mlflow: what it learned last it has below /api/2.0/mlflow only."""
