"""The graph of a plan as an inline SVG picture, without a size of its own, a colour or a script."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.address import Address
from reconciler.core.plan import SYMBOLS
from reconciler.report.graph import Graph, label, name
from reconciler.report.layout import columns, rows
from reconciler.report.markup import Markup, classed, element

MOST = 300
"""Nodes of a picture that a person can still read."""
WIDEST = 34
"""Characters of an address in a picture; all of it is in the node's title."""
CHAR, HEIGHT, PITCH, GAP, EDGE = 7.3, 26, 36, 72, 8
"""Sizes in pixels: of a character, a box, from box to box downwards, between columns, around all."""


def picture(graph: Graph, links: Mapping[Address, str], title: str) -> Markup:
    """The graph as SVG; a node leads to its link."""
    placed = columns(graph)
    row = rows(graph, placed)
    widths = [max(_width(node) for node in column) for column in placed]
    lefts = {node: EDGE + sum(widths[:at]) + GAP * at for at, column in enumerate(placed) for node in column}
    width = round(2 * EDGE + sum(widths) + GAP * max(0, len(widths) - 1))
    height = round(2 * EDGE + HEIGHT + PITCH * max(row.values(), default=0))
    places = {node: (lefts[node], EDGE + PITCH * row[node]) for node in graph.nodes}
    edges = [_edge(places[first], _width(first), places[then]) for first, then in graph.edges]
    nodes = [_node(graph, node, places[node], links[node]) for node in graph.nodes]
    size = {"viewBox": f"0 0 {width} {height}", "width": str(width), "height": str(height)}
    return element("svg", {**size, "role": "group", "aria-label": title}, _ARROW, *edges, *nodes)


_ARROW = element(
    "defs",
    {},
    element(
        "marker",
        {"id": "arrow", "viewBox": "0 0 8 8", "refX": "8", "refY": "4", "markerWidth": "8", "markerHeight": "8"}
        | {"orient": "auto"},
        element("path", {"d": "M0 0 8 4 0 8z", "class": "tip"}),
    ),
)


def _node(graph: Graph, node: Address, place: tuple[float, float], link: str) -> Markup:
    left, top = place
    action = graph.nodes[node]
    box = {"x": f"{left:.0f}", "y": f"{top:.0f}", "width": f"{_width(node):.0f}", "height": str(HEIGHT), "rx": "6"}
    at = {"x": f"{left + 10:.0f}", "y": f"{top + 17.5:.1f}"}
    words = element("text", at, classed("tspan", "sign", SYMBOLS[action]), f" {_short(node)}")
    inner = (element("title", {}, label(node, action)), element("rect", box), words)
    return element("a", {"href": link, "class": f"node c-{action}"}, *inner)


def _edge(first: tuple[float, float], width: float, then: tuple[float, float]) -> Markup:
    left, top = first[0] + width, first[1] + HEIGHT / 2
    right, bottom = then[0], then[1] + HEIGHT / 2
    bend = max(GAP / 2, (right - left) / 2)
    curve = (
        f"M{left:.0f} {top:.1f}C{left + bend:.0f} {top:.1f} {right - bend:.0f} {bottom:.1f} {right:.0f} {bottom:.1f}"
    )
    return element("path", {"d": curve, "class": "edge", "marker-end": "url(#arrow)"})


def _short(node: Address) -> str:
    """An address with its middle left out, where it is long: beginnings and endings tell resources apart."""
    text = name(node)
    return text if len(text) <= WIDEST else f"{text[: WIDEST // 2]}…{text[-(WIDEST // 2) :]}"


def _width(node: Address) -> float:
    wide = sum(1.7 if ord(char) > 0x2E7F else 1 for char in _short(node))  # noqa: PLR2004 - from here on: CJK, emoji
    return 20 + CHAR * (wide + 4)
