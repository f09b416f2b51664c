"""`reconciler fmt`: manifests in canonical order and layout."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import click

from reconciler import registry, schema
from reconciler.cli import options
from reconciler.cli.exits import DONE, ERROR
from reconciler.cli.options import Context
from reconciler.core.diagnostics import Diagnostic, Failed, error, stop_on_errors
from reconciler.core.source import parse
from reconciler.report.formatted import Order, formatted
from reconciler.report.patch import patch
from reconciler.runtime.files import CONFIG, decoded, no_config, read, read_one
from reconciler.runtime.rewrite import lies_in, rewrite

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it is, and as it is in canonical form; `after` is None where it has errors."""

    path: Path
    before: str
    after: str | None

    @property
    def changes(self) -> bool:
        return self.after is not None and self.after != self.before


@options.command
@click.argument("paths", nargs=-1, type=click.Path(exists=True, allow_dash=True, path_type=Path), metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Write nothing: list what would change; exit with 1 where something would.")
@click.option("--diff", is_flag=True, help="Write nothing: show what would change.")
def command(context: Context, paths: tuple[Path, ...], *, check: bool, diff: bool) -> int:
    """Put manifests into canonical order and layout; comments and values stay as they are."""
    if STDIN in paths and len(paths) > 1:
        raise click.UsageError("'-' stands alone: there is one standard input")
    texts, problems = _texts(paths, context.folder)
    order = schema.order(registry.kinds())
    files = [_formatted(path, text, order, problems) for path, text in texts.items()]
    context.output.folder, context.output.sources = "", {str(path): text for path, text in texts.items()}
    context.output.findings(Failed(problems).diagnostics)
    for one in files:
        if diff and one.changes:
            context.output.patch(patch(one.path.as_posix(), one.before, one.after or ""))
        elif one.path == STDIN and not (check or diff):
            context.output.text(one.after or "")
        elif one.changes:
            if not check:
                rewrite(one.path, one.before, one.after or "")
            context.output.data([[(str(one.path), "")]])
    changed = sum(one.changes for one in files)
    if STDIN not in paths:
        context.output.note([(_counted(changed, len(files), written=not (check or diff)), "bold")])
    return ERROR if problems or (check and changed) else DONE


def _counted(changed: int, count: int, *, written: bool) -> str:
    files = "1 file" if count == 1 else f"{count} files"
    if not changed and not written:
        return f"{files} in canonical form."
    return f"{changed} of {files} {'formatted' if written else 'not in canonical form'}."


def _formatted(path: Path, text: str, order: Order, problems: list[Diagnostic]) -> _File:
    _, wrong = parse(text, str(path))
    problems += wrong
    after = None if wrong else formatted(text, order)
    if after is not None and (unlike := differing(path, text, after)):
        problems += unlike
        return _File(path, text, None)
    return _File(path, text, after)


def differing(path: Path, before: str, after: str) -> list[Diagnostic]:
    """The finding that a file would say something else. None is known; a file is never damaged by one that is not."""
    if after == before or parse(after, "") == parse(before, ""):
        return []
    summary = f"'{path}' would say something else in canonical form, and stays as it is"
    return [error("not-formatted", summary, hint="this is a bug: please report it")]


def _texts(paths: tuple[Path, ...], stack: Path) -> tuple[dict[Path, str], list[Diagnostic]]:
    """What `paths` name, each file once; without any what the stack's folder holds. Raises Failed."""
    found: dict[Path, str] = {}
    problems: list[Diagnostic] = []
    seen: set[Path] = set()
    for path in paths or (stack,):
        texts, wrong = _folder(path, stack=not paths) if path.is_dir() or not paths else _one(path)
        problems += wrong
        for file, text in texts.items():
            if file.resolve() not in seen:
                seen.add(file.resolve())
                found[file] = text
    if not paths and not any(file.name in CONFIG for file in found):
        stop_on_errors(problems)
        raise Failed([no_config(stack)])  # what lies here may be anything
    return found, problems


def _folder(path: Path, *, stack: bool) -> tuple[dict[Path, str], list[Diagnostic]]:
    """What lies below `path`, but for what is there only by a link to somewhere else."""
    folder, problems = read(path, stack=stack)
    texts = {**folder.manifests, **dict([folder.config] if folder.config else [])}
    placed = [replace(one, at=one.at and replace(one.at, file=str(path / one.at.file))) for one in problems]
    return {path / name: text for name, text in sorted(texts.items()) if lies_in(path, path / name)}, placed


def _one(path: Path) -> tuple[dict[Path, str], list[Diagnostic]]:
    data = sys.stdin.buffer.read() if path == STDIN else None
    text, problems = read_one(path) if data is None else decoded(str(path), data)
    return {} if text is None else {path: text}, problems
