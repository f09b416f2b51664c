"""Reading the fields of bodies and queries, with the limits that the documents give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .errors import invalid

Json = dict[str, Any]
NAME, DESCRIPTION = 255, 1000
KEY, VALUE = 250, 8000
"""Of the MLflow below the service."""
BATCH = {"metrics": 1000, "params": 100, "tags": 100}
BATCH_TOTAL = 1000
PAGE = 1000
REQUIRED = object()


def text(body: Mapping[str, Any], field: str, most: int, *, least: int = 0, default: Any = REQUIRED) -> Any:
    value = body.get(field)
    if value is None and default is not REQUIRED:
        return default
    if not isinstance(value, str):
        raise invalid(field, "a string is required")
    if not least <= len(value) <= most:
        raise invalid(field, f"its length must be {least} to {most}")
    return value


def location(body: Mapping[str, Any], default: str) -> str:
    found: str = text(body, "artifact_location", 2048, default=default)
    if not found.startswith("s3://"):
        raise invalid("artifact_location", "an S3 URI is required")
    return found


def texts(body: Mapping[str, Any], field: str) -> dict[str, str]:
    found = body.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise invalid(field, "an object is required")
    return {_key(field, key): text(found, key, VALUE) for key in found}


def params(body: Mapping[str, Any], field: str = "params") -> dict[str, str]:
    found = body.get(field)
    if not isinstance(found, dict):
        raise invalid(field, "an object is required")
    return {_key(field, key): str(value) for key, value in found.items()}


def metrics(body: Mapping[str, Any]) -> dict[str, float]:
    found = body.get("metrics")
    if not isinstance(found, dict):
        raise invalid("metrics", "an object is required")
    return {_key("metrics", key): _number(value) for key, value in found.items()}


def whole(body: Mapping[str, Any], field: str, default: int) -> int:
    value = body.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(field, "an integer is required")
    return value


def batch(body: Mapping[str, Any]) -> dict[str, list[Json]]:
    """The three lists of log-batch, each entry with a key and a value."""
    found: dict[str, list[Json]] = {}
    for field, most in BATCH.items():
        entries = body.get(field) or []
        if not isinstance(entries, list) or len(entries) > most:
            raise invalid(field, f"a list of at most {most} is required")
        found[field] = [_entry(field, one) for one in entries]
    if sum(map(len, found.values())) > BATCH_TOTAL:
        raise invalid("body", f"at most {BATCH_TOTAL} entries")
    return found


def page(query: Mapping[str, str], default: int) -> tuple[int, int]:
    """Limit and offset."""
    limit, offset = (_asked(query, name, value) for name, value in (("limit", default), ("offset", 0)))
    if not 1 <= limit <= PAGE:
        raise invalid("limit", f"1 to {PAGE}")
    if offset < 0:
        raise invalid("offset", "0 or more")
    return limit, offset


def _asked(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise invalid(name, "an integer is required") from None


def _entry(field: str, entry: Any) -> Json:
    if not isinstance(entry, dict):
        raise invalid(field, "objects are required")
    key = _key(field, entry.get("key"))
    if field == "metrics":
        return {"key": key, "value": _number(entry.get("value")), "step": whole(entry, "step", 0)}
    return {"key": key, "value": text(entry, "value", VALUE)}


def _key(field: str, key: Any) -> str:
    if not isinstance(key, str) or not 1 <= len(key) <= KEY:
        raise invalid(field, f"a key of 1 to {KEY} characters is required")
    return key


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise invalid("metrics", "a finite number is required")
    return float(value)
