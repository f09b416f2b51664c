"""A stack whose requests reach the fake without a network, without a pause, and through any trouble."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import unquote

import httpx
from hypothesis import strategies as st

from reconciler import registry
from reconciler.core import planner
from reconciler.core.address import Address
from reconciler.core.call import Call, Reply
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.plan import Plan
from reconciler.core.resource import Desired, Live
from reconciler.runtime.answer import decode
from reconciler.runtime.connection import Connection
from reconciler.runtime.http import Client, Reading
from reconciler.runtime.retry import Retry
from reconciler.runtime.stop import Stop
from tests.fakes.mlflow import FakeMlflow
from tests.faults import Ending, Fault
from tests.world import World

BACKEND = registry.backends()["mlflow"]
URL = "http://localhost"
NO = json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}).encode()
BROKEN: Mapping[Ending, type[httpx.TransportError]] = {
    Ending.down: httpx.ConnectError,
    Ending.reset: httpx.ReadError,
    Ending.silence: httpx.ReadTimeout,
    Ending.half: httpx.RemoteProtocolError,
}


class Died(BaseException):
    """The process that applies was killed."""


class Hurried(Stop):
    """Nobody waits for anything but the word to stop."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


class Inline(Executor):
    """A pool of no threads: what is submitted is done at once."""

    def __init__(self, threads: int) -> None:
        assert threads == 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)
        return future


@dataclass(frozen=True, repr=False)
class Trouble:
    """What happens to the requests of an apply, which are numbered from 0.

    Attributes:
        faults: by the number of the request which they strike, and of each of the `lasting` - 1 that follow it.
        writes: only requests that write are numbered.
        refused: the server says no to all requests whose path has it.
        dies: the number of the request at which the process dies; `after`: the server has carried that one out.
        stops: the number of the request during which somebody asks the apply to stop.
        patience: for how many seconds a request is tried.
    """

    faults: Mapping[int, Fault] = field(default_factory=dict)
    lasting: int = 1
    writes: bool = False
    refused: str = ""
    dies: int | None = None
    after: bool = False
    stops: int | None = None
    patience: int = 60

    def __repr__(self) -> str:
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        own["faults"] = {number: fault.name for number, fault in self.faults.items()}
        told = [f"{name}={value!r}" for name, value in own.items() if value != getattr(type(self), name, {})]
        return f"Trouble({', '.join(told)})"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(repr(self))

    def fault(self, number: int) -> Fault | None:
        return next((self.faults[at] for at in range(number, number - self.lasting, -1) if at in self.faults), None)


CALM = Trouble()
ROUTES = ("create", "delete", "tag", "update", "log-", "restore", "logged-models/", "/params", "runs/", "search")


def _troubles(chance: random.Random) -> list[Trouble]:
    """Some of each sort: faults, the server's no, the death of the process, the word to stop."""

    def way() -> dict[str, Any]:
        return {"writes": chance.random() < 0.8, "patience": chance.choice([0, 60])}

    def more() -> dict[int, Fault]:
        return {chance.randrange(9): chance.choice(list(Fault))} if chance.random() < 0.3 else {}

    numbers = (0, 0, 0, 1, 1, 2, 3, 4, 6, 8)
    found = [
        Trouble({number: fault, **more()}, length, **way())
        for number, fault, length in itertools.product(numbers, Fault, (1, 1, 2, 6, 20))
    ]
    deaths = [Trouble(dies=number, after=after, **way()) for number in numbers * 40 for after in (True, False)]
    stops = [Trouble(stops=number, **way()) for number in numbers * 10]
    return [*found, *deaths, *stops, *(Trouble(refused=route) for route in ROUTES * 10)]


TROUBLES = st.sampled_from(_troubles(random.Random(0)))


class Swift(Client):
    """As a client, but what stands between `send` and the server is left out, or is trouble."""

    def __init__(self, fake: FakeMlflow, trouble: Trouble) -> None:
        connection = Connection(url=URL, transport=fake.transport())
        retry = Retry(trouble.patience, passing=BACKEND.passing)
        super().__init__(
            connection,
            version="0",
            reading=Reading(BACKEND.reads),
            writable=True,
            retry=retry,
            stop=Hurried(),
            connections=1,
        )
        self._fake = fake
        self._trouble = trouble
        self._number = 0

    def _attempt(self, call: Call, *_: object) -> Reply:
        if self._trouble is CALM:
            return self._answer(call, *self._ask(call))
        return self._troubled(call, self._trouble)

    def _troubled(self, call: Call, trouble: Trouble) -> Reply:
        at = self._count(call)
        if trouble.stops is not None and at >= trouble.stops:
            self.stop.because("interrupted")
        if trouble.dies is not None and at >= trouble.dies:
            if trouble.after and at == trouble.dies:
                self._ask(call)
            raise Died
        if trouble.refused and trouble.refused in call.path:
            return self._decoded(call, httpx.Response(400, content=NO))
        fault = trouble.fault(at) if at >= 0 else None
        if fault is None:
            return self._answer(call, *self._ask(call))
        answered = self._ask(call) if fault.after_commit else None
        if error := BROKEN.get(fault.value.ending):
            raise self._unreachable(error(fault.name), 1)
        return self._decoded(call, fault.reply(_response(*answered) if answered else None))

    def _count(self, call: Call) -> int:
        """The number of a request; -1 for one that is not numbered."""
        if self._trouble.writes and (call.method == "GET" or call.path.endswith("/search")):
            return -1
        self._number += 1
        return self._number - 1

    def _ask(self, call: Call) -> tuple[int, Any]:
        status, body, *_ = self._fake.handle(call.method, unquote(call.path), dict(call.query), call.body)
        return status, body

    def _answer(self, call: Call, status: int, body: Any) -> Reply:
        return body if status == httpx.codes.OK else self._decoded(call, _response(status, body))

    def _decoded(self, call: Call, response: httpx.Response) -> Reply:
        response.request = httpx.Request(call.method, URL + call.path)
        return decode(response, self._connection)


def _response(status: int, body: Any) -> httpx.Response:
    if isinstance(body, str):
        return httpx.Response(status, html=body)
    return httpx.Response(status, json=body)


class Side(World):
    """One of the stacks that share a server."""

    def __init__(self, fake: FakeMlflow, stack: str) -> None:
        super().__init__(fake.transport(), stack)
        self.fake = fake
        self.connect()

    def connect(self, trouble: Trouble = CALM) -> None:
        """A process of its own: nothing is left of the one before."""
        self.client = Swift(self.fake, trouble)
        self.place = replace(self.place, client=self.client)

    def consider(
        self, desired: Mapping[Address, Desired], options: planner.Options
    ) -> tuple[Plan, list[Diagnostic], list[Live]]:
        """A plan, what stands against it, and what it was made from."""
        lives = self.observe(planner.sought(desired))
        return *planner.make(self.stack, desired, lives, options), lives
