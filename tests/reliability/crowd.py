"""Many processes that apply at once to one server, round after round."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.contract.api import Api
from tests.e2e.tools import outside


@dataclass(frozen=True)
class Ended:
    """How one of the processes ended."""

    pid: int
    code: int
    out: str
    err: str


class Crowd:
    """Runs the command line in several folders at once; see `launcher`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, *jobs: tuple[Path, Sequence[str]]) -> list[Ended]:
        assert self._process.stdin
        assert self._process.stdout
        told = [{"cwd": str(folder), "arguments": list(arguments)} for folder, arguments in jobs]
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return [Ended(**one) for one in json.loads(self._process.stdout.readline())]


@contextmanager
def crowd() -> Iterator[Crowd]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.reliability.launcher"],
        env=outside(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        yield Crowd(process)
        assert process.stdin
        process.stdin.close()


@contextmanager
def api(url: str) -> Iterator[Api]:
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield Api(client)


def configure(folder: Path, url: str, stack: str) -> Path:
    """A folder with the stack `stack` on the server at `url`."""
    folder.mkdir(parents=True)
    config = (
        f"stack: {stack}\ntargets: {{local: {{backend: mlflow, url: '{url}'}}}}\nsafety: {{max_delete_percent: 100}}\n"
    )
    (folder / "reconciler.yaml").write_text(config, encoding="utf-8")
    return folder
