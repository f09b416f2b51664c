"""A plan as Markdown for a pull request's comment: the summary first, the rest folded, cut where a comment has no room.

Whatever a plan quotes stands in code: there no mention, link, HTML or markup means anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.core.change import Action, FieldChange
from reconciler.core.plan import SYMBOLS, Plan, Stay, Step
from reconciler.core.words import dotted
from reconciler.report.lines import safe, shown
from reconciler.report.text import cause, counted, nothing, request
from reconciler.report.way import way

MOST = 65_536
"""Characters that a comment on GitHub holds."""
SPARE = 1_000
"""Of them left to whoever posts it, for a line of their own, and to what is said of what was cut."""
LONGEST = 400
"""Characters of a name, a place or a reason that are shown; of values it is `lines.LONGEST`."""
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
    page = _Page([*_head(plan), *_stays(plan, folder)])
    for action in ORDER:
        blocks = [_block(step, requests, folder) for step in plan.steps if step.action is action]
        page.fold(f"{SYMBOLS[action]} {len(blocks)} to {action}", str(action), blocks)
    return page.text()


@dataclass
class _Page:
    """What is written, and what no room was left for; once something was cut, all that follows is."""

    parts: list[str]

    def __post_init__(self) -> None:
        self.room = MOST - SPARE - sum(map(size, self.parts))
        self.cut: list[str] = []

    def fold(self, title: str, name: str, blocks: Sequence[str]) -> None:
        """A folded section with as many of `blocks` as there is room for."""
        if not blocks:
            return
        fence = "`" * max(3, 1 + max(map(_ticks, blocks)))
        head = f"<details>\n<summary>{_escaped(title)}</summary>\n\n{fence}diff\n"
        tail = f"{fence}\n\n</details>\n\n"
        room = self.room - size(head) - size(tail)
        taken = 0 if self.cut else _fitting(blocks, room)
        if taken:
            part = head + "\n".join(blocks[:taken]) + tail
            self.parts.append(part)
            self.room -= size(part)
        if taken < len(blocks):
            self.cut.append(f"{len(blocks) - taken} to {name}")

    def text(self) -> str:
        if not self.cut:
            return "".join(self.parts).rstrip("\n") + "\n"
        more = f"**Not shown, for want of room: {', '.join(self.cut)}.** The plan as text, HTML or JSON has them all."
        return "".join(self.parts) + more + "\n"


def size(text: str) -> int:
    """The length of `text` as the strictest counts it: in UTF-16, where an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def code(text: str) -> str:
    """`text` as a code span, on one line, without what would move a cursor or turn the direction of writing."""
    plain = cut(safe(text).replace("\t", r"\t"))
    ticks = "`" * (1 + _ticks(plain))
    blank = " " if not plain.strip() or plain[0] in "` " or plain[-1] in "` " else ""
    return f"{ticks}{blank}{plain}{blank}{ticks}"


def cut(text: str) -> str:
    """`text`, shortened where it is very long."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


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
    page = _Page([])
    page.room = MOST // 4
    page.fold(f"! {len(plan.stays)} cannot be removed", "keep", [_stay(stay, folder) for stay in plan.stays])
    more = [f"**Cannot be removed, and not shown: {page.cut[0].split()[0]}.**\n\n"] if page.cut else []
    return [*page.parts, *more]


def _stay(stay: Stay, folder: str) -> str:
    path = f"  {dotted(stay.path)}" if stay.path else ""
    return _line("! ", f"{stay.address}{path}", f"cannot remove: {stay.why}", f"{folder}{stay.at}" if stay.at else "")


def _block(step: Step, requests: bool, folder: str) -> str:
    """One step as lines of a diff."""
    place = f"{folder}{step.at}" if step.at else ""
    lines = [_line("@@ ", f"{SYMBOLS[step.action]} {step.address} @@", step.reason, place)]
    lines += [line for change in step.changes for line in _change(change, step.action, folder)]
    if requests:
        lines += [_line("  # ", request(call)) for call in step.calls]
    taken = max(1, _fitting(lines, STEP_MOST))
    more = [_line("  ", f"… {len(lines) - taken} more lines")] if taken < len(lines) else []
    return "".join([*lines[:taken], *more])


def _change(change: FieldChange, action: Action, folder: str) -> list[str]:
    found, name = way(change, action), dotted(change.path)
    why = "" if action is Action.create else cause(change)
    behind = [f"{folder}{change.at}" if change.at else "", why]
    if not found.before and not found.after:
        return [_line("  ", name, f"({found.words})", *behind)]
    if not found.before:
        mark = "  " if change.before == change.after else "+ "
        return [_line(mark, f"{name}: {shown(change.after)}", *behind)]
    before = f"{name}: {shown(change.before)}"
    if not found.after:
        return [_line("- ", before, f"({found.words})", *behind)]
    return [_line("- ", before), _line("+ ", f"{name}: {shown(change.after)}", *behind)]


def _line(mark: str, *parts: str) -> str:
    return mark + "   ".join(cut(safe(part).replace("\t", r"\t")) for part in parts if part) + "\n"


def _fitting(texts: Iterable[str], room: int) -> int:
    """How many of `texts`, from the first on, there is room for, with a line break between them."""
    count = 0
    for text in texts:
        room -= size(text) + 1
        if room < 0:
            break
        count += 1
    return count


def _ticks(text: str) -> int:
    """The longest run of backticks in `text`."""
    return max(map(len, re.findall("`+", text)), default=0)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
