"""What the tenant service cannot hold, found before anything is sent.

Lengths of an experiment's name and description are those of its documents; the others are those of the MLflow in which
the service keeps what it is given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from reconciler.backends.mlflow import limits
from reconciler.backends.mlflow.limits import Limit, Problem, at_most, word
from reconciler.core.change import Path, Value
from reconciler.core.mark import PART_BYTES
from reconciler.core.placeholders import NAMES
from reconciler.core.wire import Unsupported

OWN = "the service"


def _tag(text: str) -> Problem:
    if text.startswith("matih."):
        return "has a key that begins with 'matih.', as the service's own tags do", "give it another key"
    if text in NAMES:  # tags are sent as a map, in which it would stand for something
        return f"has the key '{text}', which has a meaning of its own in plans", "give it another key"
    return word(text)


def _on_s3(text: str) -> Problem:
    if not text.startswith("s3://"):
        return "is not on S3, where the service keeps artifacts", "write s3://bucket/path, or leave the line out"
    return limits.location(text)


EXPERIMENT: Mapping[str, Limit] = {
    "name": Limit(at_most(255, least=1, who=OWN)),
    "description": Limit(at_most(1000, least=1, who=OWN)),
    "artifact_location": Limit(_on_s3),
    "tags": Limit(at_most(PART_BYTES, who=OWN), _tag),
}
RUN: Mapping[str, Limit] = {
    "name": limits.RUN["name"],
    "description": Limit(at_most(8000, least=1)),
    "params": limits.RUN["params"],
    "metrics": limits.RUN["metrics"],
    "tags": EXPERIMENT["tags"],
}
NO_PLACE: Mapping[str, str] = {
    "start_time": "cannot be set: the service notes when a run is made",
    "end_time": "cannot be set: the service notes when a run is ended",
    "datasets": "has no place in the service",
}


def check_run(path: Path, value: Value) -> Unsupported | None:
    """What forbids `value` at `path` of a run."""
    if why := NO_PLACE.get(path[0]):
        return Unsupported(path, why, "leave it out for this target")
    if path == ("status",) and value == "SCHEDULED":
        return Unsupported(path, "cannot be SCHEDULED: a run of the service begins as RUNNING", "write another status")
    if path[0] == "metrics" and not all(map(_finite, value if isinstance(value, list) else [value])):
        return Unsupported(path, "is no finite number, and the service's JSON has none other", "leave the value out")
    return limits.check(RUN, path, value)


def _finite(point: Value) -> bool:
    value = point.get("value") if isinstance(point, dict) else point
    return isinstance(value, int | float) and math.isfinite(value)
