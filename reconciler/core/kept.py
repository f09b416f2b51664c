"""From what an apply has done and what the server then holds to what the server did not keep."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.core.address import Address
from reconciler.core.change import Action, FieldChange, Value
from reconciler.core.diagnostics import Span
from reconciler.core.kind import Kind
from reconciler.core.plan import Outcome
from reconciler.core.resource import Live, identified
from reconciler.core.sensitive import KEY, Sensitive, quoted, revealed
from reconciler.core.words import dotted

LONG = 40
"""Characters of a text that is told with its length."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the server holds: by kind and id, and what is active and carries a mark of the stack by its address."""

    by_id: Mapping[tuple[str, str], Live]
    marked: Mapping[Address, Sequence[Live]]

    @classmethod
    def of(cls, lives: Collection[Live]) -> Found:
        marked: dict[Address, list[Live]] = {}
        for live in lives:
            if live.mark and not (live.deleted or live.mark.replaced):
                marked.setdefault(live.address, []).append(live)
        return cls(identified(lives), marked)


@dataclass(frozen=True, slots=True)
class Proof:
    """What proving outcomes needs beside them.

    Attributes:
        found: what the server holds after the apply.
        ids: the server's id of each resource, also of those that were made; `before`: as they were planned from.
        secret: from what stands in a plan for a secret to its text.
        sensitive: the fields whose values no finding may quote.
    """

    found: Found
    kinds: Mapping[str, Kind]
    ids: Mapping[Address, str]
    before: Mapping[Address, str]
    secret: Callable[[str], str]
    sensitive: Sensitive

    def of(self, outcome: Outcome) -> Outcome:
        """`outcome` where the server holds what the step wrote; else one that failed, and names what is missing."""
        if outcome.status != "done":
            return outcome
        detail, at = self._missing(outcome)
        if not detail:
            return outcome
        return replace(outcome, status="failed", detail=detail, finding="not-kept", at=at or outcome.step.at)

    def _missing(self, outcome: Outcome) -> tuple[str, Span | None]:
        step = outcome.step
        live = self._live(step.address, outcome.id)
        if step.action is Action.delete:
            return ("it was deleted, and is still there" if live and not live.deleted else ""), None
        writes = [change for change in step.changes if change.after is not None]
        if not live or live.deleted:
            gone = "is deleted" if live else "is not on the server"
            what = "restored" if step.action is Action.restore else "written" if writes else ""
            return (f"it was {what} without an error, and {gone}" if what else ""), None
        if step.action is Action.replace and self._stands(step.address):
            return f"what it replaces is still there (id {self.before[step.address]})", None
        if len(twins := self.found.marked.get(live.address, ())) > 1:
            ids = " and ".join(sorted(one.id for one in twins))
            return f"it is there {len(twins)} times: ids {ids} carry the same mark", None
        if writes and live.mark is None:
            return "it was written without an error, and the stack's mark is not on it", None
        lost = [(words, change.at) for change in step.changes if (words := self._lost(change, live))]
        return ("; ".join(words for words, _ in lost), lost[0][1]) if lost else ("", None)

    def _live(self, address: Address, number: str) -> Live | None:
        return self.found.by_id.get((address.kind, number))

    def _stands(self, address: Address) -> bool:
        """Whether the one that was there before is there still."""
        old = self._live(address, self.before.get(address, ""))
        return old is not None and not old.deleted

    def _lost(self, change: FieldChange, live: Live) -> str:
        """What is wrong with one field, '' where it is as planned."""
        rule = self.kinds[live.address.kind].rules.get(change.path[0])
        if change.after is None:
            left = live.fields.get(change.path)
            stays = change.effect is Action.adopt or left is None
            return "" if stays else f"{dotted(change.path)} was removed, and is still {self._quoted(change, left)}"
        if rule is None or rule.directive or rule.series:  # of a series others may have logged the latest point
            return ""
        wanted, held = self._expected(change, rule.reference), live.fields.get(change.path)
        if held == wanted:
            return ""
        what = "the server does not hold it" if held is None else f"the server holds {self._quoted(change, held)}"
        return f"{dotted(change.path)} was written as {self._quoted(change, change.after)}, and {what}"

    def _expected(self, change: FieldChange, reference: str) -> Value:
        """The planned value as the server gives it: the id of what is referred to, the text of a secret."""
        if reference:
            return self.ids.get(Address.parse(str(change.after)), "")
        return revealed(change.after, self.secret)

    def _quoted(self, change: FieldChange, value: Value) -> str:
        """A value, with its length where it is a long text: a server may have cut it."""
        if self.sensitive.covers(change.path) or KEY in str(change.after):
            return quoted({KEY: ""})
        return (
            f"{quoted(value)} of {len(value):,} characters"
            if isinstance(value, str) and len(value) > LONG
            else quoted(value)
        )
