"""`reconciler drift`: what differs on the server from what the stack last applied."""

from __future__ import annotations

import click

from reconciler.cli import complete, options
from reconciler.cli.exits import DONE, DRIFT
from reconciler.cli.formats import Formats, write
from reconciler.cli.options import Context
from reconciler.cli.reports import Reports
from reconciler.core.drift import Drifts
from reconciler.report.drift import drift_lines, dump
from reconciler.report.lines import plain
from reconciler.report.markdown.drift import markdown
from reconciler.version import __version__

NAMES = ("text", "json", "markdown")
NEXT = "Next: reconciler apply, which puts back what is declared; or reconciler import --refresh, which takes it over"


@options.command
@click.option(
    "--ignore",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete.addresses,
    help="Not what is like this: ADDRESS or ADDRESS.FIELD. May be given several times.",
)
@options.formats(*NAMES)
@options.sending
def command(context: Context, ignore: tuple[str, ...], formats: tuple[str, ...]) -> int:
    """Show what differs on the server from what was last applied."""
    wanted = Formats.parse(formats, NAMES)
    Reports("Drift", context.output, wanted)  # of what may end it
    drifts = context.session().drift(ignore)
    for name, file in wanted.files:
        write(file, _render(drifts, name))
    for name in wanted.printed:
        if name == "text":
            lines = drift_lines(drifts)
            context.output.data(lines[-1:] if context.output.quiet else lines)
        else:
            context.output.text(_render(drifts, name))
    if drifts.found and "text" in wanted.printed:
        context.output.note([(NEXT, "dim")])
    return DRIFT if drifts.found else DONE


def _render(drifts: Drifts, name: str) -> str:
    if name == "json":
        return dump(drifts, __version__)
    return markdown(drifts) if name == "markdown" else plain(drift_lines(drifts))
