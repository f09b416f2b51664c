"""`reconciler explain`: one resource, or one field of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.options import Context
from reconciler.core.address import Address
from reconciler.core.change import Path
from reconciler.core.diagnostics import Diagnostic, Failed, error
from reconciler.core.words import suggest

if TYPE_CHECKING:
    from reconciler.core.match import Pair


@options.command
@click.argument("address")
@click.argument("field", required=False)
@options.sending
def command(context: Context, address: str, field: str | None) -> int:
    """Show where a value comes from, and what would happen to it."""
    from reconciler.core.planner import Options  # noqa: PLC0415 - heavy
    from reconciler.report.explain import explain_lines, paths  # noqa: PLC0415

    _check(address)
    session = context.session()
    pairs, plan = session.look(Options())
    pair = _named({str(known): pair for known, pair in pairs.items()}, address)
    path = _path(field, {".".join(path): path for path in paths(pair)}, address) if field else None
    step = next((step for step in plan.steps if step.address == pair.address), None)
    lines = explain_lines(pair, step, path, context.output.folder, session.stack.sensitive, stays=plan.stays)
    context.output.data(lines)
    return 0


def _check(address: str) -> None:
    try:
        Address.parse(address)
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="ADDRESS") from None


def _named(pairs: dict[str, Pair], address: str) -> Pair:
    if address not in pairs:
        raise Failed([_unknown("unknown-address", f"'{address}' names no resource of the stack", address, list(pairs))])
    return pairs[address]


def _path(field: str, known: dict[str, Path], address: str) -> Path:
    if field not in known:
        raise Failed([_unknown("unknown-field", f"{address} has no field '{field}'", field, list(known))])
    return known[field]


def _unknown(code: str, summary: str, name: str, known: list[str]) -> Diagnostic:
    return error(code, summary, hint=suggest(name, known, "there is"))
