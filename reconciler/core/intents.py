"""From what is declared to the marks that an apply would leave, and the tags that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.diff import mark_of
from reconciler.core.mark import Mark
from reconciler.core.resource import Desired


class Intents:
    """The marks of what one stack declares at one time; each is found out once, when it is needed or before."""

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._marks: dict[Address, Mark] = {}
        self._tags: dict[Address, Mapping[str, str]] = {}

    def mark(self, desired: Desired) -> Mark:
        """The mark that an apply of `desired` would leave."""
        known = self._marks.get(desired.address)
        if known is None:
            known = self._marks[desired.address] = mark_of(desired)
        return known

    def tags(self, desired: Desired) -> Mapping[str, str]:
        """The tags that would hold it."""
        known = self._tags.get(desired.address)
        if known is None:
            known = self._tags[desired.address] = marks.write(self.mark(desired), self._stack)
        return known

    def ahead(self, desired: Iterable[Desired]) -> Iterator[None]:
        """Finds out one after the other, for whoever has nothing else to do; a create needs no tags of these."""
        for one in desired:
            self.tags(one)
            yield
