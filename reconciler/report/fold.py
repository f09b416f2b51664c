"""Folds a line that is wider than a terminal: between its pieces, and within one only where it has to be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import combining, east_asian_width

from reconciler.report.lines import Line, Style, safe

HANG = 4
"""How much further in the rest of a line stands."""
_WORD = re.compile(r"\s*\S+|\s+")
_Piece = tuple[str, Style]


def folded(line: Line, width: int) -> list[Line]:
    """`line` in as many lines as it takes; only a word that is wider than `width` sticks out."""
    pieces = [(safe(text), style) for text, style in line]
    if columns("".join(text for text, _ in pieces).rstrip()) <= width:
        return [line]
    margin = _margin(pieces[0][0]) + HANG
    found: list[Line] = [[]]
    used = 0
    for text, style in _fitting(pieces, width - margin):
        if used and used + columns(text.rstrip()) > width:
            found.append([(" " * margin, "")])
            used, text = margin, text.lstrip()  # noqa: PLW2901 - blanks stand between pieces, not before a line
        found[-1].append((text, style))
        used += columns(text)
    return found


def _fitting(pieces: list[_Piece], room: int) -> Iterator[_Piece]:
    """The pieces, those with no room in a line of their own as words."""
    for text, style in pieces:
        if columns(text.strip()) <= room:
            yield text, style
        else:
            yield from ((word, style) for word in _WORD.findall(text))


def columns(text: str) -> int:
    """How wide a terminal shows `text`."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _margin(text: str) -> int:
    return len(text) - len(text.lstrip())
