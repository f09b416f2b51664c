"""What needs what, of the desired state or of a plan, as Mermaid or DOT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.kind import Kind
from reconciler.core.needs import references
from reconciler.core.plan import SYMBOLS, Plan
from reconciler.core.resource import Desired
from reconciler.report.lines import safe

LONGEST = 100
"""Characters of an address that are shown."""
COLORS: Mapping[Action, tuple[str, str]] = {
    Action.create: ("#e2f4e6", "#1a7f37"),
    Action.update: ("#fff4d1", "#8a6100"),
    Action.delete: ("#ffe9e7", "#c4232a"),
    Action.replace: ("#f7e8fb", "#8a3ba5"),
    Action.restore: ("#ddf4f7", "#0f6c7a"),
    Action.adopt: ("#e4efff", "#1f5fbf"),
    Action.noop: ("#f4f5f7", "#59636e"),
}
"""The fill and the line of each action; its symbol and its word stand beside them."""
INK = "#1f2328"
_PLAIN = frozenset(" ._/+~,=()[]")


@dataclass(frozen=True, slots=True)
class Graph:
    """Resources with what happens to them (`noop` where that is not asked), and for each what comes before it."""

    nodes: Mapping[Address, Action]
    needs: Mapping[Address, tuple[Address, ...]]

    @property
    def edges(self) -> list[tuple[Address, Address]]:
        """Pairs of what is needed and what needs it, both of them nodes."""
        return [(one, node) for node in self.nodes for one in self.needs.get(node, ()) if one in self.nodes]


def of_plan(plan: Plan) -> Graph:
    """The steps of a plan; an edge leads from what is done first to what needs it."""
    return Graph({step.address: step.action for step in plan.steps}, {step.address: step.needs for step in plan.steps})


def of_desired(desired: Mapping[Address, Desired], kinds: Mapping[str, Kind]) -> Graph:
    """What is declared; an edge leads from what is named to what names it."""
    needs = {address: tuple(references(entry, kinds[address.kind])) for address, entry in sorted(desired.items())}
    return Graph(dict.fromkeys(needs, Action.noop), needs)


def label(address: Address, action: Action) -> str:
    """What stands in a node, on one line: the address, and behind it what happens."""
    return f"{name(address)} ({SYMBOLS[action]} {action})" if action else name(address)


def name(address: Address) -> str:
    text = safe(str(address)).replace("\t", r"\t")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def mermaid(graph: Graph) -> str:
    """A flowchart."""
    ids = {address: f"n{number}" for number, address in enumerate(graph.nodes)}
    used = sorted({action for action in graph.nodes.values() if action})
    lines = [f'{ids[node]}["{_entities(label(node, action))}"]' for node, action in graph.nodes.items()]
    lines += [f"{ids[first]} --> {ids[then]}" for first, then in graph.edges]
    lines += [f"classDef {one} fill:{COLORS[one][0]},stroke:{COLORS[one][1]},color:{INK}" for one in used]
    for one in used:
        members = ",".join(ids[node] for node, action in graph.nodes.items() if action is one)
        lines.append(f"class {members} {one}")
    return "".join(["flowchart LR\n", *(f"  {line}\n" for line in lines)])


def dot(graph: Graph) -> str:
    """A directed graph of Graphviz."""
    ids = {address: f"n{number}" for number, address in enumerate(graph.nodes)}
    lines = [
        "rankdir=LR",
        'node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11]',
        *(f"{ids[node]} [{_attributes(node, action)}]" for node, action in graph.nodes.items()),
        *(f"{ids[first]} -> {ids[then]}" for first, then in graph.edges),
    ]
    return "".join(["digraph reconciler {\n", *(f"  {line}\n" for line in lines), "}\n"])


def _attributes(node: Address, action: Action) -> str:
    fill, line = COLORS[action]
    return f'label={_quoted(label(node, action))}, fillcolor="{fill}", color="{line}", fontcolor="{INK}"'


def _entities(text: str) -> str:
    """`text` for a quoted label of Mermaid: all that could mean something as a character code."""
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in text)


def _quoted(text: str) -> str:
    """`text` as a quoted label of DOT, where a backslash and an ampersand begin something."""
    escaped = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
