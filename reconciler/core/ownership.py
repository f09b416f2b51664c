"""From a resource's tags to who owns it: our mark, the tags that hold it, and the marks of other stacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.mark import Mark


@dataclass(frozen=True, slots=True)
class Ownership:
    """What the marks among a resource's tags say. `damage`: why ours cannot be read."""

    mark: Mark | None
    mark_tags: Mapping[str, str]
    others: Mapping[str, Mark]
    damage: str

    @classmethod
    def of(cls, tags: Mapping[str, str], stack: str, kind: str) -> Ownership:
        signs = {key: value for key, value in tags.items() if marks.is_mark(key)}
        others = {name: _foreign(signs, name) for name in marks.stacks_of(signs) if name != stack}
        own = marks.parts_of(signs, stack)
        try:
            mark = marks.read(own, stack)
        except ValueError as problem:
            return cls(None, own, others, str(problem))
        if mark and mark.address.kind != kind:
            return cls(None, own, others, f"is that of {mark.address}, which is of another kind")
        return cls(mark, own, others, "")


def _foreign(tags: Mapping[str, str], stack: str) -> Mark:
    """The mark of another stack; one that we cannot read owns the whole resource: the safe reading."""
    try:
        return marks.read(tags, stack) or Mark(Address("unknown", stack))
    except ValueError:
        return Mark(Address("unknown", stack))
