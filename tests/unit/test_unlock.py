"""A lock that is released in the place of its holder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core import lock
from reconciler.core.diagnostics import Failed
from reconciler.core.lock import Held
from reconciler.runtime.errors import ServerFailed, Unauthorized, Unreachable
from reconciler.runtime.lock import Clock
from reconciler.runtime.locking import KEPT, LENGTH, ROUNDS
from reconciler.runtime.unlock import Unlocked, unlock
from tests.locks import START, WIRE, Net, ask, holder, locks, place

LOCK = "reconciler.ml.lock"
BOB, CAROL = holder("bob"), holder("carol")
CLOCK = Clock(now=lambda: START)


@pytest.fixture
def net() -> Net:
    return Net()


def release(net: Net, token: str = "", agree=lambda _: None) -> Unlocked:
    return unlock(WIRE, "ml", net, agree, token=token, clock=CLOCK)


def changes_hands(net: Net) -> None:
    (there,) = [held for name, held in locks(net.fake).items() if name == LOCK]
    ask(net.fake, WIRE.retire("ml", there.token))
    place(net.fake, CAROL)


def there(net: Net) -> dict[str, str]:
    return {name: held.who for name, held in locks(net.fake).items()}


def test_there_is_nothing_to_release(net):
    assert release(net) == Unlocked(None, 0)
    assert release(net, BOB.token) == Unlocked(None, 0)


@pytest.mark.parametrize("token", ["", BOB.token])
def test_it_is_released_once_somebody_agrees(net, token):
    place(net.fake, BOB)
    asked = []
    assert release(net, token, asked.append) == Unlocked(BOB, 0)
    assert asked == [BOB]
    assert there(net) == {lock.retired_name("ml", BOB.token): "bob"}


def test_who_does_not_agree_leaves_it(net):
    place(net.fake, BOB)

    def no(_: Held) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        release(net, agree=no)
    assert there(net) == {LOCK: "bob"}


def test_another_ones_is_not_released(net):
    place(net.fake, CAROL)
    with pytest.raises(Failed, match="held by carol") as failed:
        release(net, BOB.token)
    assert [one.code for one in failed.value.diagnostics] == ["lock-held"]
    assert there(net) == {LOCK: "carol"}


def test_one_that_changes_hands_while_somebody_reads_is_not_released(net):
    place(net.fake, BOB)
    with pytest.raises(Failed, match="held by carol"):
        release(net, agree=lambda _: changes_hands(net))
    assert there(net)[LOCK] == "carol"


def test_one_that_changes_hands_at_the_last_moment_is_not_released(net):
    place(net.fake, BOB)
    net.fates["rename"] = [lambda: changes_hands(net)]
    release(net)
    assert there(net)[LOCK] == "carol"


def test_one_that_is_released_meanwhile_is_released(net):
    place(net.fake, BOB)
    assert release(net, agree=lambda _: net.fake._state.registered.clear()) == Unlocked(BOB, 0)


@pytest.mark.parametrize("fate", ["reply lost", "request lost"])
def test_a_request_whose_fate_is_not_known_is_sent_again(net, fate):
    place(net.fake, BOB)
    net.fates["rename"] = [fate]
    release(net)
    assert LOCK not in there(net)


def test_an_account_that_may_not_is_told_so(net):
    place(net.fake, BOB)
    net.fates["rename"] = [Unauthorized("refused access with 403")]
    with pytest.raises(Unauthorized):
        release(net)


def test_a_server_that_does_not_answer_is_an_error(net):
    place(net.fake, BOB)
    net.fates["rename"] = ["request lost"] * ROUNDS
    with pytest.raises(Unreachable):
        release(net)
    assert there(net) == {LOCK: "bob"}


def test_one_that_is_not_to_be_got_rid_of_is_held(net):
    """Somebody puts it back whenever it is gone."""
    place(net.fake, BOB)
    ask(net.fake, WIRE.retire("ml", BOB.token))
    place(net.fake, BOB)

    def put_back() -> None:
        name = lock.retired_name("ml", BOB.token)
        net.fake._state.registered[name] = replace(net.fake._state.registered[LOCK], name=name)

    net.fates["rename"] = [put_back] * ROUNDS
    with pytest.raises(Failed, match="held by bob"):
        release(net)


def test_one_that_was_retired_before_and_is_there_again(net):
    place(net.fake, BOB)
    ask(net.fake, WIRE.retire("ml", BOB.token))
    place(net.fake, BOB)
    release(net)
    assert there(net) == {lock.retired_name("ml", BOB.token): "bob"}


def place_unreadable(net: Net) -> None:
    place(net.fake, BOB)
    net.fake._state.registered[LOCK].tags.clear()


@pytest.mark.parametrize("left", [False, True])
def test_a_lock_that_cannot_be_read_leaves_nothing(net, left):
    if left:
        place_unreadable(net)
        ask(net.fake, WIRE.retire("ml", ""))
    place_unreadable(net)
    asked = []
    assert release(net, agree=asked.append).held == Held()
    assert asked == [Held()]
    assert there(net) == {}


def test_what_is_left_of_old_ones_is_deleted(net):
    old = holder("old", START - KEPT - LENGTH - 1)
    place(net.fake, old)
    ask(net.fake, WIRE.retire("ml", old.token))
    assert release(net) == Unlocked(None, 1)
    assert there(net) == {}


def test_that_they_cannot_be_found_is_no_matter(net):
    place(net.fake, BOB)
    net.fates["search"] = [ServerFailed(503, "failed with 503")]
    assert release(net) == Unlocked(BOB, 0)


def test_the_clock_of_this_machine(net):
    assert unlock(WIRE, "ml", net, lambda _: None) == Unlocked(None, 0)
