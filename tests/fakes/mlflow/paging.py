"""Pages by offset: a token says how many to skip, and nothing about what was skipped."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from .errors import PageError, invalid

T = TypeVar("T")


def encode(token: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(token).encode()).decode()


def offset(token: str) -> int:
    """The offset in a token; an offset of 0 is refused, so the first page can only be had without a token."""
    if not token:
        return 0
    try:
        found = json.loads(base64.b64decode(token)).get("offset")
    except (binascii.Error, ValueError):
        raise invalid("Invalid page token, could not base64-decode") from None
    if not found or not str(found).lstrip("-").isdigit():
        raise invalid(f"Invalid page token, offset {found!r}")
    return max(int(found), 0)


def check_size(size: int, limit: int) -> int:
    if size < 1:
        raise invalid(f"Invalid value {size} for parameter 'max_results' supplied. It must be a positive integer")
    if size > limit:
        raise invalid(f"Invalid value {size} for parameter 'max_results' supplied. It must be at most {limit}")
    return size


def cut(found: Sequence[T], start: int, size: int, **more: Any) -> tuple[list[T], dict[str, str]]:
    """One page, and the `next_page_token` for the rest if there is a rest; `more` goes into the token."""
    page = list(found[start : start + size])
    if len(found) <= start + size:
        return page, {}
    return page, {"next_page_token": encode({**more, "offset": start + size})}


def bound_offset(token: str, expected: dict[str, Any]) -> int:
    """The offset of a logged-model token, which repeats the query and is refused with any other."""
    if not token:
        return 0
    try:
        found = json.loads(base64.b64decode(token))
    except (binascii.Error, ValueError):
        raise PageError(500) from None
    if any(found.get(name) != value for name, value in expected.items()):
        raise invalid("The page token does not match the requested experiment IDs, filter or order.")
    return int(found["offset"])
