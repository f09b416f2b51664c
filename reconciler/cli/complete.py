"""What can stand at one place of a command line, as click asks for it: from the manifests, never from a server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from reconciler.cli.names import Names

Completer: TypeAlias = "Callable[[click.Context, click.Parameter, str], list[CompletionItem]]"


def targets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _items(_names(ctx).targets, incomplete)


def variables(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Their names, each with the `=` behind which the value is to be written."""
    if "=" in incomplete:
        return []
    return _items({f"{name}=": words for name, words in _names(ctx).variables.items()}, incomplete, kind="part")


def addresses(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _items(_names(ctx).addresses, incomplete)


def fields(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Those of the address that stands before."""
    return _items(_names(ctx).fields(str(ctx.params.get("address"))), incomplete)


def folders(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _items([incomplete], incomplete, kind="dir")


def formats(names: Iterable[str]) -> Completer:
    """One of `names`, or behind it and a `=` a file."""

    def completer(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        if "=" in incomplete:
            return _items([incomplete], incomplete, kind="file")
        return _items(names, incomplete)

    return completer


def _items(names: Iterable[str] | Mapping[str, str], incomplete: str, *, kind: str = "plain") -> list[CompletionItem]:
    """`kind`: plain, part (more is to be written behind it), file or dir (the shell knows them)."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only while completing

    words: Mapping[str, str] = names if isinstance(names, Mapping) else {}
    return [CompletionItem(name, kind, words.get(name)) for name in names if name.startswith(incomplete)]


def _names(ctx: click.Context) -> Names:
    """The names in the stack that the options on the line choose."""
    from reconciler.cli.names import Names  # noqa: PLC0415
    from reconciler.cli.options import default_folder  # noqa: PLC0415

    folder = Path(ctx.params.get("manifests") or default_folder())
    given = dict(text.split("=", 1) for text in ctx.params.get("var") or () if "=" in text)
    return Names(folder, ctx.params.get("target") or "", given, os.environ)
