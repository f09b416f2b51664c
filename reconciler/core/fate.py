"""From what the server holds to the fate of a request whose reply was lost: whether it was carried out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.core.address import Address
from reconciler.core.resource import Fields, Live


def made(address: Address, lives: Sequence[Live], known: Collection[str]) -> list[str]:
    """The ids of what a create of `address` made: it carries the stack's mark, which the create itself writes.

    `known`: the ids of resources that were there before.
    """
    return sorted(live.id for live in lives if _stands_for(live, address) and live.id not in known)


def written(address: Address, lives: Sequence[Live], values: Fields) -> bool:
    """Whether the resource at `address` holds all of `values`."""
    return any(
        _stands_for(live, address) and all(live.fields.get(path) == value for path, value in values.items())
        for live in lives
    )


def _stands_for(live: Live, address: Address) -> bool:
    return live.address == address and live.mark is not None and not (live.deleted or live.mark.replaced)
