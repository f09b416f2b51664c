"""Holds what is declared against what the backend can hold, with the place of each value that it cannot."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.resource import Desired
from reconciler.core.wire import Wire
from reconciler.core.words import dotted


def check(desired: Mapping[Address, Desired], wires: Mapping[str, Wire], backend: str) -> list[Diagnostic]:
    """What `backend` cannot hold of `desired`."""
    found = []
    for address, entry in sorted(desired.items()):
        if wire := wires.get(address.kind):
            problems = (wire.check(path, value) for path, value in sorted(entry.fields.items()))
            found += [
                error(no.code, f"{address}: {dotted(no.path)} {no.why}", entry.at(no.path), no.hint)
                for no in problems
                if no
            ]
        else:
            found.append(error("unsupported", f"{address}: the backend '{backend}' has no {address.kind}", entry.at()))
    return found
