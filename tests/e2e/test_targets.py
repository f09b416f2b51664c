"""One stack on different targets: another API prefix, credentials of the environment, headers, the embedded server."""

import pytest

from tests.fakes.mlflow import FakeMlflow

MANIFEST = "experiments:\n  fraud:\n    tags: {team: risk}\n"


def configure(shell, target):
    shell.write("manifests/reconciler.yaml", f"stack: ml\ntargets:\n  it: {target}\n")
    shell.write("manifests/fraud.yaml", MANIFEST)


def test_another_prefix_is_an_option_of_the_target(shell):
    fake = FakeMlflow(prefix="/tracking/api/2.0/preview/mlflow")
    with fake.serve() as url:
        configure(shell, f"{{backend: mlflow, url: '{url}', prefix: /tracking/api/2.0/preview/mlflow}}")
        assert "1 done" in shell("apply", "--yes").out
        assert "No changes" in shell("plan").out


def test_a_server_below_a_path(shell):
    fake = FakeMlflow(prefix="/team/mlflow/api/2.0/mlflow")
    with fake.serve() as url:
        configure(shell, f"{{backend: mlflow, url: '{url}/team/mlflow/'}}")
        assert "1 done" in shell("apply", "--yes").out


@pytest.mark.parametrize(
    "target",
    [
        "{{backend: mlflow, url: '{url}', username: ada, password: pa55}}",
        "{{backend: mlflow, url: '{url}', username: ada, password: '${{env.PW}}'}}",
        "{{backend: mlflow, url: '{url}', headers: {{Authorization: Basic YWRhOnBhNTU=}}}}",
    ],
)
def test_credentials_of_the_target(shell, monkeypatch, target):
    monkeypatch.setenv("PW", "pa55")
    with FakeMlflow(auth=("ada", "pa55")).serve() as url:
        configure(shell, target.format(url=url))
        assert "1 done" in shell("apply", "--yes").out


def test_credentials_of_mlflows_environment(shell, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pa55")
    with FakeMlflow(auth=("ada", "pa55")).serve() as url:
        configure(shell, f"{{backend: mlflow, url: '{url}'}}")
        assert "1 done" in shell("apply", "--yes").out


def test_wrong_credentials_exit_with_six_and_are_not_shown(shell):
    with FakeMlflow(auth=("ada", "pa55")).serve() as url:
        configure(shell, f"{{backend: mlflow, url: '{url}', username: ada, password: canary}}")
        found = shell("plan", code=6)
        assert "[credentials]" in found.err
        assert "canary" not in found.out + found.err


def test_without_targets_the_tracking_uri_of_the_environment_is_the_target(shell, monkeypatch, url):
    shell.write("manifests/reconciler.yaml", "stack: ml\n")
    shell.write("manifests/fraud.yaml", MANIFEST)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    assert "on target default (mlflow, http://127.0.0.1:" in shell("plan").out


@pytest.mark.real
def test_the_embedded_server_needs_nothing_to_be_started(shell):
    configure(shell, "{backend: mlflow, url: 'sqlite:///mlflow.db'}")
    assert "1 done" in shell("apply", "--yes").out
    assert "No changes" in shell("plan", "--detailed-exitcode").out
    shell.write("manifests/fraud.yaml", MANIFEST.replace("risk", "ml"))
    assert 'tags.team: "risk" -> "ml"' in shell("plan").out


@pytest.mark.real
def test_runs_that_share_a_dataset_are_made_at_once(shell):
    """MLflow answers 400 to one of two requests that name a new dataset at the same moment (3.17.2)."""
    configure(shell, "{backend: mlflow, url: 'sqlite:///mlflow.db'}")
    dataset = "{name: d, digest: x, source_type: s3, source: s3://d}"
    runs = "".join(f"  r{number}: {{experiment: fraud, datasets: [{dataset}]}}\n" for number in range(12))
    shell.write("manifests/runs.yaml", f"runs:\n{runs}")
    assert "13 done" in shell("apply", "--yes").out
    assert "No changes" in shell("plan", "--detailed-exitcode").out
