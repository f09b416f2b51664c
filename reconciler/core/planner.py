"""From what is declared and what is there to a plan: match, diff, select, order, guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from reconciler.core.address import Address
from reconciler.core.basis import basis, seen
from reconciler.core.change import Action
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.guard import Safety, guard
from reconciler.core.intents import Intents
from reconciler.core.kind import Kind
from reconciler.core.mark import digest
from reconciler.core.match import NAME, Pair, match
from reconciler.core.needs import bereaved, needs, references, unseen
from reconciler.core.order import order
from reconciler.core.plan import Plan, Stay, Step
from reconciler.core.resource import Desired, Live
from reconciler.core.select import Selection, select, unknown, unmatched
from reconciler.core.sensitive import as_text, secrets_in
from reconciler.core.stack import Stack
from reconciler.core.stale import by_kind, sought_again, stale
from reconciler.core.steps import Stepper
from reconciler.core.wire import Sought

__all__ = ["Options", "make", "sought", "sought_again", "stale"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asked of this plan."""

    selection: Selection = field(default_factory=Selection)
    safety: Safety = field(default_factory=Safety)
    replace: frozenset[Address] = frozenset()
    on_conflict: Literal["apply", "fail"] = "apply"
    destroy: bool = False


def make(
    stack: Stack,
    desired: Mapping[Address, Desired],
    lives: Sequence[Live],
    options: Options,
    intents: Intents | None = None,
) -> tuple[Plan, list[Diagnostic]]:
    """The plan that takes `lives` to `desired`, and all findings; with an error among them it is not to be applied.

    `intents`: those of `desired`, as far as they are known.
    """
    pairs, found = match(desired, lives, stack.kinds)
    stepper = _stepper(stack, pairs, options, intents or Intents(stack.name))
    steps: dict[Address, Step] = {}
    raised: dict[Address, list[Diagnostic]] = {}
    stays: list[Stay] = []
    for address, pair in sorted(pairs.items()):
        step, raised[address], staying = stepper.step(pair)
        stays += staying
        if step:
            steps[address] = step
    wanted = needs(pairs, steps, stack.kinds)
    steps = {address: replace(step, needs=wanted[address]) for address, step in steps.items()}
    chosen = select(steps, options.selection)
    concerned = {address for address in raised if address in chosen or _idle(address, steps, options.selection)}
    found += [problem for address in sorted(concerned) for problem in raised[address]]
    found += bereaved(pairs, chosen) + unseen(pairs, chosen, stack.kinds, stack.wires) + _unknown(pairs, options)
    sequence, cycle = order({address: step.needs for address, step in chosen.items()})
    plan = Plan(
        stack=stack.name,
        target=stack.target,
        backend=stack.backend,
        steps=tuple(stack.sensitive.hide(chosen[address]) for address in sequence),
        noop=sum(pair.desired is not None and address not in steps for address, pair in pairs.items()),
        left_out=len(steps) - len(chosen),
        stays=tuple(stay for stay in stays if options.selection.takes(stay.address)),
        secrets=_secrets(chosen),
    )
    plan = _remembering(plan, stack, pairs, chosen)
    again = {address for address, pair in pairs.items() if pair.live and pair.live.revived}
    unsafe = [] if options.destroy else guard(plan, _owned(pairs), options.safety, again)
    entangled = [_cycle(cycle, chosen)] if cycle and not found else []  # steps that are refused may need each other
    return plan, [*found, *entangled, *unsafe]


def sought(desired: Mapping[Address, Desired]) -> dict[str, tuple[Sought, ...]]:
    """What to look for on the server for the sake of `desired`, by kind."""
    return by_kind(
        [
            Sought(address, as_text(entry.fields[NAME]), entry.id, entry.fields, marked=not entry.id)
            for address, entry in desired.items()
        ]
    )


def foreign(plan: Plan, stack: Stack) -> list[Diagnostic]:
    """What says that `plan` is not for `stack`."""
    own = {"stack": stack.name, "target": stack.target, "backend": stack.backend}
    return [
        error(
            "foreign-plan",
            f"the plan is for the {name} '{getattr(plan, name)}'; this is '{value}'",
            hint="choose the right folder with --manifests and the right target with --target",
        )
        for name, value in own.items()
        if getattr(plan, name) != value
    ]


def elsewhere(plan: Plan, server: str) -> list[Diagnostic]:
    """What says that `plan` was made on another server than `server`: there its ids are those of other things."""
    if plan.server in ("", server):
        return []
    summary = f"the plan is for the server {plan.server}; the target '{plan.target}' is {server} now"
    hint = "make the plan again; or was it the environment that named the server?"
    return [error("foreign-plan", summary, hint=hint)]


def changes_access(plan: Plan, stack: Stack) -> bool:
    """Whether `plan` changes who may do what with a resource."""
    changes = ((step.address.kind, change) for step in plan.steps for change in step.changes)
    rules = ((stack.kinds[kind].rules.get(change.path[0]), change) for kind, change in changes)
    return any(rule.access and change.effect is not Action.adopt for rule, change in rules if rule)


def _secrets(chosen: Mapping[Address, Step]) -> dict[str, str]:
    """The digest of each secret that the steps send, by what stands for it in the plan."""
    found = [secret for step in chosen.values() for call in step.calls for secret in secrets_in(call.body)]
    return {secret.template: digest(str(secret)) for secret in found}


def _idle(address: Address, steps: Mapping[Address, Step], selection: Selection) -> bool:
    """Whether `address` is meant by the selection and has no step that could be left out."""
    return address not in steps and selection.takes(address)


def _stepper(stack: Stack, pairs: Mapping[Address, Pair], options: Options, intents: Intents) -> Stepper:
    anew = {address for address in options.replace & pairs.keys() if not stack.kinds[address.kind].irreplaceable}
    return Stepper(
        stack=stack.name,
        kinds=stack.kinds,
        wires=stack.wires,
        intents=intents,
        sensitive=stack.sensitive,
        replace=options.replace,
        moving=frozenset(anew),
        on_conflict=options.on_conflict,
        destroying=options.destroy,
    )


def _owned(pairs: Mapping[Address, Pair]) -> int:
    lives = [pair.live for pair in pairs.values() if pair.live and not (pair.live.deleted or pair.live.revived)]
    return sum(live.mark is not None and not live.mark.existing for live in lives)


def _named(pairs: Mapping[Address, Pair], chosen: Mapping[Address, Step], kinds: Mapping[str, Kind]) -> set[Address]:
    """The addresses that the chosen steps are about or refer to."""
    named = set(chosen)
    for address in chosen:
        entry = pairs[address].desired
        named.update(references(entry, kinds[address.kind]) if entry else ())
    return named


def _remembering(plan: Plan, stack: Stack, pairs: Mapping[Address, Pair], chosen: Mapping[Address, Step]) -> Plan:
    """`plan` with what it was computed from."""
    ids, digests, bases = {}, {}, {}
    for address in sorted(_named(pairs, chosen, stack.kinds)):
        live, kind = pairs[address].live, stack.kinds[address.kind]
        changes = chosen[address].changes if address in chosen else ()
        digests[address] = seen(live, changes, kind)
        if live:
            ids[address] = live.id
            bases[address] = basis(live, changes, kind, stack.sensitive)
    return replace(plan, ids=ids, seen=digests, basis=bases)


def _cycle(path: Sequence[Address], steps: Mapping[Address, Step]) -> Diagnostic:
    edges = ", which needs ".join(str(address) for address in path)
    hint = "two names that change places take two applies: rename one of them to something else first"
    return error("cycle", f"cycle detected: {edges}", steps[path[0]].at, hint)


def _unknown(pairs: Mapping[Address, Pair], options: Options) -> list[Diagnostic]:
    """Addresses and globs in the options that name nothing."""
    declared = {address for address, pair in pairs.items() if pair.desired}
    names = [str(address) for address in options.replace - declared]
    names += unmatched(list(pairs), options.selection)
    known = [str(address) for address in pairs]
    return [unknown(name, known) for name in sorted(names)]
