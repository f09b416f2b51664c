"""From the text of a YAML file to a `Document`: maps, lists, texts and None, each with its place in the file.

No scalar is given a type: `on`, `0.10` and `2024-01-01` stay the text that was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.core import syntax
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.written import START, Document, Part, Places, Source, Written, place_of

__all__ = ["DEEPEST", "FACTOR", "PARSER", "ROOM", "Document", "Part", "parse"]

DEEPEST = 100
"""How deep maps and lists may nest."""

ROOM, FACTOR = 100_000, 10
"""With aliases, n written values may stand for ROOM + FACTOR * n."""

PARSER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MERGE = object()
_SPECIAL = frozenset(("<<", ""))
"""The keys that mean something else, or nothing, without quotes."""
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_YAML = "tag:yaml.org,2002:"
_TAGS = {
    ScalarEvent: _YAML + "str",
    SequenceStartEvent: _YAML + "seq",
    MappingStartEvent: _YAML + "map",
}


def parse(text: str, file: str) -> tuple[Document | None, list[Diagnostic]]:
    """The document in `text`, and all that is wrong with it.

    An empty file is a document with the value None. After an error of syntax, nesting or expansion nothing sure can be
    said of the content: there is None instead of a document.
    """
    reader = _Reader(Source(file, text.removeprefix("\ufeff")))
    try:
        return reader.read(), reader.errors
    except _Stop:
        return None, reader.errors


class _Stop(Exception):  # noqa: N818 - it ends the reading; what was found is with the reader
    """Nothing more can be read."""


class _Anchored(NamedTuple):
    """What an alias stands for: `size` values, `levels` deep. A size of 0: it is being read."""

    value: Any
    written: Written
    size: int
    levels: int


class _Reader:
    """Builds a value and its places from the parser's events: no deeper than DEEPEST, no more than what is bounded."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.errors: list[Diagnostic] = []
        self.next: Callable[[], Any]  # gives the next event; None at the end
        self.anchors: dict[str, _Anchored] = {}  # a name that is given again means the latest (YAML 1.2, 3.2.2.2)
        self.count = 0  # values written so far
        self.copies = 0  # values that aliases made on top of them
        self.deepest = 0  # of the levels so far, or of those within the closest anchored value

    def report(self, code: str, summary: str, place: int, hint: str, other: int = START) -> None:
        """`{}` in the hint stands for the place `other`."""
        span = self.source.span
        self.errors.append(error(code, summary, span(place), hint.replace("{}", str(span(other)))))

    def read(self) -> Document:
        try:
            parser = PARSER(self.source.text)
            self.next = parser.get_event
            return self.document()
        except yaml.MarkedYAMLError as wrong:
            begin, stuck = _line_and_column(wrong.context_mark), _line_and_column(wrong.problem_mark)
            self.errors.append(syntax.explain(f"{wrong.context}: {wrong.problem}", begin, stuck, self.source))
        except (yaml.reader.ReaderError, UnicodeEncodeError):
            self.errors.append(syntax.bad_character(self.source))
        except ValueError:  # PyYAML's own parser stops here at an escape beyond U+10FFFF; libyaml says so above
            at = _line_and_column(parser.get_mark())
            self.errors.append(syntax.explain("invalid Unicode", at, at, self.source))
        raise _Stop

    def document(self) -> Document:
        found: tuple[Any, Written] | None = None
        while (event := self.next()) is not None:
            if not isinstance(event, DocumentStartEvent):
                continue
            if found:
                hint = "write one document in a file"
                self.report("second-document", "a second document begins here", place_of(event), hint)
                break
            event = self.next()
            found = self.node(event, place_of(event), 1)
        value, written = found or (None, START)
        return Document(value, self.source, START, written)

    def node(self, event: Any, place: int, depth: int) -> tuple[Any, Written]:
        """The value that begins with `event`, and where it is written. `depth`: of what would be a map or a list."""
        self.count += 1
        if type(event) is not ScalarEvent:
            read = self.alias if type(event) is AliasEvent else self.collection
            return read(event, place, depth)
        text: str = event.value
        value = None if text in _NULLS and _plain(event) else text
        if event.tag is not None:
            self.check_tag(event, place)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, place, 1, 0)
        return value, place

    def collection(self, event: Any, place: int, depth: int) -> tuple[Any, Places]:
        self.check_depth(depth, place)
        if event.tag is not None:
            self.check_tag(event, place)
        read = self.mapping if type(event) is MappingStartEvent else self.sequence
        if event.anchor is None:
            return read(place, depth)
        before = self.count + self.copies - 1
        self.anchors[event.anchor] = _Anchored(None, place, 0, 0)
        above, self.deepest = self.deepest, depth
        value, places = read(place, depth)
        size = self.count + self.copies - before
        self.anchors[event.anchor] = _Anchored(value, places, size, self.deepest - depth + 1)
        self.deepest = max(self.deepest, above)
        return value, places

    def sequence(self, place: int, depth: int) -> tuple[list[Any], Places]:
        value: list[Any] = []
        entries: dict[Part, tuple[int, Written]] = {}
        while type(event := self.next()) is not SequenceEndEvent:
            at = place_of(event)
            item, written = self.node(event, at, depth + 1)
            entries[len(value)] = (at, written)
            value.append(item)
        return value, Places(place, entries)

    def mapping(self, place: int, depth: int) -> tuple[dict[str, Any], Places]:
        value: dict[str, Any] = {}
        entries: dict[Part, tuple[int, Written]] = {}
        merges: list[tuple[dict[str, Any], Any]] = []
        read = self.next
        while type(event := read()) is not MappingEndEvent:
            at = place_of(event)
            key = self.key(event, at, depth + 1, entries)
            event = read()
            inner, written = self.node(event, place_of(event), depth + 1)
            if key is _MERGE:
                merges += self.merged(inner, written, at)
            elif key is not None:
                value[key] = inner
                entries[key] = (at, written)
        for other, places in merges:  # the first map that has a key wins, after the keys that are written here
            for key in [key for key in other if key not in value]:
                value[key] = other[key]
                entries[key] = places.entries[key]
        return value, Places(place, entries)

    def key(self, event: Any, place: int, depth: int, others: Mapping[Part, tuple[int, Written]]) -> Any:
        """The key that `event` is; _MERGE, or None where the value that follows gets no key of its own."""
        value, _ = self.node(event, place, depth)
        if type(event) is ScalarEvent:
            text = event.value
            special = text in _SPECIAL and _plain(event)
        elif isinstance(value, (dict, list)):
            noun = "map" if isinstance(value, dict) else "list"
            hint = "write a text; in quotes, if it begins with a bracket"
            self.report("bad-key", f"a {noun} cannot be a key", place, hint)
            return None
        else:
            text = value or ""
            special = not text
        if special and text:
            return _MERGE
        if special:
            self.report("bad-key", "a key is empty", place, "write a key before the ':'")
        elif text in others:
            self.report("duplicate-key", f"'{text}' is written twice", place, "the first is at {}", others[text][0])
        else:
            return text
        return None

    def merged(self, value: Any, written: Any, place: int) -> Iterator[tuple[dict[str, Any], Any]]:
        """The maps that '<<' names, and their places."""
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in items):
            self.report("bad-merge", "'<<' takes a map or a list of maps", place, "write <<: *name")
        elif isinstance(value, list):
            yield from ((item, written.entries[index][1]) for index, item in enumerate(items))
        else:
            yield value, written

    def alias(self, event: Any, place: int, depth: int) -> tuple[Any, Written]:
        found = self.anchors.get(event.anchor)
        if found is None or not found.size:
            self.bad_alias(event.anchor, place, inside=found is not None)
            found = _Anchored(f"*{event.anchor}", place, 1, 0)
        self.copies += found.size - 1
        if self.count + self.copies > ROOM + FACTOR * self.count:
            self.report(
                "alias-bomb", "the aliases here stand for too many values", place, "write them out, or use for_each"
            )
            raise _Stop
        self.check_depth(depth - 1 + found.levels, place)
        return found.value, found.written

    def bad_alias(self, name: str, place: int, *, inside: bool) -> None:
        if inside:
            self.report("alias-loop", f"'*{name}' stands inside of what it names", place, "name something else")
            return
        near = get_close_matches(name, self.anchors, n=1)
        hint = f"did you mean '*{near[0]}'?" if near else "an anchor is written &name, before its aliases"
        self.report("unknown-anchor", f"nothing is anchored as '{name}'", place, hint)

    def check_depth(self, depth: int, place: int) -> None:
        if depth > DEEPEST:
            self.report("too-deep", "maps and lists are nested too deeply", place, f"at most {DEEPEST} levels are read")
            raise _Stop
        self.deepest = max(self.deepest, depth)

    def check_tag(self, event: Any, place: int) -> None:
        if event.tag != _TAGS[type(event)]:
            tag = event.tag.replace(_YAML, "!!")
            self.report(
                "yaml-tag", f"the tag '{tag}' is not known", place, "leave it out: a scalar is the text as written"
            )


def _plain(event: Any) -> bool:
    return not event.style and event.tag is None


def _line_and_column(mark: Any) -> syntax.Place:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
