"""Runs two things in turn, several rounds, and says how their times are to each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent.parent
PYTHON = sys.executable
LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Taken:
    """What one run took. `seconds`: wall time; `memory`: the most that the process had, in MB; `said`: its output."""

    seconds: float
    memory: float = 0.0
    said: str = ""


@dataclass(frozen=True)
class Ratio:
    """The runs of two things, round by round."""

    ours: Sequence[Taken]
    reference: Sequence[Taken]

    @property
    def each(self) -> list[float]:
        """Ours to the reference, in each round."""
        return [a.seconds / b.seconds for a, b in zip(self.ours, self.reference, strict=True)]

    @property
    def median(self) -> float:
        return median(self.each)

    @property
    def memory(self) -> float:
        return max(one.memory for one in self.ours)

    def cells(self) -> list[str]:
        """Ours, the reference, the ratio with its spread, the memory of ours."""
        low, high = min(self.each), max(self.each)
        return [
            shown(median(one.seconds for one in self.ours)),
            shown(median(one.seconds for one in self.reference)),
            f"{self.median:.2f} ({low:.2f}–{high:.2f})",
            f"{self.memory:.0f} MB" if self.memory else "",
        ]


@dataclass(frozen=True)
class Row:
    """A line of a table: what was measured, the figures, what was to be reached, and whether it was."""

    what: str
    cells: Sequence[str]
    wanted: str = ""
    reached: bool | None = None


@dataclass(frozen=True)
class Table:
    """What a benchmark found. `head` names the cells of its rows; `notes` follow the table."""

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=tuple)


HEAD = ("ours", "reference", "ratio (spread)", "memory")


def in_turn(ours: Callable[[], Taken], reference: Callable[[], Taken], rounds: int) -> Ratio:
    """A B A B ...: what else the machine does hits both alike."""
    pairs = [(ours(), reference()) for _ in range(rounds)]
    return Ratio([a for a, _ in pairs], [b for _, b in pairs])


def row(what: str, ratio: Ratio, most: float | None = None) -> Row:
    """`most`: what the ratio may be at most."""
    if most is None:
        return Row(what, ratio.cells())
    return Row(what, ratio.cells(), f"≤ {most:g}", ratio.median <= most)


def rates(what: str, pairs: Sequence[tuple[Taken, Taken]], least: float) -> Row:
    """Of pairs of ours and the reference: how many times faster ours is, and has to be at least."""
    ours, reference = [one for one, _ in pairs], [other for _, other in pairs]
    faster, cells = Ratio(reference, ours), Ratio(ours, reference).cells()
    return Row(what, [*cells[:2], faster.cells()[2], cells[3]], f"≥ {least:g}", faster.median >= least)


def run(*command: str, cwd: Path = ROOT, wanted: int = 0, **environment: str) -> Taken:
    """A process from its start to its end. Raises RuntimeError where it does not end with `wanted`."""
    env = {**surroundings(), **environment}
    reading, writing = os.pipe()
    launched = (PYTHON, "-ISE", str(LAUNCH), str(writing), *command)
    with os.fdopen(reading, encoding="utf-8") as report:
        done = subprocess.run(
            launched, cwd=cwd, env=env, capture_output=True, text=True, pass_fds=[writing], check=True
        )
        os.close(writing)
        taken = json.load(report)
    if taken["code"] != wanted:
        raise RuntimeError(f"{' '.join(command)} ended with {taken['code']}:\n{done.stderr[-2000:]}")
    return Taken(taken["seconds"], taken["memory"] / 1024, done.stdout)


def reconciler(*arguments: str, cwd: Path, wanted: int = 0, **environment: str) -> Taken:
    """The program itself."""
    return run(PYTHON, "-m", "reconciler", *arguments, cwd=cwd, wanted=wanted, **environment)


def inside(module: str, *arguments: str, cwd: Path = ROOT) -> Taken:
    """A module of the benchmarks in a process of its own, which prints the seconds that it measured itself."""
    taken = run(PYTHON, "-m", f"tests.bench.{module}", *arguments, cwd=cwd)
    told = json.loads(taken.said.splitlines()[-1])
    return Taken(told["seconds"], taken.memory, taken.said)


def shown(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def surroundings() -> dict[str, str]:
    """Without what would change what is measured."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "MLFLOW_TRACKING_URI", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "PYTHONPATH": str(ROOT)}
