"""`reconciler graph`: what needs what, of the manifests or of a saved plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.formats import Formats, write
from reconciler.cli.options import Context
from reconciler.cli.plans import read_plan
from reconciler.report.graph import Graph, dot, mermaid, of_desired, of_plan

WRITERS: Mapping[str, Callable[[Graph], str]] = {"mermaid": mermaid, "dot": dot}


@options.command
@click.argument("plan", required=False, type=click.Path(dir_okay=False, path_type=Path), metavar="[PLAN.json]")
@options.formats(*WRITERS)
def command(context: Context, plan: Path | None, formats: tuple[str, ...]) -> int:
    """Print what needs what, as Mermaid or DOT."""
    wanted = Formats.parse(formats, tuple(WRITERS))
    graph = of_plan(read_plan(plan)) if plan else _declared(context)
    for name, file in wanted.files:
        write(file, WRITERS[name](graph))
    for name in wanted.printed:
        context.output.text(WRITERS[name](graph))
    return 0


def _declared(context: Context) -> Graph:
    declared = context.declared()
    return of_desired(declared.desired, declared.stack.kinds)
