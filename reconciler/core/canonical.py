"""From what is declared to the form in which its server holds it, so that equal things are equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.change import Secret
from reconciler.core.interpolate import Broken
from reconciler.core.resource import Desired
from reconciler.core.wire import Wire

_AS_WRITTEN = (Secret, Broken)


def canonical(desired: Mapping[Address, Desired], wires: Mapping[str, Wire]) -> dict[Address, Desired]:
    """`desired` with each value as its wire has it; a secret stays as it is written, since no plan shows its text."""
    return {address: _entry(entry, wires.get(address.kind)) for address, entry in desired.items()}


def _entry(entry: Desired, wire: Wire | None) -> Desired:
    if wire is None:
        return entry
    fields = entry.fields.items()
    found = {path: value if isinstance(value, _AS_WRITTEN) else wire.canonical(path, value) for path, value in fields}
    return entry if found == entry.fields else replace(entry, fields=found)
