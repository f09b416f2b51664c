"""Times and numbers in one canonical form each, so that equal values are equal whoever wrote them."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_INFINITE = sys.float_info.max
"""What MLflow 3.17 stores for an infinite metric: the largest finite double."""


def moment(text: Any) -> str:
    """A time as `2026-01-31T09:00:00Z`, with milliseconds where there are any.

    `text` is ISO 8601 (without a zone it is UTC) or the milliseconds since 1970. Raises ValueError, also for what no
    tracking server can keep: 1970-01-01T00:00:00Z and before (it means "no time"), and parts finer than a millisecond.
    """
    written = str(text).strip()
    try:
        when = _EPOCH + int(written) * _MILLISECOND if written.isdecimal() else datetime.fromisoformat(written)
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a time such as 2026-01-31T09:00:00Z") from None
    if when <= _EPOCH:
        raise ValueError("must be after 1970-01-01T00:00:00Z, which means 'no time' to a tracking server")
    if when.microsecond % 1000:
        raise ValueError("is finer than a millisecond, which a tracking server cannot keep")
    precision = "milliseconds" if when.microsecond else "seconds"
    return when.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def milliseconds(when: str) -> int:
    """The milliseconds since 1970 of a canonical time."""
    return (datetime.fromisoformat(when) - _EPOCH) // _MILLISECOND


def number(value: Any) -> float | str:
    """A metric's value: a finite float, or "NaN", "Infinity", "-Infinity" (JSON has no number for these).

    Raises ValueError. The largest double counts as infinite, since that is how MLflow stores infinity.
    """
    text = str(value).strip().lower().replace(".inf", "inf").replace(".nan", "nan")
    try:
        found = float(text)
    except ValueError:
        raise ValueError("is not a number") from None
    if math.isnan(found):
        return "NaN"
    if abs(found) >= _INFINITE:
        return "Infinity" if found > 0 else "-Infinity"
    return found + 0.0  # -0.0 and 0.0 are one value
