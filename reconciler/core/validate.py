"""From a document and a pydantic model to an instance, or to findings with places, in words of our own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.interpolate import Broken
from reconciler.core.words import dotted, listed, noun, shown, suggest
from reconciler.core.written import Document, Part

M = TypeVar("M", bound=BaseModel)
Fault = tuple[tuple[Part, ...], Mapping[str, Any]]
"""The path of what is wrong, and pydantic's account of it."""


class _Empty:
    """Stands in for what is written without a value: no type takes it, as None would be taken by `str | None`."""


_EMPTY = _Empty()

_CONTAINERS = {"dict_type": "a map", "model_type": "a map", "list_type": "a list", "tuple_type": "a list"}
_WANTED = _CONTAINERS | {
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}
"""What belongs there, by the type of pydantic's error."""

_BLANK = {
    "string_type": "write '' for an empty string",
    "dict_type": "write {} for an empty map, or leave the key out",
    "list_type": "write [] for an empty list, or leave the key out",
    "tuple_type": "write [] for an empty list, or leave the key out",
}
_BOUNDS = {
    "greater_than_equal": ("is less than {}", "ge"),
    "greater_than": ("is not more than {}", "gt"),
    "less_than_equal": ("is more than {}", "le"),
    "less_than": ("is not less than {}", "lt"),
    "string_too_short": ("is shorter than {}", "min_length"),
    "string_too_long": ("is longer than {}", "max_length"),
    "too_short": ("has fewer entries than {}", "min_length"),
    "too_long": ("has more entries than {}", "max_length"),
    "string_pattern_mismatch": ("does not match {}", "pattern"),
}


def validate(
    model: type[M], document: Document, name: str, also: Sequence[str] = ()
) -> tuple[M | None, list[Diagnostic]]:
    """`document.value` as a `model`, or all that stands against it.

    `name` is what findings call the whole; `also` are keys that somebody else reads. A Broken text may be any text.
    """
    value = document.value
    if not isinstance(value, dict):
        where = document.value_at() if isinstance(value, str) else document.at()
        return None, [error("wrong-type", f"{name} is {noun(value)}", where, "a map belongs there")]
    try:
        return model.model_validate(_marked(value)), []
    except ValidationError as wrong:
        faults = _faults(wrong, value)
    teller = _Teller(model, document, tuple(also))
    return None, [teller.tell(path, fault) for path, fault in faults if not _excused(fault)]


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells of the faults of one document."""

    model: type[BaseModel]
    document: Document
    also: tuple[str, ...]

    def tell(self, path: tuple[Part, ...], fault: Mapping[str, Any]) -> Diagnostic:
        found = fault["input"]
        if fault["type"] == "missing":
            return self.missing(path)
        if fault["type"] == "extra_forbidden":
            return self.unknown(path, colon=found is _EMPTY)
        if found is _EMPTY:
            return self.empty(path, fault)
        if _wrong_type(fault):
            where = self.document.value_at(path) if isinstance(found, str) else self.document.at(path)
            return error("wrong-type", f"{dotted(path)} is {noun(found)}", where, f"{_wanted(fault)} belongs there")
        return self.bad_value(path, fault)

    def missing(self, path: tuple[Part, ...]) -> Diagnostic:
        field = _fields(_model_at(self.model, path[:-1])).get(str(path[-1]))
        hint = f"write `{path[-1]}: ...`" + (f" ({field})" if field else "")
        return error("missing-field", f"{dotted(path)} is missing", self.document.at(path[:-1]), hint)

    def unknown(self, path: tuple[Part, ...], *, colon: bool) -> Diagnostic:
        key = str(path[-1])
        known = [*_fields(_model_at(self.model, path[:-1])), *(self.also if len(path) == 1 else ())]
        hint = _COLON if colon and ":" in key else suggest(key, known, "the keys here are")
        return error("unknown-key", f"{dotted(path)} is not known", self.document.at(path), hint)

    def empty(self, path: tuple[Part, ...], fault: Mapping[str, Any]) -> Diagnostic:
        hint = _BLANK.get(fault["type"], "write one, or leave the key out")
        if ":" in str(path[-1]):
            hint = _COLON
        elif len(path) == 1 and fault["type"] == "string_type":
            hint += ", or leave the key out"
        return error("empty-value", f"{dotted(path)} has no value", self.document.at(path), hint)

    def bad_value(self, path: tuple[Part, ...], fault: Mapping[str, Any]) -> Diagnostic:
        found = fault["input"]
        where = self.document.value_at(path) if isinstance(found, str) else self.document.at(path)
        quoted = shown(found) if isinstance(found, str) else ""
        if choices := _choices(fault):
            near = suggest(found, choices, "")
            hint = f"{near} " if near.endswith("?") else ""
            hint += f"it can be {listed(choices)}"
            return error("bad-value", f"{dotted(path)} cannot be {quoted}", where, hint)
        return error("bad-value", f"{dotted(path)} {_words(fault)}", where, f"found {quoted}" if quoted else "")


_COLON = "write a blank after the ':'"


def _excused(fault: Mapping[str, Any]) -> bool:
    return isinstance(fault["input"], Broken) and fault["type"] not in {*_CONTAINERS, "extra_forbidden"}


def _wrong_type(fault: Mapping[str, Any]) -> bool:
    if isinstance(fault["input"], str):
        return fault["type"] in _CONTAINERS
    return bool(_wanted(fault))


def _wanted(fault: Mapping[str, Any]) -> str:
    """What belongs there, where the fault is that something else is there: 'a map', 'a time such as ...'."""
    if choices := _choices(fault):
        return f"one of {listed(choices)}"
    words = _words(fault)
    return words.removeprefix("is not ") if words.startswith("is not a") or fault["type"] in _WANTED else ""


def _words(fault: Mapping[str, Any]) -> str:
    """What is wrong, to be read after the name of the field: 'is not a number'."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in _WANTED:
        return f"is not {_WANTED[kind]}"
    if kind in _BOUNDS:
        words, limit = _BOUNDS[kind]
        return "is empty" if limit == "min_length" and context[limit] == 1 else words.format(context[limit])
    if "error" in context:
        return str(context["error"])
    return str(fault["msg"]).removeprefix("Input ")


def _choices(fault: Mapping[str, Any]) -> list[str]:
    return re.findall("'([^']*)'", fault["ctx"]["expected"]) if fault["type"] in {"literal_error", "enum"} else []


def _faults(wrong: ValidationError, value: Any) -> list[Fault]:
    """One fault for each path: of the branches of a union, the one that speaks of what is there."""
    found: dict[tuple[Part, ...], Mapping[str, Any]] = {}
    for fault in wrong.errors(include_url=False):
        path = _path(fault, value)
        if path not in found or _suits(fault) > _suits(found[path]):
            found[path] = fault
    inner = {path[:end] for path in found for end in range(len(path))}
    return [(path, fault) for path, fault in found.items() if path not in inner or not _wanted(fault)]


def _suits(fault: Mapping[str, Any]) -> bool:
    return isinstance(fault["input"], (dict, list)) == (fault["type"] in {*_CONTAINERS, "too_short", "too_long"})


def _path(fault: Mapping[str, Any], value: Any) -> tuple[Part, ...]:
    """The place of a fault in `value`: pydantic's, without the names of a union's branches."""
    path: list[Part] = []
    for part in fault["loc"]:
        if (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int)):
            value = value[part]
            path.append(part)
    return (*path, fault["loc"][-1]) if fault["type"] == "missing" else tuple(path)


def _marked(value: Any) -> Any:
    if value is None:
        return _EMPTY
    if isinstance(value, dict):  # mostly of texts, of which nothing need be asked
        return {key: inner if isinstance(inner, str) else _marked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    return value


def _fields(model: type[BaseModel]) -> dict[str, str]:
    """The keys that a model takes, each with its description."""
    fields = model.model_fields.items()
    return {info.alias or name: re.sub(r"(?<!\.)\.$", "", info.description or "") for name, info in fields}


def _model_at(model: type[BaseModel], path: tuple[Part, ...]) -> type[BaseModel]:
    """The model that checks the map at `path`."""
    for part in path:
        info = next((info for name, info in model.model_fields.items() if part in {name, info.alias}), None)
        model = next(_models(info.annotation), model) if info else model
    return model


def keys_at(model: type[BaseModel], path: tuple[Part, ...]) -> tuple[str, ...]:
    """The keys that the map at `path` takes, as the model that checks it lists them."""
    return tuple(_fields(_model_at(model, path)))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
