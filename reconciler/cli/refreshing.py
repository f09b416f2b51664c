"""`import --refresh`: what changed on the server goes into the manifests that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from reconciler.cli.exits import DONE
from reconciler.cli.options import Context
from reconciler.core.address import Address
from reconciler.core.change import Path, Value
from reconciler.core.diagnostics import Failed, error, stop_on_errors
from reconciler.core.planner import Options
from reconciler.core.refresh import Refreshed, Taken, refresh
from reconciler.core.resource import Desired
from reconciler.core.select import Selection, unknown, unmatched
from reconciler.core.source import parse
from reconciler.core.words import dotted
from reconciler.declared import Declared
from reconciler.report.lines import Line, shown
from reconciler.report.patch import patch
from reconciler.report.spliced import spliced
from reconciler.runtime.rewrite import lies_in, rewrite


def refreshed(context: Context, parallel: int | None, selection: Selection, *, conflicts: bool, dry: bool) -> int:
    """Take over what `selection` wants, and say what was taken and what was left. Raises Failed, RequestFailed."""
    session = context.session(parallel)
    known = [str(address) for address in session.desired]
    stop_on_errors(unknown(glob, known) for glob in unmatched(list(session.desired), selection))
    pairs, _ = session.look(Options())
    every = session.inputs.files.manifests
    texts = {name: text for name, text in every.items() if lies_in(context.folder, context.folder / name)}
    found = refresh(session.stack, pairs, texts, selection, conflicts=conflicts)
    after = {file: spliced(texts[file], edits) for file, edits in sorted(found.edits.items())}
    check(session, {**every, **after}, found.taken)
    for file, text in after.items():
        if dry:
            context.output.patch(patch((context.folder / file).as_posix(), texts[file], text))
        else:
            rewrite(context.folder / file, texts[file], text)
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


def check(session: Declared, texts: Mapping[str, str], every: Sequence[Taken]) -> None:
    """See that `texts` declare what was taken over, and all else as before. Raises Failed."""
    taken = {(one.address, one.path): one.after is not None for one in every}

    def fields(desired: Mapping[Address, Desired]) -> dict[tuple[Address, Path], Value]:
        found = {(one.address, path): value for one in desired.values() for path, value in one.fields.items()}
        return {key: value for key, value in found.items() if key not in taken}

    with suppress(Failed):
        after = session.declared_by([parse(text, name) for name, text in sorted(texts.items())])
        is_there = {(address, path): path in after[address].fields for address, path in taken if address in after}
        if fields(after) == fields(session.desired) and is_there == taken:
            return
    wrong = "the manifests would say something else than what was taken over; nothing was written"
    raise Failed([error("not-refreshed", wrong, hint="this is a bug: please report it")])


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
