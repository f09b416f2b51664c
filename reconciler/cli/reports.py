"""What a command tells in the wanted formats: its plan, how the apply of it ended, and what stands against either.

A plan that is refused is told as text and as Markdown only: as JSON it could be applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from reconciler.cli.exits import REFUSALS
from reconciler.cli.formats import Formats, write
from reconciler.cli.output import Output
from reconciler.cli.plans import show
from reconciler.core.diagnostics import Diagnostic, stop_on_errors
from reconciler.core.plan import Outcome, Plan
from reconciler.report.markdown.findings import add_findings, heading
from reconciler.report.markdown.outcome import add_outcomes
from reconciler.report.markdown.page import Page
from reconciler.report.markdown.plan import add_plan
from reconciler.report.text import outcome_lines

ABOUT_THE_PLAN = frozenset(
    {"conflict", "kept-in-deleted", "maybe-hidden", "prevent-destroy", "safety-threshold", "shared"}
)
"""The codes of findings that forbid a plan which is right by itself: it is shown beside them."""


@dataclass
class Reports:
    """The reports of one run of `command`. A Markdown file is written anew with all that is known by then.

    Attributes:
        plan: what was planned, where that is right by itself; `shown`: whether it was shown in the wanted formats.
    """

    command: str
    output: Output
    formats: Formats
    plan: Plan | None = None
    shown: bool = False

    def __post_init__(self) -> None:
        self.output.tell = self._tell

    def planned(self, plan: Plan, found: Sequence[Diagnostic]) -> None:
        """Show a plan and what was found; after an error that leaves no right plan, the errors alone. Raises Failed."""
        errors = {one.code for one in found if one.severity == "error"}
        self.plan, self.shown = plan if errors <= ABOUT_THE_PLAN else None, not errors
        if self.shown:
            show(plan, self.output, self.formats)
        elif self.plan and "text" in self.formats.printed:
            show(plan, self.output, Formats(("text",), ()))
        stop_on_errors(found)
        if found:
            self.output.told(found)

    def ended(self, outcomes: Sequence[Outcome], found: Sequence[Diagnostic] = ()) -> None:
        """How it ended, behind the plan; beside it, where a program reads that. Its reader may have gone away."""
        lines = outcome_lines(outcomes, self.output.folder, self.command)
        with suppress(OSError):
            if "text" in self.formats.printed:
                self.output.data(lines)
            else:
                self.output.note(*lines)
            self.output.findings(found)
        with self.output.regardless():
            self._tell(found, outcomes)

    def _tell(self, found: Sequence[Diagnostic], outcomes: Sequence[Outcome] = ()) -> None:
        """Tell it as Markdown: alone behind a plan that was printed before; in a file, and else, with the plan.

        Raises Failed.
        """
        page, folder = Page(), self.output.folder
        if outcomes:
            add_outcomes(page, outcomes, folder, self.command)
        else:
            page.write(heading(self.command, found, refused=any(one.code in REFUSALS for one in found)))
        add_findings(page, found, self.output.sources, folder)
        alone = page.text()
        if self.plan:
            add_plan(page, self.plan, requests=self.output.verbose, folder=folder)
        with suppress(OSError):
            if "markdown" in self.formats.printed:
                self.output.text(f"\n{alone}" if self.shown else page.text())
        for file in (file for name, file in self.formats.files if name == "markdown"):
            write(file, page.text())
