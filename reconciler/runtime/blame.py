"""From lines of a file to who last wrote them, as Git tells it; where it cannot, to its words or to nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from reconciler.core.origin import Commit

PATIENCE = 5.0
"""Seconds that one call of Git may take."""

_UNCOMMITTED = "0" * 40
_SILENT = ("not a git repository",)
_UNKNOWN = ("no such path", "no such ref", "bad revision")
_ENVIRONMENT = {
    "LC_ALL": "C",  # its words are compared
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone would ask its server
}


class _GitFailedError(Exception):
    """Git has no answer; its words are in the exception, or none where it is not worth a word."""


def blame(file: Path, lines: Collection[int], patience: float = PATIENCE) -> dict[int, Commit]:
    """Who last wrote each of `lines`; nothing where the file is in no repository, or where there is no Git."""
    if not lines:
        return {}
    place = file.resolve()
    ranges = [part for line in sorted(lines) for part in ("-L", f"{line},{line}")]
    try:
        text = _git(place.parent, patience, "blame", "--porcelain", *ranges, "--", place.name)
        found, boundaries = _read(text)
        if boundaries and _git(place.parent, patience, "rev-parse", "--is-shallow-repository").strip() == "true":
            note = "or an earlier one: the clone is shallow"
            found |= {line: replace(found[line], note=note) for line in boundaries if found[line].id}
    except _GitFailedError as failed:
        words = str(failed)
        return dict.fromkeys(lines, Commit(note=words)) if words else {}
    return found


def _git(folder: Path, patience: float, *arguments: str) -> str:
    """What `git ARGUMENTS` prints. Raises _GitFailedError."""
    command = ["git", "--no-pager", "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the file stands behind `--`
            command,
            cwd=folder,
            env=os.environ | _ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _GitFailedError(f"Git did not answer within {patience:g} s") from None
    except OSError:  # there is no Git
        raise _GitFailedError from None
    if done.returncode == 0:
        return done.stdout
    words = (done.stderr.strip().splitlines() or [""])[0].removeprefix("fatal: ")
    if any(part in words for part in _SILENT):
        raise _GitFailedError
    if any(part in words for part in _UNKNOWN):
        raise _GitFailedError("not committed yet")
    raise _GitFailedError(f"Git cannot tell: {words}")


def _read(text: str) -> tuple[dict[int, Commit], list[int]]:
    """The commits by line, and the lines at which history may only seem to begin. Details of a commit come once."""
    details: dict[str, dict[str, str]] = {}
    found: dict[int, str] = {}
    current = ""
    for row in text.split("\n"):
        name, _, value = row.partition(" ")
        if len(name) in {40, 64} and value[:1].isdigit():
            current, line = name, int(value.split(" ")[1])
            details.setdefault(current, {})
            found[line] = current
        elif current and not row.startswith("\t"):
            details[current][name] = value
    commits = {line: _commit(commit, details[commit]) for line, commit in found.items()}
    return commits, [line for line, commit in found.items() if "boundary" in details[commit]]


def _commit(commit: str, details: dict[str, str]) -> Commit:
    if set(commit) == set(_UNCOMMITTED):
        return Commit(note="not committed yet")
    date = _date(details.get("author-time", ""), details.get("author-tz", ""))
    return Commit(commit, details.get("author", ""), date, details.get("summary", ""))


def _date(seconds: str, zone: str) -> str:
    """The author's date, as it was where the author was."""
    try:
        offset = int(zone)
        minutes = abs(offset) // 100 * 60 + abs(offset) % 100
        shift = timedelta(minutes=-minutes if offset < 0 else minutes)
        return datetime.fromtimestamp(int(seconds), UTC).astimezone(timezone(shift)).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""
