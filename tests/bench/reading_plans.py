"""B3: a plan with nothing to do, against a bare script that fetches the same pages."""

from __future__ import annotations

from pathlib import Path

from tests.bench import worlds
from tests.bench.measure import HEAD, PYTHON, Row, Table, in_turn, reconciler, row, run

FETCH = ("-m", "tests.bench.references.fetch")
NOTES = (
    (
        "The plan of a stack with so many experiments of five tags, 1,000 runs and 1,000 logged models that says `No "
        "changes`, start-up and manifests included; on a real MLflow server with one worker on SQLite. The reference "
        "is a bare httpx script that sends the same three requests and decodes the replies "
        "(`tests/bench/references/fetch.py`)."
    ),
)


def bench(folder: Path, *, quick: bool) -> Table:
    cases = [(200, 500)] if quick else [(1_000, 0), (1_000, 50_000), (10_000, 0), (10_000, 50_000)]
    rows = [_case(folder, size, others, 3 if quick else 5) for size, others in cases]
    return Table("B3", "A plan with nothing to do", HEAD, rows, NOTES)


def _case(folder: Path, size: int, others: int, rounds: int) -> Row:
    stack, source = worlds.stack_of(folder, size), worlds.database(folder, size, others)
    with worlds.served(folder, source) as url:

        def fetch() -> object:
            return run(PYTHON, *FETCH, url)

        reconciler("plan", "--detailed-exitcode", cwd=stack, BENCH_URL=url)
        ratio = in_turn(lambda: reconciler("plan", "--detailed-exitcode", cwd=stack, BENCH_URL=url), fetch, rounds)
    among = f"{others:,} of others" if others else "no others"
    return row(f"{size:,} experiments, 1,000 runs, 1,000 logged models, among {among}", ratio, most=1.3)
