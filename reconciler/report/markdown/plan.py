"""A plan as Markdown for a pull request's comment: the summary first, the rest folded."""

from __future__ import annotations

from reconciler.core.change import Action, FieldChange
from reconciler.core.plan import SYMBOLS, Plan, Stay, Step
from reconciler.core.words import dotted
from reconciler.report.lines import shown
from reconciler.report.markdown.page import MOST, Page, code, fitting, row
from reconciler.report.text import cause, counted, nothing, request
from reconciler.report.way import way

STEP_MOST = 8_000
"""Characters of one step that are shown: a resource with a thousand tags leaves room for the others."""
NAMED = 10
"""How many of the resources that go are named at the top."""
ORDER = (
    Action.delete,
    Action.replace,
    Action.restore,
    Action.update,
    Action.create,
    Action.adopt,
)
"""What is looked at first comes first, and is cut last."""


def markdown(plan: Plan, *, requests: bool = False, folder: str = "") -> str:
    """The plan as Markdown. `requests`: also the exact requests; `folder`: stands before each file name."""
    page = Page()
    add_plan(page, plan, requests=requests, folder=folder)
    return page.text()


def add_plan(page: Page, plan: Plan, *, requests: bool = False, folder: str = "") -> None:
    """Add the plan, with as much of it as there is room for."""
    page.write(*_head(plan), *_stays(plan, folder))
    for action in ORDER:
        blocks = [_block(step, requests, folder) for step in plan.steps if step.action is action]
        page.fold(f"{SYMBOLS[action]} {len(blocks)} to {action}", f"to {action}", blocks)


def _head(plan: Plan) -> list[str]:
    title = f"### Plan: {', '.join(counted(plan))}\n\n"
    server = f" at {code(plan.server)}" if plan.server else ""
    place = f"Stack {code(plan.stack)} on target {code(plan.target)}, {code(plan.backend)}{server}."
    sends = f" Requests: {plan.requests}." if plan.requests else ""
    left = f" Left out by the selection: {plan.left_out}." if plan.left_out else ""
    parts = [title, f"{place}{sends}{left}\n\n", *_warnings(plan)]
    return parts if plan.steps else [*parts, f"{nothing(plan)}\n\n"]


def _warnings(plan: Plan) -> list[str]:
    """What nobody should miss."""
    found = []
    for action, words in ((Action.delete, "Deletes"), (Action.replace, "Deletes and makes anew")):
        names = [code(str(step.address)) for step in plan.steps if step.action is action]
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            found.append(f"> [!CAUTION]\n> **{words} {len(names)}:** {', '.join(names[:NAMED])}{more}\n\n")
    if plan.no_lock:
        found.append(f"> [!WARNING]\n> **No lock:** {code(plan.no_lock)}\n\n")
    if plan.stays:
        found.append(f"> [!WARNING]\n> **Cannot be removed: {len(plan.stays)}.** The server keeps them; see below.\n\n")
    return found


def _stays(plan: Plan, folder: str) -> list[str]:
    page = Page(room=MOST // 4)
    page.fold(f"! {len(plan.stays)} cannot be removed", "to keep", [_stay(stay, folder) for stay in plan.stays])
    more = [f"**Cannot be removed, and not shown: {page.cut[0].split()[0]}.**\n\n"] if page.cut else []
    return [*page.parts, *more]


def _stay(stay: Stay, folder: str) -> str:
    path = f"  {dotted(stay.path)}" if stay.path else ""
    return row("! ", f"{stay.address}{path}", f"cannot remove: {stay.why}", f"{folder}{stay.at}" if stay.at else "")


def _block(step: Step, requests: bool, folder: str) -> str:
    """One step as lines of a diff."""
    place = f"{folder}{step.at}" if step.at else ""
    lines = [row("@@ ", f"{SYMBOLS[step.action]} {step.address} @@", step.reason, place)]
    lines += [line for change in step.changes for line in _change(change, step.action, folder)]
    if requests:
        lines += [row("  # ", request(call)) for call in step.calls]
    taken = max(1, fitting(lines, STEP_MOST))
    more = [row("  ", f"… {len(lines) - taken} more lines")] if taken < len(lines) else []
    return "".join([*lines[:taken], *more])


def _change(change: FieldChange, action: Action, folder: str) -> list[str]:
    found, name = way(change, action), dotted(change.path)
    why = "" if action is Action.create else cause(change)
    behind = [f"{folder}{change.at}" if change.at else "", why]
    if not found.before and not found.after:
        return [row("  ", name, f"({found.words})", *behind)]
    if not found.before:
        mark = "  " if change.before == change.after else "+ "
        return [row(mark, f"{name}: {shown(change.after)}", *behind)]
    before = f"{name}: {shown(change.before)}"
    if not found.after:
        return [row("- ", before, f"({found.words})", *behind)]
    return [row("- ", before), row("+ ", f"{name}: {shown(change.after)}", *behind)]
