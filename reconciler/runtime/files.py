"""From a folder to the texts of its manifests and of its reconciler.yaml: the only reading of manifests."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from reconciler.core.diagnostics import Diagnostic, Span, error

LARGEST = 256 * 2**20
"""Bytes of the largest file that is read."""

_USUAL = 2**16
"""Most files have fewer bytes. Python makes room for all that is asked for, which takes longer than such a file."""

CONFIG = ("reconciler.yaml", "reconciler.yml")
_INIT = "make one with: reconciler init; or name the stack's folder with --manifests"
_SUFFIXES = (".yaml", ".yml")
_LEFT_OUT = (".", "_")


@dataclass(frozen=True, slots=True)
class Folder:
    """What a stack's folder holds. Names are relative to it, with '/', and sorted; of two configurations neither."""

    config: tuple[str, str] | None = None
    manifests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder on the way. `above`: the device and inode of each folder above it and of itself."""

    path: str
    name: str
    above: frozenset[tuple[int, int]]


def read(folder: Path, *, stack: bool = True) -> tuple[Folder, list[Diagnostic]]:
    """The texts below `folder`, and all that could not be read.

    A stack's folder without a configuration is none: nothing below it is read, as it may be a whole disk.
    What begins with `.` or `_` is left out. Links are followed; one to a folder that it stands in is an error.
    """
    try:
        found = folder.stat()
    except OSError as wrong:
        what = "does not exist" if wrong.errno == errno.ENOENT else f"cannot be read: {_why(wrong)}"
        return Folder(), [error("no-folder", f"'{folder}' {what}", hint="make one with: reconciler init")]
    if not S_ISDIR(found.st_mode):
        return Folder(), [error("no-folder", f"'{folder}' is not a folder", hint="make one with: reconciler init")]
    problems: list[Diagnostic] = []
    start = _Place(str(folder), "", frozenset([(found.st_dev, found.st_ino)]))
    read = {name: _text(name, path, problems) for name, path in sorted(_files(start, problems, stack=stack))}
    texts = {name: text for name, text in read.items() if text is not None}
    configs = [(name, texts.pop(name)) for name in CONFIG if name in texts]
    if len(configs) > 1:
        problems.append(error("two-configs", f"there are {' and '.join(CONFIG)}", hint="remove one of them"))
    return Folder(configs[0] if len(configs) == 1 else None, texts), problems


def no_config(folder: Path) -> Diagnostic:
    """The finding for a stack's folder without a configuration."""
    return error("no-config", f"there is no reconciler.yaml in '{folder}'", hint=_INIT)


def read_one(file: Path) -> tuple[str | None, list[Diagnostic]]:
    """The text of one file, or why it cannot be read."""
    problems: list[Diagnostic] = []
    return _text(str(file), str(file), problems), problems


def _files(start: _Place, problems: list[Diagnostic], *, stack: bool) -> Iterator[tuple[str, str]]:
    """The name and the path of each manifest: without recursion, however deep the folders are."""
    waiting = [start]
    while waiting:
        place = waiting.pop()
        try:
            entries = list(os.scandir(place.path))
        except OSError as wrong:
            problems.append(_unreadable(place.name or ".", wrong))
            continue
        if stack and place is start and not any(entry.name in CONFIG for entry in entries):
            return
        for entry in entries:
            if entry.name.startswith(_LEFT_OUT):
                continue
            inner = _inside(place, entry, problems)
            if isinstance(inner, _Place):
                waiting.append(inner)
            elif inner:
                yield inner, entry.path


def _inside(place: _Place, entry: os.DirEntry[str], problems: list[Diagnostic]) -> _Place | str | None:
    """A folder to go into, or the name of a manifest; None for anything else."""
    # what is not UTF-8 in a name could not be printed
    own = entry.name.encode("utf-8", "backslashreplace").decode()
    name = f"{place.name}/{own}" if place.name else own
    try:
        found = entry.stat()
    except OSError as wrong:
        if entry.name.endswith(_SUFFIXES):
            problems.append(_unreadable(name, wrong))
        return None
    if not S_ISDIR(found.st_mode):
        return name if entry.name.endswith(_SUFFIXES) else None
    identity = (found.st_dev, found.st_ino)
    if identity in place.above:
        problems.append(error("link-loop", f"'{name}' is a link to a folder that it stands in", hint="remove the link"))
        return None
    return _Place(entry.path, name, place.above | {identity})


def _text(name: str, path: str, problems: list[Diagnostic]) -> str | None:
    try:
        file = Path(path)
        if not S_ISREG(file.stat().st_mode):  # reading a pipe would wait for whoever writes into it
            problems.append(error("unreadable", f"'{name}' is not a regular file", hint="remove or rename it"))
            return None
        with file.open("rb") as opened:
            data = opened.read(_USUAL)
            if len(data) == _USUAL:
                data += opened.read(LARGEST + 1 - _USUAL)
    except OSError as wrong:
        problems.append(_unreadable(name, wrong))
        return None
    if len(data) > LARGEST:
        hint = f"split it: at most {LARGEST // 2**20} MB of a file are read"
        problems.append(error("too-large", f"'{name}' is too large", hint=hint))
        return None
    text, no_text = decoded(name, data)
    problems += no_text
    return None if text is None else text.removeprefix("\ufeff")


def decoded(name: str, data: bytes) -> tuple[str | None, list[Diagnostic]]:
    """The text of a file called `name`, with its BOM, or why it is none."""
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as wrong:
        return None, [_not_utf8(name, data, wrong)]


def _not_utf8(name: str, data: bytes, wrong: UnicodeDecodeError) -> Diagnostic:
    offset = wrong.start
    lines = data[:offset].decode("utf-8-sig", "replace").split("\n")
    at = Span(name, len(lines), len(lines[-1]) + 1)
    what = f"byte 0x{data[offset]:02x} at offset {offset} is not UTF-8"
    return error("not-utf8", what, at, "save the file as UTF-8")


def _unreadable(name: str, wrong: OSError) -> Diagnostic:
    return error(
        "unreadable", f"'{name}' cannot be read: {_why(wrong)}", hint="mend it, or let its name begin with '_'"
    )


def _why(wrong: OSError) -> str:
    return (wrong.strerror or type(wrong).__name__).lower()
