"""Names of experiments in a workspace: absolute paths, in the one form in which the workspace holds them."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

ROOT = "/Workspace"
"""A workspace takes it at the start of a path and leaves it out of what it holds."""


def held(path: str) -> str:
    """A path as the workspace holds it: without /Workspace at its start, and without a slash at its end."""
    bare = path.removeprefix(ROOT) if path.startswith(f"{ROOT}/") else path
    return bare.rstrip("/") or bare[:1]


def fault(path: str) -> str:
    """Why `path` is none that an experiment can have; '' where it is one."""
    if not path.startswith("/"):
        return "is not an absolute path in the workspace"
    parts = path.removeprefix("/").split("/")
    if not all(parts):
        return "is not the path of an experiment: a part of it is empty"
    return "has '.' or '..' as a part of its path" if {".", ".."} & set(parts) else ""


@dataclass(frozen=True, slots=True)
class Names:
    """`prefix`: the folder of names that are not absolute; '' for none."""

    prefix: str = ""

    def canonical(self, name: str) -> str:
        """The path of the experiment that is declared with `name`."""
        return held(f"{self.prefix}/{name}" if self.prefix and name and not name.startswith("/") else name)

    def short(self, path: str) -> str:
        """What a manifest has to say for `canonical` to make `path` of it."""
        inside = path.removeprefix(f"{self.prefix}/")
        return inside if self.canonical(inside) == path else path

    def holds(self, path: str) -> bool:
        """Whether `path` lies in the folder."""
        return path.startswith(f"{self.prefix}/")


def folder(path: str) -> str:
    """Where an experiment lies; '' for the root, which is always there."""
    return posixpath.dirname(path).rstrip("/")
