"""MLflow's tracking server: over HTTP, or embedded on a database."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.backends.mlflow import servers
from reconciler.backends.mlflow.api import Api
from reconciler.backends.mlflow.experiments import Experiments
from reconciler.backends.mlflow.lock import RegistryLock
from reconciler.backends.mlflow.logged_models import LoggedModels
from reconciler.backends.mlflow.options import Options, endpoint
from reconciler.backends.mlflow.permissions import Grants
from reconciler.backends.mlflow.runs import Runs
from reconciler.backends.permitted import Permitted
from reconciler.core.wire import Backend, Server, Wire


def wires(options: Options, server: Server) -> Mapping[str, Wire]:
    api = Api(options.prefix)
    experiments = Permitted(Experiments(api, server), Grants(api, options.workspace or "default"), server.caller)
    models: dict[str, Wire] = {} if servers.MODELS in server.lacks else {"logged_models": LoggedModels(api, server)}
    return {"experiments": experiments, "runs": Runs(api, server), **models}


BACKEND = Backend(
    name="mlflow",
    options=Options,
    wires=wires,
    caller=lambda options: Grants(Api(options.prefix)).caller(),
    endpoint=endpoint,
    abilities={
        "experiments": ("create", "rename", "update", "delete (soft)", "restore", "permissions (with users)"),
        "runs": ("create", "rename", "update", "replace", "delete (soft)", "restore"),
        "logged_models": ("create", "update", "replace", "delete"),
    },
    # a worker out of database connections, two writers of one new tag or dataset, two who rename one registered model
    # (3.17.2); SQLite, PostgreSQL
    passing=(
        ("BAD_REQUEST", "QueuePool limit"),
        ("BAD_REQUEST", "UNIQUE constraint failed: experiment_tags."),
        ("BAD_REQUEST", "UNIQUE constraint failed: tags."),
        ("BAD_REQUEST", "UNIQUE constraint failed: datasets."),
        ("BAD_REQUEST", "UPDATE statement on table 'registered_models' expected to update 1 row(s); 0 were matched"),
        ("BAD_REQUEST", 'unique constraint "experiment_tag_pk"'),
        ("BAD_REQUEST", 'unique constraint "tag_pk"'),
        ("BAD_REQUEST", 'unique constraint "dataset_pk"'),
    ),
    lock=lambda options: RegistryLock(Api(options.prefix)),
    unmet=lambda options: servers.unmet(Api(options.prefix), options.workspace),
    probe=lambda options: servers.probe(Api(options.prefix)),
    probes=("/experiments/delete-experiment-tag", "/runs/log-inputs"),
    filters=True,
    # the best for one worker and for several, near and far (docs/performance.md); two more for the lock make ten, more
    # than which a worker's 15 database connections may not bear, of which a create takes two (3.17.2)
    parallel=8,
    reads=("/experiments/search", "/runs/search", "/logged-models/search"),
)
