"""From the text of a YAML file without errors to its nodes: where each begins and ends in it, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from yaml import events

from reconciler.core.source import PARSER

BREAK = re.compile(r"\r\n|\n|\r")
"""What ends a line to an editor."""
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
"""What may stand between two nodes: white space and comments."""


@dataclass(slots=True)
class Item:
    """One entry of a map or a list: from its key (its `-`, its `?`) on."""

    start: int
    key: Node | None
    value: Node

    @property
    def explicit(self) -> bool:
        """Whether a `?` stands before its key."""
        return self.key is not None and self.key.start != self.start

    def walk(self) -> Iterator[Node]:
        """All nodes of it."""
        for item in (self, *self.value.inside()):
            yield from (node for node in (item.key, item.value) if node)


@dataclass(slots=True)
class Node:
    """A part of a file; positions count characters.

    Attributes:
        start: where it begins, with its anchor and tag; `inner`: where the first item begins.
        end: behind its last character, or its last item's.
        flow: in brackets or braces.
        literal: a text in lines of its own, below `|` or `>`.
        text: a scalar's text, or an alias's name.
    """

    form: Literal["scalar", "alias", "map", "list"]
    start: int
    end: int
    inner: int
    anchor: str = ""
    text: str = ""
    flow: bool = False
    literal: bool = False
    items: list[Item] = field(default_factory=list)

    @property
    def block(self) -> bool:
        """Whether it is a map or a list whose items stand on lines of their own."""
        return self.form in ("map", "list") and not self.flow

    def inside(self) -> Iterator[Item]:
        """All items, and those within them."""
        waiting = [*self.items]
        while waiting:
            item = waiting.pop()
            yield item
            waiting += item.value.items

    @property
    def empty(self) -> bool:
        """Whether nothing is written."""
        return self.start == self.end


def compose(text: str) -> Node | None:
    """The root of a document in which `source.parse` finds nothing wrong; None where there is no value."""
    parser = PARSER(text)
    composer = _Composer(text)
    while (event := parser.get_event()) is not None:
        composer.take(event)
    return composer.root


def past_gap(text: str, position: int) -> int:
    """Where after `position` something begins that is neither white space nor a comment."""
    found = _GAP.match(text, position)
    return found.end() if found else position


def line_start(text: str, position: int) -> int:
    """Where the line of `position` begins."""
    row = text.rfind("\n", 0, position) + 1
    return max(row, text.rfind("\r", row, position) + 1)


class _Composer:
    """Builds the nodes from the parser's events. For each open map, `_keys` has the key whose value is to come."""

    def __init__(self, text: str) -> None:
        self.root: Node | None = None
        self._text = text
        self._open: list[Node] = []
        self._keys: list[Node | None] = []

    def take(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, events.ScalarEvent):
            literal = event.style in ("|", ">")
            self._put(Node("scalar", start, end, end, event.anchor or "", str(event.value), literal=literal))
        elif isinstance(event, events.AliasEvent):
            self._put(Node("alias", start, end, end, text=str(event.anchor)))
        elif isinstance(event, events.CollectionStartEvent):
            form: Literal["map", "list"] = "map" if isinstance(event, events.MappingStartEvent) else "list"
            behind = form == "list" and not event.flow_style and self._text[end : end + 1] != "-"
            inner = end - 1 if behind else end  # of a list that is not indented, the event is behind the first `-`
            self._open.append(Node(form, start, end, inner, event.anchor or "", flow=bool(event.flow_style)))
            self._keys.append(None)
        elif isinstance(event, events.CollectionEndEvent):
            self._keys.pop()
            done = self._open.pop()
            done.end = end if done.flow else done.items[-1].value.end
            self._put(done)

    def _put(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        top, key = self._open[-1], self._keys[-1]
        if top.form == "map" and key is None:
            self._keys[-1] = node
            return
        self._keys[-1] = None
        top.items.append(Item(self._start(top, key or node), key, node))

    def _start(self, top: Node, first: Node) -> int:
        """Where an item begins whose first node is `first`: a `-` or a `?` may stand before it."""
        if top.flow:
            return first.start
        return past_gap(self._text, top.items[-1].value.end) if top.items else top.inner
