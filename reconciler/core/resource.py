"""A resource as it should be (`Desired`) and as it is (`Live`): one shape, so that the difference is one function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.core.address import Address
from reconciler.core.change import Path, Value
from reconciler.core.diagnostics import Span
from reconciler.core.mark import Mark
from reconciler.core.source import Document

Fields = Mapping[Path, Value]


@dataclass(frozen=True, slots=True)
class Desired:
    """A resource as the manifests declare it.

    `fields` holds what is declared and no more; a reference holds the address of what it names as text.
    `document` is where it was written: the entry's body, with the stack's defaults behind it.
    `id`: the server's, of the one to adopt where none carries the mark.
    """

    address: Address
    fields: Fields
    document: Document
    prevent_destroy: bool = False
    keep: bool = False
    existing: bool = False
    id: str = ""

    def at(self, path: Path = ()) -> Span:
        return self.document.at(path)


@dataclass(frozen=True, slots=True)
class Live:
    """A resource as the server holds it.

    Attributes:
        address: what our mark says, or the declared address under whose name it was found.
        id: the server's.
        fields: all that the server holds, but for marks and the server's own tags; known ids as addresses.
        deleted: soft-deleted, and restorable.
        revived: deleted too, but the restoring of its experiment will bring it back: it counts as active.
        displaced: another resource has the address of its mark; this one is to go.
        parent: the id of the experiment that it lives in, '' for an experiment.
        mark: ours, if it carries one; `mark_tags` are the tags that hold it.
        damage: why a mark of ours cannot be read; '' where it can, or where there is none.
        others: the marks of other stacks, by stack.
        facts: what a wire noted for its own requests; never compared.
        masked: fields that show another value while it is deleted, and will have their own again when it is restored.
    """

    address: Address
    id: str
    fields: Fields
    deleted: bool = False
    revived: bool = False
    displaced: bool = False
    parent: str = ""
    mark: Mark | None = None
    mark_tags: Mapping[str, str] = field(default_factory=dict)
    damage: str = ""
    others: Mapping[str, Mark] = field(default_factory=dict)
    facts: Fields = field(default_factory=dict)
    masked: frozenset[Path] = frozenset()


def identified(lives: Iterable[Live]) -> dict[tuple[str, str], Live]:
    """`lives` by kind and the server's id."""
    return {(live.address.kind, live.id): live for live in lives}
