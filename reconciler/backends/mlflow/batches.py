"""Splits what is logged to a run into requests that `runs/log-batch` takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from reconciler.core.change import Path

Entry: TypeAlias = tuple[str, Path | None, dict[str, Any]]
"""One thing to log: the list that it belongs to, the field that it writes, and itself."""
LIMITS: Mapping[str, int] = {"metrics": 1000, "params": 100, "tags": 100}
TOTAL = 1000
BYTES = 900_000
"""Below the documented 1 MB, for the envelope."""


@dataclass(slots=True)
class Batch:
    """One request's entries by list, and the fields that they write."""

    body: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fields: list[Path] = field(default_factory=list)
    size: int = 0

    def takes(self, kind: str, size: int) -> bool:
        count = sum(len(entries) for entries in self.body.values())
        room = len(self.body.get(kind, ())) < LIMITS[kind] and count < TOTAL
        return room and self.size + size <= BYTES

    def add(self, kind: str, path: Path | None, entry: dict[str, Any], size: int) -> None:
        self.body.setdefault(kind, []).append(entry)
        self.size += size
        if path is not None and path not in self.fields:
            self.fields.append(path)


def batches(entries: Iterable[Entry], begin: Callable[[], Batch] = Batch) -> list[Batch]:
    """`entries` in order, in as few batches as keep that order. `begin` gives what each batch holds from the start."""
    found: list[Batch] = []
    for kind, path, entry in entries:
        size = len(json.dumps(entry))
        if not found or not found[-1].takes(kind, size):
            found.append(begin())
        found[-1].add(kind, path, entry, size)
    return found
