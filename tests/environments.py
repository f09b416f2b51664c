"""Environments with an MLflow of a certain version, each made once with venv and pip, and kept for the next time."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = "RECONCILER_TEST_ENVIRONMENTS"
"""The variable that names the folder where they are kept."""
RELEASES = {"1.30.1": (3, 10), "2.9.2": (3, 11), "2.22.4": (3, 12), "3.1.4": (3, 12)}
"""The versions, each with the last Python for which all that it needs can be installed without a compiler."""
_FIRST = (3, 9)
_PINS = ("setuptools<81", "sqlalchemy<2.1")  # the old ones import pkg_resources, and what SQLAlchemy 2.1 has no more


def python_with(version: str) -> Path:
    """The Python of an environment with that MLflow. Skips the test, and says why, where there can be none."""
    folder = cache() / f"mlflow-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be making it
        made = folder / "made"
        if not made.exists() or made.read_text() != " ".join(_PINS):
            _make(folder, version)
    return folder / "bin" / "python"


def cache() -> Path:
    """The folder in which tests keep what they install."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(FOLDER) or Path(base) / "reconciler-tests").resolve()


def _make(folder: Path, version: str) -> None:
    python = _python(version)
    shutil.rmtree(folder, ignore_errors=True)
    _run(version, python, "-m", "venv", str(folder))
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(version, str(folder / "bin" / "python"), *pip, f"mlflow=={version}", *_PINS)
    (folder / "made").write_text(" ".join(_PINS))


def _run(version: str, *command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
        failed, words = done.returncode != 0, done.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        failed, words = True, str(error)
    if failed:
        last = (words.strip().splitlines() or ["without a word"])[-1]
        pytest.skip(f"MLflow {version} cannot be installed here: {last}")


def _python(version: str) -> str:
    """The newest Python here on which that MLflow runs."""
    last = RELEASES[version]
    if _FIRST <= sys.version_info[:2] <= last:
        return sys.executable
    for minor in range(last[1], _FIRST[1] - 1, -1):
        found = [shutil.which(f"python3.{minor}"), *_of_pyenv(minor)]
        for one in found:
            if one and _starts(one):
                return one
    pytest.skip(f"MLflow {version} needs a Python from 3.{_FIRST[1]} to 3.{last[1]}, and none is here")


def _of_pyenv(minor: int) -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return [str(one) for one in sorted(root.glob(f"versions/3.{minor}.*/bin/python"), reverse=True)]


def _starts(python: str) -> bool:
    """Whether it is one that makes environments: a shim of pyenv may lead nowhere, and Debian may lack ensurepip."""
    command = [python, "-c", "import venv, ensurepip"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
