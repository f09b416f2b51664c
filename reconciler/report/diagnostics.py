"""Findings as text: the place, what was found, the source line with a caret under it, and what to do; and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from unicodedata import category, east_asian_width

from reconciler.core.diagnostics import Diagnostic, Span
from reconciler.report.lines import Line, Style

FORMAT = 1
WIDEST = 100
"""Characters of a source line that are shown."""

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What YAML 1.1 counts as line breaks."""


def dump(found: Sequence[Diagnostic], tool: str) -> str:
    """`found` as JSON, written by version `tool`; places are relative to the stack's folder."""
    document = {
        "format": FORMAT,
        "tool": tool,
        "valid": not any(one.severity == "error" for one in found),
        "findings": [
            {
                "severity": one.severity,
                "code": one.code,
                "summary": one.summary,
                "at": str(one.at) if one.at else None,
                "hint": one.hint,
            }
            for one in found
        ],
    }
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def diagnostic_lines(found: Diagnostic, sources: Mapping[str, str], folder: str = "") -> list[Line]:
    """One finding. `sources` are the texts by file name; `folder` stands before each file name."""
    style: Style = "error" if found.severity == "error" else "warning"
    place: Line = [(f"{folder if found.at.file in sources else ''}{found.at}: ", "place")] if found.at else []
    words: Line = [(f"{found.severity}: ", style), (f"{found.summary} ", "bold"), (f"[{found.code}]", "dim")]
    lines: list[Line] = [[*place, *words]]
    lines += excerpt(found.at, sources) if found.at else []
    hint = _foldered(found.hint, sources, folder)
    return [*lines, [("  hint: ", "adopt"), (hint, "")]] if hint else lines


def _foldered(text: str, sources: Mapping[str, str], folder: str) -> str:
    """`text` with the folder before the places of manifests in it, so that a terminal or an editor can open them."""
    if not folder or not re.search(r":\d+:\d+", text):
        return text
    names = [name for name in sources if f"{name}:" in text]
    pattern = "|".join(rf"(?<![\w./-]){re.escape(name)}(?=:\d+:\d+)" for name in names)
    return re.sub(pattern, lambda found: folder + found[0], text) if names else text


def excerpt(at: Span, sources: Mapping[str, str], indent: int = 0, widest: int = WIDEST) -> list[Line]:
    """The source line with a caret line, `indent` blanks from the left, `widest` characters of it.

    Tabs stay as they are in both, so that the caret is under its character.
    """
    rows = _rows(sources.get(at.file, ""))
    if not 0 < at.line <= len(rows):
        return []
    start = max(0, at.col - widest // 2) if at.col > widest * 3 // 4 else 0
    row = rows[at.line - 1][start : start + widest]
    cut = "".join(char if char.isprintable() or char == "\t" else "?" for char in row)
    before, marked = cut[: at.col - 1 - start], cut[at.col - 1 - start :][: at.width]
    blank = "".join("\t" if char == "\t" else " " * _columns(char) for char in before)
    carets = "^" * max(1, sum(map(_columns, marked)))
    number = f"{'':{indent}}{at.line} | " if indent else f"{at.line:>5} | "
    return [[(number, "dim"), (cut, "")], [(" " * (len(number) - 2) + "| ", "dim"), (blank + carets, "error")]]


@lru_cache(maxsize=1)
def _rows(text: str) -> list[str]:
    """The lines of a file; findings come sorted by file, so that each is cut once."""
    rows = _BREAK.split(text)
    return rows if rows[-1] else rows[:-1]


def _columns(char: str) -> int:
    """How many columns of a terminal a character takes."""
    if category(char) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(char) in {"W", "F"} else 1
