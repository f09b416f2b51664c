"""B4: an apply, against a bare thread pool that sends the same requests over as many connections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from reconciler import registry
from tests.bench import stacks, worlds
from tests.bench.latency import delayed
from tests.bench.measure import HEAD, PYTHON, Row, Table, Taken, rates, reconciler, run

SEND = ("-m", "tests.bench.references.send")
LATENCY = 0.05
WORKERS = 4
CONNECTIONS = registry.backends()["mlflow"].parallel
NOTES = (
    (
        "`apply` of a saved plan, start-up, the lock, the check of what it was computed from and the read-back "
        "included. The reference is a bare script (`tests/bench/references/send.py`) that sends just the plan's own "
        "requests over the same number of connections. The ratio is that of the rates: above 1, ours is faster. A "
        "real MLflow server on SQLite; latency is added to each direction's first byte by a proxy, half and half."
    ),
)


def bench(folder: Path, *, quick: bool) -> Table:
    count, rounds = (50, 2) if quick else (1_000, 3)
    cases = [(1, 0.0), (WORKERS, 0.0), (1, LATENCY)]
    rows = [one for workers, latency in cases for one in _cases(folder, workers, latency, count, rounds)]
    return Table("B4", "Apply", HEAD, rows, NOTES)


def _cases(folder: Path, workers: int, latency: float, count: int, rounds: int) -> Iterator[Row]:
    with worlds.served(folder, workers=workers) as server, _far(server, latency) as url:
        creates, updates = [], []
        for number in range(rounds):
            pair = [_stack(folder, f"{who}{number}", count, url) for who in ("ours", "theirs")]
            creates.append(_round(folder, pair, url))
            for stack in pair:
                reconciler("apply", "--yes", "-q", cwd=stack)
                stacks.retag(stack, "ml")
            updates.append(_round(folder, pair, url))
    where = f"{workers} {'worker' if workers == 1 else 'workers'}" + (f", {latency * 1000:.0f} ms" if latency else "")
    yield rates(f"{count:,} creates, {where}", creates, least=0.9)
    yield rates(f"{count:,} tag updates, {where}", updates, least=0.9)


def _far(url: str, latency: float):
    return delayed(url, latency) if latency else nullcontext(url)


def _stack(folder: Path, name: str, count: int, url: str) -> Path:
    return stacks.write(folder / name, url, experiments=count, stack=name)


def _round(folder: Path, pair: list[Path], url: str) -> tuple[Taken, Taken]:
    """Ours applies its plan; the reference sends the requests of the other stack's, which are as many and alike."""
    plans = [stack / "plan.json" for stack in pair]
    for stack in pair:
        reconciler("plan", "--out", "plan.json", "-q", cwd=stack)
    calls = folder / "calls.json"
    calls.write_text(json.dumps(_calls(json.loads(plans[1].read_text()))))
    ours = reconciler("apply", "plan.json", "--yes", "-q", cwd=pair[0])
    return ours, run(PYTHON, *SEND, url, str(calls), str(CONNECTIONS))


def _calls(plan: dict) -> list[dict]:
    return [_filled(call, plan["ids"]) for step in plan["steps"] for call in step["calls"]]


def _filled(call: dict, ids: dict[str, str]) -> dict:
    """A request with the ids of what is there already."""
    body = {k: ids[v["$id"]] if isinstance(v, dict) and "$id" in v else v for k, v in call["body"].items()}
    return {**call, "body": body}
