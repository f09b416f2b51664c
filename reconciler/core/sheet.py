"""From the text of a manifest to what is written where: the node at a place, and the body of an entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from reconciler.core.address import Address
from reconciler.core.diagnostics import Span
from reconciler.core.nodes import Item, Node, compose

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML 1.1 counts as a line break."""


class Slot(NamedTuple):
    """Where an item stands: in which map or list, and which one it is."""

    holder: Node
    number: int

    @property
    def item(self) -> Item:
        return self.holder.items[self.number]


Said: TypeAlias = "str | dict[str, str] | None"
"""What a manifest is to say; None for nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One change of a map: its item at `index` gets `value`, or goes; with a `key` there is a new item before that one.

    A `holder` that is empty stands for the map that an entry without a body gets.
    """

    holder: Node
    index: int
    value: Said
    key: str = ""


class Sheet:
    """One manifest. Raises nothing: what is not written has no slot."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _BREAK.finditer(text))]
        self._root = compose(text)
        self._slots = dict(self._every())

    def at(self, span: Span) -> Slot | None:
        """The item whose value begins at `span`."""
        return self._slots.get(self._starts[span.line - 1] + span.col - 1)

    def of(self, node: Node) -> Slot | None:
        """The item whose value is `node`; None for the whole document."""
        return self._slots.get(node.start)

    def entry(self, address: Address) -> Slot | None:
        """The item of an entry, all of whose resources it makes."""
        section = named(self._root, address.kind)
        return named(section.item.value, address.name.partition("[")[0]) if section else None

    def _every(self) -> Iterator[tuple[int, Slot]]:
        waiting = [self._root] if self._root else []
        while waiting:
            node = waiting.pop()
            for index, item in enumerate(node.items):
                yield item.value.start, Slot(node, index)
                waiting.append(item.value)


def named(node: Node | None, key: str) -> Slot | None:
    """The item of a map that has the key `key`, not by way of a merge or an alias."""
    items = node.items if node and node.form == "map" else []
    return next(
        (Slot(node, index) for index, item in enumerate(items) if node and item.key and item.key.text == key), None
    )
