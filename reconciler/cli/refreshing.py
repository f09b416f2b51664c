"""`import --refresh`: what changed on the server goes into the manifests that are there."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.cli.exits import DONE
from reconciler.cli.options import Context
from reconciler.core.diagnostics import error, stop_on_errors
from reconciler.core.planner import Options
from reconciler.core.refresh import Refreshed, Taken, refresh
from reconciler.core.select import Selection, unmatched
from reconciler.core.words import dotted, suggest
from reconciler.report.lines import Line, shown
from reconciler.report.patch import patch
from reconciler.report.spliced import spliced
from reconciler.runtime.rewrite import rewrite


def refreshed(context: Context, parallel: int | None, selection: Selection, *, conflicts: bool, dry: bool) -> int:
    """Take over what `selection` wants, and say what was taken and what was left. Raises Failed, RequestFailed."""
    session = context.session(parallel)
    known = [str(address) for address in session.desired]
    stop_on_errors(
        error("unknown-address", f"'{glob}' names no resource of the stack", hint=suggest(glob, known, "there is"))
        for glob in unmatched(list(session.desired), selection)
    )
    pairs, _ = session.look(Options())
    texts = session.inputs.files.manifests
    found = refresh(session.stack, pairs, texts, selection, conflicts=conflicts)
    for file, edits in sorted(found.edits.items()):
        after = spliced(texts[file], edits)
        if dry:
            context.output.patch(patch((context.folder / file).as_posix(), texts[file], after))
        else:
            rewrite(context.folder / file, after)
    context.output.findings(sorted(found.left, key=lambda one: (str(one.at), one.summary)))
    summary: list[Line] = [[(_summary(found, dry=dry), "bold")]]
    if dry:
        context.output.note(*summary)
        return DONE
    context.output.data([*_lines(found.taken, context.output.folder), *summary])
    if found.taken:
        context.output.note(
            [("Next: look at the files, then reconciler apply, which notes that they are as declared", "")]
        )
    return DONE


def _summary(found: Refreshed, *, dry: bool) -> str:
    values = f"{len(found.taken)} {'value' if len(found.taken) == 1 else 'values'}"
    files = f"{len(found.edits)} {'file' if len(found.edits) == 1 else 'files'}"
    what = f"{'Would refresh' if dry else 'Refreshed'}: {values} in {files}." if found.taken else "Nothing to refresh."
    return f"{what} Left alone: {len(found.left)}." if found.left else what


def _lines(taken: Sequence[Taken], folder: str) -> list[Line]:
    return [
        [
            (f"  {one.address}  {dotted(one.path)}: {shown(one.before)} -> ", ""),
            ("(gone)" if one.after is None else shown(one.after), "bold"),
            (f"   {folder}{one.at}", "place"),
        ]
        for one in taken
    ]
