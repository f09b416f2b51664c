"""From an entry to where its values come from: the layer that set each, and what each `${...}` in it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from reconciler.core.address import Address
from reconciler.core.change import Path, Secret, Value
from reconciler.core.diagnostics import Span
from reconciler.core.entries import FOR_EACH
from reconciler.core.resource import Desired
from reconciler.core.scope import Given, Scope, fill
from reconciler.core.source import parse
from reconciler.core.written import Document, Places, Written

Layer = Literal["resource", "defaults", "key"]
"""Which layer has the value: the entry, the stack's `defaults`, or the entry's key, which is its name by default."""


Giver: TypeAlias = Callable[[str], Given]
"""From the name of a variable to who gave it its value."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one `${...}` of a value stands for. `value`: None where it came from the environment."""

    source: Literal["variable", "environment", "for_each", "target", "stack"]
    name: str
    value: Value = None
    by: str = ""
    at: Span | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    layer: Layer
    at: Span
    parts: tuple[Part, ...] = ()

    def concealed(self) -> Origin:
        """Without the values of its parts."""
        return replace(self, parts=tuple(replace(part, value=None) for part in self.parts))


@dataclass(frozen=True, slots=True)
class Commit:
    """Who last wrote a line. `note`: what Git says instead, or what makes that unsure; without an id all there is."""

    id: str = ""
    author: str = ""
    date: str = ""
    summary: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins of one entry's fields. `scope` has no item, `giver` knows the variables."""

    desired: Desired
    scope: Scope = field(default_factory=Scope)
    giver: Giver = field(default=lambda _: Given(""))
    _files: dict[str, Document | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, path: Path) -> Origin:
        """The origin of a field that the entry declares."""
        own, fallback = self.desired.document, self.desired.document.fallback
        if own.has(path[:2]):
            return Origin("resource", own.at(path), self._parts(own, path))
        if fallback and fallback.has(path[:2]):
            return Origin("defaults", fallback.at(path), self._parts(fallback, path))
        return Origin("key", own.at())

    def _parts(self, document: Document, path: Path) -> tuple[Part, ...]:
        raw = self._raw(document) if "${" in document.source.text else None
        if raw is None:
            return ()
        texts = expressive(raw)
        found = [texts[place] for place in document.places_in(path) if place in texts]
        expressions = dict.fromkeys(expression for text in found for expression in expressions_in(text))
        return tuple(self._part(expression, raw) for expression in expressions)

    def _raw(self, document: Document) -> Document | None:
        """The file of a document as it is written, parsed once for all fields."""
        if document.file not in self._files:
            self._files[document.file] = parse(document.source.text, document.file)[0]
        return self._files[document.file]

    def _part(self, expression: str, raw: Document) -> Part:
        source, _, name = expression.partition(".")
        if source == "var":
            value, given = self.scope.variables[name], self.giver(name)
            template = value.template if isinstance(value, Secret) else ""
            by = f"{given.by}, {template}" if template else given.by
            return Part("variable", name, None if template else value, by, given.at)
        if source == "env":
            return Part("environment", name)
        if source == "each":
            return self._item(name, raw)
        return Part("target", self.scope.target) if source == "target" else Part("stack", self.scope.stack)

    def _item(self, name: str, raw: Document) -> Part:
        key, _, item = self.desired.address.name.removesuffix("]").partition("[")
        entry = raw.sub((self.desired.address.kind, key))
        items = entry.value[FOR_EACH]
        inner = tuple(name.split(".")[1:])
        index = items.index(item) if isinstance(items, list) and item in items else item
        return Part("for_each", item, at=entry.at((FOR_EACH, index, *inner)))


def expressions_in(text: str) -> Iterator[str]:
    """What stands between each `${` and its `}`: `var.env`."""
    found: list[str] = []

    def heard(token: re.Match[str]) -> str:
        found.extend([token[1].strip()] if token[1] else [])
        return ""

    fill(text, heard)
    yield from found


def expressive(document: Document) -> dict[int, str]:
    """By their places the keys and texts with an expression in them."""
    found: dict[int, str] = {}
    _collect(document.value, document.places, found)
    return found


def _collect(value: Any, written: Written, found: dict[int, str]) -> None:
    if isinstance(value, str) and isinstance(written, int):
        found.update({written: value} if "${" in value else {})
    elif isinstance(written, Places):
        entries: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else enumerate(value)
        for part, inner in entries:
            key, places = written.entries[part]
            found.update({key: part} if "${" in str(part) else {})
            _collect(inner, places, found)


def written_address(address: Address) -> Address:
    """The address of the entry that is written: without the item of its `for_each`."""
    return Address(address.kind, address.name.partition("[")[0])
