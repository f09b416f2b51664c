"""The plan as a JSON document, the same to the byte for the same plan, and back with everything checked."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError, WithJsonSchema

from reconciler.core.address import Address
from reconciler.core.call import Call, Method
from reconciler.core.change import Action, FieldChange, Reason
from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.plan import Plan, Step

FORMAT = 1


def _action(text: Any) -> Any:
    if text not in Action.__members__:
        raise ValueError(f"{json.dumps(text)[:40]} is not one of {', '.join(Action.__members__)}")
    return Action[text]


def _address(text: Any) -> Any:
    return Address.parse(text) if isinstance(text, str) else text


def _span(text: Any) -> Any:
    return Span.parse(text) if isinstance(text, str) else text


_TEXT = WithJsonSchema({"type": "string"})
AddressText = Annotated[Address, BeforeValidator(_address), PlainSerializer(str), _TEXT]
SpanText = Annotated[Span, BeforeValidator(_span), PlainSerializer(str), _TEXT]
ActionName = Annotated[Action, BeforeValidator(_action), PlainSerializer(str), _TEXT]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

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
    path: tuple[str, ...]
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
    left_out: int
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
    try:
        data = json.loads(text, parse_constant=_no_constant)
        problems = _envelope(data) or None
        plan = None if problems else _Plan.model_validate(data).plan()
    except json.JSONDecodeError as problem:
        return None, [_broken(f"it is not JSON: {problem.msg}", Span(file, problem.lineno, problem.colno))]
    except ValidationError as problem:
        return None, [_broken(_words(fault), Span(file, 1, 1)) for fault in problem.errors(include_url=False)]
    except (ValueError, RecursionError) as problem:
        return None, [_broken(str(problem), Span(file, 1, 1))]
    if plan and plan.summary != data["summary"]:
        problems = "its summary does not count its steps"
    return (None, [_broken(problems, Span(file, 1, 1))]) if problems else (plan, [])


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


def _words(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg'].removeprefix('Value error, ').lower()}"


def _broken(summary: str, at: Span) -> Diagnostic:
    return error(
        "bad-plan-file", f"this is not a saved plan: {summary}", at, "make it with: reconciler plan --out FILE"
    )
