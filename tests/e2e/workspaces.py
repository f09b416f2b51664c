"""What the tests of the Databricks backend share: a fake workspace, a shell with a stack in it, somebody else in it."""

from __future__ import annotations

from tests.e2e.tools import Server, Shell
from tests.fakes.databricks import HOME, TOKEN, FakeDatabricks
from tests.fakes.mlflow import Fault

FOLDER = "/Shared/ml"
VARIABLES = ("HOST", "TOKEN", "CLIENT_ID", "CLIENT_SECRET", "CONFIG_PROFILE", "AUTH_TYPE", "WORKSPACE_ID")


def somebody(fake: FakeDatabricks) -> Server:
    """Somebody else with the token of the tests; what they do is not recorded."""
    return Server(fake, {"authorization": f"Bearer {TOKEN}"}, page=3_000, model_page=50)


def forget(monkeypatch) -> None:
    """Take away what the environment says of Databricks, and the profiles of whoever runs the tests."""
    for name in VARIABLES:
        monkeypatch.delenv(f"DATABRICKS_{name}", raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/nonexistent")


def configure(shell: Shell, url: str, options: str = f"token: {TOKEN}", name: str = "ml", prefix: str = FOLDER) -> None:
    parts = [f"backend: databricks, host: '{url}'", options, f"name_prefix: '{prefix}'" if prefix else ""]
    target = ", ".join(part for part in parts if part)
    shell.write("manifests/reconciler.yaml", f"stack: {name}\ntargets:\n  prod: {{{target}}}\n")


def settled(shell: Shell, url: str) -> Shell:
    """`shell` with a stack in the workspace at `url`, which nothing else in the environment speaks of."""
    forget(shell.patch)
    configure(shell, url)
    return shell


FAULTS = {
    "lost": Fault.lost(),
    "refused": Fault(400, {"error_code": "BAD_REQUEST", "message": "no"}),
    "failed": Fault(500, {"error_code": "INTERNAL_ERROR", "message": "no"}),
    "busy": Fault(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "no"}, retry_after="0"),
    "page": Fault(502, "<html>"),
    "login": Fault(200, "<html>"),
}
"""What can strike a request; the errors are written as MLflow and Databricks do."""

__all__ = ["FAULTS", "FOLDER", "HOME", "TOKEN", "FakeDatabricks", "configure", "forget", "settled", "somebody"]
