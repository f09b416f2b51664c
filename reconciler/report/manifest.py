"""From entries to the text of a manifest, from which reading it makes the same entries again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.core.imports import Entry

_STEP = "  "
_PLAIN = re.compile(r"\w(?:[\w./+@()%^~=;,'-]|:(?=[\w/])| (?=[\w(+@/.~%^=-]))*")
"""What needs no quotes: it begins as a word does, and has neither `: ` nor ` #` in it."""
_NULLS = frozenset(("null", "Null", "NULL"))
_LONGEST_KEY = 1000
"""Bytes. libyaml takes 1,024 characters of a key that stands on one line with its value."""
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def manifest(entries: Iterable[Entry]) -> str:
    """The text of a file that holds `entries`."""
    kinds: dict[str, list[Entry]] = {}
    for entry in entries:
        kinds.setdefault(entry.address.kind, []).append(entry)
    lines: list[str] = []
    for kind, mine in kinds.items():
        lines.append(f"{kind}:")
        for entry in mine:
            lines += _entry(entry)
    return "\n".join(lines) + "\n"


def scalar(text: str, indent: str = "") -> str:
    """`text` as a value in YAML: as it is, as lines below the key, or in quotes. An expression in it is none."""
    literal = text.replace("${", "$${")
    if _PLAIN.fullmatch(literal) and literal not in _NULLS:
        return literal
    rows = literal.split("\n")
    ends = not rows[-1]
    rows = rows[:-1] if ends else rows
    if len(rows) > 1 and rows[0] and rows[-1] and all(map(_is_row, rows)) and not rows[0].startswith(" "):
        return "\n".join(["|" if ends else "|-", *(indent + _STEP + row if row else "" for row in rows)])
    return quoted(text)


def _entry(entry: Entry) -> Iterator[str]:
    head = _key(entry.address.name, _STEP)
    yield head if entry.body else f"{head} {{}}"
    for note in entry.notes:
        yield f"{_STEP * 2}# {note}"
    yield from _map(entry.body, _STEP * 2)


def _map(body: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in body.items():
        head = _key(name, indent)
        if isinstance(value, Mapping):
            yield head
            yield from _map(value, indent + _STEP)
        elif isinstance(value, list):
            yield head
            for item in value:
                first, *rest = _map(item, indent + _STEP * 2)
                yield f"{indent}{_STEP}- {first.lstrip(' ')}"
                yield from rest
        else:
            yield f"{head} {scalar(value, indent) if isinstance(value, str) else repr(value).removesuffix('.0')}"


def _key(text: str, indent: str) -> str:
    key = scalar(text) if "\n" not in text else quoted(text)
    return f"{indent}{key}:" if len(key.encode()) <= _LONGEST_KEY else f"{indent}? {key}\n{indent}:"


def _is_row(row: str) -> bool:
    """Whether it can stand on a line of its own; editors take off blanks at the end."""
    return row.isprintable() and not row.endswith(" ")


def quoted(text: str) -> str:
    """`text` as a value on one line, in double quotes. An expression in it is none.

    An accent that stands apart from its letter is a number: the eye could not tell it from the usual form.
    """
    apart = "" if unicodedata.is_normalized("NFC", text) else "".join(filter(unicodedata.combining, text))
    return '"' + "".join(_escaped(char, apart) for char in text.replace("${", "$${")) + '"'


def _escaped(char: str, apart: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() and char not in apart:
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004
