"""The JSON Schemas of manifests and of reconciler.yaml, and the order of keys, from the models that check them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.config import File
from reconciler.core.kind import Kind
from reconciler.core.target import Target
from reconciler.core.validate import keys_at
from reconciler.core.wire import Backend
from reconciler.core.written import Part

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXPRESSION = {"type": "string", "pattern": r"\$\{"}
_FOR_EACH = {
    "description": "One resource per item; ${each.key} and ${each.value} are its parts.",
    "anyOf": [
        {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
        {"type": "object"},
    ],
}


def manifest(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """The schema of a manifest: every kind with a map of entries."""
    definitions: dict[str, Any] = {}
    sections = {}
    for name, kind in sorted(kinds.items()):
        body = kind.model.model_json_schema(ref_template="#/$defs/{model}")
        definitions |= body.pop("$defs", {})
        body["properties"] = {field: _or_expression(part) for field, part in body["properties"].items()}
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


def _or_expression(part: dict[str, Any]) -> dict[str, Any]:
    """A field's schema, or a text with `${...}` in place of a value that is more than a text."""
    simple = part.get("type") in ("string", "array", "object") and "enum" not in part
    return part if simple or "$ref" in part else {"anyOf": [part, _EXPRESSION], **_told(part)}


def _told(part: dict[str, Any]) -> dict[str, Any]:
    return {name: part[name] for name in ("title", "description", "default") if name in part}


def config(backends: Mapping[str, Backend]) -> dict[str, Any]:
    """The schema of reconciler.yaml: a target has its own entries and those of its backend."""
    body = File.model_json_schema(ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = body.pop("$defs", {})
    targets = [_target(name, backend, definitions) for name, backend in sorted(backends.items())]
    variable = {"anyOf": [{"$ref": "#/$defs/Variable"}, {"type": ["string", "number", "boolean"]}]}
    body["properties"]["variables"] = {"type": "object", "additionalProperties": variable}
    body["properties"]["targets"] = {"type": "object", "additionalProperties": {"anyOf": targets}}
    return body | {"$schema": DIALECT, "title": "reconciler.yaml", "$defs": definitions}


def _target(name: str, backend: Backend, definitions: dict[str, Any]) -> dict[str, Any]:
    own = Target.model_json_schema(ref_template="#/$defs/{model}")
    rest = backend.options.model_json_schema(ref_template="#/$defs/{model}")
    definitions |= own.pop("$defs", {}) | rest.pop("$defs", {})
    properties = own["properties"] | rest["properties"] | {"backend": {"const": name}}
    required = [*own.get("required", []), *rest.get("required", [])]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def order(kinds: Mapping[str, Kind]) -> Callable[[tuple[Part, ...]], Sequence[str]]:
    """From the path of a map to its keys in the order of docs/reference; of a map of a person's own keys none."""
    names = sorted(kinds, key=lambda name: (len(kinds[name].references), name))  # what others refer to comes first
    root = tuple(dict.fromkeys(("stack", "targets", *File.model_fields, *names)))

    def keys(path: tuple[Part, ...]) -> Sequence[str]:
        match path:
            case ():
                return root
            case (str(name), _) if name in kinds:
                return ("<<", "for_each", *kinds[name].order)
            case (str(name), _, *rest, int()) if name in kinds:
                return keys_at(kinds[name].model, tuple(rest))
        return ()

    return keys
