"""`import --refresh`: what changed on the server goes into the manifests, and nothing else of them changes."""

from __future__ import annotations

import json

import pytest

from tests.e2e.tools import sending

MANIFEST = """\
# the team's experiments
experiments:
    fraud:   # the oldest
        description: "Card-not-present"   # shown in the UI
        tags: {tier: gold,   threshold: 0.10}   # of the whole team
    # about churn
    churn:
        name: churn-v1
        tags:
            # who pays
            cost_center: 4711
            owner: ada   # until May

            region: eu
        permissions: {}
runs:
    base: {experiment: fraud, status: RUNNING, tags: {a: b}}
"""


@pytest.fixture
def applied(shell, server):
    shell.apply(MANIFEST)
    return shell


def text(shell, name="main.yaml"):
    return (shell.folder / "manifests" / name).read_bytes().decode()


def actions(shell):
    return {step["address"]: step["action"] for step in json.loads(shell("plan", "--format", "json").out)["steps"]}


def untag(server, name, key):
    number = server.experiment(name)["experiment_id"]
    server.post("experiments/delete-experiment-tag", experiment_id=number, key=key)


def rename(server, name, new):
    server.post("experiments/update", experiment_id=server.experiment(name)["experiment_id"], new_name=new)


def test_what_changed_is_taken_over_and_all_else_stays(applied, server, fake):
    server.tag("fraud", threshold="0.20", mlflow__note__content="It's: new, ${x}")
    server.tag("churn-v1", owner="grace", foreign="stays away")
    untag(server, "churn-v1", "cost_center")
    rename(server, "fraud", "fraud-eu")
    rename(server, "churn-v1", "churn-v2")
    server.post("runs/update", run_id=server.run("base")["run_id"], status="FINISHED", end_time=1_700_000_000_123)
    dry = applied("import", "--refresh", "--dry-run")
    assert text(applied) == MANIFEST
    with sending(fake) as sent:
        found = applied("import", "--refresh")
    assert sent.paths == []
    expected = (
        MANIFEST.replace('"Card-not-present"', '"It\'s: new, $${x}"')
        .replace("0.10", "0.20")
        .replace("    fraud:   # the oldest\n", "    fraud:   # the oldest\n        name: fraud-eu\n")
        .replace("churn-v1", "churn-v2")
        .replace("            cost_center: 4711\n", "")
        .replace("owner: ada ", "owner: grace ")
        .replace("status: RUNNING", "status: FINISHED")
    )
    assert text(applied) == expected
    assert found.out == (
        '  experiments.churn  name: "churn-v1" -> "churn-v2"   manifests/main.yaml:8:15\n'
        '  experiments.churn  tags.cost_center: "4711" -> (gone)   manifests/main.yaml:11:26\n'
        '  experiments.churn  tags.owner: "ada" -> "grace"   manifests/main.yaml:12:20\n'
        '  experiments.fraud  description: "Card-not-present" -> "It\'s: new, ${x}"   manifests/main.yaml:4:22\n'
        '  experiments.fraud  name: "fraud" -> "fraud-eu"   manifests/main.yaml:3:5\n'
        '  experiments.fraud  tags.threshold: "0.10" -> "0.20"   manifests/main.yaml:5:39\n'
        '  runs.base  status: "RUNNING" -> "FINISHED"   manifests/main.yaml:17:38\n'
        "Refreshed: 7 values in 1 file.\n"
    )
    assert "-            cost_center: 4711\n" in dry.out
    assert dry.err == "Would refresh: 7 values in 1 file.\n"
    assert set(actions(applied).values()) == {"adopt"}
    assert applied("import", "--refresh").out == "Nothing to refresh.\n"
    applied("apply", "--yes")
    assert actions(applied) == {}
    assert server.experiment("churn-v2")["tags"]["foreign"] == "stays away"
