"""`reconciler plan`: what apply would do, printed and, if wanted, saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.exits import CHANGES, DONE
from reconciler.cli.formats import Formats
from reconciler.cli.options import Context
from reconciler.cli.plans import NAMES, save
from reconciler.cli.reports import Reports


@options.command
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PLAN.json",
    help="Save the plan, for show and apply.",
)
@options.formats(*NAMES)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there are changes.")
@options.planning
@options.sending
def command(
    context: Context,
    out: Path | None,
    formats: tuple[str, ...],
    detailed_exitcode: bool,
    parallel: int | None,
    **given: Any,
) -> int:
    """Show what apply would do."""
    reports = Reports("Plan", context.output, Formats.parse(formats, NAMES))
    session = context.session(parallel)
    plan, found = session.draft(options.plan_options(session, **given))
    reports.planned(plan, found)
    if out:
        save(plan, out)
        context.output.note([(f"Saved to {out}. To do exactly this: reconciler apply {out}", "")])
    return CHANGES if plan.steps and detailed_exitcode else DONE
