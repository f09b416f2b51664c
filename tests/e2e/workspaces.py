"""What the tests of the Databricks backend share: a fake workspace, a shell with a stack in it, somebody else in it."""

from __future__ import annotations

from tests.e2e.tools import Server, Shell
from tests.fakes.databricks import HOME, TOKEN, FakeDatabricks

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


__all__ = ["FOLDER", "HOME", "TOKEN", "FakeDatabricks", "configure", "forget", "somebody"]
