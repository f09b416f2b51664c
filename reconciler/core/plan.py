"""The plan as a value: steps with their causes and exact requests, to be printed, saved, reviewed, loaded, refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span

SYMBOLS: Mapping[Action, str] = {
    Action.create: "+",
    Action.update: "~",
    Action.delete: "-",
    Action.replace: "-/+",
    Action.restore: "↺",
    Action.adopt: "⊕",
    Action.noop: " ",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one resource. `needs`: the steps that must be done before; `calls` are sent in order."""

    address: Address
    action: Action
    reason: str = ""
    changes: tuple[FieldChange, ...] = ()
    calls: tuple[Call, ...] = ()
    needs: tuple[Address, ...] = ()
    at: Span | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that an apply would do, in order.

    Attributes:
        steps: sorted so that what is needed comes first; resources without a change have none.
        noop: how many resources of the stack stay as they are.
        left_out: how many steps a selection (--only, --exclude, --no-delete) left out.
        ids: the server's id of each live resource that a step names.
        seen: a digest of each live resource that a step was computed from, "absent" where there was none.
    """

    stack: str
    target: str
    backend: str
    steps: tuple[Step, ...] = ()
    noop: int = 0
    left_out: int = 0
    ids: Mapping[Address, str] = field(default_factory=dict)
    seen: Mapping[Address, str] = field(default_factory=dict)

    @property
    def summary(self) -> dict[str, int]:
        """How many resources each action meets, `noop` included, by the action's name."""
        counts = {str(action): 0 for action in Action if action is not Action.noop}
        for step in self.steps:
            counts[str(step.action)] += 1
        return counts | {"noop": self.noop}

    @property
    def requests(self) -> int:
        return sum(len(step.calls) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended.

    Attributes:
        detail: why it failed, or why it was not attempted.
        id: the server's.
        finding: the code of a failure.
        call: the request that failed, as it stands in the plan: without secrets.
        at: where the manifests say what failed.
    """

    step: Step
    status: Literal["done", "failed", "skipped"]
    detail: str = ""
    id: str = ""
    finding: str = ""
    call: Call | None = None
    at: Span | None = None
