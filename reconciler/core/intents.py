"""From what is declared to the marks that an apply would leave, and the tags that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.diff import mark_of
from reconciler.core.mark import Mark
from reconciler.core.resource import Desired


class Intent(NamedTuple):
    """The mark that an apply of one resource would leave, and the tags that hold it."""

    mark: Mark
    tags: Mapping[str, str]


class Intents:
    """The intents of what one stack declares at one time; each is found out once, when it is needed or before."""

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._known: dict[Address, Intent] = {}

    def of(self, desired: Desired) -> Intent:
        known = self._known.get(desired.address)
        if known is None:
            mark = mark_of(desired)
            known = self._known[desired.address] = Intent(mark, marks.write(mark, self._stack))
        return known

    def ahead(self, desired: Iterable[Desired]) -> Iterator[None]:
        """Finds out one after the other, for whoever has nothing else to do."""
        for one in desired:
            self.of(one)
            yield
