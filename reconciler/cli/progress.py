"""Shows how an apply goes: a bar on a terminal, a line for each step elsewhere, nothing with --quiet but warnings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import wraps
from typing import ParamSpec

from reconciler.cli.output import Output
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.lock import Held, words
from reconciler.core.plan import Outcome, Plan
from reconciler.report.text import step_line
from reconciler.runtime.apply import Listener

P = ParamSpec("P")


@contextmanager
def progress(plan: Plan, output: Output) -> Iterator[Listener]:
    listener = Listener(
        interrupt=lambda: _stopping(output),
        wait=lambda holder: _waiting(holder, output),
        warning=lambda finding: _warning(finding, output),
    )
    if output.quiet:
        yield listener
    elif not sys.stderr.isatty():
        yield replace(listener, outcome=lambda outcome: _ended(outcome, output))
    else:
        with _bar(plan, listener, output) as shown:
            yield shown


@contextmanager
def _bar(plan: Plan, listener: Listener, output: Output) -> Iterator[Listener]:
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True, no_color=not output.colored(sys.stderr))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=len(plan.steps))

        def ended(outcome: Outcome) -> None:
            bar.update(task, advance=1, description=str(outcome.step.address))

        yield replace(listener, outcome=ended)


def _heard_by_nobody(function: Callable[P, None]) -> Callable[P, None]:
    """`function`, which does not end an apply where its terminal has gone away."""

    @wraps(function)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(OSError):
            function(*args, **kwargs)

    return told


@_heard_by_nobody
def _ended(outcome: Outcome, output: Output) -> None:
    output.note(step_line(outcome))


@_heard_by_nobody
def _warning(finding: Diagnostic, output: Output) -> None:
    output.findings([finding])


@_heard_by_nobody
def _stopping(output: Output) -> None:
    output.note([("Stopping: requests under way are finished; press Ctrl-C again to stop at once.", "warning")])


@_heard_by_nobody
def _waiting(holder: Held, output: Output) -> None:
    output.note([(f"Waiting for the stack's lock, {words(holder)}.", "warning")])
