"""From a text that a person wrote to the same text with asterisks for the passwords in it, for excerpts and quotes."""

from __future__ import annotations

import re

_IN_URL = re.compile(r"(?<=://)([^\s/@:'\"]*:)([^\s'\"]+)(?=@)")
_NAMES = "authorization|cookie|key|token|secret|password"
_KEY = re.compile(rf"(?<![\w-])[\w-]*(?:{_NAMES})[\w-]*['\"]?:[^\S\n]+", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"")


def without_passwords(text: str) -> str:
    """`text` with as many asterisks in place of the password of each url."""
    return _IN_URL.sub(lambda found: found[1] + "*" * len(found[2]), text)


def scrubbed(text: str) -> str:
    """A configuration without what stands behind a key that speaks of a secret; expressions stay, and so do columns."""
    return "".join(_line(line) for line in without_passwords(text).splitlines(keepends=True))


def _line(line: str) -> str:
    end = 0
    while found := _KEY.search(line, end):
        start = found.end()
        end = start + _size(line[:start], line[start:])
        line = line[:start] + _masked(line[start:end]) + line[end:]
    return line


def _masked(value: str) -> str:
    return value if "${" in value else "".join(char if char.isspace() else "*" for char in value)


def _size(before: str, rest: str) -> int:
    """How long the text is with which `rest` begins: to its closing quote, the end of the entry, or of the line."""
    if rest[:1] in {"{", "["}:
        return 0
    if quoted := _QUOTED.match(rest):
        return quoted.end()
    if before.count("{") > before.count("}"):
        return len(re.split("[,}]", rest, maxsplit=1)[0])
    return len(rest)
