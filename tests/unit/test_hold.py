"""A lock around a block: taken, waited for, renewed, lost, released."""

from __future__ import annotations

import getpass
import queue
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.core import lock
from reconciler.core.diagnostics import Diagnostic, Failed
from reconciler.core.lock import MARGIN, Held
from reconciler.runtime import lock as runtime
from reconciler.runtime.errors import ServerFailed, Unauthorized, Unreachable
from reconciler.runtime.lock import AGAIN, EVERY, LONGEST, SHORTEST, Clock, hold, ourselves
from reconciler.runtime.locking import KEPT, LENGTH
from tests.locks import START, WIRE, Net, ask, holder, locks, place

LOCK = "reconciler.ml.lock"
BOB, CAROL = holder("bob"), holder("carol")
DOWN = ServerFailed(503, "failed with 503")


@dataclass
class Time:
    """What a test makes of time: the main thread's pauses take none; the other one goes on when it is told to."""

    now: int = START
    pauses: list[float] = field(default_factory=list)
    during: dict[int, Any] = field(default_factory=dict)
    asked: queue.SimpleQueue[float] = field(default_factory=queue.SimpleQueue)
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, wait=self.wait, jitter=lambda: 1.0)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if threading.current_thread() is threading.main_thread():
            self.pauses.append(seconds)
            self.now += round(seconds * 1000)
            self.during.get(len(self.pauses), list)()
            return False
        self.asked.put(seconds)
        while not self.go.acquire(timeout=0.01):
            if event.is_set():
                return True
        return event.is_set()

    def renewal(self) -> float:
        """Lets the other thread renew once; for how many seconds it then waits."""
        self.go.release()
        return self.asked.get(timeout=10)


@dataclass
class Seen:
    """What somebody who holds a lock is told."""

    net: Net = field(default_factory=Net)
    time: Time = field(default_factory=Time)
    waited: list[Held] = field(default_factory=list)
    lost: list[bool] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)

    def hold(self, wait: float = 0.0):
        return hold(
            WIRE,
            "ml",
            self.net,
            wait=wait,
            on_wait=self.waited.append,
            on_lost=lambda: self.lost.append(True),
            on_warning=self.warnings.append,
            clock=self.time.clock,
        )

    @property
    def warned(self) -> list[str]:
        return [one.code for one in self.warnings]

    @property
    def there(self) -> dict[str, Held]:
        return locks(self.net.fake)


@pytest.fixture
def seen() -> Seen:
    return Seen()


def test_the_lock_is_held_for_as_long_as_the_block_lasts(seen):
    with seen.hold() as held:
        assert seen.there == {LOCK: held.held}
        assert held.standing
    assert not held.standing
    assert seen.there == {}
    assert seen.net.sent == ["create", "get", "rename", "delete"]
    assert (seen.lost, seen.warnings, seen.waited) == ([], [], [])


@pytest.mark.parametrize("raised", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)])
def test_it_is_released_however_the_block_ends(seen, raised):
    with pytest.raises(type(raised)) as found, seen.hold():
        raise raised
    assert found.value is raised
    assert seen.there == {}


def test_without_waiting_the_holder_is_named_at_once(seen):
    place(seen.net.fake, BOB)
    with pytest.raises(Failed, match="the stack 'ml' is locked: held by bob") as failed, seen.hold():
        pytest.fail("it is held")
    assert [one.code for one in failed.value.diagnostics] == ["lock-held"]
    assert (seen.time.pauses, seen.waited) == ([], [])
    assert seen.there == {LOCK: BOB}


def test_who_waits_comes_back_less_and_less_often_until_the_time_is_over(seen):
    place(seen.net.fake, BOB)
    with pytest.raises(Failed), seen.hold(wait=30):
        pytest.fail("it is held")
    assert seen.time.pauses == [SHORTEST, 1, 2, 4, 8, LONGEST, 4.5]
    assert seen.waited == [BOB]


def test_who_waits_gets_it_when_it_is_released(seen):
    place(seen.net.fake, BOB)
    seen.time.during[2] = seen.net.fake._state.registered.clear
    with seen.hold(wait=30) as held:
        assert seen.there == {LOCK: held.held}
    assert seen.waited == [BOB]
    assert len(seen.time.pauses) == 2


def test_who_waits_is_told_of_the_next_holder(seen):
    place(seen.net.fake, BOB)

    def changes_hands() -> None:
        seen.net.fake._state.registered.clear()
        place(seen.net.fake, CAROL)

    seen.time.during[2] = changes_hands
    with pytest.raises(Failed, match="carol"), seen.hold(wait=5):
        pytest.fail("it is held")
    assert seen.waited == [BOB, CAROL]


def test_who_waits_long_enough_takes_over(seen):
    place(seen.net.fake, BOB)
    with seen.hold(wait=1000):
        assert {held.who for held in seen.there.values()} == {"bob", seen.there[LOCK].who}
    assert seen.there == {lock.retired_name("ml", BOB.token): BOB}
    assert seen.time.now - START - LENGTH - MARGIN in range(1, 10_001)


def test_who_takes_over_deletes_what_is_left_of_old_ones(seen):
    old, older = holder("old", START - 2 * LENGTH), holder("older", START - KEPT - 2 * LENGTH)
    place(seen.net.fake, older)
    ask(seen.net.fake, WIRE.retire("ml", older.token))
    place(seen.net.fake, old)
    with seen.hold():
        assert older not in seen.there.values()
    assert list(seen.there.values()) == [old]


def test_that_this_does_not_work_is_no_matter(seen):
    place(seen.net.fake, holder("old", START - 2 * LENGTH))
    seen.net.fates["search"] = [DOWN]
    with seen.hold() as held:
        assert held.standing


@pytest.mark.parametrize("problem", [Unauthorized("refused access with 403"), Unreachable("no route")])
def test_a_server_without_a_lock_is_told_from_other_trouble(seen, problem):
    seen.net.fates["create"] = [problem]
    wanted = Failed if isinstance(problem, Unauthorized) else Unreachable
    with pytest.raises(wanted) as failed, seen.hold():
        pytest.fail("there is no lock")
    if wanted is Failed:
        (found,) = failed.value.diagnostics
        assert found.code == "no-lock"
        assert "refused access with 403" in found.summary


def test_ctrl_c_before_the_reply_gives_back_what_was_taken(seen):
    def send(call):
        reply = seen.net(call)
        if call.path.endswith("create"):
            raise KeyboardInterrupt
        return reply

    with pytest.raises(KeyboardInterrupt), hold(WIRE, "ml", send, clock=seen.time.clock):
        pytest.fail("it was interrupted")
    assert seen.there == {}


def test_what_cannot_be_given_back_ends_by_itself(seen):
    seen.net.fates = {"create": ["request lost", "reply lost"], "get": ["done", DOWN, DOWN]}
    with pytest.raises(ServerFailed), seen.hold():
        pytest.fail("there is no lock")
    assert list(seen.there) == [LOCK]
    (found,) = seen.warnings
    assert (found.severity, found.code) == ("warning", "lock-stands")
    assert "it is not known whether the lock of the stack 'ml' was taken" in found.summary
    assert str(DOWN) in found.summary
    assert lock.clock(START + LENGTH) in found.hint
    assert found.hint.endswith("reconciler unlock")


def test_the_one_that_may_have_been_taken_is_named(seen):
    seen.net.fates = {"create": ["reply lost"], "get": [DOWN, DOWN]}
    with pytest.raises(ServerFailed), seen.hold():
        pytest.fail("there is no lock")
    (held,) = seen.there.values()
    (found,) = seen.warnings
    assert found.hint.endswith(f"reconciler unlock {held.token}")


def test_it_is_renewed_every_minute(seen):
    with seen.hold() as held:
        assert seen.time.asked.get() == EVERY
        for minute in range(1, 20):
            seen.time.now = START + minute * 60_000
            assert seen.time.renewal() == EVERY
            assert held.held.until == seen.time.now + LENGTH
            assert held.standing
            assert seen.there == {LOCK: held.held}
    assert seen.there == {}
    assert seen.lost == []


@pytest.mark.parametrize("problem", [DOWN, RuntimeError("the client is closed"), "request lost"])
def test_a_renewal_that_fails_is_tried_again_soon(seen, problem):
    with seen.hold() as held:
        seen.time.asked.get()
        seen.net.fates = {"set-tag": [problem], "get": [problem] if problem is DOWN else []}
        seen.time.now += 60_000
        assert seen.time.renewal() == AGAIN
        assert held.held.until == START + LENGTH
        assert seen.time.renewal() == EVERY
        assert held.held.until == seen.time.now + LENGTH
    assert seen.there == {}
    assert (seen.lost, seen.warnings) == ([], [])


def test_renewals_that_fail_until_its_time_is_over_lose_it(seen):
    with seen.hold() as held:
        seen.time.asked.get()
        seen.net.fates = {"set-tag": [DOWN] * 2, "get": [DOWN] * 2}
        seen.time.renewal()
        assert seen.lost == []
        seen.time.now = START + LENGTH - MARGIN
        assert not held.standing
        seen.time.renewal()
        assert seen.lost == [True]
        sent = len(seen.net.sent)
    assert len(seen.net.sent) == sent
    assert (seen.lost, seen.warned) == ([True], ["lock-lost"])
    assert seen.there == {LOCK: held.held}


def test_it_is_lost_where_somebody_else_has_it(seen):
    with seen.hold() as held:
        seen.time.asked.get()
        seen.net.fake._state.registered.clear()
        place(seen.net.fake, BOB)
        seen.time.renewal()
        assert seen.lost == [True]
        assert not held.standing
    assert seen.there == {LOCK: BOB}
    assert (seen.lost, seen.warned) == ([True], ["lock-lost"])


def test_who_finds_it_gone_in_the_end_has_lost_it(seen):
    with seen.hold():
        seen.net.fake._state.registered.clear()
        place(seen.net.fake, BOB)
    assert (seen.lost, seen.warned) == ([True], ["lock-lost"])
    assert seen.there == {LOCK: BOB}


def test_what_is_over_in_the_end_is_not_released(seen):
    with seen.hold() as held:
        sent = len(seen.net.sent)
        seen.time.now = START + LENGTH - MARGIN
    assert (seen.lost, seen.warned) == ([True], ["lock-lost"])
    assert len(seen.net.sent) == sent
    assert seen.there == {LOCK: held.held}


@pytest.mark.parametrize("problem", [DOWN, Unreachable("the connection broke"), RuntimeError("closed")])
def test_a_release_that_fails_is_a_warning(seen, problem):
    result = []
    with seen.hold() as held:
        seen.net.fates["get"] = [problem]
        result.append("done")
    (found,) = seen.warnings
    assert (found.severity, found.code) == ("warning", "lock-stands")
    assert str(problem) in found.summary
    assert lock.clock(START + LENGTH) in found.hint
    assert found.hint.endswith(f"reconciler unlock {held.held.token}")
    assert result == ["done"]
    assert seen.lost == []


def test_a_release_that_fails_does_not_hide_an_error_of_the_block(seen):
    seen.net.fates["get"] = [DOWN]
    with pytest.raises(ValueError, match="no"), seen.hold():
        raise ValueError("no")
    assert len(seen.warnings) == 1


def test_ctrl_c_while_releasing_says_what_stands(seen):
    def send(call):
        if call.path.endswith("rename"):
            raise KeyboardInterrupt
        return seen.net(call)

    warned = hold(WIRE, "ml", send, on_warning=seen.warnings.append, clock=seen.time.clock)
    with pytest.raises(KeyboardInterrupt), warned:
        pass
    assert [one.code for one in seen.warnings] == ["lock-stands"]


def test_a_renewal_under_way_while_it_is_released_changes_nothing(seen, monkeypatch):
    monkeypatch.setattr(runtime, "_PATIENCE", 0)
    renewing, released = threading.Event(), threading.Event()

    def send(call):
        if call.path.endswith("set-tag"):
            renewing.set()
            released.wait(10)
        return seen.net(call)

    lost = []
    with hold(WIRE, "ml", send, on_lost=lambda: lost.append(True), clock=seen.time.clock) as held:
        seen.time.asked.get()
        seen.time.go.release()
        assert renewing.wait(10)
    released.set()
    held._thread.join(10)
    assert lost == []
    assert seen.there == {}


def test_ourselves():
    held = ourselves(START)
    assert lock.is_token(held.token)
    assert held.token != ourselves(START).token
    assert (held.since, held.until) == (START, START + LENGTH)
    assert held.who == getpass.getuser()
    assert ", process " in held.where
    assert lock.read(lock.tags(held)) == held


@pytest.mark.parametrize("problem", [KeyError("uid not found"), OSError("no such user")])
def test_a_user_without_a_name(monkeypatch, problem):
    def unknown() -> str:
        raise problem

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert ourselves(START).who == ""


def test_the_clock_of_this_machine():
    net = Net()
    with hold(WIRE, "ml", net) as held:
        assert held.standing
    place(net.fake, ourselves(Clock().now()))
    with pytest.raises(Failed), hold(WIRE, "ml", net, wait=0.001):
        pytest.fail("it is held")
    assert 0.5 <= Clock().jitter() <= 1
