"""What a workspace holds: a tree of folders, experiments as nodes of it, and who may do what with them."""

from __future__ import annotations

import posixpath
import random
from dataclasses import dataclass, field

from tests.fakes.mlflow.errors import ApiError, absent, invalid
from tests.fakes.mlflow.limits import Limits
from tests.fakes.mlflow.state import DELETED, Experiment, State, Tags, pairs
from tests.fakes.mlflow.wire import Json

USER = "ada@example.com"
HOME = f"/Users/{USER}"
ROOT = "/Workspace"
LIMITS = Limits(
    experiment_tag=65_536,
    run_tag=65_536,
    run_param=500,
    experiment_page=3_000,
    model_page=50,
    batch_value=250,
    cuts=False,
    in_bytes=True,
)

Principal = tuple[str, str]
"""`user_name`, `group_name` or `service_principal_name`, and the name."""


def canonical(path: str) -> str:
    """A path as the workspace holds it."""
    bare = path.removeprefix(ROOT) if path == ROOT or path.startswith(f"{ROOT}/") else path
    return bare.rstrip("/") or "/"


@dataclass
class Node(Experiment):
    """An experiment. `origin`: its path before it went to the trash. `direct`: the permissions that it itself has.

    `kind`: what it is the experiment of.
    """

    owner: str = USER
    origin: str = ""
    kind: str = "MLFLOW_EXPERIMENT"
    direct: dict[Principal, str] = field(default_factory=dict)

    def show(self) -> Json:
        """The owner's id is there twice, and the tag with the path follows the node."""
        shown = super().show()
        del shown["workspace"]
        system = {
            "mlflow.ownerId": "7731",
            "mlflow.experiment.sourceName": self.name,
            "mlflow.ownerEmail": self.owner,
            "mlflow.experimentType": self.kind,
        }
        return {**shown, "tags": [*pairs(self.tags), *pairs(system), *pairs({"mlflow.ownerId": "7731"})]}


@dataclass
class Workspace(State):
    """`user`: who sends the present request. `taken`: the error code for a name that is taken."""

    user: str = USER
    untags: bool = False
    registry: bool = True
    filters_tags: bool = True
    folders: set[str] = field(default_factory=lambda: {"/", "/Users", "/Shared", HOME})
    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        """There is no default experiment."""

    def add_experiment(self, name: str, location: str, tags: Tags) -> Node:
        number = max(self.experiments, default=random.randrange(10**15, 10**16)) + random.randrange(1, 999)
        where = location or f"dbfs:/databricks/mlflow-tracking/{number}"
        found = Node(number, name, where, tags, owner=self.user)
        found.direct["user_name", self.user] = "CAN_MANAGE"
        self.experiments[number] = found
        return found

    def node(self, text: str) -> Node:
        """The experiment with that id, which has to be given here."""
        if not text:
            raise invalid("Missing value for required parameter 'experiment_id'.")
        found = self.experiment(text)
        assert isinstance(found, Node)
        return found

    def at(self, path: str) -> Experiment | None:
        """An active one wins over one in the trash."""
        found = [one for one in self.experiments.values() if one.name == path]
        return min(found, key=lambda one: one.stage == DELETED, default=None)

    def check_free(self, path: str) -> None:
        if path in self.folders or self.at(path):
            raise ApiError(self.taken, f"Node named '{posixpath.basename(path)}' already exists")

    def check_parent(self, path: str) -> None:
        parent = posixpath.dirname(path)
        if parent not in self.folders:
            raise absent(f"Parent directory {parent} does not exist.")

    def make_folders(self, path: str) -> None:
        """The folder and all above it."""
        while path != "/":
            if self.at(path):
                raise ApiError(self.taken, f"The path ({path}) is taken by an object that is no directory.")
            self.folders.add(path)
            path = posixpath.dirname(path)
