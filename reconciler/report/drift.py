"""Drift as text, a block for each resource and then the counts; and as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby

from reconciler.core.address import Address
from reconciler.core.drift import Drift, DriftKind, Drifts
from reconciler.core.words import dotted
from reconciler.report.lines import Line, Style, shown

FORMAT = 1
HEADS: Mapping[DriftKind, tuple[str, Style, str]] = {
    "changed": ("~", "update", ""),
    "missing": ("~", "update", ""),
    "deleted": ("-", "delete", "deleted on the server"),
    "restored": ("↺", "restore", "active on the server, though this stack deleted it"),
}


def drift_lines(drifts: Drifts) -> list[Line]:
    """Drift for a person; the last line has the counts."""
    if not drifts.found:
        return [_counts(drifts)]
    place = f"{drifts.backend}, {drifts.server}" if drifts.server else drifts.backend
    lines: list[Line] = [[(f"Stack {drifts.stack} on target {drifts.target} ({place}):", "bold")], []]
    for address, group in groupby(drifts.found, key=lambda drift: drift.address):
        lines += [*_block(address, list(group)), []]
    return [*lines, _counts(drifts)]


def dump(drifts: Drifts, tool: str) -> str:
    """`drifts` as JSON, written by version `tool`: keys sorted, two blanks of indent, a newline at the end."""
    document = {
        "format": FORMAT,
        "tool": tool,
        "stack": drifts.stack,
        "target": drifts.target,
        "backend": drifts.backend,
        "server": drifts.server,
        "summary": drifts.summary,
        "drift": [
            {"address": str(one.address), "path": one.path, "kind": one.kind, "live": one.live} for one in drifts.found
        ],
    }
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def tally(drifts: Drifts) -> str:
    """How many there are of each kind, in words."""
    return ", ".join(f"{count} {kind}" for kind, count in drifts.summary.items() if count and kind != "ignored")


def _block(address: Address, group: list[Drift]) -> list[Line]:
    """A resource that drifted as a whole stands on one line; else its fields stand below it."""
    symbol, style, words = HEADS[group[0].kind]
    head: Line = [(f"{symbol:>3} ", style), (str(address), "bold"), (f"  {words}" if words else "", "")]
    return [head, *(_field(one) for one in group if one.path)]


def _field(one: Drift) -> Line:
    """The value that was applied is known only where the manifests still have it."""
    name = f"      {dotted(one.path)}: "
    if one.applied is None:
        return [(name, ""), (f"{one.kind} on the server", "dim"), *_now(one)]
    after = "(removed)" if one.live is None else shown(one.live)
    return [
        (name, ""),
        (shown(one.applied), "create"),
        (" -> ", ""),
        (after, "delete"),
        (f"   {one.kind} on the server", "dim"),
    ]


def _now(one: Drift) -> Line:
    return [] if one.live is None else [(", now ", "dim"), (shown(one.live), "delete")]


def _counts(drifts: Drifts) -> Line:
    ignored = f" Ignored: {drifts.ignored}." if drifts.ignored else ""
    if drifts.found:
        return [(f"Drift: {tally(drifts)}.", "bold"), (ignored, "")]
    if ignored:
        return [("No drift but for what is ignored.", "bold"), (ignored, "")]
    if not drifts.resources:
        return [(f"No drift: the server holds nothing of the stack {drifts.stack}.", "bold")]
    return [("No drift: the server holds what this stack last applied.", "bold")]
