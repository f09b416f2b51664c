"""Which faults strike which requests of an apply: one, a repeated one, all from it on, or any; and what came of it."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.faults import Ending, Fault, Seen
from tests.faults.relay import Hook
from tests.reliability.worlds import World

ALL = bool(os.environ.get("RECONCILER_TEST_ALL"))
SEED = os.environ.get("RECONCILER_TEST_SEED", "1")
PATIENCE = "20"
"""The seconds that a request may be tried, of which none passes: its faults come at once, and pauses are short."""
ENDS = {0, 1, 4, 5}
"""The exit codes with which an apply may end that met a fault."""
_LASTING = {Ending.down, Ending.silence}
How = Literal["once", "always", "from then on"]


@dataclass(frozen=True)
class Case:
    """`once`: that request; `always`: that request and each repetition of it; `from then on`: all from it on."""

    fault: Fault
    number: int
    how: How = "once"
    parallel: int = 1

    def hook(self) -> Hook:
        struck: set[tuple[str, str, str]] = set()

        def meets(seen: Seen) -> bool:
            match self.how:
                case "once":
                    return seen.number == self.number
                case "from then on":
                    return seen.number >= self.number
            if seen.number == self.number:
                struck.add(seen.what)
            return seen.what in struck

        return lambda seen: self.fault if meets(seen) else None

    def lasts(self, world: World) -> bool:
        """Whether repeating the request may be in vain: on the network, silence takes all the time there is."""
        return self.how != "once" or (world.proxy is not None and self.fault.value.ending in _LASTING)

    def told(self, world: World) -> str:
        return f"{self.fault.name} {self.how} at {world.requests[self.number]}"


@dataclass(frozen=True)
class Weather:
    """Each request of the apply meets a fault of any kind, one in so many; several requests are under way at once."""

    seed: int
    often: int
    parallel: int = 1

    def hook(self) -> Hook:
        chance = random.Random(self.seed)
        return lambda _: chance.choice(list(Fault)) if chance.randrange(self.often) == 0 else None

    def lasts(self, world: World) -> bool:
        return True

    def told(self, world: World) -> str:
        return str(self)


def each(fault: Fault, world: World, how: How = "once") -> list[Case]:
    """The fault at every request of the mixed apply."""
    return [Case(fault, seen.number, how) for seen in world.requests]


def some(chance: random.Random, cases: Sequence[Case], world: World) -> list[Case]:
    """One case for each sort of request: a read, a create, another write."""
    sorts: dict[str, list[Case]] = {}
    for case in cases:
        sorts.setdefault(_sort(world.requests[case.number]), []).append(case)
    return [chance.choice(sort) for sort in sorts.values()]


def _sort(seen: Seen) -> str:
    if not seen.writes:
        return "read"
    return "create" if seen.path in {"experiments/create", "runs/create", "logged-models"} else "write"


def run(world: World, cases: Iterable[Case | Weather], tally: Counter[str], what: str) -> None:
    """Run each case and prove that nothing was lost, doubled or touched; all that failed are told at once."""
    failures = []
    for case in cases:
        problem, code = _problem(world, case)
        tally[f"{what}: cases"] += 1
        tally[f"{what}: the apply ended with {code}"] += 1
        if problem:
            failures.append(f"{case.told(world)}: {problem}")
    tally[f"{what}: lost, doubled, touched or stuck"] += len(failures)
    assert not failures, f"{len(failures)} failed\n" + "\n".join(failures)


def _problem(world: World, case: Case | Weather) -> tuple[str, int | str]:
    """What went wrong, '' where nothing did; and the exit code of the apply that met the fault."""
    code: int | str = "an error"
    world.reset()
    world.relay.fault = case.hook()
    try:
        patience = world.patience if case.lasts(world) else PATIENCE
        result = world.apply("--timeout", patience, "--parallel", str(case.parallel))
        code = result.code
        assert code in ENDS, f"exit {code}\n{result.out}\n{result.err}"
        stands = "[lock-stands]" in result.err
        assert case.lasts(world) or not stands, result.err
        world.prove(done=code == 0, locked=stands)
    except AssertionError as error:
        return str(error), code
    return "", code
