"""B2: how long it takes to read manifests, against only parsing the same text, and against octoDNS."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.bench import stacks
from tests.bench.fit import exponent
from tests.bench.measure import HEAD, Ratio, Row, Table, Taken, in_turn, inside, row

URL = "http://127.0.0.1:9"
SIZES, FILES = (1_000, 10_000, 100_000), (1, 1_000)
DISTINCT = ", no two tags of one value"
NOTES = (
    (
        "The reference is `yaml.load` with `CSafeLoader` of the same text, each in a process of its own; imports are "
        "not counted. Ours includes the positions, the checks of every field, and what the target's server can hold."
    ),
    (
        "The exponents say how time and memory grow over the sizes, 1 where they are linear, less what one experiment "
        "in as many files takes."
    ),
    (
        "Against octoDNS 1.x: as many records of a zone, loaded and planned from YAML against an empty target; ours "
        "is as many experiments with five tags, loaded and planned against an empty server."
    ),
)


def bench(folder: Path, *, quick: bool) -> Table:
    sizes = SIZES[:2] if quick else SIZES
    rows = []
    for files in FILES:
        parsed = {count: _parsed(folder, count, files) for count in sizes}
        rows += [_row(parsed[count], count, files) for count in sizes]
        rows.append(_growth(parsed, _parsed(folder, 1, files), files))
    rows.append(_row(_parsed(folder, sizes[1], FILES[1], distinct=True), sizes[1], FILES[1], DISTINCT))
    rows += [_dns(folder, count) for count in sizes[:2]]
    return Table("B2", "Manifests", HEAD, rows, NOTES)


def _parsed(folder: Path, count: int, files: int, *, distinct: bool = False) -> Ratio:
    home = folder / f"{count}-{files}{'-distinct' if distinct else ''}"
    stack = str(stacks.write(home, URL, experiments=count, files=files, distinct=distinct))
    return in_turn(partial(inside, "reading", "ours", stack), partial(inside, "reading", "yaml", stack), 3)


def _row(parsed: Ratio, count: int, files: int, more: str = "") -> Row:
    return row(f"{count:,} experiments in {_files(files)}{more} ({_rate(parsed, count)})", parsed, most=2)


def _growth(parsed: dict[int, Ratio], base: Ratio, files: int) -> Row:
    """The exponents of our time, of the reference's, and of our memory. `base`: with one experiment."""
    ours = exponent({count: _quickest(one.ours) for count, one in parsed.items()}, _quickest(base.ours))
    reference = exponent({count: _quickest(one.reference) for count, one in parsed.items()}, _quickest(base.reference))
    memory = exponent({count: one.memory for count, one in parsed.items()}, base.memory)
    return Row(f"exponents, in {_files(files)}", [f"{ours:.2f}", f"{reference:.2f}", "", f"{memory:.2f}"])


def _quickest(runs: Sequence[Taken]) -> float:
    return min(one.seconds for one in runs)


def _files(count: int) -> str:
    return f"{count:,} {'file' if count == 1 else 'files'}"


def _rate(ratio: Ratio, count: int) -> str:
    return f"{count / _quickest(ratio.ours):,.0f} a second"


def _dns(folder: Path, count: int) -> Row:
    stack, zone = str(folder / f"{count}-1"), str(folder / f"zone-{count}")
    inside("references.octodns", "write", zone, str(count))
    ratio = in_turn(
        lambda: inside("reading", "plan", stack), lambda: inside("references.octodns", "plan", zone, str(count)), 3
    )
    return row(f"load and plan {count:,} resources, against octoDNS with as many records", ratio, most=1)
