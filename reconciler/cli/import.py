"""`reconciler import`: what is on the server and no stack owns, as manifests; never over a file."""  # noqa: N999 - a command has the name of its module

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click

from reconciler import registry
from reconciler.cli import options
from reconciler.cli.exits import DONE
from reconciler.cli.options import Context
from reconciler.cli.refreshing import refreshed
from reconciler.core.diagnostics import Failed, error, stop_on_errors
from reconciler.core.imports import Entry, Imported, Importer, Wanted
from reconciler.core.keys import Keys
from reconciler.core.resolve import shared_tags
from reconciler.core.select import Selection
from reconciler.core.words import listed
from reconciler.report.manifest import manifest

SUFFIXES = (".yaml", ".yml")
STEM = 60
"""Characters of a file's name: with four bytes for each it is one that every file system takes."""
FEW = 10


@options.command
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(list(registry.kinds())),
    help="Only this kind. May be given several times.",
)
@click.option(
    "--filter", "search", default="", metavar="FILTER", help="The server's own filter: MLflow's search syntax."
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="GLOB",
    help="Only those with a name like this. May be given several times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A folder for one file per experiment, or a .yaml file for all. Default: the stack's folder.",
)
@click.option("--refresh", is_flag=True, help="Bring what changed on the server into the manifests that are there.")
@click.option("--dry-run", is_flag=True, help="With --refresh: write nothing, show what would change.")
@click.option(
    "--only",
    multiple=True,
    metavar="GLOB",
    help="With --refresh: only addresses like this. May be given several times.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="With --refresh: not addresses like this. May be given several times.",
)
@click.option(
    "--on-conflict",
    type=click.Choice(["keep", "server"]),
    help="With --refresh: what to do where the manifest has changed, too. Default: keep.",
)
@options.parallel
@options.sending
def command(
    context: Context,
    *,
    refresh: bool,
    dry_run: bool,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    on_conflict: str | None,
    kinds: tuple[str, ...],
    search: str,
    names: tuple[str, ...],
    out: Path | None,
    parallel: int | None,
) -> int:
    """Write manifests for what is on the server and no stack owns."""
    if refresh:
        if kinds or search or names or out:
            raise click.UsageError("--refresh takes --only and --exclude, not --kind, --filter, --name and --out")
        return refreshed(context, parallel, Selection(only, exclude), conflicts=on_conflict == "server", dry=dry_run)
    if dry_run or only or exclude or on_conflict:
        raise click.UsageError("--dry-run, --only, --exclude and --on-conflict need --refresh")
    session = context.session(parallel)
    chosen = tuple(name for name in registry.kinds() if name in (kinds or session.stack.wires))
    if len(kinds) > 1 and "experiments" not in kinds and (search or names):
        raise click.UsageError("--filter and --name choose among one kind: give one --kind, or experiments too")
    shared, _ = shared_tags(session.config.defaults, session.selected.scope, session.stack.sensitive)
    importer = Importer(session.stack, Wanted(chosen, names, search), session.desired, shared.tags)
    stop_on_errors(importer.refusals(session.backend))
    found = session.survey(importer)
    files = _files(found, out or context.folder)
    _write({file: manifest(entries) for file, entries in files.items()})
    context.output.findings(found.problems)
    if len(files) <= FEW:
        for file in files:
            context.output.note([("wrote ", ""), (str(file), "bold")])
    context.output.data([[(_summary(found, len(files)), "bold")]])
    _advise(context, found)
    return DONE


def _files(found: Imported, out: Path) -> dict[Path, list[Entry]]:
    """The entries by the file that they go to."""
    if out.suffix in SUFFIXES:
        return {out: list(found.entries)} if found.entries else {}
    stems = Keys(["reconciler"])
    chosen: dict[tuple[str, bool], Path] = {}
    files: dict[Path, list[Entry]] = {}
    for entry in found.entries:
        home = (entry.home, entry.new)
        if home not in chosen:
            stem = entry.home.replace("/", "-").lstrip("._-")[:STEM] or "unnamed"
            chosen[home] = out / f"{stems.make(stem if entry.new else f'{stem}-imported')}.yaml"
        files.setdefault(chosen[home], []).append(entry)
    return files


def _write(texts: Mapping[Path, str]) -> None:
    """Raises Failed, where one is there already before anything was written."""
    taken = [file for file in texts if file.exists()]
    hint = "choose another place with --out, or remove it first"
    if taken:
        raise Failed(
            [error("file-exists", f"'{file}' is there already; nothing was written", hint=hint) for file in taken]
        )
    for file, text in texts.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except OSError as problem:
            raise Failed([error("cannot-write", f"'{file}' cannot be written: {problem.strerror}")]) from None


def _summary(found: Imported, files: int) -> str:
    counts = Counter(entry.address.kind for entry in found.entries)
    written = [f"{count} {_noun(kind, count)}" for kind, count in counts.items()]
    what = f"Imported: {listed(written)} into {files} {_noun('files', files)}." if written else "Nothing to import."
    left = [f"{count} {why}" for why, count in sorted(found.left_out.items())]
    return f"{what} Left out: {listed(left)}." if left else what


def _noun(plural: str, count: int) -> str:
    return (plural if count != 1 else plural.removesuffix("s")).replace("_", " ")


def _advise(context: Context, found: Imported) -> None:
    """What a person may have to decide, and what comes next."""
    notes = sum(len(entry.notes) for entry in found.entries)
    if notes:
        context.output.note(
            [(f"{notes} {_noun('values', notes)} left out: the comments in the files say why.", "warning")]
        )
    if found.untagged:
        what = f"{found.untagged} {_noun('entries', found.untagged) if found.untagged > 1 else 'entry'}"
        context.output.note([(f"The stack's default tags are not on {what} yet: the plan adds them.", "warning")])
    if found.entries:
        context.output.note([("Next: reconciler plan, then reconciler apply, which adopts them", "")])
