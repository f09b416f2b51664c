"""Canaries: secrets that are told apart, and the search for them in whatever form a text may hold them."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

HEAD = 9
"""So many characters of a secret's beginning or end are too many."""


def leaks(text: str, secrets: Iterable[str]) -> list[str]:
    """Those of `secrets` that `text` holds: whole, encoded, escaped, or cut."""
    return sorted({secret for secret in secrets for form in forms(secret) if form in text})


def forms(secret: str) -> set[str]:
    whole = {secret, base64.b64encode(secret.encode()).decode().rstrip("="), secret[::-1]}
    whole |= {quote(secret), quote(secret, safe=""), quote(secret, safe="").lower(), quote_plus(secret)}
    whole |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    whole |= {html.escape(secret)}
    return {form for one in whole for form in (one[:HEAD], one[-HEAD:])}


def places(value: object, secret: str, path: str = "") -> list[str]:
    """Where `secret` stands in JSON, as `runs.0.data.tags`; what is a pair of key and value stands by its key."""
    if isinstance(value, str):
        return [path] if leaks(value, [secret]) else []
    if isinstance(value, Mapping):
        if set(value) >= {"key", "value"} and "timestamp" not in value:
            return places(value["value"], secret, f"{path}.{value['key']}")
        return [found for key, inner in value.items() for found in places(inner, secret, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for inner in value for found in places(inner, secret, path)]
    return []
