"""Narrows a plan's steps to those that a person asked for, and what these need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.plan import Step


@dataclass(frozen=True, slots=True)
class Selection:
    """`only` and `exclude` are globs on addresses (`experiments.*`); `[` and `]` stand for themselves."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    no_delete: bool = False

    def takes(self, step: Step) -> bool:
        wanted = not self.only or _matches(step.address, self.only)
        kept = not (self.no_delete and step.action is Action.delete)
        return wanted and kept and not _matches(step.address, self.exclude)


def select(steps: Mapping[Address, Step], selection: Selection) -> dict[Address, Step]:
    """The steps that `selection` takes, with all that they need."""
    chosen: dict[Address, Step] = {}
    waiting = [step for step in steps.values() if selection.takes(step)]
    while waiting:
        step = waiting.pop()
        if step.address not in chosen:
            chosen[step.address] = step
            waiting += [steps[address] for address in step.needs if address in steps]
    return chosen


def unmatched(addresses: list[Address], selection: Selection) -> list[str]:
    """The globs that name no address at all: most likely a typing error."""
    return [glob for glob in (*selection.only, *selection.exclude) if not any(_matches(a, (glob,)) for a in addresses)]


def _matches(address: Address, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(str(address), glob.replace("[", "[[]")) for glob in globs)
