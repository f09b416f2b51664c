"""Runs in a workspace: as on MLflow, but a long param or tag goes alone, since `runs/log-batch` takes 250 characters.

The documentation of log-batch says so, that of the single requests allows more (`databricks-sdk` 0.156.0,
service/ml.py); whether a workspace really refuses it was not tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.backends.databricks import limits
from reconciler.backends.mlflow import limits as mlflow_limits
from reconciler.backends.mlflow.batches import Entry
from reconciler.backends.mlflow.runs import Runs as MlflowRuns
from reconciler.core.address import Address
from reconciler.core.call import Call, id_of
from reconciler.core.change import Path, Value
from reconciler.core.wire import Unsupported


@dataclass(frozen=True, slots=True)
class Runs(MlflowRuns):
    def check(self, path: Path, value: Value) -> Unsupported | None:
        return mlflow_limits.check(limits.RUN, path, value)

    def logged(self, address: Address, entries: list[Entry], mark: list[Entry]) -> list[Call]:
        """The mark goes last, whole: where a part of it goes alone, all of it does."""
        short = [entry for entry in entries if not _long(entry)]
        alone = [entry for entry in entries if _long(entry)]
        if not any(map(_long, [*alone, *mark])):
            return MlflowRuns.logged(self, address, entries, mark)
        batched = MlflowRuns.logged(self, address, short, [])
        return [*batched, *(self._alone(address, *entry) for entry in (*alone, *mark))]

    def _alone(self, address: Address, kind: str, path: Path | None, entry: Mapping[str, Any]) -> Call:
        body, fields = {"run_id": id_of(address), **entry}, [path] if path else []
        if kind == "params":
            return self.api.post("runs/log-parameter", body, fields)
        return self.api.post("runs/set-tag", body, fields)


def _long(entry: Entry) -> bool:
    kind, _, content = entry
    return kind != "metrics" and len(content["value"]) > limits.BATCHED_VALUE
