"""From the text of a YAML file to a `Document`: maps, lists, texts and None, each with its place in the file.

No scalar is given a type: `on`, `0.10` and `2024-01-01` stay the text that was written.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NamedTuple

import yaml
from yaml import events

from reconciler.core import syntax
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.written import START, Document, Part, Places, Source, Written, pack

__all__ = ["DEEPEST", "FACTOR", "PARSER", "ROOM", "Document", "Part", "parse"]

DEEPEST = 100
"""How deep maps and lists may nest."""

ROOM, FACTOR = 100_000, 10
"""With aliases, n written values may stand for ROOM + FACTOR * n."""

PARSER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_YAML = "tag:yaml.org,2002:"
_TAGS = {
    events.ScalarEvent: _YAML + "str",
    events.SequenceStartEvent: _YAML + "seq",
    events.MappingStartEvent: _YAML + "map",
}


def parse(text: str, file: str) -> tuple[Document | None, list[Diagnostic]]:
    """The document in `text`, and all that is wrong with it.

    An empty file is a document with the value None. After an error of syntax, nesting or expansion nothing sure can be
    said of the content: there is None instead of a document.
    """
    reader = _Reader(Source(file, text.removeprefix("\ufeff")))
    try:
        reader.read()
    except _Stop:
        return None, reader.errors
    root = reader.root
    value, written = (root.value[0], root.places.entries[0][1]) if root.value else (None, START)
    return Document(value, reader.source, START, written), reader.errors


class _Stop(Exception):  # noqa: N818 - it ends the reading; what was found is with the reader
    """Nothing more can be read."""


class _Anchored(NamedTuple):
    """What an alias stands for: `size` values, `levels` deep. A size of 0: it is being read."""

    value: Any
    written: Written
    size: int
    levels: int


class _List:
    """A list that is being read. `before`: how many values stood before it; `deepest`: of the levels within it."""

    __slots__ = ("anchor", "before", "deepest", "places", "value")

    def __init__(self, place: int, anchor: str | None = None, before: int = 0, depth: int = 0) -> None:
        self.value: Any = []
        self.places = Places(place, {})
        self.anchor = anchor
        self.before = before
        self.deepest = depth

    def put(self, value: Any, written: Written, place: int) -> None:
        self.places.entries[len(self.value)] = (place, written)
        self.value.append(value)

    def close(self) -> None:
        """A list is complete with its last item."""


class _Map(_List):
    """A map that is being read: a key, its value, a key, ..."""

    __slots__ = ("key", "key_place", "merges", "merging", "report", "wants_key")

    def __init__(self, reader: _Reader, place: int, anchor: str | None, before: int, depth: int) -> None:
        super().__init__(place, anchor, before, depth)
        self.value = {}
        self.report = reader.report
        self.wants_key = True
        self.key: str | None = None  # None: the value that follows gets no key of its own
        self.key_place = 0
        self.merging = False
        self.merges: list[tuple[dict[str, Any], Any]] = []

    def take_key(self, text: str, place: int, *, plain: bool) -> None:
        self.wants_key, self.key, self.key_place = False, None, place
        self.merging = plain and text == "<<"
        if self.merging:
            return
        if plain and not text:
            self.report("bad-key", "a key is empty", place, "write a key before the ':'")
        elif (first := self.places.entries.get(text)) is not None:
            self.report("duplicate-key", f"'{text}' is written twice", place, "the first is at {}", first[0])
        else:
            self.key = text

    def put(self, value: Any, written: Written, place: int) -> None:
        if self.wants_key:
            self.wants_key, self.key, self.merging = False, None, False
            noun = "map" if isinstance(value, dict) else "list"
            self.report(
                "bad-key", f"a {noun} cannot be a key", place, "write a text; in quotes, if it begins with a bracket"
            )
            return
        self.wants_key = True
        if self.merging:
            self._merge(value, written)
        elif self.key is not None:
            self.value[self.key] = value
            self.places.entries[self.key] = (self.key_place, written)

    def _merge(self, value: Any, written: Any) -> None:
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in items):
            self.report("bad-merge", "'<<' takes a map or a list of maps", self.key_place, "write <<: *name")
        elif isinstance(value, list):
            self.merges.extend((item, written.entries[index][1]) for index, item in enumerate(items))
        else:
            self.merges.append((value, written))

    def close(self) -> None:
        for value, places in self.merges:  # the first map that has a key wins, after the keys that are written here
            for key in [key for key in value if key not in self.value]:
                self.value[key] = value[key]
                self.places.entries[key] = places.entries[key]


class _Reader:
    """Builds a value and its places from the parser's events: without recursion, and no more than what is bounded."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.errors: list[Diagnostic] = []
        self.root = _List(START)
        self.stack: list[_List] = [self.root]
        self.anchors: dict[str, _Anchored] = {}  # a name that is given again means the latest (YAML 1.2, 3.2.2.2)
        self.count = 0  # values written so far
        self.copies = 0  # values that aliases made on top of them
        self.documents = 0

    def report(self, code: str, summary: str, place: int, hint: str, other: int = START) -> None:
        """`{}` in the hint stands for the place `other`."""
        span = self.source.span
        self.errors.append(error(code, summary, span(place), hint.replace("{}", str(span(other)))))

    def read(self) -> None:
        handlers: dict[type, Callable[[Any, int], None]] = {
            events.ScalarEvent: self.scalar,
            events.MappingStartEvent: self.open,
            events.SequenceStartEvent: self.open,
            events.MappingEndEvent: self.close,
            events.SequenceEndEvent: self.close,
            events.AliasEvent: self.alias,
            events.DocumentStartEvent: self.document,
        }
        try:
            parser = PARSER(self.source.text)
            while self.documents <= 1 and (event := parser.get_event()) is not None:
                if handler := handlers.get(type(event)):
                    handler(event, _place(event.start_mark, event.end_mark))
        except yaml.MarkedYAMLError as wrong:
            begin, stuck = _line_and_column(wrong.context_mark), _line_and_column(wrong.problem_mark)
            self.errors.append(syntax.explain(f"{wrong.context}: {wrong.problem}", begin, stuck, self.source))
            raise _Stop from None
        except (yaml.reader.ReaderError, UnicodeEncodeError):
            self.errors.append(syntax.bad_character(self.source))
            raise _Stop from None
        except ValueError:  # PyYAML's own parser stops here at an escape beyond U+10FFFF; libyaml says so above
            at = _line_and_column(parser.get_mark())
            self.errors.append(syntax.explain("invalid Unicode", at, at, self.source))
            raise _Stop from None

    def document(self, _: Any, place: int) -> None:
        self.documents += 1
        if self.documents > 1:
            self.report("second-document", "a second document begins here", place, "write one document in a file")

    def scalar(self, event: Any, place: int) -> None:
        self.count += 1
        text = event.value
        plain = not event.style and event.tag is None
        if event.tag is not None:
            self.check_tag(event, place)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(None if plain and text in _NULLS else text, place, 1, 0)
        top = self.stack[-1]
        if isinstance(top, _Map) and top.wants_key:
            top.take_key(text, place, plain=plain)
        else:
            top.put(None if plain and text in _NULLS else text, place, place)

    def open(self, event: Any, place: int) -> None:
        depth = len(self.stack)
        self.check_depth(depth, place)
        if event.tag is not None:
            self.check_tag(event, place)
        before = self.count + self.copies
        self.count += 1
        if isinstance(event, events.MappingStartEvent):
            self.stack.append(_Map(self, place, event.anchor, before, depth))
        else:
            self.stack.append(_List(place, event.anchor, before, depth))
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(None, place, 0, 0)

    def close(self, _: Any, __: int) -> None:
        done = self.stack.pop()
        done.close()
        if done.anchor is not None:
            size = self.count + self.copies - done.before
            self.anchors[done.anchor] = _Anchored(done.value, done.places, size, done.deepest - len(self.stack) + 1)
        top = self.stack[-1]
        top.deepest = max(top.deepest, done.deepest)
        top.put(done.value, done.places, done.places.place)

    def alias(self, event: Any, place: int) -> None:
        self.count += 1
        top = self.stack[-1]
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
        depth = len(self.stack) - 1 + found.levels
        self.check_depth(depth, place)
        top.deepest = max(top.deepest, depth)
        if isinstance(top, _Map) and top.wants_key and not isinstance(found.value, (dict, list)):
            top.take_key(found.value or "", place, plain=not found.value)
        else:
            top.put(found.value, found.written, place)

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

    def check_tag(self, event: Any, place: int) -> None:
        if event.tag != _TAGS[type(event)]:
            tag = event.tag.replace(_YAML, "!!")
            self.report(
                "yaml-tag", f"the tag '{tag}' is not known", place, "leave it out: a scalar is the text as written"
            )


def _place(start: Any, end: Any) -> int:
    return pack(start.line + 1, start.column + 1, end.column - start.column if start.line == end.line else 0)


def _line_and_column(mark: Any) -> syntax.Place:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
