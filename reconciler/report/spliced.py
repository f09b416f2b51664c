"""From the text of a manifest and edits of its maps to the new text: to the character as it was in all other places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from reconciler.core.nodes import BREAK, Item, Node, line_start
from reconciler.core.sheet import Edit, Said
from reconciler.report.manifest import quoted, scalar

_STEP = "  "
_BLANKS = " \t\r\n"
_BLANK_LINES = re.compile(r"(?:[ \t]*(?:\r\n|\n|\r))*")
_COMMENT = re.compile(r"[ \t]+#[^\r\n]*")


class _Splice(NamedTuple):
    """`text` stands in place of what is between `begin` and `end`."""

    begin: int
    end: int
    text: str


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """`text` after the edits."""
    maps: dict[int, list[Edit]] = {}
    for edit in edits:
        maps.setdefault(id(edit.holder), []).append(edit)
    found = [one for mine in maps.values() for one in _Map(text, mine).splices()]
    for one in sorted(found, reverse=True):
        text = text[: one.begin] + one.text + text[one.end :]
    return text


class _Map:
    """The edits of one map."""

    def __init__(self, text: str, edits: Sequence[Edit]) -> None:
        self._text = text
        self._map = edits[0].holder
        self._edits = edits
        self._gone = {edit.index for edit in edits if edit.value is None}
        self._kept = [index for index in range(len(self._map.items)) if index not in self._gone]
        self._newline = found[0] if (found := BREAK.search(text)) else "\n"

    def splices(self) -> Iterator[_Splice]:
        new: dict[int, dict[str, Said]] = {}
        for edit in self._edits:
            if edit.key:
                last = max((kept for kept in self._kept if kept < edit.index), default=-1)
                new.setdefault(last + 1 if self._map.flow else edit.index, {})[edit.key] = edit.value
            elif edit.value is None:
                yield self.cut(edit.index) if self._map.flow else self.cut_lines(edit.index)
            else:
                yield self.changed(self._map.items[edit.index], edit.value)
        for index, items in new.items():
            yield self.put(index, items) if self._map.flow else self.put_lines(index, items)

    def changed(self, item: Item, value: Said) -> _Splice:
        """Another value in the style of the one before, and a comment stays behind it."""
        node = item.value
        old = self._text[node.start : node.end].rstrip(_BLANKS)
        comment = _COMMENT.search(BREAK.split(old)[0]) if node.literal else None
        ends = BREAK.search(self._text, node.start + len(old))  # else a text below `|` would have no last line break
        alone = ends and not (self._map.flow or comment or _COMMENT.match(self._text, node.end))
        said = self.said(value, old[:1], " " * self.column(item.start) if alone else None)
        return _Splice(node.start, node.start + len(old), said + (comment[0] if comment else ""))

    def cut(self, index: int) -> _Splice:
        items = self._map.items
        if any(kept < index for kept in self._kept):
            return _Splice(items[index - 1].value.end, items[index].value.end, "")
        after = items[index + 1].start if index + 1 < len(items) else items[index].value.end
        return _Splice(items[index].start, after, "")

    def cut_lines(self, index: int) -> _Splice:
        """Without the lines of an item; one that begins behind something in its line goes up to the next one."""
        items = self._map.items
        begin, end = self.line(items[index].start), self.end(items[index])
        if not self._text[begin : items[index].start].strip(_BLANKS):
            above = [items[kept] for kept in self._kept if kept < index]
            if above and self.counts(_last(above[-1])):  # blank lines would become part of it
                end += len(found[0]) if (found := _BLANK_LINES.match(self._text, end)) else 0
            return _Splice(begin, end, "")
        return _Splice(items[index].start, items[index + 1].start if index + 1 < len(items) else end, "")

    def put(self, index: int, items: dict[str, Said]) -> _Splice:
        said = ", ".join(f"{self.key(key)}: {self.said(value, '', None)}" for key, value in items.items())
        before = [kept for kept in self._kept if kept < index]
        after = [kept for kept in self._kept if kept >= index]
        if before:
            place = self._map.items[before[-1]].value.end
            return _Splice(place, place, f", {said}")
        place = self._map.items[after[0]].start if after else self._map.inner
        return _Splice(place, place, f"{said}, " if after else said)

    def put_lines(self, index: int, items: dict[str, Said]) -> _Splice:
        if self._map.empty:
            indent, place = _STEP + self.indent(self._map.start), self.behind(self._map.end)
        else:
            indent = " " * self.column(self._map.items[0].start)
            first = self._map.items[0]
            if not index and self._text[self.line(first.start) : first.start].strip(_BLANKS):
                index = 1  # the map begins behind a `:` or `-` in its line
            place = self.end(self._map.items[index - 1]) if index else self.top()
        rows = [row for key, value in items.items() for row in self.rows(key, value, indent)]
        open_end = place == len(self._text) and not self._text.endswith(("\n", "\r"))
        said = self._newline.join(["", *rows] if open_end else [*rows, ""])
        if open_end and "\n" in rows[-1]:  # a text below `|` has its last line break
            said += self._newline
        return _Splice(place, place, said)

    def rows(self, key: str, value: Said, indent: str) -> list[str]:
        if isinstance(value, dict):
            inner = [row for name, one in value.items() for row in self.rows(name, one, indent + _STEP)]
            return [f"{indent}{self.key(key)}:", *inner]
        return [f"{indent}{self.key(key)}: {self.said(value, '', indent)}"]

    def said(self, value: Said, quote: str, indent: str | None) -> str:
        """A value; without an `indent` on one line, which may stand in braces."""
        if not isinstance(value, str):
            return (
                "{" + ", ".join(f"{self.key(k)}: {self.said(one, '', None)}" for k, one in (value or {}).items()) + "}"
            )
        if quote == "'" and value.isprintable():
            return "'" + value.replace("${", "$${").replace("'", "''") + "'"
        text = scalar(value, indent or "")
        if quote == '"' or (indent is None and ("\n" in text or "," in text)):
            return quoted(value)
        return text.replace("\n", self._newline)

    def key(self, text: str) -> str:
        return quoted(text) if "\n" in text or "," in text else scalar(text)

    def end(self, item: Item) -> int:
        """Where the line behind an item begins."""
        node = _last(item)
        if not node.literal:
            return self.behind(node.end)
        written = self._text[node.start : node.end].rstrip(_BLANKS)
        return node.end if self.counts(node) else self.behind(node.start + len(written))

    def counts(self, node: Node) -> bool:
        """Whether the blank lines behind a text are part of it."""
        return node.literal and "+" in BREAK.split(self._text[node.start : node.end])[0]

    def top(self) -> int:
        """Where the line behind that of the map's key begins, above the comments of its first item."""
        place = self.line(self._map.items[0].start)
        while place:
            above = self.line(place - (2 if self._text.startswith("\r\n", place - 2) else 1))
            row = self._text[above:place].strip(_BLANKS)
            if row and not row.startswith("#"):
                break
            place = above
        return place

    def behind(self, position: int) -> int:
        """Where the next line begins."""
        found = BREAK.search(self._text, position)
        return found.end() if found else len(self._text)

    def line(self, position: int) -> int:
        """Where the line begins."""
        return line_start(self._text, position)

    def column(self, position: int) -> int:
        return position - self.line(position)

    def indent(self, position: int) -> str:
        """The blanks at the start of a line."""
        row = self._text[self.line(position) : position]
        return row[: len(row) - len(row.lstrip(" "))]


def _last(item: Item) -> Node:
    """The last thing that is written of an item."""
    node = item.value
    while node.block:
        node = node.items[-1].value
    return node
