"""What the commands that show, save and load plans share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.cli.output import Output
from reconciler.core.diagnostics import Failed, error
from reconciler.core.plan import Plan
from reconciler.report.lines import plain
from reconciler.report.markdown.plan import markdown
from reconciler.report.text import plan_lines
from reconciler.version import __version__

NAMES = ("text", "json", "markdown", "html")


@dataclass(frozen=True)
class Formats:
    """Which formats go to stdout, and which to files."""

    printed: tuple[str, ...]
    files: tuple[tuple[str, Path], ...]

    @classmethod
    def parse(cls, given: tuple[str, ...], names: Sequence[str] = NAMES) -> Formats:
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


def show(plan: Plan, output: Output, formats: Formats) -> None:
    """Print the plan and write it to files, in the wanted formats."""
    for name, file in formats.files:
        write(file, render(plan, name, output))
    for name in formats.printed:
        if name == "text":
            lines = plan_lines(plan, requests=output.verbose, folder=output.folder)
            output.data(lines[-1:] if output.quiet else lines)
        else:
            output.text(render(plan, name, output))


def render(plan: Plan, name: str, output: Output) -> str:
    """`plan` in the format `name`."""
    if name == "json":
        from reconciler.core.document import dump  # noqa: PLC0415 - heavy

        return dump(plan, __version__)
    if name == "html":
        from reconciler.report.html import html  # noqa: PLC0415 - heavy

        return html(plan, __version__, output.folder)
    if name == "markdown":
        return markdown(plan, requests=output.verbose, folder=output.folder)
    return plain(plan_lines(plan, requests=output.verbose, folder=output.folder))


def save(plan: Plan, file: Path) -> None:
    """Write a plan that apply can load."""
    write(file, render(plan, "json", Output()))


def read_plan(file: Path) -> Plan:
    """The plan in a file. Raises Failed."""
    from reconciler.core.document import load  # noqa: PLC0415 - heavy

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        words = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise Failed([error("bad-plan-file", f"'{file}' cannot be read: {words}")]) from None
    plan, found = load(text, str(file))
    if plan is None:
        raise Failed(found)
    return plan


def write(file: Path, text: str) -> None:
    """Raises Failed."""
    try:
        # half a surrogate pair in a server's reply is no UTF-8, and its escape is right in JSON
        file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as problem:
        raise Failed([error("cannot-write", f"'{file}' cannot be written: {problem.strerror}")]) from None
