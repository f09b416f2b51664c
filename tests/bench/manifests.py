"""B2: how long it takes to read manifests, against only parsing the same text, and against octoDNS."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.bench import stacks
from tests.bench.measure import HEAD, Ratio, Row, Table, in_turn, inside, row

URL = "http://127.0.0.1:9"
NOTES = (
    (
        "The reference is `yaml.load` with `CSafeLoader` of the same text, each in a process of its own; imports are "
        "not counted. Ours includes the positions, the checks of every field, and what the target's server can hold."
    ),
    (
        "Against octoDNS 1.x: as many records of a zone, loaded and planned from YAML against an empty target; ours "
        "is as many experiments with five tags, loaded and planned against an empty server."
    ),
)


def bench(folder: Path, *, quick: bool) -> Table:
    sizes = [(1_000, 1), (10_000, 1)] if quick else [(1_000, 1), (10_000, 1), (10_000, 1_000), (100_000, 1)]
    rows = [_parsed(folder, count, files) for count, files in sizes]
    if not quick:
        rows.append(_parsed(folder, 10_000, 1_000, distinct=True))
    rows += [_dns(folder, count) for count in ([1_000] if quick else [1_000, 10_000])]
    return Table("B2", "Manifests", HEAD, rows, NOTES)


def _parsed(folder: Path, count: int, files: int, *, distinct: bool = False) -> Row:
    home = folder / f"{count}-{files}{'-distinct' if distinct else ''}"
    stack = str(stacks.write(home, URL, experiments=count, files=files, distinct=distinct))
    parse = in_turn(partial(inside, "reading", "ours", stack), partial(inside, "reading", "yaml", stack), 3)
    alike = ", no two tags of one value" if distinct else ""
    what = f"{count:,} experiments in {files:,} {'file' if files == 1 else 'files'}{alike} ({_rate(parse, count)})"
    return row(what, parse, most=2)


def _rate(ratio: Ratio, count: int) -> str:
    return f"{count / min(one.seconds for one in ratio.ours):,.0f} a second"


def _dns(folder: Path, count: int) -> Row:
    stack, zone = str(folder / f"{count}-1"), str(folder / f"zone-{count}")
    inside("references.octodns", "write", zone, str(count))
    ratio = in_turn(
        lambda: inside("reading", "plan", stack), lambda: inside("references.octodns", "plan", zone, str(count)), 3
    )
    return row(f"load and plan {count:,} resources, against octoDNS with as many records", ratio, most=1)
