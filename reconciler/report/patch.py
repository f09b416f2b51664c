"""From two texts of a file to what differs between them, as `diff -u` says it and `patch` takes it."""

from __future__ import annotations

import re
from difflib import unified_diff

_ROW = re.compile(r"[^\n]*\n|[^\n]+")


def patch(name: str, before: str, after: str) -> str:
    """The difference, '' where there is none."""
    name = name.removeprefix("/")
    rows = unified_diff(_ROW.findall(before), _ROW.findall(after), f"a/{name}", f"b/{name}")
    return "".join(row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)
