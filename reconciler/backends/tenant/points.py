"""Metrics as series of points on a service that shows the latest value of each and no history.

What the mark vouches for is there: the digest in it is that of the declared points from the first on, as far as they
were written. Each log-batch with points writes the mark along, so that this holds wherever an apply stops. A point with
a time of its own goes with another request, which cannot write the mark; but it may be written again, since the MLflow
below holds it once. Where a series has points of both sorts, the mark says first that there are none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.mark import Mark, canonical, digest
from reconciler.core.resource import Fields, Live
from reconciler.core.scalars import milliseconds
from reconciler.core.wire import Unsupported

NONE = digest([])
Points = Mapping[Path, tuple[list[Any], int]]
"""The declared points of each series, and how many of them are there."""


def settle(live: Live, declared: Fields) -> Live:
    """`live` with those of the declared points in place of each latest value that are known to be there."""
    fields = dict(live.fields)
    for path, value in declared.items():
        if path[0] == "metrics" and isinstance(value, list) and path in fields:
            known = vouched(value, live.mark.keys.get(path, "") if live.mark else "")
            if known:
                fields[path] = value[:known]
            elif known == 0 or all(map(timed, value)):
                del fields[path]  # what may be there of them may be written again
    return replace(live, fields=fields)


def vouched(points: list[Any], applied: str) -> int | None:
    """How many of the points, from the first on, have `applied` as their digest; None where no number of them has."""
    if applied == NONE:
        return 0
    text = hashlib.sha256(b"[")
    for count, point in enumerate(points, 1):
        text.update((b"," if count > 1 else b"") + canonical(point).encode())
        whole = text.copy()
        whole.update(b"]")
        if applied and whole.hexdigest().startswith(applied):
            return count
    return None


def begun(mark: Mark, series: Points) -> Mark:
    """`mark` as it has to be before points with times of their own are written, where there are others as well."""
    mixed = {
        path: NONE
        for path, (points, there) in series.items()
        if not there and any(map(timed, points)) and not all(map(timed, points))
    }
    return replace(mark, keys={**mark.keys, **mixed}) if mixed else mark


def timed(point: Any) -> bool:
    return isinstance(point, dict) and "timestamp" in point


def forbids(change: FieldChange) -> Unsupported | None:
    """What cannot be done with a metric, for want of its history."""
    if isinstance(change.before, list) or change.before is None or change.after is None:
        return None
    if isinstance(change.after, list):
        why = "cannot be written: the service does not show which of its points are there"
        hint = "write the points that were applied as they were, and new ones behind them; or all with a timestamp"
        return Unsupported(change.path, why, hint)
    if change.reason != "manifest":
        why = "has another value from elsewhere, and the service does not tell the step that a later one would need"
        return Unsupported(change.path, why, "write the server's value, or leave the line out")
    return None


def added(changes: Iterable[FieldChange]) -> Points:
    """The series that `changes` write, and how much of each is there."""
    return {
        change.path: (change.after, len(change.before) if isinstance(change.before, list) else 0)
        for change in changes
        if change.path[0] == "metrics" and isinstance(change.after, list)
    }


def at_times(series: Points) -> list[tuple[dict[str, Any], list[Path]]]:
    """The bodies of log-metrics for points with times of their own, one for each moment; and what each writes."""
    groups: list[tuple[tuple[int, int], dict[str, Any], list[Path]]] = []
    for path, point in _missing(series):
        if timed(point):
            place = (point.get("step", 0), milliseconds(point["timestamp"]))
            group = next((one for one in groups if one[0] == place and path not in one[2]), None)
            if group is None:
                groups.append(group := (place, {}, []))
            group[1][path[1]] = point["value"]
            group[2].append(path)
    return [({"metrics": values, "step": step, "timestamp": time}, paths) for (step, time), values, paths in groups]


def entries(path: Path, value: Value, series: Points) -> Iterator[dict[str, Any]]:
    """The entries of log-batch for the metric at `path`: a number, or the points without a time that are missing."""
    if path not in series:
        yield {"key": path[1], "value": value, "step": 0}
        return
    for _, point in _missing({path: series[path]}):
        if not timed(point):
            yield {"key": path[1], "value": point["value"], "step": point.get("step", 0)}


def progressed(mark: Mark, series: Points, sent: Mapping[Path, int]) -> Mark:
    """`mark` as it is once so many points without a time were sent of each series, and all with one."""
    keys = dict(mark.keys)
    for path, (points, there) in series.items():
        left, count = sent.get(path, 0), there
        while count < len(points) and (timed(points[count]) or left):
            left -= not timed(points[count])
            count += 1
        if count:
            keys[path] = digest(points[:count])
    return replace(mark, keys=keys)


def _missing(series: Points) -> Iterator[tuple[Path, dict[str, Any]]]:
    return ((path, point) for path, (points, there) in sorted(series.items()) for point in points[there:])
