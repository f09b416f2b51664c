"""The order of a plan's steps: what is needed comes first, all else by address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush

from reconciler.core.address import Address


def order(needs: Mapping[Address, Iterable[Address]]) -> tuple[list[Address], list[Address]]:
    """The addresses so that each stands behind what it needs, the smallest first among those that are free.

    Where some need each other there is a cycle instead, from one that needs the next to the first again.
    """
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as cycle:
        return sorted(needs), list(reversed(cycle.args[1]))  # graphlib goes from the needed to what needs it
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
