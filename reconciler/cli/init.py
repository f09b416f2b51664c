"""`reconciler init`: a starter stack, never over a file."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.cli import options
from reconciler.cli.options import Context
from reconciler.cli.schema import schemas
from reconciler.core.diagnostics import Failed, error

CONFIG = """\
# yaml-language-server: $schema={schemas}/config.schema.json
stack: {stack}                    # names the owner on the server; do not change it later
targets:
  local:                          # the first target is the default one
    backend: mlflow
    url: sqlite:///mlflow.db      # the embedded MLflow; a server: http://localhost:5000
defaults:
  tags: {{managed-by: reconciler}}  # joined into the tags of every resource
"""
MANIFEST = """\
# yaml-language-server: $schema={schemas}/manifest.schema.json
experiments:
  hello:                          # the key: its address is experiments.hello
    name: hello-reconciler        # the name on the server; change it, and it is renamed in place
    description: My first experiment under Git
    tags: {{tier: gold, threshold: 0.10}}
"""
SCHEMAS = ".schema"
"""The folder with the schemas in the stack's: editors find them without a network, and so does whoever clones it."""


@options.command
def command(context: Context) -> int:
    """Write a starter stack: reconciler.yaml and a first manifest, never over a file."""
    folder = context.folder if context.folder != Path() else Path("manifests")
    stack = re.sub(r"[^a-z0-9]+", "-", Path.cwd().name.lower()).strip("-")[:40] or "my-stack"
    files = {
        folder / "reconciler.yaml": CONFIG.format(stack=stack, schemas=SCHEMAS),
        folder / "experiments.yaml": MANIFEST.format(schemas=SCHEMAS),
    }
    taken = [file for file in files if file.exists()]
    if taken:
        hint = "remove it first, or choose another folder with --manifests"
        raise Failed(
            [error("file-exists", f"'{file}' is there already; nothing was written", hint=hint) for file in taken]
        )
    made = {folder / SCHEMAS / name: text for name, text in schemas().items()}
    files |= {file: text for file, text in made.items() if not file.exists()}
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise Failed([error("cannot-write", f"'{folder}' cannot be written: {problem.strerror}")]) from None
    for file in files:
        context.output.note([("wrote ", ""), (str(file), "bold")])
    context.output.note([("Next: reconciler plan, then reconciler apply", "")])
    return 0
