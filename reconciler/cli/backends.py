"""`reconciler backends`: what each backend can do with each kind, or what the server of one target can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler.cli import options
from reconciler.cli.exits import DONE
from reconciler.cli.options import Context
from reconciler.report.lines import Line

if TYPE_CHECKING:
    from reconciler.session import Session


@options.command
@options.sending
def command(context: Context) -> int:
    """Show what each backend can do with each kind; with --target, ask that one's server what it can do."""
    from reconciler import registry  # noqa: PLC0415 - heavy

    if context.target is not None:
        context.output.data(_of_target(context.session()))
        return DONE
    lines: list[Line] = []
    for backend in registry.backends().values():
        lines += [[(backend.name, "bold")], *_abilities(backend.abilities, {})]
    context.output.data(lines)
    return DONE


def _of_target(session: Session) -> list[Line]:
    server, url = session.server()
    version = server.version or ("no version" if session.backend.probe else "not asked for a version")
    abilities = session.backend.abilities
    lacks = [(name, why) for name, why in sorted(server.lacks.items()) if name not in abilities]
    limits = [(name, f"at most {most:,} characters") for name, most in sorted(server.limits.items())]
    return [
        [(session.selected.name, "bold"), (f"  {session.backend.name}, {version}, {url}", "")],
        *_abilities(abilities, server.lacks),
        *_section("What it lacks", lacks),
        *_section("What it holds less of", limits),
    ]


def _abilities(abilities: Mapping[str, tuple[str, ...]], lacks: Mapping[str, str]) -> list[Line]:
    return [
        [(f"  {kind:<16}", ""), (f"none: {lacks[kind]}" if kind in lacks else ", ".join(doing), "")]
        for kind, doing in sorted(abilities.items())
    ]


def _section(title: str, entries: list[tuple[str, str]]) -> list[Line]:
    if not entries:
        return []
    width = max(len(name) for name, _ in entries)
    lines: list[Line] = [[(f"  {name:<{width}}  {text}", "")] for name, text in entries]
    return [[], [(f"{title}:", "bold")], *lines]
