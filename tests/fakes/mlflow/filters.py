"""The search language, as far as a reconciler needs it: comparisons joined by AND, and an order."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .errors import ApiError, invalid

T = TypeVar("T")

# Gives the value that an entity ("attribute", "tag", "param") has under a key, or None.
Lookup = Callable[[Any, str, str], Any]

_CLAUSE = re.compile(
    r"""\s*(?:(?P<entity>[a-z]+)\.)?(?P<key>`[^`]+`|"[^"]+"|[\w.\-]+?)\s*
    (?P<op>!=|<=|>=|=|<|>|(?<!\w)(?:NOT\ IN|IN|LIKE|ILIKE|IS\ NOT\ NULL|IS\ NULL|like|ilike)(?!\w))\s*
    (?P<value>'[^']*'|"[^"]*"|\([^)]*\)|-?\d[\d.]*)?\s*(?P<end>(?i:AND\b)|$)""",
    re.VERBOSE,
)
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_ORDER = re.compile(r"^\s*(?:attributes?\.)?`?(\w+)`?(?:\s+(ASC|DESC))?\s*$", re.IGNORECASE)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "IN": lambda found, wanted: found in wanted,
    "NOT IN": lambda found, wanted: found not in wanted,
}
_TEXT = ("=", "!=", "LIKE", "ILIKE")
_NULL = ("IS NULL", "IS NOT NULL")
_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
_ENTITY = {None: "attribute", "attribute": "attribute", "attributes": "attribute"} | {
    "tag": "tag",
    "tags": "tag",
    "param": "param",
    "params": "param",
}


@dataclass(frozen=True)
class Grammar:
    """What one search endpoint lets one filter by: text, numeric and id attributes, and its own liberties."""

    text: frozenset[str]
    numeric: frozenset[str]
    ids: frozenset[str]
    lenient: bool = False  # logged models: IN everywhere, small letters, but no IS NULL

    def operators(self, entity: str, key: str, op: str) -> Sequence[str]:
        if entity != "attribute":
            return (*_TEXT, "IN", "NOT IN") if self.lenient else (*_TEXT, *_NULL)
        if key in self.numeric:
            return _NUMERIC
        if key in self.ids:
            return ("=", "!=", "IN", "NOT IN")
        if key in self.text:
            return (*_TEXT, "IN", "NOT IN") if self.lenient else _TEXT
        if self.lenient and op in _TEXT:
            raise ApiError("INTERNAL_ERROR", f"type object 'SqlLoggedModel' has no attribute '{key}'")
        raise invalid(f"Invalid attribute key '{key}' specified.")


@dataclass(frozen=True)
class Clause:
    entity: str
    key: str
    op: str
    value: Any

    def holds(self, found: Any) -> bool:
        if self.op in _NULL:
            return (found is None) == (self.op == "IS NULL")
        if found is None:
            return False
        if self.op in ("LIKE", "ILIKE"):
            return _like(str(found), self.value, ignore_case=self.op == "ILIKE")
        return _COMPARE[self.op](found, self.value)


def _like(text: str, pattern: str, ignore_case: bool) -> bool:
    expression = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def parse(text: str, grammar: Grammar) -> list[Clause]:
    """The clauses of a filter, or the error that the server gives for one that it does not understand."""
    clauses: list[Clause] = []
    position, end = 0, "AND" if text.strip() else ""
    while end:
        match = _CLAUSE.match(text, position)
        if match is None:
            raise invalid(f"Invalid clause(s) in filter string: {text[position:]}")
        clauses.append(_clause(match, grammar))
        position, end = match.end(), match["end"]
    return clauses


def _clause(match: re.Match[str], grammar: Grammar) -> Clause:
    if match["entity"] in ("metric", "metrics"):
        raise NotImplementedError("the fake does not filter by metrics")
    if match["entity"] not in _ENTITY:
        raise invalid(f"Invalid entity type '{match['entity']}'.")
    entity, key = _ENTITY[match["entity"]], match["key"].strip('`"')
    op = match["op"].upper() if grammar.lenient else match["op"]
    if op not in grammar.operators(entity, key, op):
        raise invalid(f"Invalid comparator '{op}' for {entity} {key}")
    numeric = entity == "attribute" and key in grammar.numeric
    return Clause(entity, key, op, None if op in _NULL else _value(match["value"] or "", op, numeric))


def _value(text: str, op: str, numeric: bool) -> Any:
    if numeric:
        if not text.lstrip("-").isdigit():
            raise invalid(f"Expected numeric value type for numeric attribute. Found {text}")
        return int(text)
    if op in ("IN", "NOT IN") and text.startswith("("):
        return {single or double for single, double in _QUOTED.findall(text)}
    if not _QUOTED.fullmatch(text):
        raise invalid(f"Expected a quoted string value (e.g. 'my-value'). Got value {text}")
    return text[1:-1]


def matches(item: Any, clauses: Sequence[Clause], lookup: Lookup) -> bool:
    return all(clause.holds(lookup(item, clause.entity, clause.key)) for clause in clauses)


def parse_order(terms: Sequence[str], known: frozenset[str]) -> list[tuple[str, bool]]:
    """The attributes to order by, each with whether it ascends."""
    order = []
    for term in terms:
        match = _ORDER.match(term)
        if match is None or match[1] not in known:
            raise invalid(f"Invalid ordering key in order_by clause {term!r}.")
        order.append((match[1], (match[2] or "ASC").upper() == "ASC"))
    return order


def ordered(items: Sequence[T], order: Sequence[tuple[str, bool]], key: Callable[[T, str], Any]) -> list[T]:
    """Sorted by the last term first: Python's sort is stable."""
    found = list(items)
    for name, ascending in reversed(order):
        found.sort(key=lambda item: key(item, name), reverse=not ascending)
    return found
