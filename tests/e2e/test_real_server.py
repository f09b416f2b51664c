"""The main job on a real MLflow server over HTTP: five hundred resources, then nothing more to do."""

from __future__ import annotations

import json

import httpx
import pytest
import yaml

from reconciler import Session
from tests.e2e.tools import Shell
from tests.servers import real_mlflow

pytestmark = pytest.mark.real
STACK = {
    "experiments": {
        f"e{n:03}": {
            "name": f"experiment {n}",
            "description": f"number {n}",
            "tags": {f"t{k}": f"v{k}" for k in range(5)},
        }
        for n in range(300)
    },
    "runs": {
        f"r{n:03}": {
            "experiment": f"e{n:03}",
            "status": "FINISHED",
            "start_time": "2026-01-31T09:00:00Z",
            "end_time": "2026-01-31T09:05:42.123Z",
            "params": {"depth": "6", "rate": "0.010"},
            "metrics": {
                "auc": "0.91",
                "loss": [{"step": str(step), "value": str(1 / (step + 1))} for step in range(5)],
            },
            "datasets": [{"name": "cards", "digest": f"d{n}", "source_type": "s3", "source": "s3://cards"}],
            "tags": {"kind": "xgb"},
        }
        for n in range(100)
    },
    "logged_models": {
        f"m{n:03}": {"experiment": f"e{n:03}", "source_run": f"r{n:03}", "status": "READY", "params": {"depth": "6"}}
        for n in range(100)
    },
}
BACK = [("experiments", "d"), ("runs", "gone"), ("runs", "r")]
"""What comes back where somebody restores an experiment that the stack destroyed: its runs too."""


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    pytest.importorskip("mlflow")
    with real_mlflow(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


def edited(shell):
    """A tag of the first ten experiments, a param more of ten runs, ten models gone."""
    stack = yaml.safe_load(yaml.safe_dump(STACK))
    for n in range(10):
        stack["experiments"][f"e{n:03}"]["tags"]["t0"] = "edited"
        stack["runs"][f"r{n:03}"]["params"]["extra"] = "1"
        del stack["logged_models"][f"m{n:03}"]
    shell.manifest(yaml.safe_dump(stack))


def test_five_hundred_resources_are_made_and_then_there_is_nothing_to_do(tmp_path, monkeypatch, real):
    shell = Shell(tmp_path, monkeypatch)
    shell.configure(real)
    shell.manifest(yaml.safe_dump(STACK))
    assert "500 done" in shell("apply", "--yes", "-q").out
    assert "500 unchanged" in shell("plan", "--detailed-exitcode").out
    session = Session(tmp_path / "manifests")
    session.apply(session.plan())
    assert session.requests == {"reads": 3, "writes": 0}
    edited(shell)
    assert "20 to update, 10 to delete, 470 unchanged" in shell("plan", "--detailed-exitcode", code=2).out
    assert "30 done" in shell("apply", "--yes", "-q").out
    assert "490 unchanged" in shell("plan", "--detailed-exitcode").out
    assert "490 done" in shell("destroy", "--yes", "-q").out
    assert "No changes" in shell("destroy", "--yes").out
    edited(shell)
    result = shell("apply", "--yes", "-q")
    assert "100 to adopt, 90 to create, 300 to restore, 0 unchanged" in result.out
    assert "490 unchanged" in shell("plan", "--detailed-exitcode").out


def test_drift_is_what_people_did_and_not_what_the_stack_did(tmp_path, monkeypatch, real):
    def post(route, **body):
        return httpx.post(f"{real}/api/2.0/mlflow/{route}", json=body, timeout=30).raise_for_status().json()

    def drift(code=3):
        found = json.loads(shell("drift", "--format", "json", code=code).out)["drift"]
        return [(one["address"], ".".join(one["path"]), one["kind"], one["live"]) for one in found]

    shell = Shell(tmp_path, monkeypatch)
    shell.configure(real, "drifting")
    experiment = "  d: {name: drifting, description: x, tags: {team: ml}}\n"
    runs = "runs:\n  r: {experiment: d, status: FINISHED, params: {a: 1}, metrics: {m: 1}}\n"
    models = "logged_models:\n  m: {experiment: d, source_run: r, status: READY, tags: {t: x}}\n"
    shell.apply(f"experiments:\n{experiment}{runs}  gone: {{experiment: d}}\n{models}")
    shell.apply(f"experiments:\n{experiment}{runs}{models}")
    assert drift(code=0) == []
    session = Session(tmp_path / "manifests")
    assert (session.drift().found, session.requests) == ((), {"reads": 3, "writes": 0})
    ids = {live.address.name: live.id for live in session.observe({})}
    post("experiments/set-experiment-tag", experiment_id=ids["d"], key="team", value="ops")
    post("experiments/delete-experiment-tag", experiment_id=ids["d"], key="mlflow.note.content")
    post("runs/delete", run_id=ids["r"])
    post("runs/restore", run_id=ids["gone"])
    httpx.delete(f"{real}/api/2.0/mlflow/logged-models/{ids['m']}/tags/t", timeout=30).raise_for_status()
    assert drift() == [
        ("experiments.d", "description", "missing", None),
        ("experiments.d", "tags.team", "changed", "ops"),
        ("logged_models.m", "tags.t", "missing", None),
        ("runs.gone", "", "restored", None),
        ("runs.r", "", "deleted", None),
    ]
    shell("apply", "--yes")
    assert drift(code=0) == []
    post("experiments/delete", experiment_id=ids["d"])
    assert drift() == [("experiments.d", "", "deleted", None)]
    shell("apply", "--yes")
    assert drift(code=0) == []
    shell("destroy", "--yes")
    assert drift(code=0) == []
    post("experiments/restore", experiment_id=ids["d"])
    shell.manifest("{}\n")
    assert [one[:3] for one in drift()] == [(f"{kind}.{key}", "", "restored") for kind, key in BACK]
    assert "3 to delete" in shell("apply", "--yes", "--allow-delete", "3").out
    assert drift(code=0) == []
