"""The first phase: from a stack's files to what they declare for one target, without the server."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reconciler import registry
from reconciler.config import Config, Selected
from reconciler.core.address import Address
from reconciler.core.canonical import canonical
from reconciler.core.diagnostics import Diagnostic, stop_on_errors
from reconciler.core.limits import check as check_limits
from reconciler.core.resolve import resolve
from reconciler.core.resource import Desired
from reconciler.core.sensitive import Sensitive
from reconciler.core.stack import Stack
from reconciler.core.wire import Backend, Server
from reconciler.inputs import Inputs, Parsed


@dataclass
class Declared:
    """One stack for one target, as its files declare it.

    Attributes:
        folder: where the manifests and `reconciler.yaml` are; `target`: a target's name, None for the default one.
        variables: values that win over those of the target and the defaults; `environ`: the environment.
        sources: the texts read so far by file name.
    """

    folder: Path
    target: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    sources: dict[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def inputs(self) -> Inputs:
        return Inputs(self.folder, self.environ, self.sources)

    @property
    def config(self) -> Config:
        """The stack's configuration. Raises Failed; but not for a manifest that could not be read."""
        return self.inputs.config

    @cached_property
    def selected(self) -> Selected:
        """The chosen target. Raises Failed."""
        selected, problems = self.config.select(self.target, self.variables, self.environ)
        stop_on_errors(problems)
        assert selected is not None
        return selected

    @property
    def backend(self) -> Backend:
        return registry.backends()[self.selected.backend]

    @property
    def stack(self) -> Stack:
        """The stack, with the wires for what its server is known to be."""
        return Stack(
            name=self.config.stack,
            target=self.selected.name,
            backend=self.selected.backend,
            kinds=registry.kinds(),
            wires=self.backend.wires(self.selected.options, self._server),
            sensitive=Sensitive(self.selected.sensitive),
        )

    @cached_property
    def desired(self) -> Mapping[Address, Desired]:
        """What the manifests declare, checked as far as that goes without the server. Raises Failed."""
        return self.declared_by(self.inputs.parsed)

    def declared_by(self, parsed: Sequence[Parsed]) -> Mapping[Address, Desired]:
        """What these manifests declare. Raises Failed."""
        documents = [document for document, _ in parsed if document]
        problems = [one for _, wrong in parsed for one in wrong]
        desired, more = resolve(
            documents, self.stack.kinds, self.selected.scope, self.config.defaults, self.selected.sensitive
        )
        if len(documents) < len(parsed):  # what could not be read may declare what others refer to
            more = [one for one in more if one.code != "unknown-reference" or one.hint.startswith("did you mean")]
        desired = canonical(desired, self.stack.wires)
        stop_on_errors([*problems, *more, *self._unfit(desired)])
        return desired

    @property
    def _server(self) -> Server:
        """What the server is taken to be."""
        return Server()

    def _unfit(self, desired: Mapping[Address, Desired]) -> list[Diagnostic]:
        stack, lacks = self.stack, self._server.lacks
        return check_limits(desired, stack.kinds, stack.wires, stack.backend, lacks)
