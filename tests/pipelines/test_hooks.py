"""The hooks for pre-commit, run by it in a repository: what they change, what they stop, what they leave alone."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.tools import ROOT, outside
from tests.tally import ALL

HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
CONFIG = ROOT / "examples/pull-request-pipeline/.pre-commit-config.yaml"
UNTIDY = "experiments:\n    fraud:\n        tags: {team: ml}   # whose\n"
TIDY = "experiments:\n  fraud:\n    tags: {team: ml}   # whose\n"
pytestmark = pytest.mark.skipif(not importlib.util.find_spec("pre_commit"), reason="pre-commit is not installed")


class Repository:
    """A Git repository; `outcomes` are what pre-commit said of each hook."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, check=True, env=outside(), timeout=60)

    def stage(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.git("add", name)
        return file

    def commit_would(self, *arguments: str) -> tuple[dict[str, str], str]:
        """What each hook says of what is staged, and all that was printed."""
        done = subprocess.run(
            [sys.executable, "-m", "pre_commit", *arguments, "--color", "never"],
            cwd=self.folder,
            env=outside() | {"PRE_COMMIT_HOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=600,
        )
        names = {hook["name"]: hook["id"] for hook in HOOKS}
        said = (line for line in done.stdout.splitlines() if line.partition("..")[0] in names)
        outcomes = {names[line.partition("..")[0]]: line.rpartition(".")[2] for line in said}
        assert (done.returncode == 0) is (set(outcomes.values()) <= {"Passed", "(no files to check)Skipped"}), (
            done.stdout
        )
        return outcomes, done.stdout


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    found = Repository(folder, tmp_path / "home")
    found.stage("manifests/reconciler.yaml", "stack: ml\ntargets:\n  local:\n    url: sqlite:///mlflow.db\n")
    return found


@pytest.fixture
def hooks(repository):
    """The hooks as they are declared, but with the program of the tests in place of an installed one."""
    local = [{**hook, "language": "system", "entry": _ours(hook["entry"])} for hook in HOOKS]
    config = {"repos": [{"repo": "local", "hooks": local}]}
    repository.stage(".pre-commit-config.yaml", yaml.safe_dump(config))
    return lambda: repository.commit_would("run")


def _ours(entry: str) -> str:
    program, _, arguments = entry.partition(" ")
    assert program == "reconciler"
    return f"{shlex.quote(sys.executable)} -m reconciler {arguments}"


def test_what_is_untidy_is_made_tidy_and_stops_the_commit_once(repository, hooks):
    file = repository.stage("manifests/fraud.yaml", UNTIDY)
    assert hooks()[0] == {"reconciler-fmt": "Failed", "reconciler-validate": "Passed"}
    assert file.read_text() == TIDY
    repository.git("add", ".")
    assert hooks()[0] == {"reconciler-fmt": "Passed", "reconciler-validate": "Passed"}


def test_an_error_stops_the_commit_with_its_place(repository, hooks):
    repository.stage("manifests/fraud.yaml", "experiments:\n  fraud:\n    tag: {}\n")
    outcomes, printed = hooks()
    assert outcomes["reconciler-validate"] == "Failed"
    assert "manifests/fraud.yaml:3:5: error: tag is not known [unknown-key]" in printed


def test_other_files_are_none_of_their_business(repository, hooks):
    repository.git("rm", "--quiet", "--cached", "manifests/reconciler.yaml")
    file = repository.stage("deploy/values.yaml", UNTIDY)
    assert hooks()[0] == dict.fromkeys(("reconciler-fmt", "reconciler-validate"), "(no files to check)Skipped")
    assert file.read_text() == UNTIDY


def test_the_hooks_and_the_example_are_what_pre_commit_takes(repository):
    for kind, file in (("manifest", ROOT / ".pre-commit-hooks.yaml"), ("config", CONFIG)):
        command = [sys.executable, "-m", "pre_commit", f"validate-{kind}", file]
        subprocess.run(command, check=True, timeout=60, cwd=repository.folder)
    (used,) = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["repos"]
    assert used["hooks"] == [{"id": hook["id"]} for hook in HOOKS]


@pytest.mark.skipif(not ALL, reason="installs the hooks from this checkout; RECONCILER_TEST_ALL=1 does")
def test_pre_commit_installs_them_from_this_checkout(repository):
    repository.stage("manifests/fraud.yaml", UNTIDY)
    outcomes, printed = repository.commit_would("try-repo", str(ROOT), "--verbose")
    assert outcomes == {"reconciler-fmt": "Failed", "reconciler-validate": "Passed"}, printed
