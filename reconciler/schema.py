"""The JSON Schemas of manifests and of reconciler.yaml, from the models that check them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.kind import Kind

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FOR_EACH = {
    "description": "One resource per item; ${each.key} and ${each.value} are its parts.",
    "anyOf": [
        {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
        {"type": "object"},
        {"type": "string"},
    ],
}


def manifest(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """The schema of a manifest: every kind with a map of entries."""
    definitions: dict[str, Any] = {}
    sections = {}
    for name, kind in sorted(kinds.items()):
        body = kind.model.model_json_schema(ref_template="#/$defs/{model}")
        definitions |= body.pop("$defs", {})
        body["properties"]["for_each"] = _FOR_EACH
        body["required"] = [field for field in body.get("required", []) if field != "name"]
        sections[name] = {"type": "object", "additionalProperties": {"anyOf": [body, {"type": "null"}]}}
    return {
        "$schema": DIALECT,
        "title": "reconciler manifest",
        "type": "object",
        "properties": sections,
        "additionalProperties": False,
        "$defs": definitions,
    }
