"""`reconciler schema`: the JSON Schema of the manifests, or of reconciler.yaml."""

from __future__ import annotations

import json

import click

from reconciler.cli import options
from reconciler.cli.options import Context


@options.command
@click.argument("what", type=click.Choice(["manifest", "config"]), default="manifest")
def command(context: Context, what: str) -> int:
    """Print the JSON Schema of the manifests, for editors."""
    from reconciler import registry, schema  # noqa: PLC0415 - heavy

    made = schema.manifest(registry.kinds()) if what == "manifest" else schema.config(registry.backends())
    context.output.text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    return 0
