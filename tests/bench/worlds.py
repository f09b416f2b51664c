"""Servers with contents to measure on: what a stack owns, made by an apply, among what others have, put in by SQL."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import stacks
from tests.bench.measure import reconciler
from tests.servers import real_mlflow

URL = "${env.BENCH_URL}"


def stack_of(folder: Path, size: int) -> Path:
    """A stack of `size` experiments, 1,000 runs and 1,000 logged models."""
    return stacks.write(folder / f"stack-{size}", URL, experiments=size, children=min(size, 1_000))


def database(folder: Path, size: int, others: int) -> Path:
    """The database of a server that holds that stack among the experiments of others; made once."""
    alone, made = (folder / f"mlflow-{size}-{count}.db" for count in (0, others))
    half = folder / "half-made.db"
    if not alone.exists():
        half.unlink(missing_ok=True)
        reconciler("apply", "--yes", "-q", cwd=stack_of(folder, size), BENCH_URL=f"sqlite:///{half}")
        half.rename(alone)
    if not made.exists():
        shutil.copy(alone, half)
        _add_others(half, others)
        half.rename(made)
    return made


@contextmanager
def served(folder: Path, source: Path | None = None, workers: int = 1) -> Iterator[str]:
    """A real server on a copy of `source`, or on an empty database."""
    home = folder / "server"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    if source:
        shutil.copy(source, home / "mlflow.db")
    with real_mlflow(home, workers) as url:
        yield url


def _add_others(path: Path, count: int) -> None:
    """Experiments with five tags each, as MLflow 3.17.2 stores them."""
    with sqlite3.connect(path) as database:
        columns = [row[1] for row in database.execute("pragma table_info(experiments)")]
        first = database.execute("select * from experiments where experiment_id > 0 limit 1").fetchone()
        plain = dict(zip(columns, first, strict=True))
        rows = [{**plain, "experiment_id": 10**9 + number, "name": f"other-{number}"} for number in range(count)]
        marks = ",".join("?" * len(columns))
        database.executemany(f"insert into experiments values ({marks})", [[r[c] for c in columns] for r in rows])
        tags = [(key, value, row["experiment_id"]) for row in rows for key, value in stacks.TAGS.items()]
        database.executemany("insert into experiment_tags (key, value, experiment_id) values (?, ?, ?)", tags)
