"""Findings as text: the place, what was found, the source line with a caret under it, and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.core.diagnostics import Diagnostic, Span
from reconciler.report.lines import Line, Style

WIDEST = 100
"""Characters of a source line that are shown."""


def diagnostic_lines(found: Diagnostic, sources: Mapping[str, str], folder: str = "") -> list[Line]:
    """One finding. `sources` are the texts by file name; `folder` stands before each file name."""
    style: Style = "error" if found.severity == "error" else "warning"
    place: Line = [(f"{_foldered(str(found.at), sources, folder)}: ", "place")] if found.at else []
    words: Line = [(f"{found.severity}: ", style), (f"{found.summary} ", "bold"), (f"[{found.code}]", "dim")]
    lines: list[Line] = [[*place, *words]]
    lines += _excerpt(found.at, sources) if found.at else []
    hint = _foldered(found.hint, sources, folder)
    return [*lines, [("  hint: ", "adopt"), (hint, "")]] if hint else lines


def _foldered(text: str, sources: Mapping[str, str], folder: str) -> str:
    """`text` with the folder before the places of manifests in it, so that a terminal or an editor can open them."""
    names = [name for name in sources if f"{name}:" in text] if folder else []
    pattern = "|".join(rf"(?<![\w./-]){re.escape(name)}(?=:\d+:\d+)" for name in names)
    return re.sub(pattern, lambda found: folder + found[0], text) if names else text


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
