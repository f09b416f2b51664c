"""The `registered-models/...` endpoints that a lock needs."""

from __future__ import annotations

from . import limits
from .errors import ApiError
from .state import Registered, State
from .wire import Json


def create(state: State, fields: Json) -> Json:
    """Atomic: of many callers with one name, one wins. Of equal tag keys the last counts."""
    name, tags = fields.get("name", ""), fields.get("tags", [])
    limits.check_registered_name(name)
    for tag in tags:
        _check_tag(tag)
    if name in state.registered:
        raise ApiError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.")
    values = {tag.get("key", ""): tag.get("value", "") for tag in tags}
    state.registered[name] = Registered(name, fields.get("description", ""), values)
    return {"registered_model": state.registered[name].show()}


def _check_tag(tag: Json) -> None:
    limits.check_key(tag.get("key", ""))
    limits.check_length("value", tag.get("value", ""), limits.REGISTERED_MODEL_TAG)


def _find(state: State, fields: Json) -> Registered:
    limits.check_registered_name(fields["name"])
    return state.registered_model(fields["name"])


def get(state: State, fields: Json) -> Json:
    return {"registered_model": _find(state, fields).show()}


def delete(state: State, fields: Json) -> Json:
    """A hard delete: the name is free at once."""
    del state.registered[_find(state, fields).name]
    return {}


def set_tag(state: State, fields: Json) -> Json:
    _check_tag(fields)
    _find(state, fields).tags[fields["key"]] = fields.get("value", "")
    return {}


def delete_tag(state: State, fields: Json) -> Json:
    """An absent tag is no error here, unlike for experiments, runs and logged models."""
    limits.check_characters(fields["key"])
    _find(state, fields).tags.pop(fields["key"], None)
    return {}
