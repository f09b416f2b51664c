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
    return "".join("".join(safe(text) for text, _ in line).rstrip() + "\n" for line in lines)


def safe(text: str) -> str:
    """`text` with each character that would move the cursor as its escape; tabs stay."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else json.dumps(char)[1:-1] for char in text)


def shown(value: object) -> str:
    """A value as a person reads it: JSON, without characters that would move the cursor, cut where it is long."""
    if isinstance(value, dict) and set(value) == {"$sensitive"}:
        return "(sensitive)"
    text = safe(json.dumps(value, ensure_ascii=False))
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({len(text):,} characters)"
