"""From a YAML parser's complaint to a finding in plain words: what stands there, and what to write instead."""

from __future__ import annotations

import re
from string import Template
from typing import NamedTuple, TypeAlias

from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.written import Source

Place: TypeAlias = tuple[int, int]
"""Line and column, counted from 1."""

_QUOTE = "put the text in quotes"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.1, section 5.1
_ENDS = {"[": "]", "{": "}"}


class _Rule(NamedTuple):
    """What a complaint of libyaml or of PyYAML's own parser means. `begin`: shown where the part in question begins.

    `$char` is the character there and `$end` the one that closes it; `$stuck` is where the parser gave up.
    """

    complaint: str
    summary: str
    hint: str
    begin: bool = False


_INDENT = _Rule("", "the indentation fits no line above", "indent the entries of one map alike")
_TRAILING = _Rule("", "text after the end of a value", f"{_QUOTE}, from its first character to its last")
_EXPRESSION = _Rule(
    "", "'${' stands within braces or brackets without quotes", f"{_QUOTE}: its '{{' begins a map there"
)
_UNFINISHED = _Rule("", "'$char' is never closed: the file ends in it", "write '$end' where it ends")
_TAB = _Rule("", "a tab is used for indentation", "write spaces: YAML forbids tabs there")
_CONFLICT = _Rule(
    "", "a merge conflict is not resolved", "choose one side, and remove the lines with <<<<<<<, ======= and >>>>>>>"
)
_CONFLICTING = re.compile(r"^<{7}(?= |$)", re.MULTILINE)
_RULES = (
    _Rule("quoted scalar.*end of stream", "a text in quotes is never closed", "write $end where it ends", begin=True),
    _Rule(
        "a flow (seq|map)", "'$char' is never closed, or a comma is missing", "write '$end' before $stuck", begin=True
    ),
    _Rule(
        "mapping values are not", "a ':' is not expected here", f"{_QUOTE}, or check the indentation and the line above"
    ),
    _Rule("expected ':'", "a ':' is missing", "write `key: value`", begin=True),
    _Rule(
        "block collection", "this is no entry of the list above", "begin it with '- ', or indent it like the list's key"
    ),
    _Rule("sequence entries are not", "a list cannot begin here", "begin it on the next line"),
    _Rule("cannot start any token", "a text cannot begin with '$char'", _QUOTE),
    _Rule("an (alias|anchor)", "a text cannot begin with '$char'", f"{_QUOTE}; an alias is written *name", begin=True),
    _Rule(
        "invalid Unicode", "this escape is no character", r"write the character itself, or \U with all its eight digits"
    ),
    _Rule("escape", "this escape is not known", r"write \\ for a backslash, or use single quotes"),
    _Rule("directive|YAML document", "a line cannot begin with '%'", _QUOTE, begin=True),
    _Rule("block scalar", "a text cannot begin in the line of its '|' or '>'", "begin it on the next line"),
    _Rule("a tag|undefined tag", "a tag is not written as tags are", f"leave it out, or {_QUOTE}", begin=True),
    _Rule("document start", "the document ended before this", "remove the line '...'"),
    _Rule("node content", "'$char' is not expected here", f"write a value before it, or {_QUOTE}"),
)


def explain(complaint: str, begin: Place | None, stuck: Place, source: Source) -> Diagnostic:
    """What is meant by `complaint`, which the parser raised at `stuck` over a part that begins at `begin`."""
    line = source.line(stuck[0])
    if conflict := _CONFLICTING.search(source.text):
        return _found(_CONFLICT, (len(source.text[: conflict.end()].splitlines()), 1), stuck, source)
    if "node content" in complaint and stuck[1] > len(line) and re.search(r"[{\[]", source.text):
        return _found(_UNFINISHED, _last_bracket(source.text), stuck, source)
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return _found(_TAB, (stuck[0], indent.index("\t") + 1), stuck, source)
    expression = line.rfind("${", 0, stuck[1])
    if "a flow " in complaint and expression >= 0:
        return _found(_EXPRESSION, (stuck[0], expression + 1), stuck, source)
    if "block mapping" in complaint:
        return _found(_INDENT if stuck[1] == len(indent) + 1 else _TRAILING, stuck, stuck, source)
    unknown = _Rule("", "this is not YAML: $stuck", complaint)
    rule = next((rule for rule in _RULES if re.search(rule.complaint, complaint)), unknown)
    return _found(rule, begin if rule.begin and begin else stuck, stuck, source)


def _last_bracket(text: str) -> Place:
    """The last bracket that opens something in a text that ends before it is closed."""
    rows = text[: max(text.rfind("{"), text.rfind("[")) + 1].splitlines()
    return len(rows), len(rows[-1])


def bad_character(source: Source) -> Diagnostic:
    """The first character of a text that YAML does not allow in a file."""
    found = _FORBIDDEN.search(source.text)
    code = ord(found[0]) if found else 0
    rows = (source.text[: found.start() if found else 0] + "?").splitlines()
    at = Span(source.file, len(rows), len(rows[-1]))
    hint = f'remove it, or write it in double quotes as "\\u{code:04x}"'
    return error("yaml-syntax", f"the character U+{code:04X} cannot stand in YAML", at, hint)


def _found(rule: _Rule, place: Place, stuck: Place, source: Source) -> Diagnostic:
    char = source.line(place[0])[place[1] - 1 : place[1]]
    end = _ENDS.get(char, char)
    words = {"char": char, "end": end, "stuck": f"line {stuck[0]}, column {stuck[1]}"}
    hint = Template(rule.hint).safe_substitute(words)
    return error("yaml-syntax", Template(rule.summary).safe_substitute(words), Span(source.file, *place), hint)
