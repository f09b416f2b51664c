"""The plan as a JSON document, the same to the byte for the same plan, and back with everything checked."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, WithJsonSchema

from reconciler.core.address import Address
from reconciler.core.call import Call, Method
from reconciler.core.change import Action, FieldChange, Reason
from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.order import order
from reconciler.core.plan import Plan, Step

FORMAT = 1
FEW = 3
"""How many faults of a file are told."""


def _action(text: Any) -> Any:
    if _text(text) not in Action.__members__:
        raise ValueError(f"{json.dumps(text)[:40]} is not one of {', '.join(Action.__members__)}")
    return Action[text]


def _address(text: Any) -> Any:
    return Address.parse(_text(text))


def _span(text: Any) -> Any:
    return None if text is None else Span.parse(_text(text))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a text")  # noqa: TRY004 - pydantic wants a ValueError
    return value


_TEXT = WithJsonSchema({"type": "string"})
AddressText = Annotated[Address, BeforeValidator(_address), PlainSerializer(str), _TEXT]
SpanText = Annotated[Span, BeforeValidator(_span), PlainSerializer(str), _TEXT]
ActionName = Annotated[Action, BeforeValidator(_action), PlainSerializer(str), _TEXT]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    def values(self) -> dict[str, Any]:
        """The fields as they are, for the constructor of the value that this part stands for."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class _Call(_Part):
    method: Method
    path: str
    body: dict[str, Any] | None
    query: dict[str, str]
    fields: tuple[tuple[str, ...], ...]
    returns: tuple[str, ...]
    absorbs: tuple[str, ...]
    repeatable: bool


class _Change(_Part):
    path: Annotated[tuple[str, ...], Field(min_length=1)]
    before: Any
    after: Any
    effect: ActionName
    reason: Reason
    at: SpanText | None


class _Step(_Part):
    address: AddressText
    action: ActionName
    reason: str
    at: SpanText | None
    needs: tuple[AddressText, ...]
    changes: tuple[_Change, ...]
    calls: tuple[_Call, ...]

    def step(self) -> Step:
        changes = tuple(FieldChange(**change.values()) for change in self.changes)
        return Step(
            **self.values() | {"changes": changes, "calls": tuple(Call(**call.values()) for call in self.calls)}
        )


class _Plan(_Part):
    format: Literal[1]
    tool: str
    stack: str
    target: str
    backend: str
    summary: dict[str, int]
    left_out: Annotated[int, Field(ge=0)]
    steps: tuple[_Step, ...]
    ids: dict[str, str]
    seen: dict[str, str]

    def plan(self) -> Plan:
        return Plan(
            stack=self.stack,
            target=self.target,
            backend=self.backend,
            steps=tuple(step.step() for step in self.steps),
            noop=self.summary.get("noop", 0),
            left_out=self.left_out,
            ids={Address.parse(address): found for address, found in self.ids.items()},
            seen={Address.parse(address): found for address, found in self.seen.items()},
        )


def dump(plan: Plan, tool: str) -> str:
    """`plan` as JSON, written by version `tool`: keys sorted, two blanks of indent, a newline at the end."""
    document = {
        "format": FORMAT,
        "tool": tool,
        "stack": plan.stack,
        "target": plan.target,
        "backend": plan.backend,
        "summary": plan.summary,
        "left_out": plan.left_out,
        "steps": [_dump_step(step) for step in plan.steps],
        "ids": {str(address): found for address, found in plan.ids.items()},
        "seen": {str(address): found for address, found in plan.seen.items()},
    }
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def load(text: str, file: str) -> tuple[Plan | None, list[Diagnostic]]:
    """The plan that `text` holds, or what is wrong with it, with places in `file`."""
    start = Span(file, 1, 1)
    try:
        data = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        wrong = _envelope(data)
        plan = None if wrong else _Plan.model_validate_json(text).plan()
    except json.JSONDecodeError as problem:
        return None, [_broken(f"it is not JSON: {problem.msg}", Span(file, problem.lineno, problem.colno))]
    except ValidationError as problem:
        return None, [_broken(_words(problem), start)]
    except (ValueError, RecursionError) as problem:
        return None, [_broken(str(problem), start)]
    wrong = wrong or (_inconsistent(plan, data) if plan else "")
    return (None, [_broken(wrong, start)]) if wrong else (plan, [])


def _inconsistent(plan: Plan, data: Any) -> str:
    """What is wrong with a plan as a whole."""
    if plan.summary != data["summary"]:
        return "its summary does not count its steps"
    return "its steps need each other" if order({step.address: step.needs for step in plan.steps})[1] else ""


def _envelope(data: Any) -> str:
    """What is wrong with a document from the outside."""
    if not isinstance(data, dict) or "format" not in data:
        return "it has no 'format'"
    if type(data["format"]) is not int or data["format"] != FORMAT:
        return f"it has format {json.dumps(data['format'])[:20]}; this reconciler reads format {FORMAT}"
    return ""


def _dump_step(step: Step) -> dict[str, Any]:
    return {
        "address": str(step.address),
        "action": str(step.action),
        "reason": step.reason,
        "at": str(step.at) if step.at else None,
        "needs": [str(address) for address in step.needs],
        "changes": [_dump_change(change) for change in step.changes],
        "calls": [_dump_call(call) for call in step.calls],
    }


def _dump_change(change: FieldChange) -> dict[str, Any]:
    return {
        "path": change.path,
        "before": change.before,
        "after": change.after,
        "effect": str(change.effect),
        "reason": change.reason,
        "at": str(change.at) if change.at else None,
    }


def _dump_call(call: Call) -> dict[str, Any]:
    return {
        "method": call.method,
        "path": call.path,
        "body": call.body,
        "query": call.query,
        "fields": call.fields,
        "returns": call.returns,
        "absorbs": call.absorbs,
        "repeatable": call.repeatable,
    }


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large for a number")
    return number


def _words(problem: ValidationError) -> str:
    """The first faults, and how many more there are."""
    faults = problem.errors(include_url=False)
    told = [f"{_place(fault['loc'])}: {fault['msg'].removeprefix('Value error, ').lower()}" for fault in faults[:FEW]]
    more = f" and {len(faults) - FEW} more" if len(faults) > FEW else ""
    return "".join(char if char.isprintable() else "?" for char in "; ".join(told) + more)


def _place(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in parts)


def _broken(summary: str, at: Span) -> Diagnostic:
    return error(
        "bad-plan-file", f"this is not a saved plan: {summary}", at, "make it with: reconciler plan --out FILE"
    )
