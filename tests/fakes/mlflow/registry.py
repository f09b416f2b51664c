"""The `registered-models/...` endpoints that a lock needs."""

from __future__ import annotations

from . import filters, limits, paging
from .errors import ApiError, invalid
from .state import Registered, State
from .wire import Json

_GRAMMAR = filters.Grammar(text=frozenset({"name"}), numeric=frozenset(), ids=frozenset())
_PAGE, _LARGEST_PAGE = 100, 1000


def create(state: State, fields: Json) -> Json:
    """Atomic: of many callers with one name, one wins. Of equal tag keys the last counts."""
    name, tags = fields.get("name", ""), fields.get("tags", [])
    limits.check_registered_name(name)
    for tag in tags:
        _check_tag(tag)
    _check_free(state, name)
    values = {tag.get("key", ""): tag.get("value", "") for tag in tags}
    state.registered[name] = Registered(name, fields.get("description", ""), values)
    return {"registered_model": state.registered[name].show()}


def _check_free(state: State, name: str) -> None:
    if name in state.registered:
        raise ApiError(state.taken, f"Registered Model (name={name}) already exists.")


def _check_tag(tag: Json) -> None:
    limits.check_key(tag.get("key", ""))
    limits.check_length("value", tag.get("value", ""), limits.REGISTERED_MODEL_TAG)


def _find(state: State, fields: Json) -> Registered:
    limits.check_registered_name(fields["name"])
    return state.registered_model(fields["name"])


def get(state: State, fields: Json) -> Json:
    return {"registered_model": _find(state, fields).show()}


def search(state: State, fields: Json) -> Json:
    """Ordered by name; prompts, which are registered models too, are not known here."""
    size = int(fields.get("max_results", _PAGE))
    if not 0 < size <= _LARGEST_PAGE:
        raise invalid(f"Invalid value {size} for parameter 'max_results' supplied.")
    clauses = filters.parse(fields.get("filter", ""), _GRAMMAR)
    found = [one for _, one in sorted(state.registered.items()) if filters.matches(one, clauses, _look_up)]
    page, more = paging.cut(found, paging.offset(fields.get("page_token", "")), state.page_size(size))
    return {**({"registered_models": [one.show() for one in page]} if page else {}), **more}


def _look_up(found: Registered, entity: str, key: str) -> str | None:
    return found.name if entity == "attribute" else found.tags.get(key)


def rename(state: State, fields: Json) -> Json:
    """Atomic: of many callers one wins. Description and tags go along."""
    limits.check_registered_name(fields["new_name"])
    found = _find(state, fields)
    if fields["new_name"] != found.name:
        _check_free(state, fields["new_name"])
    del state.registered[found.name]
    found.name = fields["new_name"]
    state.registered[found.name] = found
    return {"registered_model": found.show()}


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
