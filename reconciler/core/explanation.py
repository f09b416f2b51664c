"""From a pair and its step to all that is known of a resource and of its fields, as a value to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reconciler.core.advice import Advice, about_field, about_resource
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange, Path
from reconciler.core.diff import Refused, diff, managed
from reconciler.core.kind import Kind
from reconciler.core.mark import digest
from reconciler.core.match import Pair
from reconciler.core.origin import Origin, Origins
from reconciler.core.plan import Stay, Step
from reconciler.core.sensitive import Sensitive

NOTHING = Sensitive()


@dataclass(frozen=True, slots=True)
class Applied:
    """What the mark says of the last applied value: it holds a digest of it, not the value."""

    like: Literal["never", "manifest", "server", "other"] = "never"
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `change` has `noop` as its effect where nothing happens.

    `refused`: why it cannot change as it should; `stays`: why it cannot be removed.
    """

    change: FieldChange
    applied: Applied
    origin: Origin | None = None
    calls: tuple[Call, ...] = ()
    refused: str = ""
    stays: str = ""
    advice: Advice | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One resource. `stays`: why it cannot be removed; `irreplaceable`: why it is never made anew."""

    pair: Pair
    action: Action
    reason: str
    fields: tuple[Field, ...]
    stays: str = ""
    advice: tuple[Advice, ...] = ()
    irreplaceable: str = ""


@dataclass(frozen=True, slots=True)
class Explainer:
    """What the explanations of one resource's fields share. `stays` are those of the whole plan."""

    pair: Pair
    step: Step | None
    kind: Kind
    origins: Origins | None = None
    sensitive: Sensitive = NOTHING
    stays: Sequence[Stay] = ()

    def explain(self, chosen: Path | None = None) -> Explanation:
        """The resource with all of its fields, or with the chosen one."""
        action = self.step.action if self.step else Action.noop
        reason = self.step.reason if self.step else ""
        wanted = paths(self.pair) if chosen is None else [chosen]
        changes = {change.path: change for change in self.step.changes} if self.step else {}
        refused = self._refused()
        stays = {stay.path: stay.why for stay in self.stays if stay.address == self.pair.address}
        fields = tuple(self._field(path, changes.get(path), refused.get(path), stays.get(path, "")) for path in wanted)
        advice = about_resource(self.pair, action, self.kind)
        return Explanation(self.pair, action, reason, fields, stays.get((), ""), advice, self.kind.irreplaceable)

    def _refused(self) -> Mapping[Path, Refused]:
        pair = self.pair
        found = diff(pair.desired, pair.live, self.kind).refused if pair.desired and pair.live else ()
        return {one.change.path: one for one in found}

    def _field(self, path: Path, change: FieldChange | None, refused: Refused | None, stays: str) -> Field:
        refused = None if change else refused
        change = change or self.sensitive.change(refused.change if refused else _unchanged(self.pair, path))
        origin = self.origins.of(path) if self.origins and change.after is not None else None
        if origin and self.sensitive.covers(path):
            origin = origin.concealed()
        calls = tuple(call for call in self.step.calls if path in call.fields) if self.step else ()
        advice = about_field(self.pair, change, self.kind, origin.layer if origin else None)
        why = refused.why if refused else ""
        return Field(change, _applied(self.pair, path), origin, calls, why, stays, advice)


def paths(pair: Pair) -> list[Path]:
    """The fields that the stack manages or managed."""
    declared = set(managed(pair.desired)) if pair.desired else set()
    applied = set(pair.live.mark.keys) if pair.live and pair.live.mark else set()
    return sorted(declared | applied)


def _unchanged(pair: Pair, path: Path) -> FieldChange:
    """The two values of a field that does not change."""
    live = pair.live.fields.get(path) if pair.live else None
    return FieldChange(path, live, pair.desired.fields.get(path) if pair.desired else None, Action.noop, "adopt")


def _applied(pair: Pair, path: Path) -> Applied:
    applied = pair.live.mark.keys.get(path) if pair.live and pair.live.mark else None
    if applied is None:
        return Applied()
    desired = pair.desired.fields.get(path) if pair.desired else None
    if desired is not None and applied == digest(desired):
        return Applied("manifest", applied)
    held = pair.live.fields.get(path) if pair.live else None
    return Applied("server" if applied == digest(held) else "other", applied)
