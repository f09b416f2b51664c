"""From a YAML parser's complaint to a finding in plain words: what stands there, and what to write instead."""

from __future__ import annotations

import re
from typing import NamedTuple, TypeAlias

from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.written import Source

Place: TypeAlias = tuple[int, int]
"""Line and column, counted from 1."""

_QUOTES = "put the text in quotes"
_BAD = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.1, section 5.1


class _Rule(NamedTuple):
    """What a complaint of libyaml or of PyYAML means. `{}` is the character there; `begin`: at the start of what it is about."""

    complaint: str
    summary: str
    hint: str
    begin: bool = False


_RULES = (
    _Rule(
        "quoted scalar: found unexpected end of stream",
        "a text in quotes is never closed",
        "write {} at its end",
        begin=True,
    ),
    _Rule("flow (sequence|mapping)", "'{}' is never closed, or a comma is missing", "", begin=True),
    _Rule(
        "values are not allowed",
        "a ':' is not expected here",
        f"{_QUOTES}, or check the line before and the indentation",
    ),
    _Rule("expected ':'", "a ':' is missing", "write `key: value`", begin=True),
    _Rule("block collection", "a list goes on with '- '", "begin the line with '- ', or mend the indentation"),
    _Rule(
        "(sequence|sequence entries are|entries are) not allowed",
        "a list cannot begin here",
        "begin it on the next line",
    ),
    _Rule("cannot start any token", "a text cannot begin with '{}'", _QUOTES),
    _Rule(
        "(alias|anchor)",
        "a text cannot begin with '{}'",
        f"{_QUOTES}; an anchor is written &name, its alias *name",
        begin=True,
    ),
    _Rule("unknown escape", "the escape '{}' is not known", "write \\\\ for a backslash, or use single quotes"),
    _Rule("directive|YAML document", "a line cannot begin with '%'", _QUOTES, begin=True),
    _Rule("block scalar", "a text cannot begin in the line of its '|' or '>'", "begin it on the next line"),
    _Rule(
        "(a tag|undefined tag)",
        "a tag is not written correctly",
        "leave it out: a scalar is the text as written",
        begin=True,
    ),
    _Rule("document start", "the document has ended before this", "remove the line '...'"),
    _Rule("node content", "'{}' is not expected here", "write a value before it, or put the text in quotes"),
)


def explain(complaint: str, begin: Place | None, stuck: Place, source: Source) -> Diagnostic:
    """`complaint` as a finding: at `stuck`, where the parser gave up, or at `begin`, where the part in question begins."""
    line = source.line(stuck[0])
    indent = re.match(r"\s*", line)
    ...
