"""Findings as text: the place, what was found, the source line with a caret under it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.diagnostics import Diagnostic, Span
from reconciler.report.lines import Line, Style

WIDEST = 100
"""Characters of a source line that are shown."""


def diagnostic_lines(found: Diagnostic, sources: Mapping[str, str], folder: str = "") -> list[Line]:
    """One finding. `sources` are the texts by file name; `folder` stands before each file name."""
    style: Style = "error" if found.severity == "error" else "warning"
    place: Line = [(f"{folder if found.at.file in sources else ''}{found.at}: ", "place")] if found.at else []
    words: Line = [(f"{found.severity}: ", style), (f"{found.summary} ", "bold"), (f"[{found.code}]", "dim")]
    lines: list[Line] = [[*place, *words]]
    lines += _excerpt(found.at, sources) if found.at else []
    return [*lines, [("  hint: ", "adopt"), (found.hint, "")]] if found.hint else lines


def _excerpt(at: Span, sources: Mapping[str, str]) -> list[Line]:
    """The source line with a caret line. Tabs stay as they are in both, so that the caret is under its character."""
    rows = sources.get(at.file, "").splitlines()
    if not 0 < at.line <= len(rows):
        return []
    start = max(0, at.col - WIDEST // 2) if at.col > WIDEST else 0
    row = "".join(char if char.isprintable() or char == "\t" else "?" for char in rows[at.line - 1])
    cut = row[start : start + WIDEST]
    before = cut[: at.col - 1 - start]
    blank = "".join(char if char == "\t" else " " for char in before)
    width = max(1, min(at.width, len(cut) - len(before)))
    number = f"{at.line:>5} | "
    return [[(number, "dim"), (cut, "")], [(" " * (len(number) - 2) + "| ", "dim"), (blank + "^" * width, "error")]]
