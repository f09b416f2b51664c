"""Reading a JSON body as the server does: by way of protobuf, whose parser stops at the first bad field.

What was read before that field is kept and used, what comes after it is lost, and the request goes on. This is how a
number among the tags silently drops all later tags, and how an unquoted NaN drops a metric's timestamp.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import PageError, invalid, missing

Json = dict[str, Any]
_SURROGATE = re.compile("[\ud800-\udfff]")


class BadFieldError(Exception):
    """The protobuf parser gives up here."""


@dataclass(frozen=True)
class Scalar:
    """`read` turns a JSON value into the field's value; `accepts` is the check made only if parsing failed.

    `empty` is what a required field holds if it stood behind a bad one and so was not read.
    """

    read: Callable[[Any], Any]
    accepts: Callable[[Any], bool]
    empty: Any = None


@dataclass(frozen=True)
class One:
    fields: Fields


@dataclass(frozen=True)
class Many:
    item: Scalar | One
    strict: bool = False


Field = Scalar | One | Many
Fields = Mapping[str, Field]


@dataclass(frozen=True)
class Shape:
    """What one endpoint reads: its fields, those it insists on, and those whose type it never checks."""

    fields: Fields = field(default_factory=dict)
    required: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def _read_text(value: Any) -> str:
    if not isinstance(value, str) or _SURROGATE.search(value):
        raise BadFieldError
    return value


def _read_integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, str) and " " in value):
        raise BadFieldError
    try:
        number = float(value) if isinstance(value, float) else int(value)
    except (TypeError, ValueError):
        raise BadFieldError from None
    if number != int(number):
        raise BadFieldError
    return int(number)


def _read_number(value: Any) -> float:
    unquoted = isinstance(value, float) and not math.isfinite(value)
    if unquoted or value == "nan":
        raise BadFieldError
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadFieldError from None


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadFieldError
    return value


def _converts(kind: type[int | float]) -> Callable[[Any], bool]:
    """Whether the server's own conversion takes a value; null and lists break it, instead of being refused."""

    def accepts(value: Any) -> bool:
        try:
            kind(value)
        except ValueError:
            return False
        except TypeError:
            raise PageError(500) from None
        return True

    return accepts


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


TEXT = Scalar(_read_text, _is_text, "")
INTEGER = Scalar(_read_integer, _converts(int))
NUMBER = Scalar(_read_number, _converts(float))
FLAG = Scalar(_read_flag, lambda value: isinstance(value, bool))


def enum(names: Mapping[str, int], as_text: bool = False) -> Scalar:
    """A closed enumeration: an unknown name leaves the field unset (None), an unknown number is a bad field."""

    def read(value: Any) -> str | None:
        try:
            wanted = names[value] if value in names else int(value)
        except ValueError:
            return None
        except TypeError:
            raise BadFieldError from None
        for name, number in names.items():
            if number == wanted:
                return name
        raise BadFieldError

    return Scalar(read, _is_text if as_text else _converts(int))


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)


def _fill(fields: Fields, body: Any, into: Json) -> None:
    if not isinstance(body, Iterable):
        raise BadFieldError
    spellings = {**{name: name for name in fields}, **{_camel(name): name for name in fields}}
    # A string where an object should stand is walked through letter by letter, and no letter is a field.
    for spelling, value in body.items() if isinstance(body, dict) else ():
        name = spellings.get(spelling)
        if name is not None and value is not None:
            _fill_field(fields[name], name, value, into)


def _fill_field(kind: Field, name: str, value: Any, into: Json) -> None:
    match kind:
        case Many(item):
            into[name] = []
            if not isinstance(value, list):
                raise BadFieldError
            for element in value:
                _append(item, element, into[name])
        case One(fields):
            into[name] = {}
            _fill(fields, value, into[name])
        case Scalar():
            read = kind.read(value)
            if read is not None:
                into[name] = read


def _append(item: Scalar | One, element: Any, into: list[Any]) -> None:
    """The element is added before its fields are read, so a bad one stays behind half filled."""
    if isinstance(item, One):
        into.append({})
        _fill(item.fields, element, into[-1])
    else:
        into.append(item.read(element))


def _accepts(kind: Field, value: Any) -> bool:
    match kind:
        case Many(_, strict):
            return isinstance(value, list) and not (strict and not all(_is_text(item) for item in value))
        case One():
            return True
        case Scalar():
            return kind.accepts(value)


def read_body(shape: Shape, body: Any) -> Json:
    """The fields of a request, read leniently and then checked as the server checks them."""
    if not isinstance(body, dict):
        raise PageError(500)
    for name in shape.fields:
        if _camel(name) != name and name in body and _camel(name) in body:
            raise invalid(f"Request specifies both '{name}' and '{_camel(name)}'; provide only one of them.")
    values: Json = {}
    try:
        _fill(shape.fields, body, values)
        readable = True
    except BadFieldError:
        readable = False
    for name, kind in shape.fields.items():
        if name in shape.required and body.get(name) in (None, ""):
            raise missing(name)
        if not readable and name in body and name not in shape.unchecked and not _accepts(kind, body[name]):
            raise invalid(f"Invalid value for parameter '{name}' supplied: {type(body[name]).__name__}")
    return {**_unread(shape), **values}


def _unread(shape: Shape) -> Json:
    required = {name: shape.fields[name] for name in shape.required}
    return {
        name: kind.empty if isinstance(kind, Scalar) else []
        for name, kind in required.items()
        if not isinstance(kind, Scalar) or kind.empty is not None
    }


def read_query(shape: Shape, query: Mapping[str, str]) -> Json:
    """A query string as the body that it stands for: a list field is a list, a flag a flag, the rest text."""
    body: Json = {}
    for name in shape.fields.keys() & query.keys():
        kind, value = shape.fields[name], query[name]
        body[name] = [value] if isinstance(kind, Many) else value == "true" if kind is FLAG else value
    return body
