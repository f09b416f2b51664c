"""A plan and its outcomes as text: first the addresses, then the fields with places and reasons, then the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.plan import SYMBOLS, Outcome, Plan, Stay, Step
from reconciler.core.words import dotted
from reconciler.report.lines import Line, Style, shown
from reconciler.report.way import way

_REASONS: Mapping[str, str] = {
    "manifest": "manifest changed",
    "drift": "changed on the server",
    "conflict": "the server has a value that this stack did not write",
    "adopt": "already so on the server",
}
_STYLES: Mapping[Action, Style] = {
    Action.create: "create",
    Action.update: "update",
    Action.delete: "delete",
    Action.replace: "replace",
    Action.restore: "restore",
    Action.adopt: "adopt",
    Action.noop: "",
}
_NOTHING = "No changes: the server holds what the manifests say."
_NOTHING_ELSE = "No changes: but for what cannot be removed, the server holds what the manifests say."
_NOTHING_AT_ALL = "No changes: there is nothing to do."
_NOTHING_LEFT = "No changes in what the selection leaves."


def plan_lines(plan: Plan, *, requests: bool = False, folder: str = "") -> list[Line]:
    """The plan for a person. `requests`: also the exact requests, and fields of what is only adopted.

    `folder` stands before each file name.
    """
    if not plan.steps:
        return [[(nothing(plan), "bold")], *_stays(plan, folder), *_counts(plan)]
    place = f"{plan.backend}, {plan.server}" if plan.server else plan.backend
    lines: list[Line] = [[(f"Stack {plan.stack} on target {plan.target} ({place}):", "bold")], []]
    lines += [_head(step, width=2) for step in plan.steps]
    for step in plan.steps:
        body = [_change(change, step, folder) for change in step.changes if requests or not _known(change, step)]
        if requests:
            body += [[("      ", ""), (request(call), "dim")] for call in step.calls]
        if body:
            lines += [[], _head(step, at=step.at, folder=folder), *body]
    return [*lines, [], *_stays(plan, folder), *_counts(plan)]


def _known(change: FieldChange, step: Step) -> bool:
    """Whether it takes note of what is so on the server, in a step that does nothing else."""
    return step.action is Action.adopt and change.reason == "adopt" and change.after is not None


def _stays(plan: Plan, folder: str) -> list[Line]:
    return [_stay(stay, folder) for stay in plan.stays] + ([[]] if plan.stays else [])


def _stay(stay: Stay, folder: str) -> Line:
    what = f"  {dotted(stay.path)}" if stay.path else ""
    place: Line = [(f"   {_place(stay.at, folder)}", "place")] if stay.at else []
    return [("    ! ", "warning"), (str(stay.address), "bold"), (f"{what}  cannot remove: {stay.why}", ""), *place]


def step_line(outcome: Outcome) -> Line:
    """How one step ended."""
    step = outcome.step
    words: Mapping[str, tuple[str, Style]] = {
        "done": ("done", "create"),
        "failed": ("failed", "error"),
        "skipped": ("not attempted", "warning"),
    }
    line = [*_head(step), ("  ", ""), words[outcome.status]]
    if outcome.id and step.action is Action.create:
        line.append((f"  id {outcome.id}", "dim"))
    return [*line, (f"  {outcome.detail}", "")] if outcome.detail else line


def outcome_lines(outcomes: Sequence[Outcome], folder: str = "", command: str = "Apply") -> list[Line]:
    """The sum of an apply or a destroy; what failed and what was not attempted stands once more, with its place."""
    failed = [outcome for outcome in outcomes if outcome.status != "done"]
    lines = [line for outcome in failed for line in failure_lines(outcome, folder)]
    title, text = ending(outcomes, command), again(command) if failed else ""
    return [*lines, *([[]] if lines else []), [(f"{title}. {text}".rstrip(), "bold")]]


def ending(outcomes: Sequence[Outcome], command: str) -> str:
    """Whether all was done, and how many steps ended in which way."""
    complete = all(outcome.status == "done" for outcome in outcomes)
    return f"{command} complete: {tally(outcomes)}" if complete else f"{command}: {tally(outcomes)}"


def again(command: str) -> str:
    """What goes on with the rest: after a destroy, a plan would take back what is deleted."""
    return f"{'Destroy' if command == 'Destroy' else 'Plan'} again: it goes on from here."


def tally(outcomes: Sequence[Outcome]) -> str:
    """How many steps ended in which way, in words."""
    done, failed, skipped = (sum(one.status == status for one in outcomes) for status in ("done", "failed", "skipped"))
    return f"{done} done, {failed} failed, {skipped} not attempted" if failed or skipped else f"{done} done"


def failure_lines(outcome: Outcome, folder: str) -> list[Line]:
    """What was not done, where the manifests say it, and the request that failed."""
    at = outcome.at or outcome.step.at
    place: Line = [(f"  {_place(at, folder)}", "place")] if at else []
    sent: list[Line] = [[("      ", ""), (request(outcome.call), "dim")]] if outcome.call else []
    return [[*step_line(outcome), *place], *sent]


def _head(step: Step, *, width: int = 0, at: Span | None = None, folder: str = "") -> Line:
    style = _STYLES[step.action]
    line: Line = [(" " * width + f"{SYMBOLS[step.action]:>3} ", style), (str(step.address), "bold")]
    if step.reason:
        line.append((f"  {step.reason}", ""))
    return [*line, (f"   {_place(at, folder)}", "place")] if at else line


def _change(change: FieldChange, step: Step, folder: str) -> Line:
    line: Line = [(f"      {dotted(change.path)}: ", ""), *_values(change, step)]
    if change.at:
        line.append((f"   {_place(change.at, folder)}", "place"))
    return line if step.action is Action.create else [*line, (f"   {cause(change)}", "dim")]


def _values(change: FieldChange, step: Step) -> Line:
    found = way(change, step.action)
    words = f"({found.words})" if found.words else ""
    if not found.before:
        return [(shown(change.after), "create")] if found.after else [(words, "")]
    if not found.after:
        return [(shown(change.before), "delete"), (f" -> {words}", "")]
    return [(shown(change.before), "delete"), (" -> ", ""), (shown(change.after), "create")]


def request(call: Call) -> str:
    """A request in one line."""
    return f"{call.method} {call.path} {shown(call.body)}" if call.body else f"{call.method} {call.path}"


def cause(change: FieldChange) -> str:
    """Why a field changes, in words."""
    if change.effect is Action.replace and change.before == change.after:
        return "as it was"
    if change.after is None and change.reason == "manifest":
        return "removed from the manifest"
    return _REASONS[change.reason]


def _place(at: Span, folder: str) -> str:
    return f"{folder}{at}"


def counted(plan: Plan) -> list[str]:
    """How many resources each action meets, in words."""
    summary = plan.summary
    parts = [f"{count} to {name}" for name, count in summary.items() if count and name != "noop"]
    return [*parts, f"{summary['noop']} unchanged"]


def nothing(plan: Plan) -> str:
    """What is said of a plan without a step."""
    if plan.left_out:
        return _NOTHING_LEFT
    if plan.stays:
        return _NOTHING_ELSE
    return _NOTHING if plan.noop else _NOTHING_AT_ALL


def _counts(plan: Plan) -> list[Line]:
    left = f" Left out by the selection: {plan.left_out}." if plan.left_out else ""
    sends = f" Requests: {plan.requests}." if plan.requests else ""
    lock = f" No lock: {plan.no_lock}." if plan.no_lock else ""
    stay = f" Cannot be removed: {len(plan.stays)}." if plan.stays else ""
    return [[(f"Plan: {', '.join(counted(plan))}.", "bold"), (left + sends + stay + lock, "")]]
