"""A value and where it is written: from a path within it to a place in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from reconciler.core.diagnostics import Span

Part: TypeAlias = str | int
"""One part of a path in a document: a key of a map or an index of a list."""

Written: TypeAlias = "int | Places"
"""Where a value is written: a packed place, and with it those of its entries if it has any."""

_BASE = 1 << 32


def place_of(event: Any) -> int:
    """Where an event of the parser stands, as one number, since a large stack has millions: line, column and width.

    Lines and columns are counted from 0. A width of 0 is found out when asked for.
    """
    start, end = event.start_mark, event.end_mark
    line, column = start.line, start.column
    place: int = (line * _BASE + column) * _BASE + (end.column - column if end.line == line else 0)
    return place


START = 1
"""The first character of a file: line 0, column 0, a width of 1."""


class Places(NamedTuple):
    """The places of a map or a list: its own, and for each entry (by key or index) the key's and the value's."""

    place: int
    entries: dict[Part, tuple[int, Written]]


class Source:
    """A file's name and text; its lines are cut when one is first asked for."""

    __slots__ = ("_lines", "file", "text")

    def __init__(self, file: str = "", text: str = "") -> None:
        self.file = file
        self.text = text
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        if self._lines is None:
            self._lines = self.text.splitlines()  # at what YAML 1.1 counts as line breaks; the others it forbids
        return self._lines[number - 1] if number <= len(self._lines) else ""

    def span(self, place: int) -> Span:
        start, width = divmod(place, _BASE)
        line, column = divmod(start, _BASE)
        if not width:  # nothing is written there, or it goes on in the next line
            width = len(self.line(line + 1)[column:].rstrip())
        return Span(self.file, line + 1, column + 1, max(width, 1))


@dataclass(frozen=True, slots=True)
class Document:
    """A value of maps, lists, texts and None, with the place of each part: a file, or what `sub` cut out of one.

    Paths are relative to `value`, which nobody changes (an anchored part is one object, wherever aliases stand for it).
    `fallback` answers for what is not written here (a stack's defaults). Documents are equal if their values are.
    """

    value: Any
    source: Source = field(default_factory=Source, repr=False, compare=False)
    key: int = field(default=START, repr=False, compare=False)
    places: Written = field(default=START, repr=False, compare=False)
    fallback: Document | None = field(default=None, repr=False, compare=False)

    @property
    def file(self) -> str:
        return self.source.file

    def at(self, path: tuple[Part, ...] = ()) -> Span:
        """Where the key (in a list: the item) of the closest written ancestor of `path` stands; `()` is its own."""
        source, (key, _) = self._closest(path)
        return source.span(key)

    def value_at(self, path: tuple[Part, ...] = ()) -> Span:
        """Where the value of the closest written ancestor of `path` begins."""
        source, (_, written) = self._closest(path)
        return source.span(written.place if isinstance(written, Places) else written)

    def has(self, path: tuple[Part, ...]) -> bool:
        """Whether `path` is written here (the fallback does not count)."""
        return self._walk(path)[0] == len(path)

    def sub(self, path: tuple[Part, ...]) -> Document:
        """The part at `path`. Raises KeyError where it is not written."""
        depth, found = self._walk(path)
        if depth < len(path):
            raise KeyError(path)
        value = self.value
        for part in path:
            value = value[part]
        return Document(value, self.source, *found)

    def places_in(self, path: tuple[Part, ...]) -> list[int]:
        """The packed places of the key at `path`, of its value, and of all keys and texts within."""
        key, written = self._walk(path)[1]
        found, waiting = [key], [written]
        while waiting:
            one = waiting.pop()
            found.append(one.place if isinstance(one, Places) else one)
            for inner_key, inner in one.entries.values() if isinstance(one, Places) else ():
                found.append(inner_key)
                waiting.append(inner)
        return found

    def text_at(self, span: Span) -> str:
        """What stands in the file at `span`."""
        return self.source.line(span.line)[span.col - 1 : span.col - 1 + span.width]

    def behind(self, fallback: Document | None) -> Document:
        """This document with `fallback` answering for what is not written in it."""
        return self if fallback is self.fallback else replace(self, fallback=fallback)

    def holding(self, value: Any) -> Document:
        """The same places with another value (of the same shape: after interpolation)."""
        return self if value is self.value else replace(self, value=value)

    def renamed(self, parent: tuple[Part, ...], names: Mapping[Part, Part]) -> Document:
        """With other names for the places of the entries at `parent` (interpolated keys, the items of a keyed list)."""
        if not self.has(parent):
            return self
        return replace(self, places=_renamed(self.places, parent, names))

    def _closest(self, path: tuple[Part, ...]) -> tuple[Source, tuple[int, Written]]:
        document = self
        if self.fallback is not None and not self.has(path[:2]) and self.fallback.has(path[:2]):
            document = self.fallback
        return document.source, document._walk(path)[1]  # noqa: SLF001 - its own kind

    def _walk(self, path: tuple[Part, ...]) -> tuple[int, tuple[int, Written]]:
        """How many parts of `path` are written, and where the last of them is."""
        found: tuple[int, Written] = (self.key, self.places)
        for depth, part in enumerate(path):
            entry = found[1].entries.get(part) if isinstance(found[1], Places) else None
            if entry is None:
                return depth, found
            found = entry
        return len(path), found


def _renamed(written: Written, parent: tuple[Part, ...], names: Mapping[Part, Part]) -> Written:
    if not isinstance(written, Places):
        return written
    if not parent:
        return Places(written.place, {names.get(part, part): entry for part, entry in written.entries.items()})
    key, inner = written.entries[parent[0]]
    return Places(written.place, written.entries | {parent[0]: (key, _renamed(inner, parent[1:], names))})
