"""Text with the meaning of its parts, so that one report serves a terminal with colours, one without, and a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal, TypeAlias

Style = Literal[
    "", "bold", "dim", "create", "update", "delete", "replace", "restore", "adopt", "error", "warning", "place"
]
Line: TypeAlias = list[tuple[str, Style]]
"""One line: pieces of text, each with what it means."""

LONGEST = 160
"""Characters of a value that are shown; a plan as JSON has it whole."""


def plain(lines: Iterable[Line]) -> str:
    """The lines as text, each with its newline."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def shown(value: object) -> str:
    """A value as a person reads it: JSON, without characters that would move the cursor, cut where it is long."""
    if isinstance(value, dict) and set(value) == {"$sensitive"}:
        return "(sensitive)"
    text = json.dumps(value, ensure_ascii=False)
    text = "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({len(text):,} characters)"
