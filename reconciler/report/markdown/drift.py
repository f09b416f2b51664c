"""Drift as Markdown, for an issue: the counts, then each resource with what was applied and what is there now."""

from __future__ import annotations

from itertools import groupby

from reconciler.core.drift import Drift, Drifts
from reconciler.core.words import dotted
from reconciler.report.drift import HEADS, tally
from reconciler.report.lines import shown
from reconciler.report.markdown.page import Page, code, row


def markdown(drifts: Drifts) -> str:
    page = Page()
    server = f" at {code(drifts.server)}" if drifts.server else ""
    ignored = f" Ignored: {drifts.ignored}." if drifts.ignored else ""
    page.write(f"### Drift: {tally(drifts)}\n\n" if drifts.found else "### No drift\n\n")
    place = f"Stack {code(drifts.stack)} on target {code(drifts.target)}, {code(drifts.backend)}{server}."
    page.write(f"{place}{ignored}\n\n")
    groups = groupby(drifts.found, key=lambda one: one.address)
    page.fence("resources", [_block(list(group)) for _, group in groups], "diff")
    return page.text()


def _block(group: list[Drift]) -> str:
    symbol, _, words = HEADS[group[0].kind]
    head = row("@@ ", f"{symbol} {group[0].address} @@", words)
    return head + "".join(line for one in group if one.path for line in _field(one))


def _field(one: Drift) -> list[str]:
    """The value that was applied, where the manifests still have it, and the one that is there now."""
    name, why = dotted(one.path), f"{one.kind} on the server"
    before = [] if one.applied is None else [f"{name}: {shown(one.applied)}"]
    if one.live is None:
        return [row("- ", *(before or [name]), why)]
    return [*(row("- ", text) for text in before), row("+ ", f"{name}: {shown(one.live)}", why)]
