"""What the commands that show, save and load plans share."""

from __future__ import annotations

from pathlib import Path

from reconciler.cli.formats import Formats, write
from reconciler.cli.output import Output
from reconciler.core.diagnostics import Failed, error
from reconciler.core.plan import Plan
from reconciler.report.lines import plain
from reconciler.report.markdown.plan import markdown
from reconciler.report.text import plan_lines
from reconciler.version import __version__

NAMES = ("text", "json", "markdown", "html")


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
