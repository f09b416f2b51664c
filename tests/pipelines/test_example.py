"""The workflow of the example, from the pull request to the night after: its jobs run as they are written there."""

from __future__ import annotations

import shutil

import pytest
import yaml

from tests.e2e.tools import Shell
from tests.fakes.github import FakeGitHub
from tests.pipelines.steps import Runner
from tests.pipelines.test_pages import EXAMPLE, WORKFLOW

JOBS = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
HEAD, MERGE = "a" * 40, "b" * 40


@pytest.fixture
def job(tmp_path, url, monkeypatch):
    checkout = tmp_path / "checkout"
    shutil.copytree(EXAMPLE, checkout)
    shell = Shell(checkout, monkeypatch)
    github = FakeGitHub()

    def run(name, event, commit=MERGE):
        (step,) = [one for one in JOBS[name]["steps"] if one["uses"].startswith("your-org/reconciler@")]
        environ = {} if name == "validate" else {"MLFLOW_URL": url, "MLFLOW_TRACKING_TOKEN": "t"}
        assert environ.keys() == step.get("env", {}).keys()
        return Runner(shell.folder, tmp_path / "temp", github, api, environ).job(event, commit, **step["with"])

    with github.serve() as api:
        yield run, github, shell


def test_from_a_pull_request_to_the_night_after(job, server):
    run, github, _ = job
    event = {"pull_request": github.pull(7, HEAD)}
    assert run("validate", event).code == 0
    assert run("plan", event).code == 0
    github.pull(7, HEAD, MERGE)
    assert run("apply", {}).code == 0
    assert server.experiment("fraud-detection")["tags"]["team"] == "risk"
    assert run("drift", {}).code == 0
    server.tag("fraud-detection", team="ops")
    assert run("drift", {}).code == 3
    assert [one["title"] for one in github.threads] == ["Drift: manifests on prod"]
    planned, applied = github.comments[7]
    assert "### Plan: 2 to create" in planned["body"]
    assert "### Apply complete: 2 done" in applied["body"]
