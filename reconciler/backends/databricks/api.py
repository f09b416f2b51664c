"""What the wires of Databricks add to MLflow's requests: folders of the workspace, smaller pages, another order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.backends.mlflow.api import Api as MlflowApi
from reconciler.core.call import Call
from reconciler.core.change import Path

ABOVE = "/api/2.0"
PREFIX = f"{ABOVE}/mlflow"
PAGE, MODEL_PAGE = 3_000, 50
"""The largest pages of experiments and of logged models (`databricks-sdk` 0.156.0, service/ml.py)."""


@dataclass(frozen=True, slots=True)
class Api(MlflowApi):
    """`order`: the documentation names the name and the time of the last update, and not the id as MLflow does."""

    prefix: str = PREFIX
    page: int = PAGE
    model_page: int = MODEL_PAGE
    order: str = "name ASC"

    def put(self, route: str, body: Mapping[str, Any], fields: Iterable[Path]) -> Call:
        """A write that replaces what is there."""
        return Call("PUT", f"{self.prefix}/{route}", body, fields=tuple(fields), repeatable=True)

    def above(self, route: str, body: Mapping[str, Any]) -> Call:
        """A write that may be repeated, of what a workspace has beside MLflow's API."""
        return Call("POST", f"{ABOVE}/{route}", body, repeatable=True)
