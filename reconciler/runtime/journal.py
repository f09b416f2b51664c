"""From each request that was sent to a line of JSON at the end of a file: who sent it, what, and how it ended."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from reconciler.core.call import Call
from reconciler.core.diagnostics import Failed, error
from reconciler.core.sensitive import hidden, secrets_in
from reconciler.runtime.conceal import Concealer
from reconciler.runtime.errors import RequestFailed, Unrecorded, WriteRefused


@dataclass(slots=True)
class Entry:
    """How one request ended: with a `status`, or with an `error` in words."""

    status: int | None = None
    error: str = ""
    sent: bool = True


class Journal:
    """Appends to one open file, from several threads. Each line is one write: a killed process leaves whole lines."""

    def __init__(self, file: FileIO, path: Path, *, bodies: bool) -> None:
        self._file = file
        self._path = path
        self._bodies = bodies
        self._lock = threading.Lock()
        self._broken = ""

    @contextmanager
    def request(self, call: Call, attempt: int, secrets: Concealer) -> Iterator[Entry]:
        """Write a line for the request that is sent inside of the block.

        Raises:
            Unrecorded: before the block, where an earlier line could not be written.
        """
        if self._broken:
            raise Unrecorded(f"the journal '{self._path}' cannot be written: {self._broken}; nothing was sent")
        entry, at, began = Entry(), datetime.now(UTC), time.monotonic()
        try:
            yield entry
        except BaseException as failure:
            entry.sent = not isinstance(failure, WriteRefused)
            entry.error = str(failure) if isinstance(failure, RequestFailed) else type(failure).__name__
            raise
        finally:
            if entry.sent:
                took = round((time.monotonic() - began) * 1000, 1)
                self._append(_head(call, at) | self._rest(call, entry, secrets) | {"ms": took, "attempt": attempt})

    def _rest(self, call: Call, entry: Entry, secrets: Concealer) -> dict[str, Any]:
        """What may hold secrets, without them."""
        # what others keep may be as short as a word of each path: it is hidden where it stands alone
        own = Concealer(secret for secret in secrets_in([call.body, call.query]) if secret.template)

        def without(value: Any) -> Any:
            return _each_text(hidden(value), lambda text: own(secrets(text)))

        shown = {"path": call.path, "query": call.query, "error": entry.error}
        line = {name: without(value) for name, value in shown.items() if value} | {"status": entry.status}
        return line | ({"body": without(call.body)} if self._bodies and call.body is not None else {})

    def _append(self, line: Mapping[str, Any]) -> None:
        ordered = {key: line[key] for key in _KEYS if key in line}
        text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":")) + "\n"
        left = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            with self._lock:
                while left:
                    left = left[self._file.write(left) or 0 :]
        except (OSError, ValueError) as problem:  # the latter where an interrupted command has closed it
            self._broken = getattr(problem, "strerror", None) or str(problem)


@contextmanager
def opened(path: Path | None, *, bodies: bool) -> Iterator[Journal | None]:
    """The journal in the file `path`, which is made where it is not there, for its owner alone. Raises Failed."""
    if path is None:
        yield None
        return
    try:
        file = FileIO(path, "a", opener=lambda name, flags: os.open(name, flags, 0o600))
    except OSError as problem:
        summary, hint = f"'{path}' cannot be written: {problem.strerror}", "name another file with --journal"
        raise Failed([error("cannot-write", summary, hint=hint)]) from None
    with file:
        yield Journal(file, path, bodies=bodies)


_KEYS = ("at", "address", "method", "path", "query", "status", "ms", "attempt", "error", "body")


def _head(call: Call, at: datetime) -> dict[str, Any]:
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"at": moment, "address": str(call.address or ""), "method": call.method}


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with each text in it changed, keys too."""
    match value:
        case str():
            return change(value)
        case Mapping():
            return {change(key): _each_text(inner, change) for key, inner in value.items()}
        case list() | tuple():
            return [_each_text(inner, change) for inner in value]
    return value
