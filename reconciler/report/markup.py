"""HTML as values: what is not Markup is text, and is escaped wherever it is put in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import TypeAlias

from reconciler.report.lines import safe


class Markup(str):
    """HTML that is right as it stands. Whoever makes it of other than words of their own uses `markup`."""

    __slots__ = ()


Content: TypeAlias = "str | Markup"
_VOID = frozenset({"input", "meta"})
_NONE: Mapping[str, str] = {}


def markup(text: str) -> Markup:
    """Text as HTML, with each character that would turn the direction of writing, or is not seen, as its escape."""
    return text if isinstance(text, Markup) else Markup(escape(safe(text).replace("\t", r"\t")))


def joined(parts: Iterable[Content], between: str = "") -> Markup:
    return Markup(between.join(map(markup, parts)))


def element(name: str, attributes: Mapping[str, str] = _NONE, *content: Content) -> Markup:
    """One element. An attribute with the value '' stands there without one."""
    given = "".join(f' {key}="{markup(value)}"' if value else f" {key}" for key, value in attributes.items())
    return Markup(f"<{name}{given}>") if name in _VOID else Markup(f"<{name}{given}>{joined(content)}</{name}>")


def classed(name: str, classes: str, *content: Content) -> Markup:
    return element(name, {"class": classes}, *content)
