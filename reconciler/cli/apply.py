"""`reconciler apply`: plans, shows, asks, does; or does exactly a saved plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.formats import Formats
from reconciler.cli.options import Context
from reconciler.cli.plans import NAMES, read_plan
from reconciler.cli.reports import Reports


@options.command
@click.argument("plan", required=False, type=click.Path(dir_okay=False, path_type=Path), metavar="[PLAN.json]")
@options.confirmed
@options.formats(*NAMES)
@options.planning
@options.locking
@options.sending
def command(
    context: Context, plan: Path | None, yes: bool, formats: tuple[str, ...], parallel: int | None, **given: Any
) -> int:
    """Plan, show, ask, do; or do exactly a saved plan."""
    from reconciler.cli.applying import carry_out, plan_and_carry_out  # noqa: PLC0415 - heavy

    reports = Reports("Apply", context.output, Formats.parse(formats, NAMES))
    session = context.session(parallel)
    if plan is None:
        asked = options.plan_options(session, **given)
        return plan_and_carry_out(session, lambda: session.draft(asked), reports, yes=yes)
    if given["allow_delete"] is not None or any(given.values()):
        raise click.UsageError("a saved plan is applied as it is; make another one with these options")
    saved = read_plan(plan)
    if not yes:
        session.recheck(saved)  # nobody is asked about a plan that is to be refused
    return carry_out(session, saved, reports, [], yes=yes)
