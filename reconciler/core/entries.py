"""From the documents of a stack to its entries: one for each key, or for each item of a `for_each`, interpolated."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.interpolate import EVERYTHING, Broken, Each, Scope, interpolate
from reconciler.core.room import VALUES, Room
from reconciler.core.sensitive import Sensitive
from reconciler.core.words import dotted, noun, shown, suggest
from reconciler.core.written import Document, Part

FOR_EACH = "for_each"
_KEY = re.compile(r"\w[\w./-]*")
_BAD_ITEM = re.compile(r"[][{}\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONFIG_KEYS = frozenset(("stack", "targets", "variables", "defaults", "safety"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One declared resource: its body without `for_each`. `plain`: as it is written, nothing was interpolated."""

    address: Address
    document: Document
    plain: bool = True


@dataclass(slots=True)
class Entries:
    """What the documents of a stack declare.

    Attributes:
        room: what may still be made.
        found: the entries, sorted by address.
        items: for each key with a `for_each`, the names that it makes.
        broken: keys of which nothing can be said, because their `for_each` is wrong.
    """

    room: Room
    found: list[Entry] = field(default_factory=list)
    items: dict[Address, list[str]] = field(default_factory=dict)
    broken: set[Address] = field(default_factory=set)
    errors: list[Diagnostic] = field(default_factory=list)


def read(
    documents: Sequence[Document], kinds: Collection[str], scope: Scope, sensitive: Sensitive, room: Room
) -> Entries:
    """All entries, and all that is wrong with keys, `for_each` and expressions; the order of files plays no part."""
    entries = Entries(room)
    first: dict[Address, Document] = {}
    for document in sorted(documents, key=lambda document: document.file):
        for address, body in _written(document, kinds, entries.errors):
            if address in first:
                where = f"the first is at {first[address].at()}"
                entries.errors.append(error("duplicate-key", f"{address} is written twice", body.at(), where))
            else:
                first[address] = body
                _expand(address, body, scope, sensitive, entries)
    entries.found.sort(key=lambda entry: entry.address)
    return entries


def _written(
    document: Document, kinds: Collection[str], errors: list[Diagnostic]
) -> Iterator[tuple[Address, Document]]:
    """The entries of one document as they are written."""
    for name in _map(document, "a manifest", "a map of kinds", errors):
        section = document.sub((name,))
        if name not in kinds:
            errors.append(error("unknown-kind", f"{shown(name)} is not a kind", section.at(), _kind_hint(name, kinds)))
            continue
        for key in _map(section, name, "a map of entries", errors):
            entry = section.sub((key,))
            if not _KEY.fullmatch(key):
                hint = "a key begins with a letter or a digit and goes on with these and . / _ -"
                errors.append(error("bad-key", f"{shown(key)} cannot be the key of an entry", entry.at(), hint))
            yield Address(name, key), entry


def _map(document: Document, name: str, wanted: str, errors: list[Diagnostic]) -> dict[str, Any]:
    """The map in `document`; nothing instead of what is no map."""
    if document.value is None:
        return {}
    if not isinstance(document.value, dict):
        where = document.value_at() if isinstance(document.value, str) else document.at()
        errors.append(error("wrong-type", f"{name} is {noun(document.value)}", where, f"{wanted} belongs there"))
        return {}
    return document.value


def _kind_hint(name: str, kinds: Collection[str]) -> str:
    if name in _CONFIG_KEYS:
        return "it belongs into the reconciler.yaml at the root of the manifests"
    return suggest(name, kinds, "the kinds are")


def _expand(address: Address, document: Document, scope: Scope, sensitive: Sensitive, entries: Entries) -> None:
    """Add what an entry makes: itself, or one resource for each item of its `for_each`."""
    body = document.value
    if not (isinstance(body, dict) and FOR_EACH in body):
        _add(address, document, scope, sensitive, entries)
        return
    items, errors = _items(document, scope, entries.room)
    rest = document.holding({key: value for key, value in body.items() if key != FOR_EACH})
    each = entries.room.of(rest.value)
    if not entries.room.take(len(items) * each):
        errors.append(_too_much(len(items), each, document))
        items = []
    entries.errors += errors
    if errors:
        entries.broken.add(address)
    names = entries.items[address] = []
    for item in items:
        one = Address(address.kind, f"{address.name}[{item.key}]")
        names.append(one.name)
        _add(one, rest, replace(scope, each=item), sensitive, entries)


def _add(address: Address, document: Document, scope: Scope, sensitive: Sensitive, entries: Entries) -> None:
    done, errors = interpolate(document, scope, sensitive, entries.room)
    entries.errors += errors
    entries.found.append(Entry(address, done, plain=done is document))


def _items(document: Document, scope: Scope, room: Room) -> tuple[list[Each], list[Diagnostic]]:
    """The items of an entry's `for_each`. What comes from the environment in them stays a Secret until it is used."""
    done, errors = interpolate(document.holding({FOR_EACH: document.value[FOR_EACH]}), scope, EVERYTHING, room)
    value = done.value[FOR_EACH]
    if isinstance(value, dict):
        written = [(Each(key, inner), (FOR_EACH, key)) for key, inner in value.items()]
    elif isinstance(value, list):
        written = [(Each(item, item), (FOR_EACH, index)) for index, item in enumerate(value)]
    else:
        return [], [*errors, _not_items(value, done)]
    items: dict[str, Each] = {}
    for each, path in written:
        if isinstance(each.key, Broken):
            continue
        if problem := _bad_item(each.key, items, path, done):
            errors.append(problem)
        else:
            items[each.key] = Each(str(each.key), each.value)
    return list(items.values()), errors


def _bad_item(key: Any, others: Collection[str], path: tuple[Part, ...], document: Document) -> Diagnostic | None:
    name, at = dotted(path), document.at(path)
    if key is None:
        return error("empty-value", f"{name} has no value", at, "write a text")
    if not isinstance(key, str):
        hint = "a text belongs there; where items have fields, for_each is a map"
        return error("wrong-type", f"{name} is {noun(key)}", at, hint)
    if key in others:
        return error("duplicate-key", f"{shown(key)} is written twice", at, "the items of a for_each are distinct")
    if not key or _BAD_ITEM.search(key):
        hint = "write a text without [ ] { }, without control characters and bytes that are no UTF-8"
        return error("bad-key", f"{shown(key)} cannot be the key of an item", at, hint)
    return None


def _too_much(items: int, each: int, document: Document) -> Diagnostic:
    summary = f"for_each makes too much: {items:,} items of {each:,} values each"
    hint = f"all for_each of a stack make at most {VALUES:,} values: split the stack"
    return error("too-much", summary, document.at((FOR_EACH,)), hint)


def _not_items(value: Any, document: Document) -> Diagnostic:
    """The finding for a `for_each` that is neither a list nor a map."""
    path = (FOR_EACH,)
    if value is None:
        return error("empty-value", "for_each has no value", document.at(path), "write [] for no items")
    return error("wrong-type", "for_each is a text", document.value_at(path), "a list or a map belongs there")
