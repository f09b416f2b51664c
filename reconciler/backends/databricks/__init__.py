"""A Databricks workspace: MLflow's requests, with names that are paths, a trash, smaller limits, other credentials.

Nobody compared it with a live workspace. It was tried on a fake one, which the official client of Databricks
understands; what was read where stands with each part.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.backends.databricks.access import endpoint
from reconciler.backends.databricks.api import Api
from reconciler.backends.databricks.experiments import Experiments
from reconciler.backends.databricks.lock import WorkspaceLock
from reconciler.backends.databricks.names import Names
from reconciler.backends.databricks.options import Options
from reconciler.backends.databricks.permissions import Entries
from reconciler.backends.databricks.runs import Runs
from reconciler.backends.mlflow.api import ABSENT, marked
from reconciler.backends.mlflow.logged_models import LoggedModels
from reconciler.backends.mlflow.servers import LIKE, REMOVE_TAG
from reconciler.backends.permitted import Permitted
from reconciler.core.call import Flow
from reconciler.core.wire import Backend, Rate, Server, Wire


def wires(options: Options, server: Server) -> Mapping[str, Wire]:
    api = Api()
    experiments = Experiments(api, server, names=Names(options.name_prefix))
    return {
        "experiments": Permitted(experiments, Entries(), server.caller),
        "runs": Runs(api),
        "logged_models": LoggedModels(api),
    }


def probe(options: Options) -> Flow[Server]:  # noqa: ARG001 - all are asked alike
    """Asks whether tags of experiments can be removed and searched, as on MLflow: no document of Databricks says so."""
    api = Api()
    asked = [api.ask("experiments/delete-experiment-tag"), api.ask("experiments/search", _BY_TAG)]
    untag, search = yield asked
    lacks = {}
    if untag.status == _FORBIDDEN:
        lacks[REMOVE_TAG] = "the workspace does not let this account remove a tag of an experiment"
    elif untag.status in _NOTHING_THERE and untag.code not in ABSENT:
        lacks[REMOVE_TAG] = "the workspace has no request that removes a tag of an experiment"
    if search.status == _REFUSED:
        lacks[LIKE] = "the workspace does not search experiments by their tags"
    return Server(lacks=lacks)


_BY_TAG = {"filter": marked("probe"), "max_results": 1}
_NOTHING_THERE, _REFUSED, _FORBIDDEN = (404, 405, 501), 400, 403
BACKEND = Backend(
    name="databricks",
    options=Options,
    wires=wires,
    probe=probe,
    probes=("/experiments/delete-experiment-tag",),
    caller=lambda options: Entries().caller(),  # noqa: ARG005 - all are alike
    endpoint=endpoint,
    abilities={
        "experiments": ("create", "rename", "update", "delete (trash)", "restore", "permissions"),
        "runs": ("create", "rename", "update", "replace", "delete (soft)", "restore"),
        "logged_models": ("create", "update", "replace", "delete"),
    },
    # requests a second of a whole workspace, from an older page of the documentation; others share them
    rates=(
        Rate(7, ("/experiments/search", "/experiments/update", "/experiments/delete", "/experiments/restore")),
        Rate(7, ("/runs/search", "/logged-models/search")),
        Rate(47, ("/runs/log-batch",)),
        Rate(127),
    ),
    passing=(  # what the SDK repeats whatever the request (0.156.0, _base_client.py), where it says that none was taken
        ("", "RPC token bucket limit has been exceeded"),
        ("", "does not have any associated worker environments"),
        ("", "There is no worker environment with id"),
        ("", "Unknown worker environment"),
        ("", "UnknownWorkerEnvironmentException"),
    ),
    lock=lambda options: WorkspaceLock(Api()),  # noqa: ARG005 - all are alike
    filters=True,
    reads=("/experiments/search", "/runs/search", "/logged-models/search"),
)
