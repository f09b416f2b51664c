"""What stands in a call's body for what is known only when it is sent: ids, the moment, secrets, what others keep."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reconciler.core.address import Address
from reconciler.core.call import ID
from reconciler.core.diagnostics import Diagnostic, Failed, error
from reconciler.core.mark import digest
from reconciler.core.scope import Scope
from reconciler.core.words import shown

if TYPE_CHECKING:
    from reconciler.core.plan import Plan, Step

_LIVE = "$live"
NAMES = frozenset(("$id", "$now", "$sensitive", _LIVE))


def placeholders(body: Any) -> Iterator[tuple[str, str]]:
    """Each placeholder in `body` as its name and its text. Raises ValueError where one is not written as it must be."""
    inner: Iterable[Any] = ()
    if isinstance(body, Mapping):
        if _LIVE in body:
            yield _live(body)
            inner = body["with"].values()
        elif not NAMES.isdisjoint(body):
            yield _read(body)
        else:
            inner = body.values()
    elif isinstance(body, list | tuple):
        inner = body
    for value in inner:
        if not isinstance(value, str):  # most are, and a plan has many
            yield from placeholders(value)


def checked(body: dict[str, Any]) -> dict[str, Any]:
    """`body`, if its placeholders are right. Raises ValueError."""
    for _ in placeholders(body):
        pass
    return body


def unknown_id(plan: Plan) -> tuple[tuple[str | int, ...], Address] | None:
    """A step that asks for an id which the server has not given, and which no step of the plan will get: its place."""
    known = {*plan.ids, *(step.address for step in plan.steps if any(call.returns for call in step.calls))}
    for index, step in enumerate(plan.steps):
        for address in _ids(step):
            if address not in known:
                return ("steps", index, "calls"), address
    return None


def changed_secrets(plan: Plan, scope: Scope) -> list[Diagnostic]:
    """What the environment does not have (any more) of the secrets that `plan` will send, or has otherwise."""
    found: dict[Diagnostic, None] = {}
    for step in plan.steps:
        for name, text in placeholders([call.body for call in step.calls]):
            if name == "$sensitive":
                found |= dict.fromkeys(_compare(text, plan, scope))
    return list(found)


def _compare(template: str, plan: Plan, scope: Scope) -> list[Diagnostic]:
    try:
        text = scope.secret(template)
    except Failed as failed:
        return list(failed.diagnostics)
    if plan.secrets.get(template, digest(text)) == digest(text):
        return []
    summary = f"the sensitive value {shown(template)} is not what it was when the plan was made"
    return [error("stale-plan", summary, hint="make the plan again and look at it")]


def _ids(step: Step) -> Iterator[Address]:
    for call in step.calls:
        if ID in call.path:
            yield step.address
        yield from (Address.parse(text) for name, text in placeholders(call.body) if name == "$id")


def _live(body: Mapping[str, Any]) -> tuple[str, str]:
    match body:
        case {"$live": str(name), "but": str(), "with": Mapping(), **rest} if not rest:
            return _LIVE, name
    raise _for_nothing(body)


def _for_nothing(body: Mapping[str, Any]) -> ValueError:
    return ValueError(f"{json.dumps(body)[:40]} stands for nothing")


def _read(body: Mapping[str, Any]) -> tuple[str, str]:
    (name, text), *more = body.items()
    if more or not isinstance(text, str) or (name == "$now" and text != "ms"):
        raise _for_nothing(body)
    if name == "$id":
        Address.parse(text)
    return name, text
