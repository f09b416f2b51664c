"""What MLflow cannot hold, found before anything is sent: lengths, characters, and values that it would silently cut.

Source: MLflow 3.17.2, `mlflow/utils/validation.py` and the columns of its database.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import ParseResult, urlparse

from reconciler.core.change import Path, Value
from reconciler.core.wire import Unsupported

Problem: TypeAlias = tuple[str, str] | None
"""Why, and what to do instead."""

KEY_LENGTH = 250
KEYS_KEPT = 10_000
"""Of so many keys the outcome of the check is kept: a stack has few, and each many times."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_KEY = re.compile(r"[/\w.\- :]*")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/")
_QUERY = re.compile(r"[A-Za-z0-9=&.,:+~_-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Limit:
    """What one field may hold: `key` and `value` are checks of the entry's key and of the text."""

    value: Callable[[str], Problem]
    key: Callable[[str], Problem] | None = None


def at_most(limit: int, then: str = "", least: int = 0, who: str = "MLflow") -> Callable[[str], Problem]:
    """A text of `least` to `limit` characters. `then`: what `who` does with a longer one."""

    def check(text: str) -> Problem:
        if len(text) > limit:
            return f"has {len(text)} characters; {who} takes {limit}{then}", "shorten it"
        if len(text) < least:
            return "is empty", "give it a text, or leave the line out"
        return None

    return check


@lru_cache(KEYS_KEPT)
def word(text: str) -> Problem:
    """Keys of tags, params and metrics: what MLflow takes as a relative path."""
    if not text or len(text) > KEY_LENGTH:
        return f"has a key of {len(text)} characters; MLflow takes 1 to {KEY_LENGTH}", "shorten the key"
    if not _KEY.fullmatch(text):
        return "has a key with characters that MLflow refuses", "use letters, digits, blanks and _ - . : /"
    if posixpath.normpath(text) != text or text.startswith(("..", "/")) or text == ".":
        return "has a key that MLflow refuses", "no '/' at either end or twice, no part '.' or '..'"
    return None


@lru_cache(KEYS_KEPT)
def segment(text: str) -> Problem:
    """Keys of a logged model's tags: they become a segment of a path when they are removed."""
    if not text or len(text) > KEY_LENGTH:
        return f"has a key of {len(text)} characters; MLflow takes 1 to {KEY_LENGTH}", "shorten the key"
    if "/" in text or text in {".", ".."} or _CONTROL.search(text):
        return "has a key that MLflow could never remove again", "no '/', no control characters, not '.' or '..'"
    return None


def model_name(text: str) -> Problem:
    if found := sorted(set(text) & set("/:.%\"'")):
        return f"has '{found[0]}', which MLflow refuses in the name of a logged model", "use none of / : . % \" '"
    return at_most(500, least=1)(text)


def location(text: str) -> Problem:
    """Where artifacts go, as far as MLflow keeps it as it is written and can put runs there."""
    if not _ABSOLUTE.match(text):
        return "is not an absolute location", "write a URI such as s3://bucket/path, or leave the line out"
    try:
        parts = urlparse(text)
        found = next((problem for wrong, problem in _faults(text, parts) if wrong), None)
    except ValueError:
        return "is not a location that MLflow can read", "use no [ ] and no odd characters before the path"
    return found or at_most(2048)(text)


def _faults(text: str, parts: ParseResult) -> Iterator[tuple[bool, tuple[str, str]]]:
    """What may be wrong with a location, and whether it is."""
    refused = parts.scheme in {"http", "https", "runs"} or "#" in text or bool(parts.params)
    yield refused, ("is not a location that MLflow takes", "no http:, https: or runs:, no '#', no ';' in a plain path")
    database = parts.scheme.startswith(("postgresql", "mysql", "sqlite", "mssql"))
    yield database, ("is a database, not a location for artifacts", "write a URI such as s3://bucket/path")
    # MLflow takes File: and file:path as relative paths, and refuses other hosts
    plain = text.startswith("file:") and parts.path.startswith("/") and parts.hostname in {None, "localhost"}
    yield parts.scheme == "file" and not plain, ("is not an absolute file", "write file:///path, in small letters")
    odd = ".." in parts.query or not _QUERY.fullmatch(parts.query)
    yield odd, ("has a query that MLflow may refuse", "use letters, digits and = & . , : + ~ - _, but no '..'")
    yield bool(_CONTROL.search(text)), ("has control characters, which MLflow leaves out for runs", "leave them out")


EXPERIMENT: Mapping[str, Limit] = {
    "name": Limit(at_most(500, least=1)),
    "description": Limit(at_most(20_000)),
    "artifact_location": Limit(location),
    "tags": Limit(at_most(20_000), word),
}
RUN: Mapping[str, Limit] = {
    "name": Limit(at_most(250, least=1)),
    "description": Limit(at_most(8_000, " and silently cuts the rest")),
    "params": Limit(at_most(6_000, " and silently cuts the rest"), word),
    "metrics": Limit(at_most(2**20), word),
    "tags": Limit(at_most(8_000, " and silently cuts the rest"), word),
}
LOGGED_MODEL: Mapping[str, Limit] = {
    "name": Limit(model_name),
    "type": Limit(at_most(500, least=1)),
    "params": Limit(at_most(2**20), segment),
    "tags": Limit(at_most(2**20), segment),
}
DATASET: Mapping[str, Callable[[str], Problem]] = {
    "name": at_most(500),
    "digest": at_most(36),
    "source_type": at_most(36),
    "source": at_most(65_535),
    "schema": at_most(1_048_575, least=1),  # MLflow takes an empty one and does not show it again
    "profile": at_most(16_777_215, least=1),
    "context": at_most(500),
}


def check(limits: Mapping[str, Limit], path: Path, value: Value) -> Unsupported | None:
    """What forbids `value` at `path`, or None."""
    limit = limits.get(path[0])
    problem = next((found for text in _texts(path, value) if (found := _encodable(text))), None)
    if problem is None and limit and limit.key and len(path) > 1:
        problem = limit.key(path[1])
    if problem is None and limit and isinstance(value, str):
        problem = limit.value(value)
    if problem is None and path[0] == "datasets" and isinstance(value, dict):
        problem = _dataset(value)
    return Unsupported(path, *problem, code="limit") if problem else None


def _dataset(value: Mapping[str, Value]) -> Problem:
    if "@" in str(value["digest"]):
        return "has a digest with '@'", "leave the '@' out of the digest"
    found = ((name, DATASET[name](str(text))) for name, text in value.items() if name in DATASET)
    return next(((f"{name} {problem[0]}", problem[1]) for name, problem in found if problem), None)


def _texts(path: Path, value: Value) -> list[str]:
    inside = list(value.values()) if isinstance(value, dict) else [value]
    return [text for text in (*path[1:], *inside) if isinstance(text, str)]


def _encodable(text: str) -> Problem:
    """NUL is kept on SQLite and refused by PostgreSQL; a lone surrogate is no character at all."""
    if "\0" in text:
        return "has a NUL character, which not every database holds", "leave it out"
    if not text.isascii() and _SURROGATE.search(text):
        return "has half a surrogate pair, which is no character", "leave it out"
    return None
