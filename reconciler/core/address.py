"""The identity of a resource within its stack: a kind and a key, written `experiments.fraud`."""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """`kind` is the plural that stands in manifests; `name` is the key below it, with `[item]` from a `for_each`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The inverse of `str()`. Raises ValueError where there is no dot between two parts."""
        kind, dot, name = text.partition(".")
        if not (kind and dot and name):
            raise ValueError(f"'{text}' is not an address such as experiments.fraud")
        return cls(kind, name)
