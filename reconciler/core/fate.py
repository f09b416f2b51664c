"""From what the server holds to the fate of a request whose reply was lost: whether it was carried out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.mark import is_mark
from reconciler.core.resource import Fields, Live


def made(address: Address, lives: Sequence[Live], known: Collection[str]) -> list[str]:
    """The ids of what a create of `address` made: it carries the stack's mark, which the create itself writes.

    `known`: the ids of resources that were there before.
    """
    return sorted(live.id for live in lives if _stands_for(live, address) and live.id not in known)


def written(address: Address, lives: Sequence[Live], call: Call, values: Fields) -> bool:
    """Whether the resource at `address` holds what `call` writes: the parts of its mark, or else all of `values`.

    The mark vouches for what was written with it. Values do not where a series of points is written by several calls:
    `values` has the whole of it.
    """
    parts = _mark_of(call)
    return any(
        _stands_for(live, address)
        and (_holds(live.mark_tags, parts) if parts else all(live.fields.get(at) == v for at, v in values.items()))
        for live in lives
    )


def _mark_of(call: Call) -> dict[str, str]:
    """The tags of a mark that `call` writes, '' for one that goes."""
    tags = (call.body or {}).get("tags")
    pairs = [(tag["key"], tag["value"]) for tag in tags] if isinstance(tags, list) else []
    return {key: value for key, value in pairs if is_mark(key)}


def _holds(tags: Mapping[str, str], parts: Mapping[str, str]) -> bool:
    return all(tags.get(key, "") == value for key, value in parts.items())


def _stands_for(live: Live, address: Address) -> bool:
    return live.address == address and live.mark is not None and not (live.deleted or live.mark.replaced)
