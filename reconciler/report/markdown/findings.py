"""Findings as Markdown: what was found where, with its source line, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.core.diagnostics import Diagnostic
from reconciler.report.diagnostics import diagnostic_lines
from reconciler.report.lines import plain
from reconciler.report.markdown.page import MOST, Page, row

OPEN = 10
"""How many are seen at once; more are folded."""


def add_findings(page: Page, found: Sequence[Diagnostic], sources: Mapping[str, str], folder: str) -> None:
    """Add what was found. They leave most of the room to what follows; `folder` stands before each file name."""
    part = Page(room=MOST // 3)
    blocks = [_block(one, sources, folder) for one in found]
    part.fence("findings", blocks[:OPEN])
    part.fold(f"{len(blocks) - OPEN} more", "findings", blocks[OPEN:], "text")
    page.write(*part.parts)
    if part.cut:
        page.write(f"**Findings that are not shown: {sum(int(words.split()[0]) for words in part.cut)}.**\n\n")


def heading(command: str, found: Sequence[Diagnostic], *, refused: bool) -> str:
    """What stands over findings: whether they ended the command."""
    errors = sum(one.severity == "error" for one in found)
    count, noun = (errors, "error") if errors else (len(found), "warning")
    ended = f" {'refused' if refused else 'failed'}" if errors else ""
    return f"### {command}{ended}: {count} {noun}{'' if count == 1 else 's'}\n\n"


def verdict(found: Sequence[Diagnostic], words: str, sources: Mapping[str, str], folder: str) -> str:
    """What a check of the manifests found; `words` where that is nothing."""
    page = Page()
    if found:
        page.write(heading("Validate", found, refused=False))
        add_findings(page, found, sources, folder)
    else:
        page.write(f"### {words.rstrip('.')}\n")
    return page.text()


def _block(one: Diagnostic, sources: Mapping[str, str], folder: str) -> str:
    return "".join(row("", line) for line in plain(diagnostic_lines(one, sources, folder)).splitlines())
