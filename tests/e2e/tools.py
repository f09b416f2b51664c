"""A shell that runs commands as a person would, and what somebody else does on the server meanwhile."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import cli
from reconciler.cli.exits import run
from tests.fakes.fake import Fake

ROOT = Path(__file__).parents[2]
PREFIX = "/api/2.0/mlflow/"
UNWANTED = (
    *("NO_COLOR", "FORCE_COLOR", "RECONCILER_DEBUG", "TERM"),
    *("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
)
"""What the environment of the tests must not decide."""


def isolate(patch: pytest.MonkeyPatch) -> None:
    """Take away what the environment must not decide."""
    for name in UNWANTED:
        patch.delenv(name, raising=False)


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


class _Stream(io.StringIO):
    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class Shell:
    """Runs commands in its folder, inside this process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = monkeypatch

    def __call__(self, *arguments: str, answer: str | None = None, code: int | None = 0) -> Result:
        """Run `reconciler ARGUMENTS`; `answer` is typed on a terminal. Any exit code but `code` is a failure."""
        out, err = _Stream(), _Stream(terminal=answer is not None)
        typed = _Stream(terminal=answer is not None)
        typed.write(f"{answer}\n")
        typed.seek(0)
        with self.patch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["reconciler", *arguments])
            patch.setattr(sys, "stdin", typed)
            with pytest.raises(SystemExit) as stopped:
                run(cli)
        result = Result(int(stopped.value.code or 0), out.getvalue(), err.getvalue())
        if code is not None:
            assert result.code == code, f"exit {result.code}\n{result.out}\n{result.err}"
        assert "Traceback" not in result.out + result.err
        assert "internal error" not in result.err
        return result

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def manifest(self, text: str) -> None:
        """Make `text` the only manifest of the stack."""
        self.write("manifests/main.yaml", text)

    def apply(self, text: str, *arguments: str, code: int | None = 0) -> Result:
        """Make `text` the only manifest, and apply it."""
        self.manifest(text)
        return self("apply", "--yes", *arguments, code=code)

    def stack(self, name: str, url: str) -> Shell:
        """A shell in a folder of its own, with the stack `name` on the server at `url`."""
        other = Shell(self.folder / f"stack-{name}", self.patch)
        other.configure(url, name)
        return other

    def configure(self, url: str, name: str = "ml", more: str = "") -> None:
        target = f"targets:\n  local: {{backend: mlflow, url: '{url}'}}\n"
        self.write("manifests/reconciler.yaml", f"stack: {name}\n{target}{more}")

    def spawn(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """`reconciler ARGUMENTS` as a process of its own, with pipes; `environment` is added to ours."""
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.folder,
            env={**outside(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *arguments: str, code: int | None = 0, **environment: str) -> Result:
        """`reconciler ARGUMENTS` as a process of its own."""
        with self.spawn(*arguments, **environment) as process:
            out, err = process.communicate(timeout=60)
        if code is not None:
            assert process.returncode == code, f"exit {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in out + err
        return Result(process.returncode, out, err)


def outside() -> dict[str, str]:
    """The environment of a process that is started."""
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


@dataclass
class Server:
    """What somebody else does and sees on the fake; none of it is recorded among its requests."""

    fake: Fake
    headers: dict[str, str] = field(default_factory=dict)
    page: int = 50_000
    model_page: int = 50_000

    def __call__(self, method: str, route: str, **fields: Any) -> Any:
        query = fields if method == "GET" else {}
        status, reply = self.fake.answer(method, PREFIX + route, query, fields, self.headers)
        assert status == 200, reply
        return reply

    def post(self, route: str, **fields: Any) -> Any:
        return self("POST", route, **fields)

    def experiments(self) -> dict[str, dict[str, Any]]:
        """All but the default one by name, with `tags` as a map."""
        found = self.post("experiments/search", max_results=self.page, view_type="ALL").get("experiments", [])
        return {one["name"]: {**one, "tags": _map(one)} for one in found if one["experiment_id"] != "0"}

    def experiment(self, name: str) -> dict[str, Any]:
        return self.experiments()[name]

    def runs(self) -> dict[str, list[dict[str, Any]]]:
        """By name, with `params`, `metrics` (the latest values) and `tags` as maps."""
        ids = [one["experiment_id"] for one in self.experiments().values()]
        reply = self.post("runs/search", experiment_ids=ids, run_view_type="ALL", max_results=50_000)
        found: dict[str, list[dict[str, Any]]] = {}
        for one in reply.get("runs", []):
            parts = {part: _map(one["data"], part) for part in ("params", "metrics", "tags")}
            found.setdefault(one["info"]["run_name"], []).append({**one["info"], **parts})
        return found

    def run(self, name: str) -> dict[str, Any]:
        (found,) = self.runs()[name]
        return found

    def models(self) -> dict[str, list[dict[str, Any]]]:
        """Those that are not deleted, by name, with `params` and `tags` as maps."""
        ids = [one["experiment_id"] for one in self.experiments().values()]
        reply = self.post("logged-models/search", experiment_ids=ids, max_results=self.model_page)
        found: dict[str, list[dict[str, Any]]] = {}
        for one in reply.get("models", []):
            parts = {"params": _map(one.get("data", {}), "params"), "tags": _map(one["info"])}
            found.setdefault(one["info"]["name"], []).append({**one["info"], **parts})
        return found

    def model(self, name: str) -> dict[str, Any]:
        (found,) = self.models()[name]
        return found

    def points(self, run: str, metric: str) -> list[tuple[int, float]]:
        """The step and value of all points of a run's metric."""
        reply = self("GET", "metrics/get-history", run_id=self.run(run)["run_id"], metric_key=metric)
        return [(point["step"], point["value"]) for point in reply.get("metrics", [])]

    def tag(self, experiment: str, **tags: str) -> None:
        """Set tags of an experiment; in keys `__` stands for a dot."""
        for key, value in tags.items():
            self.post(
                "experiments/set-experiment-tag",
                experiment_id=self.experiment(experiment)["experiment_id"],
                key=key.replace("__", "."),
                value=value,
            )


def _map(holder: dict[str, Any], part: str = "tags") -> dict[str, Any]:
    return {pair["key"]: pair.get("value", "") for pair in holder.get(part, [])}


@dataclass
class Sent:
    """The writes of a block of a test."""

    requests: list[Any] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


def writes(fake: Fake) -> list[Any]:
    """The requests that changed something, but for those of the stack's lock. An empty body only asks."""
    changing = [
        one for one in fake.requests if one.method != "GET" and not one.path.endswith("/search") and one.body != {}
    ]
    return [one for one in changing if not one.path.startswith("registered-models/")]


@contextmanager
def sending(fake: Fake) -> Iterator[Sent]:
    """The writes that the fake gets inside of the block."""
    before, sent = len(writes(fake)), Sent()
    yield sent
    sent.requests += writes(fake)[before:]
