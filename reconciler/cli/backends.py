"""`reconciler backends`: what each backend can do with each kind."""

from __future__ import annotations

from reconciler.cli import options
from reconciler.cli.options import Context
from reconciler.report.lines import Line


@options.command
def command(context: Context) -> int:
    """Show what each backend can do with each kind."""
    from reconciler import registry  # noqa: PLC0415 - heavy

    lines: list[Line] = []
    for backend in registry.backends().values():
        lines.append([(backend.name, "bold")])
        lines += [[(f"  {kind:<16}", ""), (", ".join(doing), "")] for kind, doing in sorted(backend.abilities.items())]
    context.output.data(lines)
    return 0
