"""What of a manifest is not on the server although it was applied, and what is there although nobody declares it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.scalars import number
from tests.property.life.manifests import Entry
from tests.property.life.oracle import Oracle, milliseconds_of
from tests.property.life.sight import NAME, NOTE, STATUS, Place, Thing, holders

There = Mapping[str, Thing]


def lacking(oracle: Oracle) -> list[str]:
    """All that differs; each finding in words."""
    found = holders(oracle.things, oracle.stack)
    counts = {address: len(found.get(address, ())) for address in {*found, *oracle.entries}}
    problems = [f"{address} is there {count} times" for address, count in counts.items() if count != 1]
    problems += [f"{address} is there and not declared" for address in counts.keys() - oracle.entries.keys()]
    there = {address: group[0] for address, group in found.items()}
    return problems or [
        f"{address}: {place} is {there[address].values.get(place)!r}, not {value!r}"
        for address, (kind, entry) in oracle.entries.items()
        for place, value in _wanted(there, address, kind, entry)
        if there[address].values.get(place) != value
    ] + [
        f"{address}: {key} has {there[address].values.get(('points', key))}, not {value}"
        for address, (_, entry) in oracle.entries.items()
        for key, value in entry.get("metrics", {}).items()
        if not _logged(there[address], key, value)
    ]


def _wanted(there: There, address: str, kind: str, entry: Entry) -> Iterator[tuple[Place, Any]]:
    """What an entry declares, by place."""
    yield NAME, entry.get("name", address.partition(".")[2])
    yield from ((("tags", key), value) for key, value in entry.get("tags", {}).items())
    yield from ((("params", key), value) for key, value in entry.get("params", {}).items())
    yield from ((("tags", NOTE), entry[name]) for name in ("description",) if name in entry)
    yield from (((name, ""), milliseconds_of(entry[name])) for name in ("start_time", "end_time") if name in entry)
    yield from (((name, ""), entry[name]) for name in ("type",) if name in entry)
    if "status" in entry:
        yield STATUS, ("LOGGED_MODEL_" if kind == "logged_models" else "") + entry["status"]
    if "source_run" in entry:
        yield ("source_run", ""), there[f"runs.{entry['source_run']}"].id
    if "experiment" in entry:
        yield ("experiment", ""), there[f"experiments.{entry['experiment']}"].id


def _logged(one: Thing, key: str, declared: Any) -> bool:
    """Whether a run has all points that are declared of a metric, or the latest value that is."""
    if not isinstance(declared, list):
        return _shown(one.values.get(("latest", key))) == number(declared)
    points = {(point[0], _shown(point)) for point in one.values.get(("points", key), ())}
    return {(int(point["step"]), number(point["value"])) for point in declared} <= points


def _shown(point: Any) -> float | str | None:
    return None if point is None else number("nan" if point[3] else point[2])
