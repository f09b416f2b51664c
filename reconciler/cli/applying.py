"""From a plan to what was done: shows it, asks, has it sent, and says how each step ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from reconciler.cli.asking import ask
from reconciler.cli.exits import CREDENTIALS, DONE, INTERRUPTED, PARTIAL, REFUSED
from reconciler.cli.progress import progress
from reconciler.cli.reports import Reports
from reconciler.core.change import Action
from reconciler.core.diagnostics import Diagnostic, Failed, error
from reconciler.core.plan import Outcome, Plan, Step
from reconciler.runtime.apply import Unproven
from reconciler.runtime.execute import Interrupted
from reconciler.session import Session

Draft = Callable[[], tuple[Plan, list[Diagnostic]]]
"""Plans once more; with what stands against the plan."""

AGAIN = 3
"""How often an apply plans at most, where others write to the same resources meanwhile."""


def plan_and_carry_out(session: Session, draft: Draft, reports: Reports, *, yes: bool) -> int:
    """Plan, show, ask unless `yes`, do it. Returns the exit code.

    Where the server changes before the first write, what was shown is not what would happen. Somebody who was asked is
    told so; with `yes` it is planned and shown once more.
    """
    for last in (False,) * (AGAIN - 1) + (True,):
        plan, found = draft()
        try:
            return carry_out(session, plan, reports, found, yes=yes)
        except Failed as failed:
            fresh = yes and set(reports.formats.printed) <= {"text"}  # a program that reads the plan gets one, not two
            if last or not fresh or any(one.code != "stale-plan" for one in failed.diagnostics):
                raise
            reports.output.note([("The server has changed since; planning again.", "warning")])
    raise AssertionError("the last round returns or raises")


def carry_out(session: Session, plan: Plan, reports: Reports, found: Sequence[Diagnostic], *, yes: bool) -> int:
    """Show `plan`, stop on errors among what was `found`, ask unless `yes`, do it. Returns the exit code."""
    reports.planned(plan, [one for one in found if one.code != "lock-held"])  # the apply itself will see
    if not plan.steps:
        session.apply(plan)  # which refuses a plan for another stack
        return DONE
    if not yes:
        ask(_question(plan))
    begun: list[Step] = []
    try:
        with progress(plan, reports.output) as listener:
            outcomes = session.apply(plan, replace(listener, start=begun.append))
    except Interrupted as stopped:
        reports.ended(stopped.outcomes)
        return INTERRUPTED
    except Unproven as unproven:
        reports.ended(unproven.outcomes, [_not_read_back(unproven)])
        return _code(unproven.outcomes) or PARTIAL
    except KeyboardInterrupt:
        if not begun:
            raise
        reports.output.always(
            [("Stopped at once: what was under way may have been done or not. Plan again to see.", "warning")]
        )
        return INTERRUPTED
    reports.ended(outcomes)
    return _code(outcomes)


def _question(plan: Plan) -> str:
    at = f" at {plan.server}" if plan.server else ""
    if all(step.action is Action.delete for step in plan.steps):
        return f"Delete {len(plan.steps)} of the stack '{plan.stack}' from the target '{plan.target}'{at}?"
    return f"Apply this to the target '{plan.target}'{at}?"


def _not_read_back(unproven: Unproven) -> Diagnostic:
    summary = f"what was written could not be read back: {unproven}"
    return error("not-read-back", summary, hint="plan again: it shows whether the server holds it")


def _code(outcomes: Sequence[Outcome]) -> int:
    """The exit code of an apply."""
    if all(outcome.status == "done" for outcome in outcomes):
        return DONE
    failed = [outcome.finding for outcome in outcomes if outcome.status == "failed"]
    begun = bool(failed) or any(outcome.status == "done" for outcome in outcomes)
    if not begun:  # the lock was lost before the first request
        return REFUSED
    return CREDENTIALS if set(failed) == {"credentials"} and _nothing_done(outcomes) else PARTIAL


def _nothing_done(outcomes: Sequence[Outcome]) -> bool:
    return not any(outcome.status == "done" for outcome in outcomes)
