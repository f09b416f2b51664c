"""Finds the kinds and the backends: the modules of `kinds/` and `backends/`, and installed plug-ins by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.wire import Backend


@cache
def kinds() -> Mapping[str, Kind]:
    """All kinds by name. A plug-in names its `Kind` as an entry point of the group `reconciler.kinds`."""
    return {kind.name: kind for kind in _found("kinds", "KIND")}


@cache
def backends() -> Mapping[str, Backend]:
    """All backends by name. A plug-in names its `Backend` as an entry point of the group `reconciler.backends`."""
    return {backend.name: backend for backend in _found("backends", "BACKEND")}


def _found(package: str, attribute: str) -> list[Any]:
    home = import_module(f"reconciler.{package}")
    modules = (import_module(f"{home.__name__}.{module.name}") for module in iter_modules(home.__path__))
    own = [getattr(module, attribute) for module in modules if hasattr(module, attribute)]
    plugged = [point.load() for point in entry_points(group=f"reconciler.{package}")]
    return sorted([*own, *plugged], key=lambda item: str(item.name))
