"""What the manifests of a folder name, for completion: targets, variables, addresses, fields. Fast, and never an error.

What cannot be read is passed over, no value is checked, and nothing is loaded that takes long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.core import entries
from reconciler.core.interpolate import EVERYTHING, Scope, interpolate
from reconciler.core.room import Room
from reconciler.core.source import parse
from reconciler.core.written import Document
from reconciler.runtime.files import Folder, read

DIRECTIVES = frozenset(("existing", "id", "on_remove", "prevent_destroy"))
"""What an entry tells the reconciler: no fields."""


@dataclass
class Names:
    """The names in the stack at `folder`, on one of its targets ('': the default one)."""

    folder: Path
    target: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def targets(self) -> dict[str, str]:
        """The targets, each with its backend."""
        found = _map(self._config.value, "targets")
        return {name: str(body.get("backend", "mlflow")) for name, body in found.items() if isinstance(body, dict)}

    @property
    def variables(self) -> dict[str, str]:
        """The variables, each with its description."""
        found = _map(self._config.value, "variables")
        return {name: str(_map(found, name).get("description", "")) for name in found}

    @property
    def addresses(self) -> list[str]:
        return [str(entry.address) for entry in self._entries.found]

    def fields(self, address: str) -> list[str]:
        """The fields that the entry at `address` declares, and those that it has from the defaults."""
        bodies = [entry.document.value for entry in self._entries.found if str(entry.address) == address]
        return sorted({name for body in bodies for name in self._fields_of(body if isinstance(body, dict) else {})})

    def _fields_of(self, body: Mapping[str, Any]) -> Iterator[str]:
        existing = str(body.get("existing", "")).lower() == "true"
        if not existing:
            yield "name"
            yield from (f"tags.{key}" for key in _map(_map(self._config.value, "defaults"), "tags"))
        for name, value in body.items():
            if name in DIRECTIVES or (existing and name == "name"):
                continue
            if isinstance(value, dict):
                yield from (f"{name}.{key}" for key in value)
            elif isinstance(value, list):
                yield from (f"{name}.{one['name']}@{one['digest']}" for one in value if {"name", "digest"} <= set(one))
            else:
                yield name

    @cached_property
    def _folder(self) -> Folder:
        return read(self.folder)[0]

    @cached_property
    def _config(self) -> Document:
        document = parse(self._folder.config[1], self._folder.config[0])[0] if self._folder.config else None
        return document if document and isinstance(document.value, dict) else Document({})

    @cached_property
    def _entries(self) -> entries.Entries:
        parsed = [parse(text, name)[0] for name, text in self._folder.manifests.items()]
        documents = [document for document in parsed if document]
        kinds = {name for document in documents if isinstance(document.value, dict) for name in document.value}
        return entries.read(documents, kinds, self._scope, EVERYTHING, Room())

    @property
    def _scope(self) -> Scope:
        """What expressions can name, as in `Config`."""
        name, stack = self.target or self._default, str(self._config.value.get("stack", ""))
        long = {
            key: body if isinstance(body, str) else _map({key: body}, key).get("default")
            for key, body in _map(self._config.value, "variables").items()
        }
        path = ("targets", name, "variables")
        own: Mapping[str, str] = {}
        if self._config.has(path):
            own = interpolate(self._config.sub(path), Scope({}, self.environ, name, stack), EVERYTHING)[0].value or {}
        return Scope({**long, **own, **self.overrides}, self.environ, name, stack)

    @property
    def _default(self) -> str:
        targets = _map(self._config.value, "targets")
        chosen = [name for name in targets if str(_map(targets, name).get("default", "")).lower() == "true"]
        return next(iter([*chosen, *targets]), "")


def _map(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The map at `name`; an empty one for anything else."""
    found = holder.get(name)
    return found if isinstance(found, dict) else {}
