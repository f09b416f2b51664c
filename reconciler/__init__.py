"""Terraform for experiment tracking: experiments, runs and logged models as YAML in Git.

stack = reconciler.load("manifests", target="prod")
plan = stack.plan()
outcomes = stack.apply(plan)
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.version import __version__

if TYPE_CHECKING:
    from reconciler.core.address import Address
    from reconciler.core.call import Call
    from reconciler.core.change import Action, FieldChange
    from reconciler.core.diagnostics import Diagnostic, Failed, Span
    from reconciler.core.drift import Drift, Drifts
    from reconciler.core.guard import Safety
    from reconciler.core.plan import Outcome, Plan, Step
    from reconciler.core.planner import Options
    from reconciler.core.select import Selection
    from reconciler.runtime.apply import Listener, Unproven
    from reconciler.runtime.errors import RequestFailed, Unauthorized
    from reconciler.runtime.execute import Interrupted
    from reconciler.session import Session

_HOMES = {
    "Action": "core.change",
    "Address": "core.address",
    "Call": "core.call",
    "Diagnostic": "core.diagnostics",
    "Drift": "core.drift",
    "Drifts": "core.drift",
    "Failed": "core.diagnostics",
    "FieldChange": "core.change",
    "Interrupted": "runtime.execute",
    "Listener": "runtime.apply",
    "Options": "core.planner",
    "Outcome": "core.plan",
    "Plan": "core.plan",
    "RequestFailed": "runtime.errors",
    "Safety": "core.guard",
    "Selection": "core.select",
    "Session": "session",
    "Span": "core.diagnostics",
    "Step": "core.plan",
    "Unauthorized": "runtime.errors",
    "Unproven": "runtime.apply",
}

__all__ = [
    "Action",
    "Address",
    "Call",
    "Diagnostic",
    "Drift",
    "Drifts",
    "Failed",
    "FieldChange",
    "Interrupted",
    "Listener",
    "Options",
    "Outcome",
    "Plan",
    "RequestFailed",
    "Safety",
    "Selection",
    "Session",
    "Span",
    "Step",
    "Unauthorized",
    "Unproven",
    "__version__",
    "load",
]


def load(
    path: str | PathLike[str], *, target: str | None = None, variables: Mapping[str, str] | None = None
) -> Session:
    """The stack in the folder `path`, on one of its targets (None: the default one); its manifests are checked.

    Raises:
        Failed: with all that is wrong in `.diagnostics`.
    """
    from reconciler.session import Session  # noqa: PLC0415 - `reconciler --version` does not pay for it

    session = Session(Path(path), target, variables or {})
    _ = session.desired
    return session


def __getattr__(name: str) -> Any:
    """The public names, each imported when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'reconciler' has no attribute '{name}'")
    value = getattr(import_module(f"reconciler.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
