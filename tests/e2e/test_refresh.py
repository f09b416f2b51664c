"""`import --refresh`: what changed on the server goes into the manifests, and nothing else of them changes."""

from __future__ import annotations

import json

import pytest

from reconciler.cli.refreshing import check
from reconciler.core.address import Address
from reconciler.core.diagnostics import Failed, Span
from reconciler.core.refresh import Taken
from reconciler.declared import Declared
from tests.e2e.tools import Shell, sending
from tests.servers import real_mlflow

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
        '  experiments.fraud  name: "fraud" -> "fraud-eu"   manifests/main.yaml:4:9\n'
        '  experiments.fraud  tags.threshold: "0.10" -> "0.20"   manifests/main.yaml:5:41\n'
        '  runs.base  status: "RUNNING" -> "FINISHED"   manifests/main.yaml:17:39\n'
        "Refreshed: 7 values in 1 file.\n"
    )
    assert "-            cost_center: 4711\n" in dry.out
    assert dry.err == "Would refresh: 7 values in 1 file.\n"
    assert set(actions(applied).values()) == {"adopt"}
    assert applied("import", "--refresh").out == "Nothing to refresh.\n"
    applied("apply", "--yes")
    assert actions(applied) == {}
    assert server.experiment("churn-v2")["tags"]["foreign"] == "stays away"


def test_a_value_from_elsewhere_is_overridden_or_told_with_its_place(shell, server, url):
    shell.configure(url, more="variables: {team: risk}\ndefaults: {tags: {site: eu}}\n")
    manifest = "experiments:\n  a: {}\n  b:\n    tags: {team: '${var.team}'}\n"
    shell.apply(manifest)
    server.tag("a", site="us")
    server.tag("b", team="ml")
    found = shell("import", "--refresh")
    assert text(shell) == manifest.replace("a: {}", "a: {tags: {site: us}}")
    assert "manifests/main.yaml:4:18: warning: experiments.b: tags.team comes from '${var.team}' [not-refreshed]" in (
        found.err
    )
    assert found.out.endswith("Refreshed: 1 value in 1 file. Left alone: 1.\n")
    assert text(shell, "reconciler.yaml").endswith("defaults: {tags: {site: eu}}\n")


def test_several_files_and_what_is_selected(shell, server):
    shell.manifest("experiments: {a: {tags: {x: 1}}}\n")
    shell.write("manifests/sub/b.yaml", "experiments: {b: {tags: {x: 1}}}\n")
    shell("apply", "--yes")
    server.tag("a", x="2")
    server.tag("b", x="2")
    assert "manifests/sub/b.yaml:1:29" in shell("import", "--refresh", "--exclude", "*.a").out
    assert "x: 1" in text(shell)
    assert shell("import", "--refresh", "--only", "*.a").out.endswith("Refreshed: 1 value in 1 file.\n")
    wrong = shell("import", "--refresh", "--only", "*.c", code=1)
    assert "'*.c' names no resource of the stack [unknown-address]" in wrong.err


def test_conflicts_deletions_and_secrets(shell, server, url, monkeypatch):
    monkeypatch.setenv("TOKEN", "first")
    target = f"targets:\n  local: {{url: '{url}', sensitive: [tags.token]}}\n"
    shell.write("manifests/reconciler.yaml", f"stack: ml\n{target}")
    manifest = "experiments:\n  a:\n    description: old\n    tags: {token: '${env.TOKEN}'}\n  gone: {}\n"
    shell.apply(manifest)
    server.tag("a", mlflow__note__content="theirs", token="stolen")
    server.post("experiments/delete", experiment_id=server.experiment("gone")["experiment_id"])
    shell.manifest(manifest.replace("old", "mine"))
    found = shell("import", "--refresh")
    assert found.out == "Nothing to refresh. Left alone: 3.\n"
    for words in (
        "manifests/main.yaml:3:18: warning: experiments.a: description has changed in the manifest and on the server",
        "manifests/main.yaml:4:19: warning: experiments.a: tags.token is sensitive, and no manifest holds such a value",
        "manifests/main.yaml:5:3: warning: experiments.gone is deleted on the server",
    ):
        assert words in found.err
    assert "stolen" not in found.err
    shell("import", "--refresh", "--on-conflict", "server")
    assert text(shell) == manifest.replace("old", "theirs")


def test_a_file_outside_of_the_folder_is_left(shell, server):
    shell.manifest("")
    shell.write("shared.yaml", "experiments: {a: {tags: {x: 1}}}\n")
    (shell.folder / "manifests/link.yaml").symlink_to(shell.folder / "shared.yaml")
    shell("apply", "--yes")
    server.tag("a", x="2")
    found = shell("import", "--refresh")
    assert "manifests/link.yaml:1:29: warning: experiments.a: tags.x is written in a file outside of the folder" in (
        found.err
    )
    assert (shell.folder / "shared.yaml").read_text() == "experiments: {a: {tags: {x: 1}}}\n"


def test_texts_that_would_say_something_else_are_refused(shell):
    text = "experiments: {a: {tags: {x: 1, y: 1}}}\n"
    shell.manifest(text)
    stack = Declared(shell.folder / "manifests")
    one = Taken(Address("experiments", "a"), ("tags", "x"), "1", "2", Span("main.yaml", 1, 1))
    check(stack, {"main.yaml": text.replace("x: 1", "x: 2")}, [one])
    for wrong in ("x: 2, y: 2", "y: 1", "x: 2", "{"):
        with pytest.raises(Failed) as failed:
            check(stack, {"main.yaml": text.replace("x: 1, y: 1", wrong)}, [one])
        assert [one.code for one in failed.value.diagnostics] == ["not-refreshed"]


def test_bytes_that_are_not_touched_stay(shell, server):
    shell.manifest("")
    file = shell.folder / "manifests/main.yaml"
    file.write_bytes("\ufeffexperiments:\r\n  fünf:  # é\r\n    tags: {x: 1}".encode())
    file.chmod(0o600)
    shell("apply", "--yes")
    server.tag("fünf", x="2")
    shell("import", "--refresh")
    assert file.read_bytes() == "\ufeffexperiments:\r\n  fünf:  # é\r\n    tags: {x: 2}".encode()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("arguments", [("--refresh", "--name", "x"), ("--dry-run",), ("--on-conflict", "server")])
def test_options_that_do_not_go_together(applied, arguments):
    assert "--refresh" in applied("import", *arguments, code=64).err


@pytest.mark.real
def test_a_refresh_from_a_real_server(tmp_path, monkeypatch):
    import httpx

    with real_mlflow(tmp_path) as url:
        shell = Shell(tmp_path, monkeypatch)
        shell.configure(url)
        shell.apply(MANIFEST)

        def post(route, **body):
            reply = httpx.post(f"{url}/api/2.0/mlflow/{route}", json=body)
            assert reply.status_code == 200, reply.text
            return reply.json()

        found = post("experiments/search", max_results=10, filter="name = 'churn-v1'")["experiments"]
        number = found[0]["experiment_id"]
        post("experiments/set-experiment-tag", experiment_id=number, key="owner", value="grace")
        post("experiments/delete-experiment-tag", experiment_id=number, key="region")
        post("experiments/update", experiment_id=number, new_name="churn-v2")
        shell("import", "--refresh")
        assert text(shell) == (
            MANIFEST.replace("owner: ada ", "owner: grace ")
            .replace("            region: eu\n", "")
            .replace("churn-v1", "churn-v2")
        )
        assert set(actions(shell).values()) == {"adopt"}
        shell("apply", "--yes")
        assert actions(shell) == {}
