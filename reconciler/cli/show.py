"""`reconciler show`: a saved plan in any format."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.formats import Formats
from reconciler.cli.options import Context
from reconciler.cli.plans import NAMES, read_plan, show


@options.command
@click.argument("plan", type=click.Path(dir_okay=False, path_type=Path), metavar="PLAN.json")
@options.formats(*NAMES)
def command(context: Context, plan: Path, formats: tuple[str, ...]) -> int:
    """Print a saved plan."""
    wanted = Formats.parse(formats, NAMES)
    context.output.folder = ""
    show(read_plan(plan), context.output, wanted)
    return 0
