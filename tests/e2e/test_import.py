"""Import: what is on a server and no stack owns becomes manifests; applied, they adopt, and nothing is left to do."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.tools import Server, Shell, sending
from tests.fakes.mlflow import FakeMlflow
from tests.servers import real_mlflow

ODD = "${a}: é🦊 #1\n\nlast "
FRAUD = """\
experiments:
  fraud:
    description: |
      Card-not-present
      fraud
    artifact_location: s3://ml/fraud
    tags:
      odd: "$${a}: é🦊 #1\\n\\nlast "
      team: risk
runs:
  fraud/base:
    experiment: fraud
    name: base
    id: ID
    status: FINISHED
    start_time: 1970-01-01T00:16:40Z
    end_time: 1970-01-01T00:50:00Z
    params:
      depth: 06
    metrics:
      auc: 0.75
      bad: NaN
    datasets:
      - name: cards
        digest: a1
        source_type: s3
        source: s3://x
        context: training
    tags:
      kind: on
  fraud/base-2:
    # metrics are left out: more may be logged, and an apply would log these again
    experiment: fraud
    name: base
    id: ID
    start_time: 1970-01-01T00:33:20Z
    params:
      depth: 06
    datasets:
      - name: cards
        digest: a1
        source_type: s3
        source: s3://x
        context: training
    tags:
      kind: on
logged_models:
  fraud/xgb:
    # tags.'a/b' is left out: it has a key that MLflow could never remove again
    experiment: fraud
    name: xgb
    id: ID
    type: Classifier
    source_run: fraud/base
    tags:
      stage: ""
"""


def pairs(**values):
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]


def fill(post):
    """Three experiments, two runs of one name, a logged model; one experiment that is deleted."""
    note = {"mlflow__note__content": "Card-not-present\nfraud\n", "mlflow__user": "ada"}
    tags = pairs(team="risk", odd=ODD, **note)
    fraud = post("experiments/create", name="fraud", artifact_location="s3://ml/fraud", tags=tags)["experiment_id"]
    post("experiments/create", name="churn", tags=pairs(threshold="0.10", day="2024-01-01", none="null"))
    post("experiments/create", name="/Users/ada@x.org/Kreditwürdigkeit (alt)")
    post("experiments/delete", experiment_id=post("experiments/create", name="gone")["experiment_id"])
    first, _ = (run(post, fraud, start) for start in (1_000_000, 2_000_000))
    post("runs/update", run_id=first, status="FINISHED", end_time=3_000_000)
    tags = [{"key": "a/b", "value": "x"}, {"key": "stage", "value": ""}]
    more = {"source_run_id": first, "model_type": "Classifier", "tags": tags}
    post("logged-models", experiment_id=fraud, name="xgb", **more)


def run(post, experiment, start):
    tags = pairs(mlflow__source__name="train.py", kind="on")
    body = {"experiment_id": experiment, "run_name": "base", "start_time": start, "tags": tags}
    number = post("runs/create", **body)["run"]["info"]["run_id"]
    auc = [{"key": "auc", "value": value, "timestamp": 1, "step": step} for step, value in enumerate((0.5, 0.75))]
    bad = {"key": "bad", "value": "NaN", "timestamp": 2, "step": 1}
    post("runs/log-batch", run_id=number, params=pairs(depth="06"), metrics=[*auc, bad])
    dataset = {"name": "cards", "digest": "a1", "source_type": "s3", "source": "s3://x"}
    entry = {"dataset": dataset, "tags": pairs(mlflow__data__context="training")}
    post("runs/log-inputs", run_id=number, datasets=[entry])
    return number


def strip(post, stack="ml"):
    """Take the stack's marks off all that is there."""
    key = f"reconciler.{stack}"
    found = post("experiments/search", max_results=1000)["experiments"]
    ids = [one["experiment_id"] for one in found if one["experiment_id"] != "0"]
    for number in ids:
        post("experiments/delete-experiment-tag", experiment_id=number, key=key)
    for one in post("runs/search", experiment_ids=ids, max_results=1000)["runs"]:
        post("runs/delete-tag", run_id=one["info"]["run_id"], key=key)
    for one in post("logged-models/search", experiment_ids=ids)["models"]:
        yield f"logged-models/{one['info']['model_id']}/tags/{key}"


def plan(shell, code=0):
    return json.loads(shell("plan", "--format", "json", code=code).out)["steps"]


def written(folder):
    """The manifests in a folder, without the ids of the server."""
    files = {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.yaml"))}
    files.pop("reconciler.yaml", None)
    return {name: re.sub(r"^    id: .*$", "    id: ID", text, flags=re.MULTILINE) for name, text in files.items()}


@pytest.fixture
def populated(server):
    fill(server.post)
    return server


def test_what_was_imported_is_adopted_and_then_nothing_is_left_to_do(shell, populated, fake):
    with sending(fake) as sent:
        found = shell("import")
    assert sent.paths == []
    assert found.out == "Imported: 3 experiments, 2 runs, 1 logged model into 3 files.\n"
    assert "2 values left out: the comments in the files say why." in found.err
    files = written(shell.folder / "manifests")
    assert files["fraud.yaml"] == FRAUD
    assert "Default.yaml" not in files  # the server's own
    assert files["churn.yaml"] == (
        'experiments:\n  churn:\n    tags:\n      day: 2024-01-01\n      none: "null"\n      threshold: 0.10\n'
    )
    assert files["Users-ada-x.org-Kreditwürdigkeit-alt.yaml"] == (
        'experiments:\n  Users/ada-x.org/Kreditwürdigkeit-alt:\n    name: "/Users/ada@x.org/Kreditwürdigkeit (alt)"\n'
    )
    steps = plan(shell)
    assert {step["address"]: step["action"] for step in steps} == dict.fromkeys(
        [
            *("experiments.Users/ada-x.org/Kreditwürdigkeit-alt", "experiments.churn"),
            *("experiments.fraud", "logged_models.fraud/xgb", "runs.fraud/base", "runs.fraud/base-2"),
        ],
        "adopt",
    )
    assert {step["reason"] for step in steps if step["address"].startswith("runs")} == {
        "found by its id; no stack owns it"
    }
    before = {name: [one["run_id"] for one in runs] for name, runs in populated.runs().items()}
    shell("apply", "--yes")
    assert {name: [one["run_id"] for one in runs] for name, runs in populated.runs().items()} == before
    assert plan(shell) == []
    assert shell("import", "--out", "again").out == "Nothing to import. Left out: 6 of this stack.\n"
    assert not (shell.folder / "again").exists()


def test_what_was_made_from_it_elsewhere_is_imported_as_the_same(shell, populated, tmp_path):
    shell("import", "--out", "first")
    elsewhere = FakeMlflow()
    with elsewhere.serve() as url:
        other = shell.stack("copy", url)
        for name, text in written(shell.folder / "first").items():
            other.write(f"manifests/{name}", text.replace("id: ID", f"id: {len(name)}"))
        broken = other("validate", code=1).err
        assert "runs.fraud/base-2 has the id" in broken
        for file in (shell.folder / "first").iterdir():
            other.write(f"manifests/{file.name}", file.read_text(encoding="utf-8"))
        assert {one["action"] for one in plan(other)} == {"create"}
        other("apply", "--yes")
        assert plan(other) == []
        there = Server(elsewhere)
        for route in strip(there.post, "copy"):
            there("DELETE", route)
        for file in (other.folder / "manifests").glob("*.yaml"):
            if file.name != "reconciler.yaml":
                file.unlink()
        other("import", "--out", "second")
        first = written(shell.folder / "first")
        first["fraud.yaml"] = re.sub(r"    # (tags|metrics).*\n", "", first["fraud.yaml"])
        assert written(other.folder / "second") == first


def test_what_a_run_goes_on_to_log_is_no_change(shell, populated):
    shell("import")
    shell("apply", "--yes")
    (running,) = (run for runs in populated.runs().values() for run in runs if run["status"] == "RUNNING")
    auc = {"key": "auc", "value": 0.9, "timestamp": 3, "step": 2}
    populated.post("runs/log-batch", run_id=running["run_id"], metrics=[auc])
    populated.post("runs/update", run_id=running["run_id"], status="FINISHED", end_time=4_000_000)
    assert plan(shell) == []
    shell("drift")


def test_never_over_a_file(shell, populated):
    shell.write("manifests/sub/x.yaml", "experiments: {}\n")
    shell.write("imported/churn.yaml", "mine")
    found = shell("import", "--out", "imported", code=1)
    assert "error: 'imported/churn.yaml' is there already; nothing was written [file-exists]" in found.err
    assert [file.name for file in (shell.folder / "imported").iterdir()] == ["churn.yaml"]
    shell.write("all.yaml", "mine")
    assert "[file-exists]" in shell("import", "--out", "all.yaml", code=1).err
    assert (shell.folder / "all.yaml").read_text() == "mine"


def test_one_file_for_all(shell, populated):
    shell("import", "--out", "manifests/all.yaml")
    assert sorted(written(shell.folder / "manifests")) == ["all.yaml"]
    assert {step["action"] for step in plan(shell)} == {"adopt"}


def test_names_and_the_servers_filter_choose_experiments_with_all_in_them(shell, populated):
    found = shell("import", "--filter", "tags.team = 'risk'", "--out", "risk")
    assert list(written(shell.folder / "risk")) == ["fraud.yaml"]
    assert found.out.startswith("Imported: 1 experiment, 2 runs, 1 logged model into 1 file.")
    shell("import", "--name", "c*", "--name", "D*", "--out", "named")
    assert list(written(shell.folder / "named")) == ["churn.yaml"]
    shell("import", "--kind", "experiments", "--name", "fraud", "--out", "alone")
    assert "runs:" not in written(shell.folder / "alone")["fraud.yaml"]
    assert "Invalid" in shell("import", "--filter", "nonsense", code=1).err
    assert "[usage]" in shell("import", "--kind", "runs", "--kind", "logged_models", "--name", "x", code=64).err


def test_what_other_stacks_own_is_left_out_but_their_experiments_can_hold_runs_of_ours(shell, populated, other):
    other.apply("experiments: {fraud: {tags: {mine: x}}}\n")
    found = shell("import", "--out", "rest")
    assert found.out == "Imported: 2 experiments into 2 files. Left out: 1 of other stacks.\n"
    shell("import", "--kind", "runs", "--filter", "params.depth = '06'")
    files = written(shell.folder / "manifests")
    assert files["fraud.yaml"].startswith("experiments:\n  fraud:\n    existing: true\nruns:\n  fraud/base:\n")
    assert {step["action"] for step in plan(shell)} == {"adopt"}
    shell("apply", "--yes")
    assert plan(shell) == []


def test_runs_in_an_experiment_of_the_stack_refer_to_its_key(shell, populated):
    shell.apply("experiments: {mine: {name: fraud}}\n")
    found = shell("import", "--name", "fraud")
    assert found.out == "Imported: 2 runs, 1 logged model into 1 file. Left out: 1 of this stack.\n"
    (text,) = [text for name, text in written(shell.folder / "manifests").items() if name == "mine-imported.yaml"]
    assert text.startswith("runs:\n  mine/base:\n    experiment: mine\n")
    assert {step["action"] for step in plan(shell)} == {"adopt"}


def test_what_is_declared_already_is_left_out_and_its_key_not_used_twice(shell, populated):
    shell.manifest("experiments: {mine: {name: fraud}, churn: {name: new}}\n")
    found = shell("import", "--kind", "experiments")
    assert found.out.endswith("Left out: 1 declared already.\n")
    assert "  churn-2:\n    name: churn\n" in written(shell.folder / "manifests")["churn-2.yaml"]
    actions = {step["address"]: step["action"] for step in plan(shell)}
    assert actions["experiments.churn-2"] == actions["experiments.mine"] == "adopt"
    assert actions["experiments.churn"] == "create"


def test_default_tags_are_not_repeated_and_the_missing_ones_are_told(shell, populated, url):
    shell.configure(url, more="defaults: {tags: {team: risk}}\n")
    found = shell("import", "--name", "fraud", "--kind", "experiments")
    assert "default tags" not in found.err
    assert "team" not in written(shell.folder / "manifests")["fraud.yaml"]
    assert {step["action"] for step in plan(shell)} == {"adopt"}
    found = shell("import", "--name", "churn")
    assert "The stack's default tags are not on 1 entry yet: the plan adds them." in found.err


def test_what_is_sensitive_is_not_written_to_a_file(shell, populated, url):
    target = f"stack: ml\ntargets: {{local: {{url: '{url}', sensitive: [tags.team]}}}}\n"
    shell.write("manifests/reconciler.yaml", target)
    shell("import", "--name", "fraud")
    text = written(shell.folder / "manifests")["fraud.yaml"]
    assert "risk" not in text
    assert "    # tags.team is left out: it is sensitive; declare it with ${env.NAME}, or not at all\n" in text
    assert {step["action"] for step in plan(shell)} == {"adopt"}


def test_an_adopted_run_that_is_gone_is_made_anew_and_one_of_another_stack_is_refused(shell, populated, other):
    shell("import")
    shell("apply", "--yes")
    other.apply("experiments: {e: {name: fraud, existing: true}}\n")
    first = populated.runs()["base"][0]["run_id"]
    other.manifest(
        f"experiments: {{e: {{name: fraud, existing: true}}}}\nruns: {{r: {{experiment: e, id: {first}}}}}\n"
    )
    assert "is owned by the stack 'ml' [owned-by-another-stack]" in other("plan", code=5).err


def test_a_new_key_for_an_adopted_run_is_a_move(shell, populated, fake):
    shell("import", "--name", "fraud")
    shell("apply", "--yes")
    file = shell.folder / "manifests/fraud.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("  fraud/base-2:", "  second:"), encoding="utf-8")
    (step,) = plan(shell)
    assert (step["action"], step["reason"]) == ("adopt", "moved from runs.fraud/base-2")
    shell("apply", "--yes")
    assert plan(shell) == []


def test_an_id_is_looked_for_only_while_nothing_carries_the_mark(shell, populated, fake):
    shell("import", "--name", "fraud")
    shell("apply", "--yes")
    before = len(fake.requests)
    shell("plan")
    assert len(fake.requests) == before + 3


@pytest.mark.real
def test_a_real_server_is_imported_adopted_and_copied(tmp_path, monkeypatch):
    import httpx

    def poster(url):
        def post(route, **body):
            reply = httpx.post(f"{url}/api/2.0/mlflow/{route}", json=body)
            assert reply.status_code == 200, reply.text
            return reply.json()

        return post

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with real_mlflow(tmp_path / "one") as url, real_mlflow(tmp_path / "two") as elsewhere:
        shell = Shell(tmp_path, monkeypatch)
        shell.configure(url)
        fill(poster(url))
        shell("import", "--out", "first")
        shell("import")
        first = written(shell.folder / "first")
        assert first["fraud.yaml"] == FRAUD
        assert {step["action"] for step in plan(shell)} == {"adopt"}
        shell("apply", "--yes")
        assert plan(shell) == []
        other = shell.stack("copy", elsewhere)
        for file in (shell.folder / "first").iterdir():
            other.write(f"manifests/{file.name}", file.read_text(encoding="utf-8"))
        other("apply", "--yes")
        assert plan(other) == []
        for route in strip(poster(elsewhere), "copy"):
            assert httpx.delete(f"{elsewhere}/api/2.0/mlflow/{route}").status_code == 200
        for file in (shell.folder / "first").iterdir():
            (other.folder / "manifests" / file.name).unlink()
        other("import", "--out", "second")
        first["fraud.yaml"] = re.sub(r"    # (tags|metrics).*\n", "", first["fraud.yaml"])
        assert written(other.folder / "second") == first
