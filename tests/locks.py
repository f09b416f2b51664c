"""Several who want one lock, step by step: who goes next, what the network does, what time it is: a test says it all.

Nothing runs by itself: each participant is a flow that waits for the answer to its request.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from reconciler.backends.mlflow import BACKEND
from reconciler.backends.mlflow.options import Options
from reconciler.core import lock
from reconciler.core.call import Call, Flow
from reconciler.core.lock import Held
from reconciler.runtime.errors import Rejected, RequestFailed, Unreachable
from reconciler.runtime.locking import LENGTH, Locking
from tests.fakes.mlflow import FakeMlflow

WIRE = BACKEND.lock(Options(url="http://localhost"))
START = 1_800_000_000_000
MINUTE = 60_000


def token(who: str, number: int = 0) -> str:
    return f"{who.encode().hex()}{number:x}".rjust(32, "0")


def holder(who: str, now: int = START, number: int = 0) -> Held:
    """Somebody who takes the lock at `now`."""
    return Held(token(who, number), who, "host", since=now, until=now + LENGTH)


def ask(fake: FakeMlflow, call: Call) -> Any:
    """What the client would return or raise for the fake's answer."""
    status, reply = fake.handle(call.method, call.path, dict(call.query), call.body)
    if status == 200:
        return reply
    code = reply["error_code"] if isinstance(reply, dict) else ""
    if code in call.absorbs:
        return None
    raise Rejected(status, code, str(reply))


def lost() -> RequestFailed:
    return Unreachable("the connection broke", ambiguous=True)


def locks(fake: FakeMlflow) -> dict[str, Held]:
    """The locks on the server by name, retired ones too."""
    return {name: lock.read(one.tags) for name, one in fake._state.registered.items()}


def place(fake: FakeMlflow, held: Held) -> None:
    """Put a lock there."""
    ask(fake, WIRE.take("ml", held))


@dataclass
class Room:
    """One server, one true time."""

    fake: FakeMlflow = field(default_factory=FakeMlflow)
    time: int = START
    late: list[Call] = field(default_factory=list)
    people: list[Participant] = field(default_factory=list)

    def enter(self, who: str, life: Life, skew: int = 0) -> Participant:
        found = Participant(self, who, life, skew)
        self.people.append(found)
        return found

    def copy(self) -> Room:
        """The same situation once more, to go on from in another way."""
        found = Room(late=list(self.late))
        found.fake._state.registered = copy.deepcopy(self.fake._state.registered)
        for one in self.people:
            found.time = START
            again = found.enter(one.who, one.life, one.skew)
            for found.time, replies in one.heard:
                again.hear(replies)
        found.time = self.time
        return found

    def arrive(self, number: int) -> None:
        """One of the requests that are late is carried out; nobody hears of it."""
        if number < len(self.late):
            with suppress(RequestFailed):
                ask(self.fake, self.late.pop(number))

    def restart(self, number: int) -> None:
        """An apply is killed, and another one begins."""
        one = self.people[number]
        self.people[number] = Participant(self, one.who, one.life, one.skew, number=one.number + 100)

    def check(self) -> None:
        """At most one relies on the lock."""
        relying = [one.who for one in self.people if one.relies]
        assert len(relying) <= 1, relying


@dataclass
class Participant:
    """One apply. `held`: what it relies on while that stands; `skew`: by how much its clock is wrong."""

    room: Room
    who: str
    life: Life
    skew: int = 0
    held: Held | None = None
    done: bool = False
    heard: list[tuple[int, Any]] = field(default_factory=list)
    number: int = 0
    worked: bool = False

    def __post_init__(self) -> None:
        self.locking = Locking(WIRE, "ml", self._new, self.now)
        self._flow = self.life(self)
        self._advance(lambda: next(self._flow))

    def now(self) -> int:
        return self.room.time + self.skew

    def _new(self) -> Held:
        self.number += 1
        return holder(self.who, self.now(), self.number)

    @property
    def relies(self) -> bool:
        return self.held is not None and self.held.stands(self.now())

    def answer(self, fate: str = "done") -> None:
        """Go on: the request under way is `done`; or its reply is lost, or it is, or it is carried out later: `late`.

        What is repeatable is sent again after that, as the client does.
        """
        fake = self.room.fake
        if not self.calls:
            self.hear([])
            return
        (call,) = self.calls
        try:
            if fate in {"done", "reply lost"}:
                reply = ask(fake, call)
        except RequestFailed as problem:
            self.hear(problem)
            return
        if fate == "late":
            self.room.late.append(call)
        if fate != "done" and call.repeatable:
            return
        self.hear([reply] if fate == "done" else lost())

    def hear(self, replies: list[Any] | RequestFailed) -> None:
        self.heard.append((self.room.time, replies))
        if isinstance(replies, RequestFailed):
            self._advance(lambda: self._flow.throw(replies))
        else:
            self._advance(lambda: self._flow.send(replies))

    def _advance(self, step: Callable[[], Any]) -> None:
        try:
            self.calls = step()
        except (StopIteration, RequestFailed):
            self.calls, self.done, self.held = [], True, None

    @property
    def history(self) -> tuple[Any, ...]:
        """What it has heard, without times of the server's own."""
        return tuple((when, _seen(replies)) for when, replies in self.heard)


Life = Callable[[Participant], Flow[None]]


def apply(me: Participant, *, renewals: int = 0) -> Flow[None]:
    """Take the lock, work, renew it, work, release it, as `hold` does."""
    found = yield from me.locking.take()
    if not me.locking.ours(found):
        return
    me.held = found
    me.worked = True
    yield []
    for _ in range(renewals):
        me.held = yield from me.locking.renew(me.held)
        if me.held is None:
            return
        yield []
    if not me.relies:
        me.held = None
        return
    held, me.held = me.held, None
    yield from me.locking.release(held)


def _seen(replies: list[Any] | RequestFailed) -> str:
    if isinstance(replies, RequestFailed):
        return "failed"
    return repr([one and (one.get("registered_model") or {}).get("tags") for one in replies])


@dataclass
class Net:
    """What sends to the fake, and can be told the fate of each request by the end of its route, in order.

    A fate is as in `Participant.answer`, an error to raise, or something to do before the request is carried out.
    """

    fake: FakeMlflow = field(default_factory=FakeMlflow)
    fates: dict[str, list[Any]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    late: list[Call] = field(default_factory=list)

    def __call__(self, call: Call) -> Any:
        route = call.path.rpartition("/")[2]
        self.sent.append(route)
        fate = (self.fates.get(route) or ["done"]).pop(0)
        if isinstance(fate, Exception):
            raise fate
        if callable(fate):
            fate()
        if fate == "late":
            self.late.append(call)
        reply = None if fate in {"request lost", "late"} else ask(self.fake, call)
        if isinstance(fate, str) and fate != "done":
            raise lost()
        return reply
