"""The Dockerfile, as far as it can be tried without an engine: a linter, and its steps in folders of their own."""

from __future__ import annotations

import fnmatch
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.version import __version__
from tests.e2e.tools import ROOT, outside
from tests.tally import ALL

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = [line.split(" ", 1) for line in re.sub(r"\\\n", "", TEXT).splitlines() if line and line[0] != "#"]
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def of(instruction: str) -> list[str]:
    return [" ".join(words.split()) for name, words in LINES if name == instruction]


@pytest.mark.skipif(not shutil.which("hadolint", path=str(Path(sys.executable).parent)), reason="hadolint is missing")
def test_it_has_no_mistake_that_hadolint_knows():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


def test_it_is_pinned_small_and_runs_as_nobody_special():
    assert {name.split()[0] for name in of("FROM")} == {"python:3.13-slim-bookworm"}
    assert all("--no-cache-dir" in step for step in of("RUN") if "pip install" in step)
    assert LINES[-1] == ["ENTRYPOINT", '["reconciler"]']
    assert of("USER") == ["10001:10001"]
    assert not any(name == "RUN" for name, _ in LINES[LINES.index(["USER", "10001:10001"]) :])


def taken(name: str) -> bool:
    """Whether .dockerignore lets a file or folder of the root into the build; the last line that fits decides."""
    fits = [line for line in IGNORED if fnmatch.fnmatch(name, line.lstrip("!"))]
    return fits[-1].startswith("!")


def test_only_what_is_installed_goes_into_the_build():
    wanted = {"pyproject.toml", "README.md", "reconciler"}
    assert {path.name for path in ROOT.iterdir() if taken(path.name)} == wanted
    copied = {name for words in of("COPY") if "--from" not in words for name in words.split()[:-1]}
    assert copied == wanted


@pytest.mark.skipif(not ALL, reason="installs this checkout; RECONCILER_TEST_ALL=1 does")
@pytest.mark.parametrize("extras", ["", "databricks"])
def test_its_steps_make_a_program(tmp_path, extras):
    source, opt = tmp_path / "source", tmp_path / "opt"
    source.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "reconciler", source / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    (bin_ / "python").chmod(0o755)
    clean = {name: value for name, value in outside().items() if name != "PYTHONPATH"}
    environ = clean | {"EXTRAS": extras, "PATH": f"{bin_}:{clean['PATH']}"}
    for step in of("RUN"):
        subprocess.run(["sh", "-ec", step.replace("/opt", str(opt))], cwd=source, env=environ, check=True, timeout=300)
    shutil.rmtree(source)
    program = opt / "reconciler/bin/reconciler"
    done = subprocess.run([program, "--version"], env={"PATH": "/usr/bin"}, capture_output=True, text=True, check=True)
    assert done.stdout == f"reconciler {__version__}\n"
    command = [program.with_name("python"), "-c", "import databricks.sdk"]
    imported = subprocess.run(command, env={}, stderr=subprocess.DEVNULL, check=False)
    assert (imported.returncode == 0) is bool(extras)
