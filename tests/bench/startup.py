"""B1: how long a command takes to start."""

from __future__ import annotations

from pathlib import Path

from tests.bench import stacks
from tests.bench.measure import HEAD, PYTHON, Table, in_turn, reconciler, row, run

LIBRARIES = (
    "import atexit, gc, os, click, yaml\nos.environ['PYDANTIC_DISABLE_PLUGINS'] = '__all__'\n"
    "from pydantic import BaseModel\nclass A(BaseModel):\n    x: int = 0\n"
    "atexit.register(gc.freeze)"
)
"""Without plug-ins, and ending as the program does."""
NOTES = (
    (
        "The reference is `python -c pass`. The last line is what `validate` cannot go below with its libraries: what "
        "manifests, targets and a backend's options may hold is said in pydantic's models, also by installed backends."
    ),
)


def bench(folder: Path, *, quick: bool) -> Table:
    stack = stacks.write(folder / "one", "http://127.0.0.1:9", experiments=1)
    rounds = 5 if quick else 25
    for warm in (("--version",), ("validate",)):
        reconciler(*warm, cwd=stack)

    def bare() -> object:
        return run(PYTHON, "-c", "pass", cwd=stack)

    wanted = {("--version",): 5, ("--help",): None, ("validate",): 12}
    rows = [
        row(f"`{' '.join(command)}`", in_turn(lambda c=command: reconciler(*c, cwd=stack), bare, rounds), most)
        for command, most in wanted.items()
    ]
    floor = in_turn(lambda: run(PYTHON, "-c", LIBRARIES, cwd=stack), bare, rounds)
    rows.append(row("only importing click, PyYAML and pydantic, with one model", floor))
    return Table("B1", "Start-up", HEAD, rows, NOTES)
