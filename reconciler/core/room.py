"""How much a stack's `for_each` and `${...}` may make of what is written: a small file can stand for very much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VALUES = 1_000_000
"""How many values all `for_each` of a stack may make. A million take some seconds and 150 MB."""

CHARACTERS = 50_000_000
"""How many characters all texts with a `${...}` in them may have."""


@dataclass(slots=True)
class Room:
    """What may still be made, by all documents of a stack together.

    `shared` is how many values every resource gets besides its own. `told`: there was no room, and a finding says so.
    """

    values: int = VALUES
    characters: int = CHARACTERS
    shared: int = 0
    told: bool = False

    def of(self, body: Any) -> int:
        """How many values a resource with this body is."""
        return size(body) + self.shared

    def take(self, values: int) -> bool:
        """Whether there is room for so many values; then it is taken."""
        if values > self.values:
            return False
        self.values -= values
        return True

    def write(self, pieces: list[str]) -> bool:
        """Whether there is room for a text of these pieces; if so it is taken, else there is none for any other."""
        self.characters -= sum(map(len, pieces))
        return self.characters >= 0


def size(value: Any) -> int:
    """How many values a value of a document is: itself and all that is in it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(size, inner))
