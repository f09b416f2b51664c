"""A folder with a stack, a server, and a shell that runs commands as a person would."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.cli import cli
from reconciler.cli.exits import run
from tests.fakes.mlflow import FakeMlflow


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
            patch.setattr(sys, "argv", ["reconciler", *arguments])
            patch.setattr(sys, "stdin", typed)
            with pytest.raises(SystemExit) as stopped:
                run(cli)
        result = Result(int(stopped.value.code or 0), out.getvalue(), err.getvalue())
        if code is not None:
            assert result.code == code, f"exit {result.code}\n{result.out}\n{result.err}"
        assert "Traceback" not in result.out + result.err
        return result

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file


@pytest.fixture
def fake():
    return FakeMlflow()


@pytest.fixture
def url(fake):
    with fake.serve() as base:
        yield base


@pytest.fixture
def shell(tmp_path, monkeypatch, url):
    """A shell in a folder with a configured stack on the fake server."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "MLFLOW_TRACKING_URI", "RECONCILER_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    found = Shell(tmp_path, monkeypatch)
    found.write("manifests/reconciler.yaml", f"stack: ml\ntargets:\n  local: {{backend: mlflow, url: '{url}'}}\n")
    return found
