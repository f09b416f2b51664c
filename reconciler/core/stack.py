"""Which stack it is, on which target: what plans, drifts and imports have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.kind import Kind
from reconciler.core.sensitive import Sensitive
from reconciler.core.wire import Wire


@dataclass(frozen=True, slots=True)
class Stack:
    """Which stack is planned, on which target, with which kinds and wires."""

    name: str
    target: str
    backend: str
    kinds: Mapping[str, Kind]
    wires: Mapping[str, Wire]
    sensitive: Sensitive = field(default_factory=Sensitive)
