"""The tenant tracking service: experiments and runs over HTTP, in the name of one tenant."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.backends.tenant.api import Api
from reconciler.backends.tenant.experiments import Experiments
from reconciler.backends.tenant.options import Options, endpoint
from reconciler.backends.tenant.runs import Runs
from reconciler.core.wire import Backend, Server, Wire


def wires(options: Options, server: Server) -> Mapping[str, Wire]:  # noqa: ARG001 - there is one version of it
    api = Api(options.prefix)
    return {"experiments": Experiments(api), "runs": Runs(api)}


BACKEND = Backend(
    name="tenant",
    options=Options,
    wires=wires,
    endpoint=endpoint,
    abilities={
        "experiments": ("create", "rename", "update", "delete (soft)", "restore"),
        "runs": ("create", "update"),
    },
)
