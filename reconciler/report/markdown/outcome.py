"""How an apply ended as Markdown: the counts, what was not done and why, and folded what was."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import Outcome
from reconciler.report.lines import plain
from reconciler.report.markdown.page import MOST, Page, row
from reconciler.report.text import again, ending, failure_lines, step_line


def add_outcomes(page: Page, outcomes: Sequence[Outcome], folder: str = "", command: str = "Apply") -> None:
    """Add how the steps of a plan ended. They leave most of the room to what follows."""
    done = [one for one in outcomes if one.status == "done"]
    failed = [one for one in outcomes if one.status != "done"]
    part = Page(room=MOST // 3)
    part.write(f"### {ending(outcomes, command)}\n\n")
    if failed:
        part.write(f"> [!CAUTION]\n> {again(command)}\n\n")
    part.fence("not done", [_rows(plain(failure_lines(one, folder))) for one in failed])
    part.fold(f"{len(done)} done", "done", [_rows(plain([step_line(one)])) for one in done], "text")
    page.write(*part.parts)
    if part.cut:
        page.write(f"**Not shown, for want of room: {', '.join(part.cut)}.**\n\n")


def _rows(text: str) -> str:
    return "".join(row("", line) for line in text.splitlines())
