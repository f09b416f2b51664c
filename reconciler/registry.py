"""Finds the kinds and the backends: the modules of `kinds/` and `backends/`, and installed plug-ins by entry point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import ModuleInfo, iter_modules
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.wire import Backend


@cache
def kinds() -> Mapping[str, Kind]:
    """All kinds by name. A plug-in names its `Kind` as an entry point of the group `reconciler.kinds`."""
    modules = (_module("kinds", module.name) for module in _own("kinds"))
    found: list[Kind] = [module.KIND for module in modules if hasattr(module, "KIND")]
    return {kind.name: kind for kind in sorted([*found, *_plugged("kinds")], key=lambda kind: kind.name)}


@cache
def backends() -> Mapping[str, Backend]:
    """All backends by name. A plug-in names its `Backend` as an entry point of the group `reconciler.backends`."""
    return _Backends()


class _Backends(Mapping[str, Backend]):
    """Each is loaded when it is asked for, so that a target pays for its own only."""

    def __init__(self) -> None:
        self._own = [module.name for module in _own("backends") if module.ispkg]

    @cached_property
    def _plugged(self) -> dict[str, Backend]:
        return {backend.name: backend for backend in _plugged("backends")}

    def __getitem__(self, name: str) -> Backend:
        if name in self._own:
            found: Backend = _module("backends", name).BACKEND
            return found
        return self._plugged[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._own, *self._plugged}))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _own(package: str) -> list[ModuleInfo]:
    return list(iter_modules(import_module(f"reconciler.{package}").__path__))


def _module(package: str, name: str) -> Any:
    return import_module(f"reconciler.{package}.{name}")


def _plugged(package: str) -> list[Any]:
    return [point.load() for point in entry_points(group=f"reconciler.{package}")]
