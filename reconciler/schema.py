"""The JSON Schemas of manifests and of reconciler.yaml, and the order of keys, from the models that check them.

What an editor shows is made of them: each field has its words, nothing is offered that a manifest may not hold, and a
value may be a `${...}` wherever one may stand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from reconciler.config import File
from reconciler.core.kind import Kind
from reconciler.core.target import Target
from reconciler.core.validate import keys_at
from reconciler.core.wire import Backend
from reconciler.core.written import Part

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MANIFEST, CONFIG = "manifest.schema.json", "config.schema.json"
"""The names of the files that hold them."""

_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_EXPRESSION = {"type": "string", "pattern": r"\$\{"}
_FOR_EACH = {
    "description": "One resource per item; ${each.key} and ${each.value} are its parts.",
    "type": ["array", "object", "string"],
    "items": _SCALAR,
    "pattern": _EXPRESSION["pattern"],
    "patternErrorMessage": "A list or a map belongs here.",
}
_KEPT = frozenset(("const", "enum", "required", "type"))
"""Keywords whose values are no schemas."""
_TOLD = frozenset(("default", "description"))
"""What is said of a field whatever stands for its value."""


def files(kinds: Mapping[str, Kind], backends: Mapping[str, Backend]) -> dict[str, str]:
    """The text of each schema by the name of its file."""
    return {MANIFEST: text(manifest(kinds)), CONFIG: text(config(backends))}


def text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def manifest(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """The schema of a manifest: every kind with a map of entries."""
    definitions: dict[str, Any] = {}
    sections = {name: _section(kind, definitions) for name, kind in sorted(kinds.items())}
    words = "What a stack declares: a map of kinds, each a map of entries."
    return _head("manifest", words) | {
        "type": "object",
        "properties": sections,
        "additionalProperties": False,
        "$defs": definitions,
    }


def config(backends: Mapping[str, Backend]) -> dict[str, Any]:
    """The schema of reconciler.yaml: a target has its own entries and those of its backend."""
    definitions: dict[str, Any] = {}
    body: dict[str, Any] = _plain(_of(File, definitions))
    body["allOf"] = [{"required": body.pop("required")}]
    del body["description"]  # of the class
    variable = {"anyOf": [{"$ref": "#/$defs/Variable"}, _SCALAR, {"type": "null"}]}
    body["properties"]["variables"] |= {"additionalProperties": variable}
    body["properties"]["targets"] = {
        "description": "Servers by name. The first is the default one, or that with `default: true`.",
        "type": "object",
        "additionalProperties": _target(backends, definitions),
    }
    return _head("configuration", "The configuration of a stack.") | body | {"$defs": definitions}


def _head(name: str, words: str) -> dict[str, Any]:
    """Nothing has a title, and what is required stands in an `allOf`.

    yaml-language-server 2.0 shows the next title above each field, and offers whatever requires something as a snippet.
    """
    return {"$schema": DIALECT, "$id": f"urn:reconciler:{name}", "description": words}


def _section(kind: Kind, definitions: dict[str, Any]) -> dict[str, Any]:
    """A map of entries; one may be empty."""
    body = _open(_of(kind.model, definitions))
    words = body.pop("description")
    body["properties"]["for_each"] = _FOR_EACH
    body["allOf"] = [{"required": [field for field in body.pop("required", []) if field != "name"]}]
    entry = body | {"type": ["object", "null"], "description": words}
    return {"description": words, "type": "object", "additionalProperties": entry}


def _target(backends: Mapping[str, Backend], definitions: dict[str, Any]) -> dict[str, Any]:
    """A target by its backend: an editor offers the options of that one only."""
    made: dict[str, Any] = _options(backends["mlflow"], sorted(backends), definitions)
    for name, backend in sorted(backends.items()):
        if name != "mlflow":
            named = {"properties": {"backend": {"const": name}}, "required": ["backend"]}
            made = {"if": named, "then": _options(backend, sorted(backends), definitions), "else": made}
    return {"type": "object"} | made


def _options(backend: Backend, names: list[str], definitions: dict[str, Any]) -> dict[str, Any]:
    own, rest = (_open(_of(model, definitions)) for model in (Target, backend.options))
    properties = own["properties"] | rest["properties"]
    properties["backend"] |= {"enum": names}
    return {
        "type": "object",
        "properties": properties,
        "allOf": [{"required": [*own.get("required", []), *rest.get("required", [])]}],
        "additionalProperties": False,
    }


def _of(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a model; those that it refers to are added to the definitions."""
    made = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions |= {name: _open(one) for name, one in made.pop("$defs", {}).items()}
    return made


def _open(schema: dict[str, Any]) -> dict[str, Any]:
    """A plain schema of a map, in which a `${...}` may stand for a value."""
    made: dict[str, Any] = _plain(schema)
    return made | {"properties": {field: _or_expression(part) for field, part in made["properties"].items()}}


def _or_expression(part: dict[str, Any]) -> dict[str, Any]:
    """A field's schema, or a text with `${...}` in place of a value that is more than a text."""
    told: dict[str, Any] = {name: value for name, value in part.items() if name in _TOLD}
    rest: dict[str, Any] = {name: value for name, value in part.items() if name not in _TOLD}
    if rest.get("type") == "object":  # its values have its words, where they have none of their own
        words = {"description": told["description"]}
        return told | rest | {"additionalProperties": words | rest["additionalProperties"]}
    if rest.get("type") in ("array", _SCALAR["type"]) and "enum" not in rest:
        return told | rest
    return told | {"anyOf": [*rest.get("anyOf", [rest]), _EXPRESSION]}


def _plain(node: Any) -> Any:
    """A schema as a person sees it: without the names of Python, and without what a manifest may not hold."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for name, inner in node.items():
        if name == "properties":
            made[name] = {key: _plain(part) for key, part in inner.items()}
        elif name in _KEPT:
            made[name] = inner
        elif name != "title" and not (name == "default" and (inner in (None, "", []) or isinstance(inner, dict))):
            made[name] = _plain(inner)
    if made.get("type") == "string" and not {"enum", "const"} & made.keys():
        made |= _SCALAR  # a number is the text that was written
    options = [one for one in made.pop("anyOf", ()) if one != {"type": "null"}]
    return options[0] | made if len(options) == 1 else made | ({"anyOf": options} if options else {})


def order(kinds: Mapping[str, Kind]) -> Callable[[tuple[Part, ...]], Sequence[str]]:
    """From the path of a map to its keys in the order of docs/reference; of a map of a person's own keys none."""
    names = sorted(kinds, key=lambda name: (len(kinds[name].references), name))  # what others refer to comes first
    root = tuple(dict.fromkeys(("stack", "targets", *File.model_fields, *names)))
    entries = {name: ("<<", "for_each", *kind.order) for name, kind in kinds.items()}

    def keys(path: tuple[Part, ...]) -> Sequence[str]:
        match path:
            case ():
                return root
            case (str(name), _) if name in entries:
                return entries[name]
            case (str(name), _, *rest, int()) if name in kinds:
                return keys_at(kinds[name].model, tuple(rest))
        return ()

    return keys
