"""The plan as a JSON document, the same to the byte for the same plan, and back with everything checked."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import ValidationError

from reconciler.core.basis import ABSENT
from reconciler.core.call import Call
from reconciler.core.change import FieldChange, Path
from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.document_model import FLAGS, PlanModel
from reconciler.core.json_place import place
from reconciler.core.mark import Mark
from reconciler.core.order import order
from reconciler.core.placeholders import unknown_id
from reconciler.core.plan import Basis, Plan, Stay, Step

Fault: TypeAlias = tuple[tuple[str | int, ...], str]
"""Where something is wrong with a document, and what."""
FORMAT = 1
FEW = 3
"""How many faults of a file are told."""


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
        "no_lock": plan.no_lock,
        "server": plan.server,
        "cannot_remove": [_dump_stay(stay) for stay in plan.stays],
        "secrets": plan.secrets,
        "steps": [_dump_step(step) for step in plan.steps],
        "ids": {str(address): found for address, found in plan.ids.items()},
        "seen": {str(address): found for address, found in plan.seen.items()},
        "basis": {str(address): _dump_basis(found) for address, found in plan.basis.items()},
    }
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def load(text: str, file: str) -> tuple[Plan | None, list[Diagnostic]]:
    """The plan that `text` holds, or what is wrong with it, with places in `file`."""
    try:
        data = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        fault = _envelope(data)
        plan = None if fault else PlanModel.model_validate_json(text).plan()
    except json.JSONDecodeError as problem:
        return None, [_broken(f"it is not JSON: {problem.msg}", Span(file, problem.lineno, problem.colno))]
    except ValidationError as problem:
        return None, [_broken(words, Span(file, *place(text, path))) for path, words in _faults(problem)]
    except (ValueError, RecursionError) as problem:
        return None, [_broken(str(problem), Span(file, 1, 1))]
    fault = _inconsistent(plan, data) if plan else fault
    return (None, [_broken(fault[1], Span(file, *place(text, fault[0])))]) if fault else (plan, [])


def _inconsistent(plan: Plan, data: Any) -> Fault | None:
    """What is wrong with a plan as a whole."""
    if plan.summary != data["summary"]:
        return ("summary",), "its summary does not count its steps"
    if order({step.address: step.needs for step in plan.steps})[1]:
        return ("steps",), "its steps need each other"
    if twice := [one for one, count in Counter(step.address for step in plan.steps).items() if count > 1]:
        return ("steps",), f"{twice[0]} has two steps"
    if missing := unknown_id(plan):
        return missing[0], f"its ids have none for {missing[1]}, and no step makes it"
    for address in plan.basis:
        if plan.seen.get(address, ABSENT) == ABSENT:
            return ("basis", str(address)), f"its basis names {address}, of which its seen says nothing"
    return None


def _envelope(data: Any) -> Fault | None:
    """What is wrong with a document from the outside."""
    if not isinstance(data, dict) or "format" not in data:
        return (), "it has no 'format'"
    if type(data["format"]) is not int or data["format"] != FORMAT:
        return ("format",), f"it has format {json.dumps(data['format'])[:20]}; this reconciler reads format {FORMAT}"
    return None


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


def _dump_stay(stay: Stay) -> dict[str, Any]:
    at = str(stay.at) if stay.at else None
    return {"address": str(stay.address), "path": stay.path, "why": stay.why, "at": at}


def _dump_basis(basis: Basis) -> dict[str, Any]:
    mark = basis.mark
    return {
        "deleted": basis.deleted,
        "fields": _by_name(basis.fields),
        "mark": mark and {"address": str(mark.address), "flags": _flags(mark), "keys": _by_name(mark.keys)},
        "sensitive": ["/".join(path) for path in basis.sensitive],
    }


def _flags(mark: Mark) -> list[str]:
    return [name for name in FLAGS if getattr(mark, name)]


def _by_name(digests: Mapping[Path, str | None]) -> dict[str, str | None]:
    """Digests by the names that fields have in a mark."""
    return {"/".join(path): found for path, found in digests.items()}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large for a number")
    return number


def _faults(problem: ValidationError) -> list[Fault]:
    """The first faults, and how many more there are."""
    faults = problem.errors(include_url=False)
    told: list[Fault] = [(fault["loc"], _words(fault["loc"], fault["msg"])) for fault in faults[:FEW]]
    if len(faults) > FEW:
        path, words = told[-1]
        told[-1] = path, f"{words} (and {len(faults) - FEW} more)"
    return told


def _words(path: Sequence[str | int], message: str) -> str:
    message = message.removeprefix("Value error, ")
    words = f"{'.'.join(str(part) for part in path if part != '[key]')}: {message[:1].lower()}{message[1:]}"
    return "".join(char if char.isprintable() else "?" for char in words)


def _broken(summary: str, at: Span) -> Diagnostic:
    return error(
        "bad-plan-file", f"this is not a saved plan: {summary}", at, "make it with: reconciler plan --out FILE"
    )
