"""Runs the command line many times at once, each in a process of its own, all starting at the same moment.

A line of JSON on stdin, `[{"cwd": folder, "arguments": [...]}, ...]`, gives one on stdout, `[{"pid", "code", "out",
"err"}, ...]`. The processes are forked from one that has imported everything, so that they meet at the server.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import reconciler.runtime.http
import reconciler.runtime.lock
import reconciler.session
from reconciler.cli import cli
from reconciler.cli.exits import run

assert reconciler.session
assert reconciler.runtime.http
assert reconciler.runtime.lock


def launch(jobs: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """What each job said, and how it ended."""
    gate, opener = os.pipe()
    started = [
        (_fork(job, folder / str(number), gate, opener), folder / str(number)) for number, job in enumerate(jobs)
    ]
    os.close(gate)
    os.close(opener)  # whoever waits at the gate reads its end
    return [_ended(pid, place) for pid, place in started]


def _fork(job: dict[str, Any], place: Path, gate: int, opener: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.close(opener)
    code = 70
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(place.with_suffix(f".{name}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.chdir(job["cwd"])
        sys.argv = ["reconciler", *job["arguments"]]
        os.read(gate, 1)
        run(cli)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _ended(pid: int, place: Path) -> dict[str, Any]:
    _, status = os.waitpid(pid, 0)
    said = {name: place.with_suffix(f".{name}").read_text(encoding="utf-8") for name in ("out", "err")}
    return {"pid": pid, "code": os.waitstatus_to_exitcode(status), **said}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(launch(json.loads(line), Path(folder))) + "\n")
            sys.stdout.flush()
