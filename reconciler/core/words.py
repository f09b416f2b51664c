"""How findings speak of things: paths, values and near misses, as words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from reconciler.core.change import Secret
from reconciler.core.scrub import without_passwords
from reconciler.core.written import Part

MOST = 1000
"""With how many words a word is compared: a stack of 100,000 resources may have as many wrong references."""


def dotted(path: tuple[Part, ...]) -> str:
    """A path for people: `tags.team`, `metrics.loss[0].step`; a key with odd characters in it is quoted."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_part(part)}" for part in path)
    return text.removeprefix(".")


def noun(value: Any) -> str:
    """What a value of a document is."""
    return "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a text"


def shown(text: str) -> str:
    """`text` as a finding may quote it: on one line, not too long, and a secret as what stands for it."""
    plain = text.template if isinstance(text, Secret) else without_passwords(text)
    line = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in plain)
    return f"'{line[:80]}...'" if len(line) > 83 else f"'{line}'"  # noqa: PLR2004 - 80 and the dots


def typed(text: str) -> str:
    """`text` as it is typed as one word of a shell."""
    plain = all(char.isalnum() or char in "._/-" for char in text)
    return text if plain else "'" + text.replace("'", "'\\''") + "'"


def suggest(word: str, known: Collection[str], what: str) -> str:
    """A hint: the known word that is nearest, or else all of them, after `what`; '' where none is known."""
    words = sorted(known) if len(known) <= MOST else sorted(one for one in known if _alike(word, one))[:MOST]
    if near := _nearest(word, tuple(words)):
        return f"did you mean '{near}'?"
    return f"{what}: {listed(sorted(known))}" if known else ""


def listed(words: Iterable[str], most: int = 20) -> str:
    """`a, b, c`; where there are many, the first of them and how many more."""
    every = list(words)
    rest = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + rest


@lru_cache(maxsize=1000)  # one mistake may be made in thousands of entries
def _nearest(word: str, words: tuple[str, ...]) -> str:
    same = [one for one in words if one.lower() == word.lower()]
    return next(iter(same or get_close_matches(word, words, n=1)), "")


def _alike(word: str, other: str) -> bool:
    return word[:1] == other[:1] and abs(len(word) - len(other)) <= 2  # noqa: PLR2004 - two characters more or less


def _part(part: str) -> str:
    return part if part.replace("_", "").replace("-", "").isalnum() else shown(part)
