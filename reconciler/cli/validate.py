"""`reconciler validate`: the manifests, held against everything but the server."""

from __future__ import annotations

from reconciler.cli import options
from reconciler.cli.options import Context


@options.command
def command(context: Context) -> int:
    """Check all that can be known without the server."""
    session = context.session()
    count = len(session.desired)
    files = len(session.inputs.files.manifests)
    noun = "resource" if count == 1 else "resources"
    context.output.note([(f"Valid: {count} {noun} in {files} {'file' if files == 1 else 'files'}.", "bold")])
    return 0
