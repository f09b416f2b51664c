"""The plan as a value: steps with their causes and exact requests, to be printed, saved, reviewed, loaded, refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange, Path
from reconciler.core.diagnostics import Span
from reconciler.core.mark import Mark

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
class Stay:
    """What should go and stays, since the server cannot remove it: a field, or with the path () the whole resource."""

    address: Address
    path: Path
    why: str
    at: Span | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan was computed from, of one resource that was there: enough to name a field that has changed since.

    Attributes:
        deleted: whether it was soft-deleted.
        mark: what the stack's mark on it recorded; None where there was none.
        fields: the digest of each value that was not what `mark` recorded; None for a value that was not there.
        sensitive: the fields whose values are not shown.
    """

    deleted: bool = False
    mark: Mark | None = None
    fields: Mapping[Path, str | None] = field(default_factory=dict)
    sensitive: tuple[Path, ...] = ()

    def digest(self, path: Path) -> str | None:
        """The digest of the value that a field had; None where there was none."""
        return self.fields[path] if path in self.fields else self.applied.get(path)

    @property
    def applied(self) -> Mapping[Path, str]:
        """The digests that the mark recorded."""
        return self.mark.keys if self.mark else {}


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """All that an apply would do, in order.

    Attributes:
        steps: sorted so that what is needed comes first; resources without a change have none.
        noop: how many resources of the stack stay as they are.
        left_out: how many steps a selection (--only, --exclude, --no-delete) left out.
        ids: the server's id of each live resource that a step names.
        seen: a digest of each live resource that a step was computed from, "absent" where there was none.
        basis: of each that was there, the parts of that digest. Plans that were made by earlier versions have none.
        stays: what should go and cannot be removed.
        secrets: the digest of the text of each sensitive value that the steps write, by what stands for it.
        server: where it was made: the server's url without credentials, or its store.
        no_lock: why an apply cannot take the stack's lock; '' where it can.
    """

    stack: str
    target: str
    backend: str
    steps: tuple[Step, ...] = ()
    noop: int = 0
    left_out: int = 0
    ids: Mapping[Address, str] = field(default_factory=dict)
    seen: Mapping[Address, str] = field(default_factory=dict)
    basis: Mapping[Address, Basis] = field(default_factory=dict)
    server: str = ""
    no_lock: str = ""
    stays: tuple[Stay, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Where it is for and what it does, in short: all of it is pages long."""
        counts = "".join(f", {name}={count}" for name, count in self.summary.items() if count)
        return f"Plan(stack={self.stack!r}, target={self.target!r}, backend={self.backend!r}{counts})"

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
