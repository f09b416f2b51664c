"""`reconciler schema`: the JSON Schema of the manifests, or of reconciler.yaml."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import complete, options
from reconciler.cli.options import Context
from reconciler.core.diagnostics import Failed, error

FILES = {"manifest": "manifest.schema.json", "config": "config.schema.json"}


@options.command
@click.argument("what", type=click.Choice(list(FILES)), default="manifest")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    shell_complete=complete.folders,
    help="Write both to a folder, over what is there: manifest.schema.json and config.schema.json.",
)
def command(context: Context, what: str, out: Path | None) -> int:
    """Print the JSON Schema of the manifests, for editors."""
    made = schemas()
    if out is None:
        context.output.text(made[FILES[what]])
        return 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (out / name).write_text(text, encoding="utf-8", newline="\n")
            context.output.note([("wrote ", ""), (str(out / name), "bold")])
    except OSError as problem:
        raise Failed([error("cannot-write", f"'{out}' cannot be written: {problem.strerror}")]) from None
    return 0


def schemas() -> dict[str, str]:
    """The text of each schema by the name of its file."""
    from reconciler import registry, schema  # noqa: PLC0415 - heavy

    return schema.files(registry.kinds(), registry.backends())
