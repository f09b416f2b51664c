"""B5: the same end state by a script with MLflow's own client."""

from __future__ import annotations

from pathlib import Path

from tests.bench import stacks, worlds
from tests.bench.measure import HEAD, PYTHON, Table, rates, reconciler, run

SCRIPT = ("-m", "tests.bench.references.official")
AGAIN = 5
"""What a server takes to answer comes in two sizes, by when it collects its memory."""
NOTES = (
    (
        "The reference is a script with `search_experiments`, `create_experiment` and `set_experiment_tag` of "
        "MLflow's client (`tests/bench/references/official.py`), 1,000 experiments with five tags each; on a real "
        "server with one worker. The ratio says how many times faster ours is."
    ),
)


def bench(folder: Path, *, quick: bool) -> Table:
    count, rounds = (30, 1) if quick else (1_000, 3)
    first, again = [], []
    for number in range(rounds):
        with worlds.served(folder) as url:
            stack = stacks.write(folder / f"ours{number}", url, experiments=count, stack=f"ours{number}")
            script = (*SCRIPT, url, str(count), f"theirs{number}")
            first.append((reconciler("apply", "--yes", "-q", cwd=stack), run(PYTHON, *script)))
            again += [(reconciler("apply", "--yes", "-q", cwd=stack), run(PYTHON, *script)) for _ in range(AGAIN)]
    rows = [
        rates(f"{count:,} experiments, first apply", first, least=3),
        rates("the same again, nothing to do", again, least=3),
    ]
    return Table("B5", "Instead of a script", HEAD, rows, NOTES)
