"""MLflow's workspaces: worlds on one server that share nothing, and servers that have none."""

from __future__ import annotations

import httpx
import pytest

from tests.fakes.mlflow import FakeMlflow
from tests.fakes.mlflow.ages import V2_9, Age
from tests.servers import real_mlflow

STACK = "experiments: {fraud: {tags: {team: ml}}}\nruns: {r: {experiment: fraud}}\n"


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.real)])
def server(request, tmp_path_factory):
    if request.param == "fake":
        with FakeMlflow(age=Age(workspaces=("team-a", "team-b"))).serve() as url:
            yield url
        return
    pytest.importorskip("mlflow")
    with real_mlflow(tmp_path_factory.mktemp("mlflow"), MLFLOW_ENABLE_WORKSPACES="true") as url:
        for name in ("team-a", "team-b"):
            found = httpx.post(f"{url}/api/3.0/mlflow/workspaces", json={"name": name}, timeout=60)
            assert found.status_code == httpx.codes.CREATED
        yield url


def configure(shell, url, workspace):
    shell.write("manifests/reconciler.yaml", f"stack: ml\ntargets:\n  it: {{url: '{url}', workspace: {workspace}}}\n")
    shell.write("manifests/main.yaml", STACK)


def names(url, workspace):
    headers = {"X-MLFLOW-WORKSPACE": workspace}
    body = {"max_results": 100, "view_type": "ALL"}
    reply = httpx.post(f"{url}/api/2.0/mlflow/experiments/search", json=body, headers=headers, timeout=60).json()
    return [one["name"] for one in reply.get("experiments", []) if one["name"] != "Default"]


def test_a_stack_lives_in_the_workspace_of_its_target(plain, server):
    configure(plain, server, "team-a")
    out = plain("apply", "--yes").out
    assert f"{server} (workspace team-a)" in out
    assert "2 done" in out
    assert [names(server, one) for one in ("default", "team-a", "team-b")] == [[], ["fraud"], []]
    assert "No changes" in plain("plan").out
    configure(plain, server, "team-b")
    assert "2 to create" in plain("plan").out
    assert "Released" not in plain("unlock", "--yes").out
    configure(plain, server, "team-a")
    plain("plan", "--out", "plan.json")
    assert "2 done" in plain("destroy", "--yes").out


def test_a_saved_plan_is_for_its_workspace(plain, server):
    configure(plain, server, "team-a")
    plain("plan", "--out", "plan.json")
    configure(plain, server, "team-b")
    refused = plain("apply", "plan.json", "--yes", code=5)
    assert "[foreign-plan]" in refused.err
    assert names(server, "team-b") == []


def test_an_unknown_workspace_is_said(plain, server):
    configure(plain, server, "team-z")
    assert "Workspace 'team-z' not found" in plain("apply", "--yes", code=1).err


@pytest.mark.parametrize("age", [Age(), V2_9])
@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("destroy", "--yes"), ("drift",), ("unlock",)])
def test_a_server_without_workspaces_is_refused_before_anything_else(plain, age, command):
    fake = FakeMlflow(age=age)
    with fake.serve() as url:
        configure(plain, url, "team-a")
        found = plain(*command, code=1)
    assert (
        f"reconciler.yaml:3:{len(url) + 28}: error: the target's workspace is 'team-a', and the server has no"
        in found.err
    )
    assert "[unsupported]" in found.err
    assert [request.path for request in fake.requests] == ["/api/3.0/mlflow/server-info"]


def test_a_workspace_costs_one_request(plain):
    fake = FakeMlflow(age=Age(workspaces=("team-a",)))
    with fake.serve() as url:
        configure(plain, url, "team-a")
        plain("apply", "--yes")
        before = len(fake.requests)
        plain("plan")
    assert len(fake.requests) - before == 4
