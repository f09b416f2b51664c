"""Writes what was measured into docs/performance.md: each benchmark between its own two marks."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from importlib.metadata import version
from pathlib import Path

from tests.bench.measure import ROOT, Row, Table

PAGE = ROOT / "docs" / "performance.md"
LIBRARIES = ("mlflow", "httpx", "pydantic", "PyYAML")


def put(table: Table, page: Path = PAGE) -> None:
    """Put `table` in the place of what its benchmark found before. Raises ValueError where the page has no place."""
    text = page.read_text()
    begin, end = f"<!-- {table.name} -->\n", f"<!-- end of {table.name} -->\n"
    if begin not in text or end not in text:
        raise ValueError(f"{page} has no place for {table.name}")
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{begin}{markdown(table)}\n{end}{after}")


def markdown(table: Table) -> str:
    head = ["", *table.head, "to reach", ""]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(_line(row) for row in table.rows)]
    notes = "".join(f"\n{note}\n" for note in [*table.notes, machine()])
    return "\n".join(lines) + "\n" + notes


def _line(row: Row) -> str:
    verdict = {True: "reached", False: "**not reached**", None: ""}[row.reached]
    return f"| {' | '.join([row.what, *row.cells, row.wanted, verdict])} |"


def machine() -> str:
    """On what it was measured, so that the figures can be read."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cpu = found[1] if found else platform.machine()
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    python = f"Python {platform.python_version()}, {libraries}, SQLite {sqlite3.sqlite_version}"
    load = f"load before: {os.getloadavg()[0]:.1f}"
    return f"Measured on {os.cpu_count()} cores ({cpu}), {platform.system()}; {python}; {load}."
