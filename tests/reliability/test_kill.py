"""An apply that is killed at whichever request: plan and apply converge; nothing is lost, doubled or touched."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle

import pytest

from tests.contract.api import mapping
from tests.faults import Seen
from tests.reliability import worlds
from tests.reliability.cases import ALL
from tests.reliability.seen import LOCK
from tests.reliability.worlds import REPLACE, World

SECONDS = 60
REAL = 12


@dataclass(frozen=True)
class Kill:
    """`kill -9` at the request with a number: before the server has it, or when it is done and not yet answered.

    `expired`: nobody unlocks afterwards; the next apply comes when the time of the lock is over.
    """

    number: int
    committed: bool
    parallel: int = 1
    expired: bool = False

    def __str__(self) -> str:
        return f"killed {'after' if self.committed else 'before'} request {self.number}, {self.parallel} at once"


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Iterator[Sequence[World]]:
    """Two worlds: in one a process starts, while in the other the last one's end is looked at."""
    with ExitStack() as stack:
        yield [stack.enter_context(worlds.on_proxied_fake(tmp_path_factory.mktemp("killed"))) for _ in range(2)]


class Killed:
    """An apply in a process of its own, which ends at the chosen request."""

    def __init__(self, world: World, kill: Kill) -> None:
        self.world = world
        self.kill = kill
        self._process: Future[subprocess.Popen[str]] = Future()
        world.reset()
        world.relay.before = lambda seen: kill.committed or not self._strikes(seen)
        world.relay.after = lambda seen: kill.committed and self._strikes(seen)
        words = ("apply", "--yes", "--parallel", str(kill.parallel), *REPLACE)
        self._process.set_result(world.shell.spawn(*words))

    def _strikes(self, seen: Seen) -> bool:
        """Whether this is the request; then the process is gone when the call returns."""
        if seen.number < self.kill.number:
            return False
        process = self._process.result()
        process.kill()
        process.wait()
        return True

    def problem(self) -> str:
        """What went wrong, '' where nothing did."""
        with self._process.result() as process:
            out, err = process.communicate(timeout=SECONDS)
        self.world.relay.rest()
        try:
            assert process.returncode == -signal.SIGKILL, f"exit {process.returncode}\n{out}\n{err}"
            if self.kill.expired:
                expire(self.world)
            self.world.prove(locked=not self.kill.expired, expired=self.kill.expired)
        except AssertionError as error:
            return f"{self.kill}: {error}"
        return ""


def run(worlds: Sequence[World], kills: Sequence[Kill], tally: Counter[str], what: str) -> None:
    """Kill an apply in each way, in one world after the other; all that failed is told at once."""
    problems: list[str] = []
    under_way: deque[Killed] = deque()
    for kill, world in zip(kills, cycle(worlds)):
        if len(under_way) == len(worlds):
            problems.append(under_way.popleft().problem())
        under_way.append(Killed(world, kill))
    problems += [killed.problem() for killed in under_way]
    failures = [problem for problem in problems if problem]
    tally[f"{what}: processes killed"] += len(kills)
    tally[f"{what}: lost, doubled, touched or stuck"] += len(failures)
    assert not failures, f"{len(failures)} failed\n" + "\n".join(failures)


def expire(world: World) -> None:
    """Let the time of the lock be over, if there is one."""
    models = world.api.get("registered-models/search", max_results=1000)["registered_models"]
    for tags in [mapping(model.get("tags", [])) for model in models if model["name"] == LOCK]:
        for key in [key for key in tags if key.startswith("lock.until")]:
            body = {"name": LOCK, "key": key, "value": "2020-01-31T09:00:00.000Z"}
            world.api.post("registered-models/set-tag", body)


def everywhere(world: World) -> list[Kill]:
    return [Kill(seen.number, committed) for seen in world.requests for committed in (False, True)]


def test_the_process_is_killed_at_a_request(pair, chance, tally):
    kills = everywhere(pair[0])
    run(pair, kills if ALL else chance.sample(kills, 6), tally, "fake")


def test_the_process_is_killed_while_several_requests_are_under_way(pair, chance, tally):
    kills = [Kill(kill.number, kill.committed, parallel=4) for kill in everywhere(pair[0])]
    run(pair, chance.sample(kills, 40 if ALL else 2), tally, "fake, several at once")


def test_the_next_apply_takes_over_a_lock_that_is_over(pair, chance, tally):
    kills = [Kill(kill.number, kill.committed, expired=True) for kill in everywhere(pair[0])]
    releasing = kills[-6:]
    run(
        pair,
        chance.sample(kills, 10) + releasing if ALL else chance.sample(kills, 1),
        tally,
        "fake, the lock taken over",
    )


@pytest.mark.real
def test_on_a_real_server(real, chance, tally):
    kills = everywhere(real)
    run([real], chance.sample(kills, REAL if ALL else 2), tally, "real server")
