"""From how a command ended to its exit code and its last words; nobody ever sees a traceback."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import click

DONE, ERROR, CHANGES, DRIFT, PARTIAL, REFUSED, CREDENTIALS, USAGE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 64, 130

MEANINGS: Mapping[int, str] = {
    DONE: "done, or nothing to do",
    ERROR: "an error; nothing was written. Also when the question of `apply` is answered with no",
    CHANGES: "`plan --detailed-exitcode`: there are changes",
    DRIFT: "`drift`: the server differs from what was last applied",
    PARTIAL: "an apply was partial, or what it wrote could not be read back: the report says what came of each step",
    REFUSED: "refused what could have been done: a stale plan, a lock, a threshold, ownership",
    CREDENTIALS: "the server refused the credentials",
    USAGE: "the command line is wrong",
    INTERRUPTED: "interrupted",
}

REFUSALS = frozenset(
    {
        "conflict",
        "duplicate-address",
        "foreign-plan",
        "key-of-another-stack",
        "lock-held",
        "no-answer",
        "no-lock",
        "notebook",
        "outside-prefix",
        "owned-by-another-stack",
        "safety-threshold",
        "shared",
        "stale-plan",
    }
)
"""The codes of findings that refuse what could have been done."""


_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
UNWRITABLE = {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT}
"""What the operating system says of an output that takes no more."""


def run(command: click.Command) -> None:
    """Run `command` with the program's arguments and exit."""
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()  # they may have been closed
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an ASCII terminal shows \\u21ba for ↺, and no traceback
    try:
        with _stoppable():
            code = command.main(prog_name="reconciler", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        click.echo(f"error: {_lower(error.format_message())} [usage]", err=True)
        click.echo(f"  hint: {error.ctx.command_path if error.ctx else 'reconciler'} --help", err=True)
        code = USAGE
    except click.ClickException as error:
        error.show()
        code = ERROR
    except click.Abort as stopped:
        interrupted = isinstance(stopped.__cause__, KeyboardInterrupt)  # click makes one of the other
        click.echo(f"\n{'Interrupted' if interrupted else 'Cancelled'}; nothing was written.", err=True)
        code = INTERRUPTED if interrupted else ERROR
    except OSError as error:
        code = _unheard(error) if error.errno in UNWRITABLE else _internal(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        code = _internal(error)
    sys.exit(code if isinstance(code, int) else DONE)


@contextmanager
def _stoppable() -> Iterator[None]:
    """What ends a job of a pipeline, or comes when a terminal goes away, is heard as Ctrl-C is; not under nohup."""
    heard = [one for one in _ENDING if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, signal.default_int_handler) for one in heard}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _unheard(error: OSError) -> int:
    """What was to be printed could not be; a reader that went away wanted no more."""
    with suppress(OSError):
        if not isinstance(error, BrokenPipeError):
            click.echo(f"error: the output cannot be written: {error.strerror} [cannot-write]", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
    return ERROR


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _internal(error: Exception) -> int:
    debug = os.environ.get("RECONCILER_DEBUG")
    if debug:
        from reconciler.cli.crash import account  # noqa: PLC0415 - hardly ever

        click.echo(account(error, os.environ), err=True, nl=False)
    where = "" if debug else "; RECONCILER_DEBUG=1 shows where"
    click.echo(f"error: internal error: {type(error).__name__} [internal]", err=True)
    click.echo(f"  hint: this is a bug{where}. Please report it.", err=True)
    return ERROR
