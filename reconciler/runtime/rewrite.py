"""From a new text to a file that holds it, wholly or not at all; its permissions stay, and its BOM where it has one."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from reconciler.core.diagnostics import Failed, error

_BOM = b"\xef\xbb\xbf"


def rewrite(file: Path, before: str, text: str) -> None:
    """Put `text` in the place of `before`, which `file`, or the file that it links to, held. Raises Failed."""
    target = file.resolve()
    try:
        if not os.access(target, os.W_OK):  # replacing it would need no right to write it
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        old = target.read_bytes()
        begin = _BOM if old.startswith(_BOM) else b""
        if old != begin + before.encode("utf-8"):
            hint = "run it again"
            raise Failed([error("cannot-write", f"'{file}' cannot be written: it has changed meanwhile", hint=hint)])
        _replace(target, begin + text.encode("utf-8"))
    except OSError as problem:
        raise Failed([error("cannot-write", f"'{file}' cannot be written: {problem.strerror}")]) from None


def lies_in(folder: Path, file: Path) -> bool:
    """Whether `file`, or the file that it links to, is below `folder`."""
    return file.resolve().is_relative_to(folder.resolve())


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(data)
            new.flush()
            os.fsync(new.fileno())
        shutil.copymode(target, name)
        with suppress(OSError):  # somebody else's file becomes one's own, where one may not give it back
            found = target.stat()
            os.chown(name, found.st_uid, found.st_gid)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
