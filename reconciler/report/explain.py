"""One resource, or one field of it, as text: where it was written, the three values, the reason, the request."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange, Path
from reconciler.core.diff import managed
from reconciler.core.mark import digest
from reconciler.core.match import Pair
from reconciler.core.plan import Stay, Step
from reconciler.core.sensitive import Sensitive
from reconciler.core.words import dotted
from reconciler.report.lines import Line, shown
from reconciler.report.text import cause, request

NOTHING = Sensitive()


def explain_lines(
    pair: Pair,
    step: Step | None,
    field: Path | None,
    folder: str = "",
    sensitive: Sensitive = NOTHING,
    *,
    stays: Sequence[Stay] = (),
) -> list[Line]:
    """All that is known of `pair`; of one `field` only where one is named. `stays`: what cannot be removed."""
    lines: list[Line] = [
        [(str(pair.address), "bold"), *_written(pair, folder)],
        [("  server: ", "dim"), (_state(pair), "")],
    ]
    action = step.action if step else Action.noop
    lines.append([("  action: ", "dim"), (str(action), ""), (f"  {step.reason}" if step and step.reason else "", "")])
    changes = {change.path: change for change in step.changes} if step else {}
    why = {stay.path: f"cannot remove: {stay.why}" for stay in stays if stay.address == pair.address}
    lines += [[("  stays:  ", "dim"), (why[()], "")]] if () in why else []
    for path in paths(pair) if field is None else [field]:
        change = changes.get(path) or sensitive.change(_unchanged(pair, path))
        lines += _field(pair, change, step, folder, why.get(path, "nothing to do"))
    return lines


def paths(pair: Pair) -> list[Path]:
    """The fields that the stack manages or managed."""
    declared = set(managed(pair.desired)) if pair.desired else set()
    applied = set(pair.live.mark.keys) if pair.live and pair.live.mark else set()
    return sorted(declared | applied)


def _written(pair: Pair, folder: str) -> Line:
    if pair.desired is None:
        return [("  not declared", "")]
    return [(f"   {folder}{pair.desired.at()}", "place")]


def _state(pair: Pair) -> str:
    live = pair.live
    if live is None:
        return "not there"
    state = "deleted" if live.deleted else "active"
    owners = [f"also marked by the stack {stack}" for stack in sorted(live.others)]
    return ", ".join(
        [f"id {live.id}", state, "owned by this stack" if live.mark else "not owned by this stack", *owners]
    )


def _unchanged(pair: Pair, path: Path) -> FieldChange:
    """The two values of a field that does not change."""
    live = pair.live.fields.get(path) if pair.live else None
    return FieldChange(path, live, pair.desired.fields.get(path) if pair.desired else None, Action.noop, "adopt")


def _field(pair: Pair, change: FieldChange, step: Step | None, folder: str, idle: str) -> list[Line]:
    """`idle`: why nothing happens to it, where nothing does."""
    place = f"   {folder}{pair.desired.at(change.path)}" if pair.desired and change.after is not None else ""
    rows: list[Line] = [
        [("    manifest:     ", "dim"), (_value(change.after), ""), (place, "place")],
        [("    server:       ", "dim"), (_value(change.before), "")],
        [("    last applied: ", "dim"), (_applied(pair, change.path), "")],
        [("    reason:       ", "dim"), (cause(change) if change.effect else idle, "")],
    ]
    rows += [[("    request:      ", "dim"), (request(call), "")] for call in _calls(step, change.path)]
    return [[], [(f"  {dotted(change.path)}", "bold")], *rows]


def _value(value: object) -> str:
    return "(not set)" if value is None else shown(value)


def _applied(pair: Pair, path: Path) -> str:
    """What the mark says of the last applied value; it holds a digest of it, not the value."""
    applied = pair.live.mark.keys.get(path) if pair.live and pair.live.mark else None
    if applied is None:
        return "never by this stack"
    desired = pair.desired.fields.get(path) if pair.desired else None
    if desired is not None and applied == digest(desired):
        return f"what the manifest says (digest {applied})"
    if pair.live and applied == digest(pair.live.fields.get(path)):
        return f"what the server holds (digest {applied})"
    return f"something else (digest {applied})"


def _calls(step: Step | None, path: Path) -> list[Call]:
    return [call for call in step.calls if path in call.fields] if step else []
