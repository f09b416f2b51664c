"""The Kubernetes example: right as far as its schemas say, safe as far as can be asked for, and its arguments run."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess

import pytest
import yaml

from tests.pipelines.test_pages import EXAMPLE

FILES = {name: yaml.safe_load((EXAMPLE / f"kubernetes/{name}.yaml").read_text()) for name in ("apply", "drift")}


def pod(name):
    """What a job runs."""
    spec = FILES[name]["spec"]
    return (spec["jobTemplate"]["spec"] if name == "drift" else spec)["template"]["spec"]


@pytest.mark.skipif(not importlib.util.find_spec("kubernetes_validate"), reason="kubernetes-validate is missing")
@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_they_are_what_the_schemas_of_kubernetes_say(version):
    import kubernetes_validate

    for one in FILES.values():
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is missing")
def test_kustomize_gives_both_jobs_the_manifests():
    done = subprocess.run(["kubectl", "kustomize", EXAMPLE], capture_output=True, text=True, check=True, timeout=60)
    made = {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}
    assert made.keys() == {"ConfigMap", "CronJob", "Job"}
    files = {file.name for file in (EXAMPLE / "manifests").iterdir()}
    assert made["ConfigMap"]["data"].keys() == files
    assert done.stdout.count(f"name: {made['ConfigMap']['metadata']['name']}\n") == 3


@pytest.mark.parametrize("name", FILES)
def test_a_job_may_do_nothing_but_its_work(name):
    spec = pod(name)
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["restartPolicy"] == "Never"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    secret = next(one for one in container["env"] if "TOKEN" in one["name"])
    assert secret["valueFrom"]["secretKeyRef"]["name"] == f"reconciler-{'reader' if name == 'drift' else 'writer'}"


def mounted(folder):
    """The manifests as a ConfigMap shows them: links to links, beside folders that begin with a dot."""
    (folder / "..2026").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026")
    for file in (EXAMPLE / "manifests").iterdir():
        shutil.copy(file, folder / "..2026")
        (folder / file.name).symlink_to(f"..data/{file.name}")


def test_the_arguments_apply_what_is_mounted_and_find_drift(shell, server, url, monkeypatch, tmp_path):
    mounted(tmp_path / "stack/manifests")
    monkeypatch.setenv("MLFLOW_URL", url)

    def run(name, code=0):
        (arguments,) = [one["args"] for one in pod(name)["containers"]]
        return shell(*(word.replace("/stack/", f"{tmp_path}/stack/") for word in arguments), code=code)

    assert run("apply").out.endswith("Apply complete: 2 done.\n")
    assert "No drift" in run("drift").out
    server.tag("fraud-detection", team="ops")
    assert "Drift: 1 changed." in run("drift", 3).out
    run("apply")
    assert "No drift" in run("drift").out
