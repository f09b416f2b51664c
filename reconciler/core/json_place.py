"""From a JSON text and the path of a part of it to the line and column where that part stands."""

from __future__ import annotations

import json
from collections.abc import Sequence

_decode = json.JSONDecoder().raw_decode


def place(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    """Line and column, from 1, of the key or the item at `path`, or of the closest part around it that is there.

    `text` is sound JSON.
    """
    stands = start = _skip(text, 0)
    for part in path:
        found = _inside(text, start, part)
        if found is None:
            break
        stands, start = found
    return text.count("\n", 0, stands) + 1, stands - text.rfind("\n", 0, stands)


def _inside(text: str, start: int, part: str | int) -> tuple[int, int] | None:
    """Where `part` of the value at `start` stands, and where its value starts; of equal keys the last."""
    if text[start] not in "{[":
        return None
    found, count, at = None, 0, _skip(text, start + 1)
    while text[at] not in "}]":
        key: str | int
        key, stands = count, at
        if text[start] == "{":
            key, at = _decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if key == part:
            found = stands, at
        at = _skip(text, _decode(text, at)[1])
        at, count = _skip(text, at + (text[at] == ",")), count + 1
    return found


def _skip(text: str, at: int) -> int:
    """The place of what comes next."""
    while text[at] in " \t\n\r":
        at += 1
    return at
