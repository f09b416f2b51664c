"""`reconciler validate`: the manifests, held against everything but the server."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.cli import options
from reconciler.cli.formats import Formats, write
from reconciler.cli.options import Context
from reconciler.cli.output import Output
from reconciler.core.diagnostics import Diagnostic
from reconciler.report.diagnostics import diagnostic_lines, dump
from reconciler.report.lines import plain
from reconciler.version import __version__

NAMES = ("text", "json", "markdown")


@options.command
@options.formats(*NAMES)
def command(context: Context, formats: tuple[str, ...]) -> int:
    """Check all that can be known without the server."""
    wanted, output = Formats.parse(formats, NAMES), context.output
    output.tell = lambda found: _tell(found, "", output, wanted)
    declared = context.declared()
    count = len(declared.desired)
    files = len(declared.inputs.files.manifests)
    noun = "resource" if count == 1 else "resources"
    words = f"Valid: {count} {noun} in {files} {'file' if files == 1 else 'files'}."
    output.note([(words, "bold")])
    _tell((), words, output, wanted)
    return 0


def _tell(found: Sequence[Diagnostic], words: str, output: Output, wanted: Formats) -> None:
    """What was found, in all formats; as text it went to stderr. Raises Failed."""
    for name, file in wanted.files:
        write(file, _render(found, words, output, name))
    for name in wanted.printed:
        if name != "text":
            output.text(_render(found, words, output, name))


def _render(found: Sequence[Diagnostic], words: str, output: Output, name: str) -> str:
    if name == "json":
        return dump(found, __version__)
    if name == "markdown":
        from reconciler.report.markdown.findings import verdict  # noqa: PLC0415 - heavy

        return verdict(found, words, output.sources, output.folder)
    lines = [line for one in found for line in diagnostic_lines(one, output.sources, output.folder)]
    return plain(lines or [[(words, "bold")]])
