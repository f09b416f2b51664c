"""The formats of what a command says: what was asked for with --format, and the files of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.core.diagnostics import Failed, error


@dataclass(frozen=True)
class Formats:
    """Which formats go to stdout, and which to files."""

    printed: tuple[str, ...]
    files: tuple[tuple[str, Path], ...]

    @classmethod
    def parse(cls, given: tuple[str, ...], names: Sequence[str]) -> Formats:
        """From `--format NAME[=FILE]` with one of `names`. Raises BadParameter."""
        pairs = [text.partition("=") for text in given or names[:1]]
        for name, equals, file in pairs:
            if name not in names:
                raise click.BadParameter(f"'{name}' is not one of {', '.join(names)}", param_hint="--format")
            if equals and not file:
                raise click.BadParameter(f"'{name}=' has no file behind it", param_hint="--format")
        printed = tuple(name for name, equals, _ in pairs if not equals)
        if len(printed) > 1:
            raise click.BadParameter("only one format can go to stdout; give the others a FILE", param_hint="--format")
        return cls(printed, tuple((name, Path(file)) for name, equals, file in pairs if equals))


def write(file: Path, text: str) -> None:
    """Raises Failed."""
    try:
        # half a surrogate pair in a server's reply is no UTF-8, and its escape is right in JSON
        file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as problem:
        raise Failed([error("cannot-write", f"'{file}' cannot be written: {problem.strerror}")]) from None
