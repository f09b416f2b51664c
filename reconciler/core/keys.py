"""From names to the keys of a manifest: readable, the same for the same names, and none like another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 80
"""Characters of a key that is made from a name; a mark has room for two of them (core/mark.py)."""
_KEY = re.compile(r"\w[\w./-]*")
_OTHER = re.compile(r"-*[^\w./-][^\w./]*")
_ENDS = re.compile(r"-?([./])-?")


class Keys:
    """Gives out keys, none of which differs from another one, or from one that is `taken`, by its case alone."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {_folded(key) for key in taken}

    def make(self, name: str, above: str = "") -> str:
        """A key as like `name` as can be, behind the key `above`."""
        base = f"{above}/{key_of(name)}" if above else key_of(name)
        key, number = base, 1
        while _folded(key) in self._taken:
            number += 1
            key = f"{base}-{number}"
        self._taken.add(_folded(key))
        return key


def key_of(text: str) -> str:
    """`text` itself where it can be a key, else without what no key can hold."""
    if _KEY.fullmatch(text) and len(text) <= LONGEST:
        return text
    plain = _ENDS.sub(r"\1", _OTHER.sub("-", unicodedata.normalize("NFC", text))).lstrip("./-")
    return plain[:LONGEST].rstrip("./-") or "unnamed"


def _folded(key: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold())
