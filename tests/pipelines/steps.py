"""Runs the steps of action.yml as GitHub's runner does, each in a bash of its own, on a fake GitHub."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.tools import ROOT, outside
from tests.fakes.github import REPOSITORY, TOKEN, FakeGitHub

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
_EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")


@dataclass
class Job:
    """How a job of a workflow went: what it printed, the outputs of the action, and its exit code."""

    code: int = 0
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class Runner:
    """A machine that runs jobs in `workspace`, the checkout of a repository."""

    workspace: Path
    temp: Path
    github: FakeGitHub
    api: str
    environ: dict[str, str] = field(default_factory=dict)
    installs: bool = False
    """Whether the action's own environment is really made; else it is that of the tests."""

    def job(self, event: Mapping[str, Any], commit: str, **inputs: str) -> Job:
        """Run the action, with the names of inputs in snake case, on what triggered a workflow."""
        job = _Steps(self, event, commit, {name.replace("_", "-"): value for name, value in inputs.items()})
        for step in ACTION["runs"]["steps"]:
            job.step(step)
        values = {name: job.value(one["value"]) for name, one in ACTION["outputs"].items()}
        return Job(job.code, job.log, job.file("summary").read_text(encoding="utf-8"), values)


class _Steps:
    def __init__(self, runner: Runner, event: Mapping[str, Any], commit: str, inputs: Mapping[str, str]) -> None:
        self.runner, self.code, self.log = runner, 0, ""
        self.inputs = {name: one.get("default", "") for name, one in ACTION["inputs"].items()} | dict(inputs)
        self.outputs: dict[str, dict[str, str]] = {}
        runner.temp.mkdir(exist_ok=True)
        self.file("event").write_text(json.dumps(event), encoding="utf-8")
        for name in ("summary", "output"):
            self.file(name).write_text("", encoding="utf-8")
        self.commit = commit
        if not runner.installs:
            _environment_of_the_tests(runner.temp / "reconciler-venv/bin")

    def file(self, name: str) -> Path:
        return self.runner.temp / f"_{name}"

    def step(self, step: Mapping[str, Any]) -> None:
        """A step that failed leaves out all others but those that say `always()`."""
        condition = step.get("if", "")
        if self.code and "always()" not in condition:
            return
        if condition and not all(self._holds(part) for part in condition.split(" && ")):
            return
        if "run" in step:
            self._run(step)
        else:
            self._use(step["uses"].partition("@")[0], step)

    def _holds(self, part: str) -> bool:
        if part == "always()":
            return True
        name, operator, text = part.partition(" != ") if " != " in part else part.partition(" == ")
        return (self._look_up(name) == text.strip("'")) is (operator == " == ")

    def value(self, text: str) -> str:
        return _EXPRESSION.sub(lambda found: self._look_up(found[1]), text)

    def _look_up(self, name: str) -> str:
        first, *rest = name.split(".")
        if first == "inputs":
            return self.value(self.inputs[rest[0]])
        if first == "steps":
            return self.outputs.get(rest[0], {}).get(rest[2], "")
        return {"github.token": TOKEN}[name]

    def _run(self, step: Mapping[str, Any]) -> None:
        assert step["shell"] == "bash"
        script = self.runner.temp / "_step.sh"
        script.write_text(step["run"], encoding="utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.runner.workspace,
            env=self._environ() | {name: self.value(text) for name, text in step.get("env", {}).items()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=300,
        )
        self.log += done.stdout
        self.code = self.code or done.returncode
        lines = self.file("output").read_text(encoding="utf-8").splitlines()
        self.outputs[step.get("id", "")] = dict(line.split("=", 1) for line in lines)

    def _use(self, action: str, step: Mapping[str, Any]) -> None:
        given = {name: self.value(str(value)) for name, value in step["with"].items()}
        if action == "actions/setup-python":
            self.outputs[step["id"]] = {"python-path": sys.executable}
        elif action == "actions/upload-artifact":
            files = [Path(line) for line in given["path"].splitlines()]
            self.runner.github.upload(given["name"], {one.name: one.read_bytes() for one in files}, self._head())
        else:
            raise AssertionError(action)

    def _head(self) -> str:
        """What GitHub says a run is for: of a pull request its last commit, and not the merge that is tried."""
        (found,) = re.findall(r'"head": {"sha": "(\w+)"', self.file("event").read_text()) or [self.commit]
        return str(found)

    def _environ(self) -> dict[str, str]:
        return outside() | {
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_API_URL": self.runner.api,
            "GITHUB_EVENT_PATH": str(self.file("event")),
            "GITHUB_OUTPUT": str(self.file("output")),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "77",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_SHA": self.commit,
            "GITHUB_STEP_SUMMARY": str(self.file("summary")),
            "RUNNER_TEMP": str(self.runner.temp),
            **self.runner.environ,
        }


def _environment_of_the_tests(folder: Path) -> None:
    """A python that is that of the tests, and whose pip installs nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "python"
    python.write_text(
        '#!/bin/sh\nif [ "$1 $2" = "-m pip" ]; then echo "pip $*"; exit 0; fi\n'
        f'exec {shlex.quote(sys.executable)} "$@"\n'
    )
    python.chmod(0o755)
