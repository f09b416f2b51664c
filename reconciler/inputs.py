"""From a stack's folder to its configuration and its parsed manifests, and to the texts for the excerpts of errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from reconciler import registry
from reconciler.config import Config
from reconciler.config import load as load_config
from reconciler.core.diagnostics import Diagnostic, Failed, stop_on_errors
from reconciler.core.scrub import scrubbed
from reconciler.core.source import Document, parse
from reconciler.runtime.files import Folder, no_config, read

Parsed: TypeAlias = "tuple[Document | None, list[Diagnostic]]"
"""A manifest, if it can be parsed, and what is wrong with it."""

LARGE = 100_000
"""Characters of manifests; some 600 experiments, which take as long to read as a server close by takes to answer."""


@dataclass
class Inputs:
    """What lies in `folder`, read once. `sources`: the texts read so far, by file name."""

    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    sources: dict[str, str] = field(repr=False)

    @cached_property
    def _read(self) -> tuple[Folder, list[Diagnostic]]:
        """What the folder holds, and what could not be read of it."""
        found, problems = read(self.folder)
        self.sources.update(found.manifests)
        self.sources.update({one.at.file: "" for one in problems if one.at and one.at.file not in found.manifests})
        return found, problems

    @property
    def files(self) -> Folder:
        """What the folder holds. Raises Failed where some of it could not be read."""
        found, problems = self._read
        stop_on_errors(problems)
        return found

    @cached_property
    def config(self) -> Config:
        """The stack's configuration. Raises Failed; but not for a manifest that could not be read."""
        found, problems = self._read
        if found.config is None:
            stop_on_errors(problems)
            raise Failed([no_config(self.folder)])
        name, text = found.config
        self.sources[name] = scrubbed(text)
        document, problems = parse(text, name)
        config, more = load_config(document, registry.backends(), self.environ)
        stop_on_errors([*problems, *more])
        assert config is not None
        return config

    @property
    def large(self) -> bool:
        """Whether reading the manifests takes long enough for a server to answer meanwhile."""
        return sum(map(len, self.files.manifests.values())) >= LARGE

    @property
    def parsed(self) -> list[Parsed]:
        """The manifests, in the order of their names."""
        return [parse(text, name) for name, text in sorted(self.files.manifests.items())]
