"""Prints: plans and data to stdout, all else to stderr, with colours where they are wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from shutil import get_terminal_size
from typing import IO, Any

import click

from reconciler.core.diagnostics import Diagnostic, Failed
from reconciler.report.diagnostics import diagnostic_lines
from reconciler.report.fold import folded
from reconciler.report.lines import Line, Style, safe

_LOOKS: Mapping[Style, Mapping[str, Any]] = {
    "bold": {"bold": True},
    "dim": {"dim": True},
    "place": {"dim": True},
    "create": {"fg": "green"},
    "update": {"fg": "yellow"},
    "delete": {"fg": "red"},
    "replace": {"fg": "magenta"},
    "restore": {"fg": "cyan"},
    "adopt": {"fg": "blue"},
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
}

_SIGNS: Mapping[str, Style] = {"+": "create", "-": "delete", "@": "adopt"}
"""What the lines of a difference begin with."""


@dataclass
class Output:
    """`color` is auto, always or never; `folder` stands before file names of the manifests.

    `tell` is told what was found, for reports elsewhere than on a terminal.
    """

    color: str = "auto"
    quiet: bool = False
    verbose: bool = False
    folder: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    tell: Callable[[Sequence[Diagnostic]], None] = field(default=lambda _: None, repr=False)

    def data(self, lines: Iterable[Line]) -> None:
        """To stdout; on a terminal, lines are folded to its width. A file or a pipe has each as one line."""
        width = get_terminal_size().columns if sys.stdout.isatty() else 0
        self._print([part for line in lines for part in folded(line, width)] if width else lines, sys.stdout)

    def text(self, text: str) -> None:
        """Data that has its own newline, to stdout as it is."""
        click.echo(text, nl=False)

    def patch(self, text: str) -> None:
        """What differs between two texts, to stdout as it is, with its lines in colours."""
        colored = self.colored(sys.stdout)
        for row in text.splitlines(keepends=True):
            style = _SIGNS.get(row[:1], "") if colored else ""
            click.echo(click.style(row, **_LOOKS[style]) if style else row, nl=False, color=colored)

    def note(self, *lines: Line) -> None:
        """Something beside the data; not with --quiet."""
        if not self.quiet:
            self.always(*lines)

    def always(self, *lines: Line) -> None:
        """Something beside the data that also --quiet does not keep back."""
        self._print(lines, sys.stderr)

    def waiting(self, words: str) -> None:
        """That something takes long, whoever hears it."""
        with suppress(OSError):
            self.note([(words, "warning")])

    def findings(self, found: Iterable[Diagnostic]) -> None:
        for one in found:
            self._print(diagnostic_lines(one, self.sources, self.folder), sys.stderr)

    def told(self, found: Sequence[Diagnostic]) -> None:
        """What was found about all that the command does, or what ended it."""
        self.findings(found)
        with self.regardless(found):
            self.tell(found)

    @contextmanager
    def regardless(self, told: Sequence[Diagnostic] = ()) -> Iterator[None]:
        """What has ended has ended as it did: a report that cannot be written is told, and does not change that."""
        try:
            yield
        except Failed as failed:
            self.findings(one for one in failed.diagnostics if one not in told)

    def colored(self, stream: IO[str]) -> bool:
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")

    def _print(self, lines: Iterable[Line], stream: IO[str]) -> None:
        colored = self.colored(stream)
        for line in lines:
            text = "".join(
                click.style(safe(part), **_LOOKS[style]) if colored and style else safe(part) for part, style in line
            )
            click.echo(text.rstrip(), file=stream, color=colored)
