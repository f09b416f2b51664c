"""The stack's lock in a workspace: as on MLflow, in the registry of the workspace, which has a look-up of its own.

Where that registry is switched off, a plan says that there is no lock.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.backends.mlflow.api import ABSENT
from reconciler.backends.mlflow.lock import RegistryLock, held_by
from reconciler.backends.mlflow.replies import Form, RegisteredModel, read
from reconciler.core import lock
from reconciler.core.call import Flow
from reconciler.core.lock import Held


class TheWorkspaceModel(Form):
    registered_model_databricks: RegisteredModel


@dataclass(frozen=True, slots=True)
class WorkspaceLock(RegistryLock):
    def look(self, stack: str) -> Flow[Held | None]:
        call = self.api.get("databricks/registered-models/get", {"name": lock.name(stack)}, ABSENT)
        (reply,) = yield [call]
        return None if reply is None else held_by(read(reply, TheWorkspaceModel, call).registered_model_databricks)
