"""B6: how wall time, requests and memory of a plan grow with the stack, on the fake; as a table and a plot."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import plot, stacks
from tests.bench.fit import exponent
from tests.bench.measure import PYTHON, ROOT, Row, Table, reconciler, shown, surroundings
from tests.bench.worlds import URL

SIZES = (10, 100, 1_000, 10_000, 100_000)
QUICK = (10, 1_000, 10_000)
PAGE = 50_000
LINEAR = 1.05
"""What counts as linear: a fit over three sizes has no more digits."""
FROM = 1_000
"""The exponents are fitted from here on, less the least of all sizes: below it, start-up is all there is."""
NOTES = (
    (
        "`plan` with nothing to do, start-up and manifests included, against the fake server in another process. "
        "The best of several rounds: what else a machine does only adds. "
        "Reads: one for each page of 50,000 experiments, one for runs, one for logged models. The exponents are "
        "fitted from 1,000 experiments on, less the least of all sizes."
    ),
    "![Seconds of a plan over the number of experiments](images/growth.svg)",
)


def bench(folder: Path, *, quick: bool) -> Table:
    sizes = QUICK if quick else SIZES
    found = {size: _measured(folder, size, 1 if quick else _rounds(size)) for size in sizes}
    rows = [_row(size, *found[size]) for size in sizes]
    time, memory = (_exponent({size: values[which] for size, values in found.items()}) for which in (0, 2))
    rows.append(Row("exponent of the time", [f"{time:.2f}", "", ""], f"≤ {LINEAR}", round(time, 2) <= LINEAR))
    rows.append(Row("exponent of the memory", [f"{memory:.2f}", "", ""], f"≤ {LINEAR}", round(memory, 2) <= LINEAR))
    picture = plot.loglog({size: values[0] for size, values in found.items()}, "experiments", "seconds")
    if not quick:
        (ROOT / "docs" / "images" / "growth.svg").write_text(picture)
    return Table("B6", "Growth", ("time", "requests", "memory"), rows, NOTES)


def _rounds(size: int) -> int:
    """What is over soon is run more often: a tenth of a second more or less would be all that there is to see."""
    return 9 if size <= FROM else 3


def _measured(folder: Path, size: int, rounds: int) -> tuple[float, int, float]:
    """Seconds, requests, and the most memory in MB."""
    stack = stacks.write(folder / f"stack-{size}", URL, experiments=size)
    with _holding(stack) as url:
        journal = stack / "journal.jsonl"
        journal.unlink(missing_ok=True)
        taken = [
            reconciler(
                "plan", "--detailed-exitcode", "--timeout", "600", "--journal", str(journal), cwd=stack, BENCH_URL=url
            )
            for _ in range(rounds)
        ]
    requests = len(journal.read_text().splitlines()) // rounds
    return min(one.seconds for one in taken), requests, max(one.memory for one in taken)


@contextmanager
def _holding(stack: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [PYTHON, "-m", "tests.bench.holding", str(stack)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=surroundings(),
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate("")


def _row(size: int, seconds: float, requests: int, memory: float) -> Row:
    least = math.ceil(size / PAGE) + len(("runs", "logged models"))
    return Row(
        f"{size:,} experiments",
        [shown(seconds), str(requests), f"{memory:.0f} MB"],
        f"≤ {least} requests",
        requests <= least,
    )


def _exponent(values: dict[int, float]) -> float:
    return exponent({size: value for size, value in values.items() if size >= FROM}, min(values.values()))
