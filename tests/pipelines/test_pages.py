"""What is written for forges is right as far as their own schemas and linters say, and the documentation agrees."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from reconciler.cli import exits
from tests.pipelines.steps import ACTION, ROOT
from tests.test_docs import _FENCE, rows, section

PAGE = ROOT / "docs/pipelines.md"
EXAMPLE = ROOT / "examples/pull-request-pipeline"
WORKFLOW = EXAMPLE / ".github/workflows/reconciler.yml"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def check(schema: str, file: Path) -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_and_the_workflow_are_what_github_s_schemas_say():
    check("vendor.github-actions", ROOT / "action.yml")
    check("vendor.github-workflows", WORKFLOW)


@pytest.mark.skipif(not shutil.which("go"), reason="actionlint is installed with go")
def test_the_workflow_has_no_mistake_that_actionlint_knows(tmp_path):
    environ = os.environ | {"GOBIN": str(tmp_path)}
    got = subprocess.run(["go", "install", ACTIONLINT], env=environ, capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.skip(f"actionlint cannot be installed here: {got.stderr.strip().splitlines()[-1]}")
    snippet = tmp_path / "five-lines.yml"
    snippet.write_text(f"on: pull_request\njobs:\n  plan:\n    runs-on: ubuntu-latest\n{indented(five_lines())}")
    done = subprocess.run(
        [tmp_path / "actionlint", WORKFLOW, snippet], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout


def five_lines() -> str:
    """The lines that stand first in the documentation."""
    return next(text for language, text in _FENCE.findall(PAGE.read_text(encoding="utf-8")) if language == "yaml")


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_five_lines_are_five():
    heading, *lines = five_lines().splitlines()
    assert (heading, len(lines)) == ("steps:", 5)


def test_actions_are_pinned_by_their_major_version():
    for text in ((ROOT / "action.yml").read_text(), WORKFLOW.read_text(), five_lines()):
        used = re.findall(r"uses: (.*)$", text, re.MULTILINE)
        assert used
        assert all(re.fullmatch(r"(actions/[\w-]+|your-org/reconciler)@v\d+", name) for name in used), used


def test_no_job_has_more_rights_than_the_page_says():
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    rights = {"contents": "read"}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "validate": rights,
        "plan": rights | {"pull-requests": "write"},
        "apply": rights | {"pull-requests": "write", "actions": "read"},
        "drift": rights | {"issues": "write"},
    }
    for job in workflow["jobs"].values():
        assert not any("run" in step for step in job["steps"])
    assert "secrets." not in str(workflow["jobs"]["validate"])


def test_the_inputs_outputs_and_exit_codes_are_documented():
    inputs = [name for name in rows(section(PAGE, "GitLab")) if name.islower()]
    template = (ROOT / "gitops/gitlab-ci.yml").read_text(encoding="utf-8")
    assert inputs == list(next(yaml.safe_load_all(template))["spec"]["inputs"])
    shown = rows(section(PAGE, "GitHub"))
    modes = ["validate", "plan", "apply", "drift"]
    assert shown == [*modes, *ACTION["inputs"], *ACTION["outputs"]]
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", section(PAGE, "Exit codes"), re.MULTILINE)}
    assert codes == {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}


def test_nobody_is_told_to_install_somebody_else_s_package():
    kit = [file for file in (ROOT / "gitops").iterdir() if file.is_file()]
    for file in [PAGE, ROOT / "action.yml", *kit, *EXAMPLE.rglob("*.md"), WORKFLOW]:
        assert not re.search(r"pip install[^\n]* ['\"]?reconciler\b", file.read_text(encoding="utf-8")), file
