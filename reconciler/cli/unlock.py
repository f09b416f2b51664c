"""`reconciler unlock`: releases the stack's lock in the place of its holder."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.asking import ask
from reconciler.cli.exits import DONE
from reconciler.cli.options import Context
from reconciler.core.lock import Held, words


@options.command
@click.argument("token", required=False, default="", metavar="[TOKEN]")
@options.confirmed
@options.sending
def command(context: Context, token: str, yes: bool) -> int:
    """Release the stack's lock, where whoever holds it is gone; with TOKEN only that one."""
    session, output = context.session(), context.output
    stack = session.config.stack

    def agree(held: Held) -> None:
        output.note([(f"The stack '{stack}' is locked: {words(held)}.", "")])
        if not yes:
            ask("Release the lock? An apply that still runs goes on without it until it finds out.")

    if session.lock_wire is None:
        output.data([[(f"The backend '{session.selected.backend}' has no lock.", "")]])
        return DONE
    done = session.unlock(agree, token)
    output.data([[("Released." if done.held else f"The stack '{stack}' is not locked.", "")]])
    if done.swept:
        output.note([(f"Deleted what was left of old locks: {done.swept}.", "")])
    return DONE
