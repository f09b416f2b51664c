"""Safety as a property of the plan: refuses to delete more than somebody who knows what they do would delete."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.plan import Plan

SMALL = 10
"""A stack that owns fewer resources than this has no percentage."""


@dataclass(frozen=True, slots=True)
class Safety:
    """`max_delete_percent` of what the stack owns; `allow_delete` answers with the exact number of deletions."""

    max_delete_percent: int = 30
    allow_delete: int | None = None


def guard(plan: Plan, owned: int, safety: Safety, again: Collection[Address] = ()) -> list[Diagnostic]:
    """What makes `plan` unsafe for a stack that owns `owned` live resources.

    `again`: what was deleted before and only comes back with its experiment; it does not count.
    """
    deletes = sum(step.action is Action.delete and step.address not in again for step in plan.steps)
    if safety.allow_delete is not None:
        return _answered(deletes, safety.allow_delete)
    if deletes == 0:
        return []
    if deletes >= owned:
        all_of_it = f"all {deletes} resources" if deletes > 1 else "the only resource"
        return [_refused(f"the plan deletes {all_of_it} that the stack owns", deletes)]
    percent = 100 * deletes / owned
    if owned >= SMALL and percent > safety.max_delete_percent:
        share = f"{percent:.1f} % of what the stack owns ({deletes} of {owned})"
        return [
            _refused(f"the plan deletes {share}; safety.max_delete_percent is {safety.max_delete_percent}", deletes)
        ]
    return []


def _answered(deletes: int, allowed: int) -> list[Diagnostic]:
    if deletes == allowed:
        return []
    summary = f"the number of deletions in the plan is {deletes}; --allow-delete says {allowed}"
    return [error("safety-threshold", summary, hint="look at the plan again, then give the number that it shows")]


def _refused(summary: str, deletes: int) -> Diagnostic:
    return error(
        "safety-threshold",
        summary,
        hint=f"if that is meant: --allow-delete {deletes}; to keep them: --no-delete; "
        "to take down the stack: reconciler destroy",
    )
