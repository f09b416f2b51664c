"""What a Databricks workspace cannot hold, found before anything is sent. Lengths are bytes of UTF-8.

Source: the documentation of `databricks-sdk` 0.156.0, service/ml.py. Where it says nothing, MLflow's own limit holds
(`reconciler.backends.mlflow.limits`); nobody tried what a workspace does beyond either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.backends.databricks import names
from reconciler.backends.mlflow import limits as mlflow
from reconciler.backends.mlflow.limits import Limit, Problem

TAGS, CREATED_VALUE = 20, 5_000
"""What one request that makes an experiment may hold: so many tags, and values of so many bytes."""
BATCHED_VALUE = 250
"""How many characters a param or a tag may have that goes with `runs/log-batch`; longer ones go alone."""
TAG, PARAM = 65_536, 500


def at_most(limit: int) -> Callable[[str], Problem]:
    """A text of so many bytes."""

    def check(text: str) -> Problem:
        size = len(text.encode("utf-8", "surrogatepass"))
        return (f"has {size} bytes; a workspace takes {limit}", "shorten it") if size > limit else None

    return check


def word(text: str) -> Problem:
    """Keys of tags, params and metrics."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > mlflow.KEY_LENGTH:
        return f"has a key of {size} bytes; a workspace takes {mlflow.KEY_LENGTH}", "shorten the key"
    return mlflow.word(text)


def path(text: str) -> Problem:
    """The name of an experiment, in its canonical form."""
    why = names.fault(text)
    hint = "write a path such as /Shared/ml/fraud, or give the target a name_prefix such as /Shared/ml"
    return (why, hint) if why else mlflow.at_most(500)(text)


EXPERIMENT: Mapping[str, Limit] = {
    **mlflow.EXPERIMENT,
    "name": Limit(path),
    "description": Limit(at_most(TAG)),
    "tags": Limit(at_most(TAG), word),
}
RUN: Mapping[str, Limit] = {
    **mlflow.RUN,
    "description": Limit(at_most(TAG)),
    "params": Limit(at_most(PARAM), word),
    "metrics": Limit(mlflow.at_most(2**20), word),
    "tags": Limit(at_most(TAG), word),
}
LOGGED_MODEL = mlflow.LOGGED_MODEL
