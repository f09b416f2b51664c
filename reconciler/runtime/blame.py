"""From lines of a file to who last wrote them, as Git tells it; where it cannot, to its words or to nothing.

Git is asked about the last commit, not about the file: to read that it would run what the settings of the repository
name as its filters.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from difflib import SequenceMatcher
from pathlib import Path

from reconciler.core.origin import Commit

PATIENCE = 5.0
"""Seconds that one call of Git may take."""

_UNCOMMITTED = Commit(note="not committed yet")
_SILENT = ("not a git repository",)
_UNKNOWN = ("does not exist in 'HEAD'", "not in 'HEAD'", "invalid object name 'HEAD'")
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
    try:
        committed = _git(place.parent, patience, "cat-file", "blob", f"HEAD:./{place.name}")
        before = _before(committed, place.read_bytes().decode("utf-8", "replace"))
        found = _blamed(place, {before[line] for line in lines if line in before}, patience)
    except _GitFailedError as failed:
        words = str(failed)
        return dict.fromkeys(lines, Commit(note=words)) if words else {}
    return {line: found[before[line]] if line in before else _UNCOMMITTED for line in lines}


def _before(old: str, new: str) -> dict[int, int]:
    """For each line of `new` that stands in `old`, which one it is there; they may end in another way."""
    rows, now = ([row.removesuffix("\r") for row in text.split("\n")] for text in (old, new))
    blocks = [(0, 0, len(now))] if rows == now else SequenceMatcher(None, rows, now).get_matching_blocks()
    return {start + at + 1: home + at + 1 for home, start, size in blocks for at in range(size)}


def _blamed(place: Path, lines: Collection[int], patience: float) -> dict[int, Commit]:
    """Who wrote these lines of the last commit's file. Raises _GitFailedError."""
    if not lines:
        return {}
    ranges = [part for line in sorted(lines) for part in ("-L", f"{line},{line}")]
    text = _git(place.parent, patience, "blame", "--no-textconv", "--porcelain", *ranges, "HEAD", "--", place.name)
    found, boundaries = _read(text)
    if boundaries and _git(place.parent, patience, "rev-parse", "--is-shallow-repository").strip() == "true":
        note = "or an earlier one: the clone is shallow"
        found |= {line: replace(found[line], note=note) for line in boundaries}
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
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _GitFailedError(f"Git did not answer within {patience:g} s") from None
    except OSError:  # there is no Git
        raise _GitFailedError from None
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace")
    words = (done.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[0].removeprefix("fatal: ")
    if any(part in words for part in _SILENT):
        raise _GitFailedError
    if any(part in words for part in _UNKNOWN):
        raise _GitFailedError(_UNCOMMITTED.note)
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
