"""From a folder to the texts of its manifests and of its reconciler.yaml: the only reading of files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from reconciler.core.diagnostics import Diagnostic, error

LARGEST = 256 * 2**20
"""Bytes of the largest file that is read."""

CONFIG = ("reconciler.yaml", "reconciler.yml")


@dataclass(frozen=True, slots=True)
class Folder:
    """What a stack's folder holds. Names are relative to it, with '/', and sorted."""

    config: tuple[str, str] | None = None
    manifests: Mapping[str, str] = field(default_factory=dict)


def read(folder: Path) -> tuple[Folder, list[Diagnostic]]:
    """The texts below `folder`, and all that could not be read. Hidden files and those that begin with `_` are left out.

    Links are followed; one that leads back into a folder above it is an error.
    """
    problems: list[Diagnostic] = []
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        return Folder(), [error("no-manifests", f"'{folder}' {what}", hint="make one with: reconciler init")]
    texts = {}
    for name, file in sorted(_files(folder, "", (), problems)):
        text = _text(name, file, problems)
        if text is not None:
            texts[name] = text
    configs = [(name, texts.pop(name)) for name in CONFIG if name in texts]
    if len(configs) > 1:
        problems.append(error("two-configs", f"there are {' and '.join(CONFIG)} in '{folder}'", hint="remove one"))
    return Folder(configs[0] if configs else None, texts), problems
