"""`reconciler drift`: what somebody else changed, deleted and restored since the last apply; and nothing else."""

from __future__ import annotations

import json

import pytest

from reconciler.cli.drift import NEXT
from tests.e2e.findings import check
from tests.e2e.tools import sending
from tests.fakes.mlflow import Fault

STACK = """\
experiments:
  fraud: {description: cards, tags: {team: ml}}
runs:
  base: {experiment: fraud, status: FINISHED, params: {depth: 6}, metrics: {auc: 0.5}, tags: {team: ml}}
  more: {experiment: fraud}
logged_models:
  xgb: {experiment: fraud, source_run: base, status: READY, tags: {team: ml}}
"""
NONE = "No drift: the server holds what this stack last applied.\n"
READS = ["experiments/search", "logged-models/search", "runs/search"]


def ids(server):
    """The server's ids of what the stack declares, by name."""
    runs = {name: found["run_id"] for name in ("base", "more") for found in server.runs()[name]}
    return {"fraud": "1", **runs, "xgb": server.model("xgb")["model_id"]}


def rows(shell, *arguments, code=3):
    """The drift of the JSON document: address, field, kind, live value."""
    document = json.loads(shell("drift", "--format", "json", *arguments, code=code).out)
    return [(one["address"], ".".join(one["path"]), one["kind"], one["live"]) for one in document["drift"]]


def edits(server):
    """What a person can do to the stack, by name: the request, and what drift says of it."""
    at = ids(server)
    tag = {"key": "team", "value": "ops"}
    status = {"model_id": at["xgb"], "status": "LOGGED_MODEL_UPLOAD_FAILED"}
    fraud, base, xgb = "experiments.fraud", "runs.base", "logged_models.xgb"
    return {
        "experiment tag": (
            ("POST", "experiments/set-experiment-tag", {"experiment_id": "1", **tag}),
            (fraud, "tags.team", "changed", "ops"),
        ),
        "experiment name": (
            ("POST", "experiments/update", {"experiment_id": "1", "new_name": "theirs"}),
            (fraud, "name", "changed", "theirs"),
        ),
        "experiment untagged": (
            ("POST", "experiments/delete-experiment-tag", {"experiment_id": "1", "key": "mlflow.note.content"}),
            (fraud, "description", "missing", None),
        ),
        "experiment deleted": (("POST", "experiments/delete", {"experiment_id": "1"}), (fraud, "", "deleted", None)),
        "run tag": (("POST", "runs/set-tag", {"run_id": at["base"], **tag}), (base, "tags.team", "changed", "ops")),
        "run status": (
            ("POST", "runs/update", {"run_id": at["base"], "status": "KILLED"}),
            (base, "status", "changed", "KILLED"),
        ),
        "run untagged": (
            ("POST", "runs/delete-tag", {"run_id": at["base"], "key": "team"}),
            (base, "tags.team", "missing", None),
        ),
        "run deleted": (("POST", "runs/delete", {"run_id": at["base"]}), (base, "", "deleted", None)),
        "model tag": (
            ("PATCH", f"logged-models/{at['xgb']}/tags", {"tags": [tag]}),
            (xgb, "tags.team", "changed", "ops"),
        ),
        "model status": (("PATCH", f"logged-models/{at['xgb']}", status), (xgb, "status", "changed", "UPLOAD_FAILED")),
        "model untagged": (
            ("DELETE", f"logged-models/{at['xgb']}/tags/team", {}),
            (xgb, "tags.team", "missing", None),
        ),
    }


EDITS = [
    *("experiment tag", "experiment name", "experiment untagged", "experiment deleted"),
    *("run tag", "run status", "run untagged", "run deleted"),
    *("model tag", "model status", "model untagged"),
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_reported_once_until_an_apply_takes_it_back(edit, shell, server):
    shell.apply(STACK)
    assert shell("drift").out == NONE
    (method, route, body), row = edits(server)[edit]
    server(method, route, **body)
    assert rows(shell) == [row]
    shell("apply", "--yes")
    assert shell("drift").out == NONE


def test_every_edit_is_listed(server, shell):
    shell.apply(STACK)
    assert list(edits(server)) == EDITS


@pytest.mark.parametrize("left", ["none", "broken", "not-utf8", "unset"])
def test_manifests_are_not_needed(left, shell, server):
    """With them the value is known that was applied, without them that it is another one now."""
    shell.apply(STACK)
    server.tag("fraud", team="ops")
    server.post("runs/delete", run_id=server.run("base")["run_id"])
    known = '      tags.team: "ml" -> "ops"   changed on the server\n'
    unknown = '      tags.team: changed on the server, now "ops"\n'
    assert known in shell("drift", code=3).out
    file = shell.folder / "manifests/main.yaml"
    if left == "none":
        file.unlink()
    elif left == "not-utf8":
        file.write_bytes(STACK.encode() + b"# \xff\n")
    else:
        shell.manifest(STACK + ("broken: [\n" if left == "broken" else "  m: {experiment: '${env.NOT_SET}'}\n"))
    result = shell("drift", code=3)
    assert unknown in result.out
    assert "  - runs.base  deleted on the server\n" in result.out
    assert result.err == f"{NEXT}\n"
    shell.manifest(STACK.replace("ml}", "new}"))
    assert unknown in shell("drift", code=3).out


def test_a_missing_value_is_told_where_it_is_known(shell, server):
    shell.apply(STACK)
    server.post("experiments/delete-experiment-tag", experiment_id="1", key="team")
    assert '      tags.team: "ml" -> (removed)   missing on the server\n' in shell("drift", code=3).out
    (shell.folder / "manifests/main.yaml").unlink()
    assert "      tags.team: missing on the server\n" in shell("drift", code=3).out


def test_the_words(shell, server, url):
    """A block for each resource, then the counts; the counts alone with --quiet."""
    shell.apply(STACK)
    shell.apply(STACK.replace("  more: {experiment: fraud}\n", ""))
    run = server.run("more")["run_id"]
    server.post("runs/restore", run_id=run)
    server.post("runs/delete", run_id=server.run("base")["run_id"])
    server.tag("fraud", team="ops")
    server.post("experiments/delete-experiment-tag", experiment_id="1", key="mlflow.note.content")
    counts = "Drift: 1 changed, 1 missing, 1 deleted, 1 restored.\n"
    assert shell("drift", code=3).out == (
        f"Stack ml on target local (mlflow, {url}):\n"
        "\n"
        "  ~ experiments.fraud\n"
        '      description: "cards" -> (removed)   missing on the server\n'
        '      tags.team: "ml" -> "ops"   changed on the server\n'
        "\n"
        "  - runs.base  deleted on the server\n"
        "\n"
        "  ↺ runs.more  active on the server, though this stack deleted it\n"
        "\n"
        f"{counts}"
    )
    assert shell("drift", "--quiet", code=3).out == counts


def test_the_document(shell, server, url):
    shell.apply(STACK)
    server.tag("fraud", team="é🦊")
    server.post("runs/delete", run_id=server.run("base")["run_id"])
    text = shell("drift", "--format", "json", "--ignore", "runs.*", code=3).out
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert document.pop("tool")
    assert document == {
        "format": 1,
        "stack": "ml",
        "target": "local",
        "backend": "mlflow",
        "server": url,
        "summary": {"changed": 1, "missing": 0, "deleted": 0, "restored": 0, "ignored": 1},
        "drift": [{"address": "experiments.fraud", "path": ["tags", "team"], "kind": "changed", "live": "é🦊"}],
    }


def test_the_document_does_not_depend_on_the_manifests(shell, server):
    shell.apply(STACK)
    server.tag("fraud", team="ops")
    text = shell("drift", "--format", "json", code=3).out
    (shell.folder / "manifests/main.yaml").unlink()
    assert shell("drift", "--format", "json", code=3).out == text


def test_formats_go_to_files(shell, server):
    shell.apply(STACK)
    server.tag("fraud", team="ops")
    result = shell("drift", "--format", "text", "--format", "json=drift.json", "--format", "text=drift.txt", code=3)
    assert (shell.folder / "drift.txt").read_text(encoding="utf-8") == result.out
    written = (shell.folder / "drift.json").read_text(encoding="utf-8")
    assert written == shell("drift", "--format", "json", code=3).out
    assert "[cannot-write]" in shell("drift", "--format", "json=none/x.json", code=1).err
    result = shell("drift", "--format", "yaml", code=64)
    assert "'yaml' is not one of text, json" in result.err


class TestDeleting:
    """Who deleted it: the stack, or somebody else."""

    def test_what_the_stack_deleted_is_no_drift(self, shell, server):
        shell.apply(STACK)
        shell.apply(STACK.replace("  more: {experiment: fraud}\n", ""))
        assert shell("drift").out == NONE
        shell("destroy", "--yes")
        assert shell("drift").out == "No drift: the server holds nothing of the stack ml.\n"
        assert server.experiment("fraud")["lifecycle_stage"] == "deleted"

    def test_what_comes_back_after_a_destroy_is_restored_and_goes_again(self, shell, server, fake):
        shell.apply(STACK)
        shell("destroy", "--yes")
        server.post("experiments/restore", experiment_id="1")
        shell.manifest("experiments: {}\n")
        restored = [(address, "", "restored", None) for address in ("experiments.fraud", "runs.base", "runs.more")]
        assert rows(shell) == restored
        with sending(fake) as sent:
            shell("apply", "--yes", "--allow-delete", "3")
        assert sorted(sent.paths) == ["experiments/delete", "runs/delete", "runs/delete"]
        assert "No drift" in shell("drift").out

    def test_what_is_declared_again_is_restored_with_its_mark(self, shell, server):
        shell.apply(STACK)
        before = server.experiment("fraud")["tags"], server.run("base")["tags"]
        shell("destroy", "--yes")
        assert (server.experiment("fraud")["tags"], server.run("base")["tags"]) != before
        shell("apply", "--yes")
        assert (server.experiment("fraud")["tags"], server.run("base")["tags"]) == before
        assert shell("drift").out == NONE

    def test_the_runs_of_a_deleted_experiment_are_not_listed(self, shell, server):
        """They come back with it."""
        shell.apply(STACK)
        server.post("experiments/delete", experiment_id="1")
        assert rows(shell) == [("experiments.fraud", "", "deleted", None)]

    def test_what_somebody_deleted_and_the_manifests_drop_is_as_it_should_be(self, shell, server):
        shell.apply(STACK)
        server.post("runs/delete", run_id=server.run("more")["run_id"])
        assert rows(shell) == [("runs.more", "", "deleted", None)]
        shell.apply(STACK.replace("  more: {experiment: fraud}\n", ""))
        assert shell("drift").out == NONE

    def test_a_replaced_run_is_no_drift(self, shell, server):
        shell.apply(STACK)
        shell("apply", "--yes", "--replace", "runs.more")
        assert shell("drift").out == NONE
        old = next(one for one in server.runs()["more"] if one["lifecycle_stage"] == "deleted")
        server.post("runs/restore", run_id=old["run_id"])
        assert rows(shell) == [(f"runs.more!{old['run_id']}", "", "restored", None)]
        shell("apply", "--yes")
        assert shell("drift").out == NONE

    def test_a_deleted_logged_model_leaves_nothing_to_compare(self, shell, server):
        """MLflow does not find it any more, so that only a plan, which knows the manifests, misses it."""
        shell.apply(STACK)
        server("DELETE", f"logged-models/{server.model('xgb')['model_id']}")
        assert shell("drift").out == NONE
        assert "+ logged_models.xgb" in shell("plan").out


class TestIgnore:
    @pytest.fixture(autouse=True)
    def drifted(self, shell, server):
        shell.apply(STACK)
        server.tag("fraud", team="ops")
        server.post("runs/set-tag", run_id=server.run("base")["run_id"], key="team", value="ops")
        server.post("runs/delete", run_id=server.run("more")["run_id"])

    @pytest.mark.parametrize(
        ("globs", "ignored"),
        [
            (["experiments.*"], 1),
            (["runs.base"], 1),
            (["runs.base.tags.team"], 1),
            (["*.tags.team"], 2),
            (["*.tags"], 2),
            (["runs.*", "experiments.fraud.tags.*"], 3),
            (["nothing.*"], 0),
        ],
    )
    def test_what_is_ignored_is_counted(self, globs, ignored, shell):
        arguments = [part for glob in globs for part in ("--ignore", glob)]
        result = shell("drift", "--quiet", *arguments, code=3 if ignored < 3 else 0)
        assert result.out.endswith(f" Ignored: {ignored}.\n" if ignored else "1 deleted.\n")
        assert result.out.startswith("Drift: " if ignored < 3 else "No drift but for what is ignored.")
        assert len(rows(shell, *arguments, code=result.code)) == 3 - ignored


def test_a_sensitive_value_is_shown_nowhere(shell, server, url, monkeypatch):
    monkeypatch.setenv("TOKEN", "canary-ours")
    target = f"targets:\n  local: {{url: '{url}', sensitive: [tags.token, description]}}\n"
    shell.write("manifests/reconciler.yaml", f"stack: ml\n{target}")
    shell.apply("experiments:\n  a: {description: canary-open, tags: {token: '${env.TOKEN}', open: x}}\n")
    server.tag("a", token="canary-theirs", open="y")
    server.post("experiments/set-experiment-tag", experiment_id="1", key="mlflow.note.content", value="canary-note")
    result = shell("drift", code=3)
    assert "      tags.token: (sensitive) -> (sensitive)   changed on the server\n" in result.out
    document = shell("drift", "--format", "json", code=3).out
    assert [one["live"] for one in json.loads(document)["drift"]] == [{"$sensitive": ""}, "y", {"$sensitive": ""}]
    monkeypatch.delenv("TOKEN")
    without = shell("drift", code=3)
    assert "      tags.token: changed on the server, now (sensitive)\n" in without.out
    assert "canary" not in result.out + result.err + document + without.out + without.err


def test_it_sends_three_requests_and_writes_nothing(shell, server, fake):
    shell.apply(STACK)
    server.tag("fraud", team="ops")
    before = len(fake.requests)
    shell("drift", code=3)
    assert sorted(one.path for one in fake.requests[before:]) == READS


def test_with_nothing_there_it_asks_once(shell, fake):
    assert shell("drift").out == "No drift: the server holds nothing of the stack ml.\n"
    assert [one.path for one in fake.requests] == ["experiments/search"]


def test_without_a_configuration_it_says_so(shell):
    (shell.folder / "manifests/reconciler.yaml").unlink()
    check(shell("drift", code=1), "no-config", hint="reconciler init")


def test_a_mark_that_cannot_be_read_is_an_error_and_no_drift(shell, server):
    shell.apply(STACK)
    server.tag("fraud", reconciler__ml="{")
    result = shell("drift", code=1)
    check(result, "damaged-mark", "the mark on experiments with id 1 is not JSON", hint="remove the tag")
    assert result.out == ""


def test_a_mark_that_is_there_twice_is_refused(shell, server):
    shell.apply(STACK)
    tags = [{"key": "reconciler.ml", "value": server.experiment("fraud")["tags"]["reconciler.ml"]}]
    server.post("experiments/create", name="copy", tags=tags)
    check(shell("drift", code=5), "duplicate-address", "experiments.fraud is there 2 times", hint="remove the mark")


def test_what_belongs_to_others_is_no_drift(shell, other, server):
    shell.apply(STACK)
    other.apply("experiments:\n  guest: {name: fraud, existing: true, tags: {ops: x}}\n")
    server.tag("fraud", theirs="x")
    server.post("runs/create", experiment_id="1", run_name="theirs")
    assert shell("drift").out == NONE
    server.tag("fraud", ops="y")
    assert shell("drift").out == NONE
    assert rows(other) == [("experiments.guest", "tags.ops", "changed", "y")]


def test_a_deletion_that_fails_is_told_as_it_stands(shell, server, fake):
    """The mark says that the stack deletes it; whether that was done and undone again, nobody can know."""
    shell.apply(STACK)
    refused = Fault(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no"})
    fake.fault = lambda _, __, path: refused if path == "runs/delete" else None
    shell.apply(STACK.replace("  more: {experiment: fraud}\n", ""), code=4)
    fake.fault = None
    assert rows(shell) == [("runs.more", "", "restored", None)]
    with sending(fake) as sent:
        shell("apply", "--yes")
    assert sent.paths == ["runs/delete"]
    assert shell("drift").out == NONE
