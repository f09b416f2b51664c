"""The order of a plan's steps: what is needed comes first, all else by address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush

from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, error


def order(needs: Mapping[Address, Iterable[Address]]) -> tuple[list[Address], list[Diagnostic]]:
    """The addresses so that each stands behind what it needs, the smallest first among those that are free.

    A cycle is a finding that names each of its edges.
    """
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as cycle:
        return sorted(needs), [_cycle(cycle.args[1])]
    ready = list(sorter.get_ready())
    heapify(ready)
    done: list[Address] = []
    while ready:
        address = heappop(ready)
        done.append(address)
        sorter.done(address)
        for freed in sorter.get_ready():
            heappush(ready, freed)
    return done, []


def _cycle(path: list[Address]) -> Diagnostic:
    """The finding. graphlib lists a cycle from the needed to the one that needs it, the first again at the end."""
    names = list(reversed(path))
    edges = ", which needs ".join(str(address) for address in names)
    return error(
        "cycle",
        f"cycle detected: {edges}",
        hint="two names that change places take two applies: rename one of them to something else first",
    )
