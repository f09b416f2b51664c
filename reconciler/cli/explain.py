"""`reconciler explain`: one resource, or one field of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import click

from reconciler.cli import complete, options
from reconciler.cli.formats import Formats, write
from reconciler.cli.options import Context
from reconciler.core.address import Address
from reconciler.core.change import Path
from reconciler.core.diagnostics import Failed, error
from reconciler.core.words import dotted, suggest
from reconciler.version import __version__

if TYPE_CHECKING:
    from reconciler.core.explanation import Explanation
    from reconciler.core.match import Pair
    from reconciler.report.explain import Places
    from reconciler.session import Session


NAMES = ("text", "json")


@options.command
@click.argument("address", shell_complete=complete.addresses)
@click.argument("field", required=False, shell_complete=complete.fields)
@options.formats(*NAMES)
@options.sending
def command(context: Context, address: str, field: str | None, formats: tuple[str, ...]) -> int:
    """Show where a value comes from, and what would happen to it."""
    from reconciler.report.explain import dump, explain_lines  # noqa: PLC0415 - heavy
    from reconciler.report.lines import plain  # noqa: PLC0415

    _check(address)
    wanted = Formats.parse(formats, NAMES)
    session = context.session()
    found = _found(session, address, field)
    places = _places(found, context, session)
    lines = explain_lines(found, places, whole=field is None)
    text = dump(found, places, __version__)
    for name, file in wanted.files:
        write(file, text if name == "json" else plain(lines))
    for name in wanted.printed:
        context.output.text(text) if name == "json" else context.output.data(lines)
    return 0


def _found(session: Session, address: str, field: str | None) -> Explanation:
    """The explanation that is asked for. Raises Failed."""
    from reconciler.core.explanation import Explainer, paths  # noqa: PLC0415
    from reconciler.core.origin import Origins  # noqa: PLC0415
    from reconciler.core.planner import Options  # noqa: PLC0415

    pairs, plan = session.look(Options())
    pair = _named({str(known): pair for known, pair in pairs.items()}, address)
    path = _path(field, paths(pair), address) if field else None
    step = next((step for step in plan.steps if step.address == pair.address), None)
    stack, chosen = session.stack, session.selected
    giver = partial(session.config.giver, target=chosen.name, overrides=session.variables)
    origins = Origins(pair.desired, chosen.scope, giver) if pair.desired else None
    kind = stack.kinds[pair.address.kind]
    return Explainer(pair, step, kind, origins, stack.sensitive, plan.stays).explain(path)


def _places(found: Explanation, context: Context, session: Session) -> Places:
    """What is known of the places of `found`: their lines, and who wrote these."""
    from reconciler.report.explain import Places, lines_of  # noqa: PLC0415
    from reconciler.runtime.blame import blame  # noqa: PLC0415

    commits = {}
    for file, places in groupby(lines_of(found), key=itemgetter(0)):
        told = blame(context.folder / file, [line for _, line in places])
        commits.update({(file, line): commit for line, commit in told.items()})
    return Places(context.output.folder, session.sources, commits)


def _check(address: str) -> None:
    try:
        Address.parse(address)
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="ADDRESS") from None


def _named(pairs: dict[str, Pair], address: str) -> Pair:
    if address not in pairs:
        from reconciler.core.select import unknown  # noqa: PLC0415 - only for a mistake

        raise Failed([unknown(address, list(pairs))])
    return pairs[address]


def _path(field: str, paths: Iterable[Path], address: str) -> Path:
    """By its parts with dots between them, or as a plan shows it."""
    known = {".".join(path): path for path in paths}
    shown = {dotted(path): path for path in known.values()}
    if field not in known | shown:
        hint = suggest(field, list(known), "there is")
        raise Failed([error("unknown-field", f"{address} has no field '{field}'", hint=hint)])
    return known.get(field) or shown[field]
