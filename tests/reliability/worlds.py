"""Servers on which the mixed apply can be repeated: each case begins with the same world and ends with its proofs."""

from __future__ import annotations

import copy
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.api import Api
from tests.e2e.tools import Result, Shell, isolate
from tests.fakes.mlflow import FakeMlflow
from tests.faults import FaultyTransport, Proxy, Relay, Seen, proxy
from tests.reliability import mixed
from tests.reliability.seen import Server, foreign, holders, look, shape
from tests.servers import real_mlflow

PAUSE = 30
"""Seconds: the longest pause before something is tried or looked at again."""
REPLACE = tuple(word for address in mixed.REPLACED for word in ("--replace", address))


@dataclass
class World:
    """A stack on a server behind faults.

    Attributes:
        start: what the server holds before the apply.
        goal: the shape of what it holds after an apply that met no fault.
        requests: those of that apply.
        patience: the seconds after which an apply gives a request up that fails again and again.
    """

    shell: Shell
    relay: Relay
    api: Api
    save: Callable[[], None]
    restore: Callable[[], None]
    proxy: Proxy | None = None
    patience: str = "0.2"
    start: Server = field(default_factory=lambda: Server({}))
    goal: Counter[str] = field(default_factory=Counter)
    requests: tuple[Seen, ...] = ()

    def prepare(self, url: str) -> World:
        mixed.prepare(self.shell, url, self.api)
        self.save()
        self.reset()
        self.start = look(self.api)
        self.apply(code=0)
        self.requests = tuple(self.relay.requests)
        self.goal = shape(look(self.api))
        self.prove()
        return self

    def reset(self) -> None:
        """Back to where the mixed apply begins, with nothing in the way."""
        self.heal()
        self.restore()

    def heal(self) -> None:
        self.relay.clear()
        if self.proxy:
            self.proxy.up()

    def apply(self, *more: str, code: int | None = None) -> Result:
        """The mixed apply, a request after the other unless `more` says otherwise."""
        return self.shell("apply", "--yes", "--parallel", "1", *REPLACE, *more, code=code)

    def prove(self, *, done: bool = False, locked: bool = False, expired: bool = False) -> None:
        """Plan and apply converge, and nothing is lost, doubled or touched.

        `done`: an apply has said that it is; `locked`: one has left its lock, or may have; `expired`: and the time of
        that is over, so that the next one takes it over that has anything to do.
        """
        self.heal()
        if locked:
            self.shell("unlock", "--yes")
            self.relay.clear()
        self._converge()
        assert not (done and self.written), f"the apply said it was done, and yet: {', '.join(self.written)}"
        if self.written:  # an apply that had nothing to do has shown that there is nothing left
            self.relay.clear()
            self.shell("plan", "--detailed-exitcode")
        elif expired:
            self.shell("unlock", "--yes")
            self.relay.clear()
        assert self.written == []
        check(self.start, look(self.api), self.goal)

    def _converge(self) -> None:
        """Apply again, with a replacement where it is still needed: a plan without one says so."""
        again = self.shell("apply", "--yes", "--parallel", "1", code=None)
        if again.code == 1 and "[fixed-field]" in again.err:
            named = sorted(set(re.findall(r"--replace (\S+)", again.err)))
            assert set(named) <= set(mixed.REPLACED)
            words = [word for address in named for word in ("--replace", address)]
            again = self.shell("apply", "--yes", "--parallel", "1", *words, code=None)
        assert again.code == 0, f"the second apply ended with {again.code}\n{again.out}\n{again.err}"

    @property
    def written(self) -> list[str]:
        """The writes since the last reset."""
        return [str(seen) for seen in self.relay.requests if seen.writes]


def check(start: Server, end: Server, goal: Counter[str]) -> None:
    """No duplicate, no orphan, nothing foreign touched, all that is declared there: each proof by itself."""
    doubled = {address: count for address, count in holders(end, mixed.STACK).items() if count != 1}
    assert not doubled, f"not exactly once there: {doubled}"
    touched = changed(foreign(start, mixed.STACK), foreign(end, mixed.STACK))
    assert not touched, f"foreign values are not what they were: {touched}"
    found = shape(end)
    assert not found - goal, f"nobody asked for this: {sorted(found - goal)}; missing: {sorted(goal - found)}"
    assert not goal - found, f"missing: {sorted(goal - found)}"


def changed(before: dict[tuple[str, ...], Any], after: dict[tuple[str, ...], Any]) -> dict[tuple[str, ...], Any]:
    places = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
    return {place: (before.get(place), after.get(place)) for place in sorted(places)}


class Swift(Shell):
    """A shell in which a pause of seconds takes milliseconds, if it is to `hurry`.

    `network` takes the place of the network.
    """

    hurry = True
    network: httpx.BaseTransport | None = None

    def __call__(self, *arguments: str, answer: str | None = None, code: int | None = 0) -> Result:
        with self.patch.context() as patch:
            isolate(patch)
            if self.hurry:
                patch.setattr(threading.Event, "wait", _hurried)
            if self.network:
                patch.setattr(httpx, "HTTPTransport", lambda **_: self.network)
            return super().__call__(*arguments, answer=answer, code=code)

    def stack(self, name: str, url: str) -> Shell:
        other = Swift(self.folder / f"stack-{name}", self.patch)
        other.network, other.hurry = self.network, self.hurry
        other.configure(url, name)
        return other


_wait = threading.Event.wait


def _hurried(event: threading.Event, timeout: float | None = None) -> bool:
    """What waits longer than any pause waits for something else, such as the next renewal of the lock."""
    return _wait(event, timeout / 1000 if timeout and timeout <= PAUSE else timeout)


@contextmanager
def _shell(folder: Path) -> Iterator[Swift]:
    with pytest.MonkeyPatch.context() as patch:
        yield Swift(folder, patch)


@contextmanager
def on_fake(folder: Path) -> Iterator[World]:
    """The fake inside the process, with faults in place of the network."""
    fake = FakeMlflow()
    relay = Relay(fake.transport())
    with _shell(folder) as shell, _client("http://fake", fake.transport()) as client:
        shell.network = FaultyTransport(relay)
        yield World(shell, relay, Api(client), *_kept(fake)).prepare("http://fake")


@contextmanager
def on_proxied_fake(folder: Path) -> Iterator[World]:
    """The fake behind a proxy on loopback."""
    fake = FakeMlflow()
    with (
        _shell(folder) as shell,
        proxy("http://fake", fake.transport()) as between,
        _client("http://fake", fake.transport()) as client,
    ):
        yield World(shell, between.relay, Api(client), *_kept(fake), between, "0.5").prepare(between.url)


@contextmanager
def on_real(folder: Path) -> Iterator[World]:
    """A real MLflow server behind a proxy on loopback."""
    (folder / "server").mkdir()
    with (
        real_mlflow(folder / "server") as url,
        _shell(folder) as shell,
        proxy(url) as between,
        _client(url) as client,
    ):
        shell.hurry = False
        copies = folder / "server/mlflow.db", folder / "saved.db"
        keep, put_back = (lambda: _copy(*copies)), (lambda: _copy(*copies[::-1]))
        yield World(shell, between.relay, Api(client), keep, put_back, between, "2").prepare(between.url)


def _client(url: str, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    return httpx.Client(base_url=url, transport=transport, timeout=60, trust_env=False)


def _kept(fake: FakeMlflow) -> tuple[Callable[[], None], Callable[[], None]]:
    """How to keep what the fake holds, and how to put it back."""
    kept: list[Any] = []

    def keep() -> None:
        kept[:] = [copy.deepcopy(fake._state)]

    def put_back() -> None:
        fake._state = copy.deepcopy(kept[0])

    return keep, put_back


def _copy(source: Path, to: Path) -> None:
    """Copy a database while a server may have it open: it sees the copy as one transaction."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(to)) as new:
        old.backup(new)
