"""Metrics as series of points: which of the declared ones the server lacks, and what to log for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.backends.mlflow.api import Api
from reconciler.backends.mlflow.replies import History, Metric, Point, read
from reconciler.core.address import Address
from reconciler.core.call import NOW, Flow
from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.mark import digest
from reconciler.core.resource import Fields, Live
from reconciler.core.scalars import milliseconds


def facts(metrics: Iterable[Metric]) -> dict[Path, Value]:
    """The step and the time of each metric's latest point, by the metric's path."""
    return {("metrics", point["key"]): [point.get("step") or 0, point.get("timestamp") or 0] for point in metrics}


def settle(api: Api, lives: list[Live], declared: Mapping[Address, Fields]) -> Flow[list[Live]]:
    """Lives whose declared series hold just those declared points that the server has.

    Points are never removed, so a series that the mark vouches for needs no reading. The histories of all others are
    read at once, a request for each.
    """
    doubtful = []
    for index, live in enumerate(lives):
        series = {p: v for p, v in declared.get(live.address, {}).items() if p[0] == "metrics" and isinstance(v, list)}
        lives[index] = with_fields(live, {path: value for path, value in series.items() if _vouched(live, path, value)})
        doubtful += [(index, path, value) for path, value in series.items() if not _vouched(live, path, value)]
    asked = [one for one in doubtful if one[1] in lives[one[0]].fields]
    calls = [
        api.get("metrics/get-history", {"run_id": lives[index].id, "metric_key": path[1]}) for index, path, _ in asked
    ]
    replies = (yield calls) if calls else []
    for (index, path, value), call, reply in zip(asked, calls, replies, strict=True):
        present = _present(value, read(reply, History, call).metrics or ())
        lives[index] = with_fields(lives[index], {path: present or None})
    return lives


def entries(path: Path, value: Value, latest: Fields, times: Fields) -> list[dict[str, Any]]:
    """The points to log for the metric at `path`.

    `latest` has the step and time of the latest point: a plain number becomes the latest value by a later time at the
    same step (MLflow takes the greatest step, then the greatest time).
    """
    key = path[1]
    if isinstance(value, list):
        return [_entry(key, point, times) for point in value if isinstance(point, dict)]
    known = latest.get(path)
    if isinstance(known, list):
        step, time = known
        assert isinstance(time, int)
        return [{"key": key, "value": value, "timestamp": time + 1, "step": step}]
    return [{"key": key, "value": value, "timestamp": _default_time(times), "step": 0}]


def missing(change: FieldChange) -> Value:
    """What a change of a metric has to log: of a series the points that are not there yet."""
    if isinstance(change.after, list) and isinstance(change.before, list):
        return [point for point in change.after if point not in change.before]
    return change.after


def with_fields(live: Live, fields: Mapping[Path, Value]) -> Live:
    """`live` with these fields in place of its own; None takes one away."""
    merged = {**live.fields, **fields}
    return replace(live, fields={path: value for path, value in merged.items() if value is not None})


def _vouched(live: Live, path: Path, value: Value) -> bool:
    return live.mark is not None and live.mark.keys.get(path) == digest(value)


def _present(declared: Value, history: Iterable[Point]) -> list[Value]:
    """Those of the declared points that stand in the history; a time counts where it is declared."""
    assert isinstance(declared, list)
    exact = {(point.get("step") or 0, point["value"], point.get("timestamp") or 0) for point in history}
    loose = {(step, value) for step, value, _ in exact}
    return [point for point in declared if isinstance(point, dict) and _stands(point, exact, loose)]


def _stands(point: dict[str, Value], exact: set[tuple[Any, ...]], loose: set[tuple[Any, ...]]) -> bool:
    place = (point.get("step", 0), point["value"])
    if "timestamp" in point:
        return (*place, milliseconds(str(point["timestamp"]))) in exact
    return place in loose


def _entry(key: str, point: dict[str, Value], times: Fields) -> dict[str, Any]:
    when = milliseconds(str(point["timestamp"])) if "timestamp" in point else _default_time(times)
    return {"key": key, "value": point["value"], "timestamp": when, "step": point.get("step", 0)}


def _default_time(times: Fields) -> Any:
    """A point without a time has the run's: its end, else its start, else the moment of the write."""
    declared = times.get(("end_time",)) or times.get(("start_time",))
    return milliseconds(str(declared)) if declared else NOW
