"""`reconciler destroy`: an apply of nothing."""

from __future__ import annotations

from typing import Any

from reconciler.cli import options
from reconciler.cli.formats import Formats
from reconciler.cli.options import Context
from reconciler.cli.plans import NAMES
from reconciler.cli.reports import Reports


@options.command
@options.confirmed
@options.formats(*NAMES)
@options.only
@options.exclude
@options.parallel
@options.locking
@options.sending
def command(context: Context, yes: bool, formats: tuple[str, ...], parallel: int | None, **given: Any) -> int:
    """Delete all that the stack owns."""
    from reconciler.cli.applying import plan_and_carry_out  # noqa: PLC0415 - heavy

    reports = Reports("Destroy", context.output, Formats.parse(formats, NAMES))
    session = context.session(parallel)
    asked = options.plan_options(session, destroy=True, **given)
    return plan_and_carry_out(session, lambda: session.draft(asked), reports, yes=yes)
