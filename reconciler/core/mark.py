"""The mark: the tag by which a stack knows what it owns, and what it last wrote there. See docs/concepts.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from reconciler.core.address import Address
from reconciler.core.change import Path, Value

PREFIX = "reconciler."
VERSION = 1
PART_BYTES = 5000
"""The longest tag value that every backend guarantees (Databricks API document, `set_experiment_tag`)."""
ROOM = PART_BYTES - 200
"""What one name may take of a part; the rest is for what stands around it."""
LONGEST_ESCAPE = 12
"""The most bytes that JSON has for a character."""
BESIDE = 6
"""What stands around a name and its digest in a mark: quotes, a colon and a comma."""
_SHORT = 100
"""Of texts up to so many characters the digests are kept."""
_COMPACT = json.JSONEncoder(separators=(",", ":"))
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class NewerMark(ValueError):  # noqa: N818 - it is no mistake
    """The mark was written by a later version of the reconciler."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one stack recorded on a live resource.

    Attributes:
        address: which entry of the stack's manifests it is.
        keys: for each field that the stack last applied, the digest of its value.
        prevent_destroy, keep, existing: what the entry said, so that dropping it does not get round it.
        replaced: a later resource has taken over the address; this one is to be deleted.
        deleted: the stack deletes the resource; written just before it does, so that a deletion by anybody else is told
            from its own.
    """

    address: Address
    keys: Mapping[Path, str] = field(default_factory=dict)
    prevent_destroy: bool = False
    keep: bool = False
    existing: bool = False
    replaced: bool = False
    deleted: bool = False

    @property
    def condemned(self) -> bool:
        """Whether the stack has decided that the resource goes: no matter whether it is gone already."""
        return self.replaced or self.deleted

    def without(self, field: str) -> Mark:
        """This mark without the entries of one field."""
        return replace(self, keys={path: value for path, value in self.keys.items() if path[0] != field})


def digest(value: Value) -> str:
    """The first 8 hex digits of the SHA-256 of a value's canonical JSON."""
    return _digest_of_text(value) if isinstance(value, str) and len(value) <= _SHORT else _digest(value)


def canonical(value: Any) -> str:
    """JSON with sorted keys, no blanks, ASCII only: equal values give equal text."""
    return _CANONICAL.encode(value)


def tag_key(stack: str, part: int = 0) -> str:
    return f"{PREFIX}{stack}.{part}" if part else f"{PREFIX}{stack}"


def is_mark(key: str) -> bool:
    """Whether a tag is a mark of some stack: ours or another's, never anybody's own tag."""
    return key.startswith(PREFIX)


def fits(name: Path | Address) -> bool:
    """Whether a field's name or an address has room in one part of a mark."""
    text = str(name) if isinstance(name, Address) else _name(name)
    return len(text) * LONGEST_ESCAPE <= ROOM or len(json.dumps(text)) <= ROOM


def write(mark: Mark, stack: str) -> dict[str, str]:
    """The tags that hold `mark`: one, or several parts, each of at most PART_BYTES and readable by itself.

    Each name in `mark` fits.
    """
    head: dict[str, Any] = {"v": VERSION, "address": str(mark.address)}
    head |= {name: True for name in ("prevent_destroy", "existing", "replaced", "deleted") if getattr(mark, name)}
    if mark.keep:
        head["on_remove"] = "keep"
    keys = {_name(path): value for path, value in sorted(mark.keys.items())}
    most = sum(len(name) + len(value) for name, value in keys.items()) * LONGEST_ESCAPE + len(keys) * BESIDE
    if most + len(_compact(head)) <= ROOM:  # mostly so: then nothing need be measured piece by piece
        return {tag_key(stack): _compact(head | {"keys": keys})}
    parts = [head | {"keys": {}}]
    room = PART_BYTES - len(_compact(parts[0]))
    for name, value in keys.items():
        needed = len(_compact(name)) + len(_compact(value)) + 2  # a colon and a comma
        if needed > room:
            parts.append({"v": VERSION, "keys": {}})
            room = PART_BYTES - len(_compact(parts[-1]))
        parts[-1]["keys"][name] = value
        room -= needed
    return {tag_key(stack, number): _compact(part) for number, part in enumerate(parts)}


def read(tags: Mapping[str, str], stack: str) -> Mark | None:
    """The mark of `stack` among `tags`, or None. An empty one is none: a server may be unable to remove a tag.

    Raises:
        NewerMark: a later version wrote it.
        ValueError: it is damaged.
    """
    text = tags.get(tag_key(stack))
    if not text:
        return None
    head = _part(text)
    keys = dict(head.get("keys", {}))
    number = 1
    while more := tags.get(tag_key(stack, number)):
        keys |= _part(more).get("keys", {})
        number += 1
    return Mark(
        address=Address.parse(str(head.get("address", ""))),
        keys={_path(name): str(value) for name, value in keys.items()},
        prevent_destroy=bool(head.get("prevent_destroy")),
        keep=head.get("on_remove") == "keep",
        existing=bool(head.get("existing")),
        replaced=bool(head.get("replaced")),
        deleted=bool(head.get("deleted")),
    )


def parts_of(tags: Mapping[str, str], stack: str) -> dict[str, str]:
    """The tags among `tags` that hold the mark of `stack`, as they are."""
    head = tag_key(stack)
    return {
        key: value
        for key, value in tags.items()
        if value and key.startswith(head) and (key == head or _is_part(key, stack))
    }


def stacks_of(tags: Mapping[str, str]) -> list[str]:
    """The stacks that left a mark among `tags`, sorted."""
    return sorted({key.removeprefix(PREFIX).split(".")[0] for key, value in tags.items() if value and is_mark(key)})


def _is_part(key: str, stack: str) -> bool:
    return key.startswith(tag_key(stack) + ".") and key.rpartition(".")[2].isdecimal()


def _part(text: str) -> dict[str, Any]:
    try:
        part = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(part, dict) or not isinstance(part.get("v"), int) or not isinstance(part.get("keys", {}), dict):
        raise ValueError("has not the form of a mark")  # noqa: TRY004 - of a text
    if part["v"] > VERSION:
        raise NewerMark(f"has version {part['v']}; this reconciler knows up to {VERSION}")
    return part


def _digest(value: Value) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:8]


@lru_cache(maxsize=100_000)
def _digest_of_text(text: str) -> str:
    """As `_digest`: a value is compared several times over, and a stack's tags have few values."""
    return _digest(text)


def _name(path: Path) -> str:
    return "/".join(path)


def _path(name: str) -> Path:
    first, slash, rest = name.partition("/")
    return (first, rest) if slash else (first,)


def _compact(part: dict[str, Any] | str) -> str:
    return _COMPACT.encode(part)
