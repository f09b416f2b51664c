"""Where the nodes of a graph stand: each in a column behind all that it needs, near to what it is joined with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from reconciler.core.address import Address
from reconciler.core.order import order
from reconciler.report.graph import Graph

Joined: TypeAlias = dict[Address, list[Address]]
SWEEPS = 4
"""How often the columns are sorted by their neighbours, to and fro."""


def direct(graph: Graph) -> Graph:
    """The graph without the edges that follow from others."""
    before, _ = _joined(graph)
    sequence, _ = order(before)
    above: dict[Address, set[Address]] = {}
    needs: dict[Address, tuple[Address, ...]] = {}
    for node in sequence:
        far = {one for near in before[node] for one in above.get(near, ())}
        above[node] = far | set(before[node])
        needs[node] = tuple(one for one in before[node] if one not in far)
    return Graph(graph.nodes, needs)


def columns(graph: Graph) -> list[list[Address]]:
    """The nodes by column, those of a column from the top down. What needs itself in a circle stands somewhere."""
    before, after = _joined(graph)
    sequence, _ = order(before)
    depths: dict[Address, int] = {}
    for node in sequence:
        depths[node] = 1 + max((depths[one] for one in before[node] if one in depths), default=-1)
    found: list[list[Address]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for node in sequence:
        found[depths[node]].append(node)
    for _ in range(SWEEPS):
        _sweep(found, before)
        _sweep(found[::-1], after)
    return found


def rows(graph: Graph, placed: Sequence[Sequence[Address]]) -> dict[Address, float]:
    """How far down each node stands, 1 or more below the one above it. The longest column is placed first."""
    if not placed:
        return {}
    before, after = _joined(graph)
    widest = max(range(len(placed)), key=lambda at: len(placed[at]))
    found: dict[Address, float] = {node: float(at) for at, node in enumerate(placed[widest])}
    for at in [*range(widest + 1, len(placed)), *range(widest - 1, -1, -1)]:
        wished = {node: _mean([*before[node], *after[node]], found) for node in placed[at]}
        lowest = -1.0
        for node in sorted(placed[at], key=lambda one: wished[one]):
            lowest = max(wished[node], lowest + 1)
            found[node] = lowest
    top = min(found.values())
    return {node: row - top for node, row in found.items()}


def _joined(graph: Graph) -> tuple[Joined, Joined]:
    """What stands before each node, and what behind it."""
    before: Joined = {node: [] for node in graph.nodes}
    after: Joined = {node: [] for node in graph.nodes}
    for first, then in graph.edges:
        before[then].append(first)
        after[first].append(then)
    return before, after


def _sweep(placed: Sequence[list[Address]], neighbours: Joined) -> None:
    """Sort each column by where its neighbours in the columns that were sorted before stand."""
    found: dict[Address, float] = {}
    for column in placed:
        here = {node: float(at) for at, node in enumerate(column)}
        column.sort(key=lambda node: _mean(neighbours[node], found, here[node]))
        size = max(1, len(column) - 1)
        found |= {node: at / size for at, node in enumerate(column)}


def _mean(nodes: Sequence[Address], placed: Mapping[Address, float], default: float = 0.0) -> float:
    known = [placed[node] for node in nodes if node in placed]
    return sum(known) / len(known) if known else default
