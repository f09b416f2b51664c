"""B4w: how many requests at once are best, by the kind of server."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.bench import stacks, worlds
from tests.bench.latency import delayed
from tests.bench.measure import Row, Table, reconciler

WIDTHS = (1, 2, 4, 6, 8, 10)
SERVERS = {"1 worker": (1, 0.0), "4 workers": (4, 0.0), "1 worker, 50 ms": (1, 0.05), "4 workers, 50 ms": (4, 0.05)}
NOTES = (
    (
        "Experiments made per second by an `apply --parallel N` of a saved plan, start-up and lock included; the best "
        "of two rounds. The sum in the last line weighs the servers alike: each row's share of its best."
    ),
)


def bench(folder: Path, *, quick: bool) -> Table:
    count = 40 if quick else 400
    found = {what: _rates(folder, *server, count) for what, server in SERVERS.items()}
    rows = [Row(what, [f"{rates[width]:.0f}" for width in WIDTHS]) for what, rates in found.items()]
    shares = [sum(rates[width] / max(rates.values()) for rates in found.values()) / len(found) for width in WIDTHS]
    rows.append(Row("share of the best, on average", [f"{share:.0%}" for share in shares]))
    return Table("B4w", "How many requests at once", [str(width) for width in WIDTHS], rows, NOTES)


def _rates(folder: Path, workers: int, latency: float, count: int) -> dict[int, float]:
    """Creates a second, by the number of requests at once; the widths take turns."""
    best = dict.fromkeys(WIDTHS, 0.0)
    with ExitStack() as kept:
        server = kept.enter_context(worlds.served(folder, workers=workers))
        url = kept.enter_context(delayed(server, latency)) if latency else server
        for number in range(2):
            for width in WIDTHS:
                name = f"w{width}-{number}"
                stack = stacks.write(folder / name, url, experiments=count, stack=name)
                reconciler("plan", "--out", "plan.json", "-q", cwd=stack)
                taken = reconciler("apply", "plan.json", "--yes", "-q", "--parallel", str(width), cwd=stack)
                best[width] = max(best[width], count / taken.seconds)
    return best
