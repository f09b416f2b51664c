"""`python -m tests.bench [NAME ...] [--quick] [--folder DIR]`: measures, prints, and writes docs/performance.md."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import applying, client, connections, growth, manifests, page, reading_plans, startup
from tests.bench.measure import Table

BENCHES: dict[str, Callable[..., Table]] = {
    "B1": startup.bench,
    "B2": manifests.bench,
    "B3": reading_plans.bench,
    "B4": applying.bench,
    "B4w": connections.bench,
    "B5": client.bench,
    "B6": growth.bench,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="smaller and fewer rounds; the page is left as it is")
    parser.add_argument(
        "--folder", type=Path, help="where to work; a server's contents are kept there for the next time"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        for name in given.names or BENCHES:
            folder = (given.folder or Path(spare)) / name
            folder.mkdir(parents=True, exist_ok=True)
            table = BENCHES[name](folder, quick=given.quick)
            print(f"\n{name}: {table.title}\n\n{page.markdown(table)}", flush=True)
            if not given.quick:
                page.put(table)


if __name__ == "__main__":
    main()
