"""After an apply the server is read once more: what it did not keep is an error that names it."""

import signal

import pytest

from tests.e2e.tools import writes
from tests.fakes.mlflow import Fault

STACK = """
experiments:
  fraud:
    tags:
      team: ml
"""
EDITED = STACK.replace("team: ml", "team: risk")
SET_TAG = "experiments/set-experiment-tag"
DROPPED = Fault(200, {})


def reads(fake):
    return [one.path for one in fake.requests if one not in writes(fake)]


def test_a_write_that_the_server_dropped_is_named_with_its_place(shell, fake):
    shell.apply(STACK)
    dropped = iter([DROPPED])
    fake.fault = lambda _, __, path: next(dropped, None) if path == SET_TAG else None
    failed = shell.apply(EDITED, code=4)
    assert 'tags.team was written as "risk", and the server holds "ml"' in failed.out
    assert "manifests/main.yaml:5:7" in failed.out
    assert "0 done, 1 failed" in failed.out
    fake.fault = None
    assert "tags.team" in shell("plan").out


def test_a_value_that_the_server_cut_is_named(shell, fake, server):
    shell.apply(STACK)

    def cut(_, __, path):
        if path != SET_TAG or not fake.requests[-1].body["value"].startswith("risk"):
            return None
        server.tag("fraud", team="ris")
        return DROPPED

    fake.fault = cut
    failed = shell.apply(EDITED, code=4)
    assert 'tags.team was written as "risk", and the server holds "ris"' in failed.out


def test_a_mark_that_the_server_dropped_is_missed(shell, fake, server):
    server.post("experiments/create", name="fraud")
    fake.fault = lambda _, __, path: DROPPED if path == SET_TAG and "v" in fake.requests[-1].body["value"] else None
    failed = shell.apply(STACK, code=4)
    assert "the stack's mark is not on it" in failed.out


def test_a_delete_that_the_server_did_not_carry_out_is_missed(shell, fake):
    shell.apply(STACK + "  other: {}\n")
    fake.fault = lambda _, __, path: DROPPED if path == "experiments/delete" else None
    failed = shell.apply(STACK, code=4)
    assert "it was deleted, and is still there" in failed.out


def test_a_restore_that_the_server_did_not_carry_out_is_missed(shell, fake, server):
    shell.apply(STACK)
    server.post("experiments/delete", experiment_id=server.experiment("fraud")["experiment_id"])
    fake.fault = lambda _, __, path: DROPPED if path in ("experiments/restore", SET_TAG) else None
    failed = shell.apply(EDITED, code=4)
    assert "it was restored without an error, and is deleted" in failed.out


def test_an_apply_of_nothing_reads_nothing_back(shell, fake):
    shell.apply(STACK)
    before = len(reads(fake))
    shell("apply", "--yes")
    assert len(reads(fake)) - before == 3


def test_it_costs_one_observation(shell, fake):
    shell.apply(STACK)
    before = len(reads(fake))
    shell.apply(EDITED)
    searches = [path for path in reads(fake)[before:] if path.endswith("/search")]
    assert len(searches) == 3 + 1 + 1  # to plan; of the kind that is changed under the lock, and to read back


def test_what_was_made_is_not_looked_for_by_its_name_again(shell, fake):
    shell.apply("experiments: {a: {}, b: {}}")
    names = [path for path in reads(fake) if path.endswith("/get-by-name")]
    assert len(names) == 2 * 2  # to plan, and under the lock
    assert len([path for path in reads(fake) if path == "experiments/search"]) == 3  # and to read back


def test_a_server_that_cannot_be_read_afterwards_is_an_error_after_the_report(shell, fake):
    shell.apply(STACK)

    def gone(number, _, path):
        return Fault(503, "") if wrote and path.endswith("/search") else wrote.extend([1] * (path == SET_TAG))

    wrote: list[int] = []
    fake.fault = gone
    failed = shell.apply(EDITED, "--timeout", "1", code=4)
    assert "1 done" in failed.out
    assert "[not-read-back]" in failed.err


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_a_secret_that_was_not_kept_is_not_shown(quiet, shell, fake, monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter2-canary")
    config = (shell.folder / "manifests/reconciler.yaml").read_text()
    shell.write(
        "manifests/reconciler.yaml", config.replace("backend: mlflow", "sensitive: ['tags.key'], backend: mlflow")
    )
    shell.apply(STACK)
    fake.fault = lambda _, __, path: DROPPED if path == SET_TAG and fake.requests[-1].body["key"] == "key" else None
    failed = shell.apply(STACK + "      key: ${env.TOKEN}\n", *quiet, code=4)
    assert "tags.key was written as (sensitive)" in failed.out
    assert "hunter2" not in failed.out + failed.err


def test_ctrl_c_while_it_is_read_back_keeps_the_report(shell, fake):
    shell.apply(STACK)
    wrote = []

    def stop(_, __, path):
        wrote.extend([path] * (path == SET_TAG))
        if wrote and path.endswith("/search"):
            signal.raise_signal(signal.SIGINT)

    fake.fault = stop
    applied = shell.apply(EDITED, code=130)
    assert "1 done" in applied.out


def test_what_is_replaced_and_not_deleted_is_missed(shell, fake):
    manifest = STACK + "runs: {r: {experiment: fraud}}\n"
    shell.apply(manifest)
    fake.fault = lambda _, __, path: DROPPED if path == "runs/delete" else None
    failed = shell.apply(manifest, "--replace", "runs.r", code=4)
    assert "what it replaces is still there" in failed.out


def test_a_point_that_a_training_job_logs_meanwhile_is_no_loss(shell, fake, server):
    manifest = STACK + "runs: {r: {experiment: fraud, metrics: {auc: 0.5}}}\n"
    shell.apply(manifest)

    def train(_, __, path):
        if path == "runs/log-batch":
            fake.fault = None
            point = {"key": "auc", "value": 0.9, "step": 100, "timestamp": 4_000_000_000_000}
            server.post("runs/log-metric", run_id=server.run("r")["run_id"], **point)

    fake.fault = train
    shell.apply(manifest.replace("0.5", "0.6"))
