"""`reconciler completion`: the script that a shell completes our command lines with."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.options import Context

NAMES = ("bash", "zsh", "fish")


@options.command
@click.argument("shell", type=click.Choice(NAMES))
def command(context: Context, shell: str) -> int:
    """Print the completion script of a shell."""
    from reconciler.cli.shells import SHELLS  # noqa: PLC0415 - only here, and while completing

    context.output.text(SHELLS[shell].source_template)
    return 0
