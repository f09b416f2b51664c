"""From the text of a manifest to the same in canonical order and layout: lines move and are indented, nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.core.nodes import BREAK, Item, Node, compose, line_start, past_gap
from reconciler.core.written import Part

Order: TypeAlias = Callable[[tuple[Part, ...]], Sequence[str]]
"""From the path of a map to the keys that come first in it; the others follow as they are written."""

_STEP = "  "
_BLANKS = " \t"
_BOM = "\ufeff"
_COLON = re.compile(r":(?![^ \t\r\n])")
"""What stands before a value; `:x` is a text."""
_NO_BLANK = re.compile("[\x85\u2028\u2029\ufeff]")
"""What separates in YAML 1.1 and not to an editor, and a BOM within: a file with one stays as it is."""
_LITERAL = re.compile(r"([|>])([-+]?)([1-9]?)([-+]?)(?=[ \t]*(?:#.*)?$)")
_MODELINE = re.compile(r"#.*(yaml-language-server:|-\*-|\bvim?:|\$schema)")
"""What an editor reads at the top of a file."""


def formatted(text: str, order: Order) -> str:
    """`text`, in which `source.parse` finds nothing wrong, with the same values and comments; it then stays so."""
    body = text.lstrip(_BOM)
    root = compose(body)
    if root and not (root.form == "map" and root.block and root.start == root.inner):
        return text
    if _NO_BLANK.search(body) or (root and any(_is_odd(item, body) for item in root.inside())):
        return text
    newline = found[0] if (found := BREAK.search(body)) else "\n"
    rows = _Formatter(body, order).document(root)
    return text[: len(text) - len(body)] + "".join(row + newline for row in rows)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An item with the comments above it; rows are as they are written, lines are from its own column on."""

    key: str
    rows: Sequence[str]
    lines: Sequence[str]


class _Formatter:
    def __init__(self, text: str, order: Order) -> None:
        self._text = text
        self._order = order

    def document(self, root: Node | None) -> list[str]:
        if root is None:
            return _squeezed(BREAK.split(self._text))
        rows = BREAK.split(self._text[: root.start])[:-1]
        marker = max((number for number, row in enumerate(rows, 1) if row.startswith("---")), default=0)
        lines, rest = self.block(root, rows[marker:], len(self._text), (), -1)
        return [*_squeezed(rows[:marker], ends=True), *lines, *_squeezed(rest, begins=True)]

    def block(
        self, node: Node, rows: Sequence[str], stop: int, path: tuple[Part, ...], above: int
    ) -> tuple[list[str], Sequence[str]]:
        """The lines of a block collection, from its own column on, and the rows behind it that belong to what follows.

        `rows` stand before its first item, what follows it begins at `stop`; `above` is the column of what it is in.
        """
        column = self.column(node.inner)
        entries = []
        for number, (item, end) in enumerate(self.spans(node, stop)):
            inner = (*path, item.key.text if item.key else number)
            lines, after = self.item(item, end, inner, column)
            entries.append(_Entry(item.key.text if item.key else "", rows, lines))
            rows = after
        fixed = _fixed(entries[0].rows)
        first = _Entry(entries[0].key, entries[0].rows[fixed:], entries[0].lines)
        own = _claimed(rows, column, above)
        lines = _squeezed(entries[0].rows[:fixed], ends=True)
        for entry in self.sorted(node, [first, *entries[1:]], path):
            lines += [*_squeezed(entry.rows, begins=bool(lines) and bool(lines[-1]), ends=True), *entry.lines]
        return [*lines, *_squeezed(rows[:own], begins=True)], rows[own:]

    def spans(self, node: Node, stop: int) -> Iterator[tuple[Item, int]]:
        """Each item, and where what follows it begins."""
        ends = [item.start for item in node.items[1:]]
        return zip(node.items, [*ends, stop], strict=True)

    def sorted(self, node: Node, entries: list[_Entry], path: tuple[Part, ...]) -> list[_Entry]:
        rank = {key: number for number, key in enumerate(self._order(path))} if node.form == "map" else {}
        return sorted(entries, key=lambda one: rank.get(one.key, len(rank))) if rank and self.free(node) else entries

    def free(self, node: Node) -> bool:
        """Whether items can change places: no alias names what is anchored in another one, no text ends in blanks."""
        home: dict[str, int] = {}
        aliases: list[tuple[str, int]] = []
        for number, item in enumerate(node.items):
            for one in item.walk():
                if one.anchor and home.setdefault(one.anchor, number) != number:
                    return False
                if one.literal and self.keeps(one):
                    return False
                aliases += [(one.text, number)] if one.form == "alias" else []
        return all(home.get(name, number) == number for name, number in aliases)

    def item(self, item: Item, stop: int, path: tuple[Part, ...], column: int) -> tuple[list[str], Sequence[str]]:
        """The lines of an item, from its own column on, and the rows behind it that belong to what follows."""
        head, begin = self.head(item, column)
        if item.value.block:
            lines, rest = self.nested(item.value, begin, stop, path, column)
        else:
            lines, rest = self.plain(item.value, begin, stop, column)
        return [*head[:-1], head[-1] + lines[0], *lines[1:]], rest

    def head(self, item: Item, column: int) -> tuple[list[str], int]:
        """The lines up to the `:` or the `-`, and where what is behind it begins."""
        if item.key is None:
            return ["-"], item.start + 1
        key, colon = self.shifted(item.key, column), past_gap(self._text, item.key.end)
        if not item.explicit:
            bare = item.key.form == "alias" or not (item.key.text or key[-1].endswith(("'", '"')))  # `*x`, `!!str`
            key[-1] += " :" if bare else ":"
            return key, colon + 1
        lines = [f"? {key[0]}", *key[1:]]
        if not _COLON.match(self._text, colon):  # a key without a value
            return lines, item.key.end
        tail, *rows = self.rows(item.key.end, colon)
        lines[-1] += _tail(tail)
        return [*lines, *_squeezed(rows), ":"], colon + 1

    def nested(
        self, node: Node, begin: int, stop: int, path: tuple[Part, ...], above: int
    ) -> tuple[list[str], Sequence[str]]:
        """What stands behind the head of a block collection, the first line being the rest of the head's."""
        tail, *rows = BREAK.split(self._text[begin : node.inner])
        lines, rest = self.block(node, rows[:-1], stop, path, above)
        if rows or lines[0].startswith("#"):
            return [_tail(tail), *_indented(lines)], rest
        return [f" {lines[0]}", *_indented(lines[1:])], rest

    def plain(self, node: Node, begin: int, stop: int, column: int) -> tuple[list[str], Sequence[str]]:
        """What stands behind the head of anything else."""
        if node.empty:
            tail, *rest = self.rows(begin, stop)
            return [_tail(tail)], rest
        behind = self.rows(node.end, stop)
        if node.literal:
            value, blank = self.literal(node, column)
            behind = blank + behind
        else:
            value = self.shifted(node, column)
            value[-1] += _tail(behind.pop(0))
        tail, *rows = BREAK.split(self._text[begin : node.start])
        if rows:
            return [_tail(tail), *_indented([*_squeezed(rows[:-1]), value[0]]), *value[1:]], behind
        return [f" {value[0]}", *value[1:]], behind

    def shifted(self, node: Node, column: int) -> list[str]:
        """The lines of a node that goes on in the next lines as far to the right of its item as it is written."""
        first, *rows = BREAK.split(self._text[node.start : node.end])
        return [first, *(_shifted(row, column) for row in rows)]

    def literal(self, node: Node, column: int) -> tuple[list[str], list[str]]:
        """The lines of a text below `|` or `>`, and those behind them that are blank and no part of it."""
        every = BREAK.split(self._text[node.start : node.end])
        number, header = self.header(node)
        style, before, digit, after = header.groups()
        rows = every[number + 1 :]
        widest = max(map(len, rows), default=0)
        begin = column + int(digit) if digit else next((_column(row) for row in rows if row.strip(_BLANKS)), widest)
        content = [row[begin:] for row in rows]
        chomp = before or after
        if content and content[-1]:  # the file ends in it without a line break, and will have one
            chomp = "-"
        else:
            content = content[:-1]
        end = len(content)
        while chomp != "+" and end and not content[end - 1]:
            end -= 1
        title = f"{every[number][: header.start()]}{style}{digit}{chomp}{every[number][header.end() :]}".strip(_BLANKS)
        step = " " * int(digit or len(_STEP))
        return [*(row.strip(_BLANKS) for row in every[:number]), title, *_indented(content[:end], step)], content[end:]

    def keeps(self, node: Node) -> bool:
        """Whether a text below `|+` or `>+` ends in a line break, and so in as many as follow."""
        last = BREAK.split(self._text[node.start : node.end])[-1]
        return "+" in self.header(node)[1][0] and not last.strip(_BLANKS)

    def header(self, node: Node) -> tuple[int, re.Match[str]]:
        """The `|` or `>` of a text with what stands beside it, and how many rows behind its anchor that is."""
        rows = enumerate(BREAK.split(self._text[node.start : node.end]))
        return next((number, found) for number, row in rows if (found := _LITERAL.search(row)))

    def rows(self, begin: int, end: int) -> list[str]:
        """What stands between two nodes: the rest of a row and whole ones, without the indentation of what follows."""
        found = BREAK.split(self._text[begin:end])
        return found if end == len(self._text) else found[:-1]

    def column(self, position: int) -> int:
        return position - line_start(self._text, position)


def _is_odd(item: Item, text: str) -> bool:
    """Whether a key is written as nobody does: below a `|`, or below the comment behind its `?`."""
    key = item.key
    return bool(key and (key.literal or text[item.start + 1 : key.start].strip(f"{_BLANKS}\r\n")))


def _squeezed(rows: Iterable[str], *, begins: bool = False, ends: bool = False) -> list[str]:
    """Rows of comments without indentation, and of many blank ones in a row one.

    Those at the start stay where it `begins` behind something, those at the end where something follows.
    """
    found: list[str] = []
    for row in (row.strip(_BLANKS) for row in rows):
        if row or (found[-1] if found else begins):
            found.append(row)
    return found if ends or not found or found[-1] else found[:-1]


def _claimed(rows: Sequence[str], column: int, above: int) -> int:
    """How many of the rows behind a collection are its own: up to the last comment indented as its items are."""
    end = 0
    for number, row in enumerate(rows, 1):
        if row.strip(_BLANKS):
            if _column(row) < max(column, above + 1):
                break
            end = number
    return end


def _fixed(rows: Sequence[str]) -> int:
    """How many of the rows before a first item stay at the top, whatever becomes the first item."""
    stays = [not row.lstrip(_BLANKS).startswith("#") or bool(_MODELINE.search(row)) for row in rows]
    return max((number for number, stay in enumerate(stays, 1) if stay), default=0)


def _tail(rest: str) -> str:
    """What stands behind something in its line: a comment as far from it as it is written, all else behind a blank."""
    rest = rest.rstrip(_BLANKS)
    return rest if not rest or rest.lstrip(_BLANKS).startswith("#") else f" {rest.lstrip(_BLANKS)}"


def _shifted(row: str, column: int) -> str:
    """A row within a node, without the blanks at its end, which mean nothing but behind a backslash."""
    text = row.lstrip(_BLANKS)
    bare = text.rstrip(_BLANKS)
    return " " * max(_column(row) - column, 0) + (text if bare.endswith("\\") else bare) if bare else ""


def _column(row: str) -> int:
    return len(row) - len(row.lstrip(_BLANKS))


def _indented(lines: Iterable[str], step: str = _STEP) -> list[str]:
    return [step + line if line else "" for line in lines]
