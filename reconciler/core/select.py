"""Narrows a plan's steps to those that a person asked for, and what these need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.plan import Step
from reconciler.core.words import shown, suggest


@dataclass(frozen=True, slots=True)
class Selection:
    """`only` and `exclude` are globs on addresses (`experiments.*`); `[` and `]` stand for themselves."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    no_delete: bool = False

    def wants(self, address: Address) -> bool:
        return not self.only or matches(str(address), self.only)

    def takes(self, address: Address) -> bool:
        """Whether `address` itself is meant; what such a one needs is taken along."""
        return self.wants(address) and not matches(str(address), self.exclude)

    def bars(self, step: Step) -> bool:
        return (self.no_delete and step.action is Action.delete) or matches(str(step.address), self.exclude)


def select(steps: Mapping[Address, Step], selection: Selection) -> dict[Address, Step]:
    """The steps that `selection` wants, with all that they need; but none that it bars, nor what needs one of those."""
    chosen: dict[Address, Step] = {}
    waiting = [step for step in steps.values() if selection.wants(step.address)]
    while waiting:
        step = waiting.pop()
        if step.address not in chosen:
            chosen[step.address] = step
            waiting += [steps[address] for address in step.needs if address in steps]
    return _without_barred(chosen, selection)


def _without_barred(chosen: dict[Address, Step], selection: Selection) -> dict[Address, Step]:
    barred = {address for address, step in chosen.items() if selection.bars(step)}
    while more := {a for a, step in chosen.items() if a not in barred and barred.intersection(step.needs)}:
        barred |= more
    return {address: step for address, step in chosen.items() if address not in barred}


def unmatched(addresses: list[Address], selection: Selection) -> list[str]:
    """The globs that name no address at all: most likely a typing error."""
    globs = (*selection.only, *selection.exclude)
    return [glob for glob in globs if not any(matches(str(address), (glob,)) for address in addresses)]


def unknown(name: str, known: Sequence[str]) -> Diagnostic:
    """The finding for an address or a glob that names nothing.

    A key alone is told with the kinds that have it. No word is near to a glob: an example says more.
    """
    if keyed := sorted(f"'{one}'" for one in known if one.partition(".")[2].lower() == name.lower()):
        hint = f"did you mean {' or '.join(keyed)}?"
    elif known and not {"*", "?"}.isdisjoint(name):
        kind = name.partition(".")[0]
        example = min(known, key=lambda one: (not one.startswith(f"{kind}."), one))
        hint = f"it has to match a whole address, such as '{example}'"
    else:
        hint = suggest(name, known, "there is")
    return error("unknown-address", f"{shown(name)} names no resource of the stack", hint=hint)


def matches(name: str, globs: Sequence[str]) -> bool:
    """Whether a glob matches all of `name`; `[` and `]` stand for themselves."""
    return any(fnmatchcase(name, glob.replace("[", "[[]")) for glob in globs)
