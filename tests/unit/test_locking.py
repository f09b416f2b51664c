"""The steps of taking, renewing and releasing a lock, where everything goes well and where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from reconciler.core import lock
from reconciler.core.diagnostics import Failed
from reconciler.core.lock import MARGIN, Held
from reconciler.runtime.errors import NotTracking, Rejected, RequestFailed, ServerFailed, Unauthorized, Unreachable
from reconciler.runtime.lock import drive
from reconciler.runtime.locking import FRESH, KEPT, LENGTH, ROUNDS, Locking, locked, lost_lock, unreleased, unusable
from tests.locks import MINUTE, START, WIRE, Net, ask, holder, locks, place, token

LOCK = "reconciler.ml.lock"
OLD = holder("old", START - 10 * MINUTE)
OTHER = holder("bob")
REFUSED = Unauthorized("refused access with 403")
RETIRED = lock.retired_name("ml", OLD.token)


class One:
    """One who wants the lock, at a time that a test says."""

    def __init__(self, *there: Held, **fates: list[object]) -> None:
        self.time = START
        self.net = Net()
        self.number = 0
        self.locking = Locking(WIRE, "ml", self.new, lambda: self.time)
        for held in there:
            place(self.net.fake, held)
        self.fate(fates)

    def fate(self, fates: Mapping[str, list[object]]) -> None:
        """What becomes of the next requests; a method of this class by its name is something that happens before."""
        self.net.fates = {
            name.replace("_", "-"): [getattr(self, one, one) if isinstance(one, str) else one for one in wanted]
            for name, wanted in fates.items()
        }

    def new(self) -> Held:
        self.number += 1
        return holder("me", self.time, self.number)

    def take(self) -> Held:
        return drive(self.locking.take(), self.net)

    @property
    def there(self) -> dict[str, str]:
        """Who has which lock."""
        return {name: held.who for name, held in locks(self.net.fake).items()}

    def passes(self, milliseconds: int) -> None:
        self.time += milliseconds

    def gone(self) -> None:
        """Somebody deletes the lock by hand."""
        self.net.fake._state.registered.pop(LOCK)

    def changes_hands(self) -> None:
        """Somebody else retires the lock, and takes it."""
        (there,) = [held for name, held in locks(self.net.fake).items() if name == LOCK]
        ask(self.net.fake, WIRE.retire("ml", there.token))
        place(self.net.fake, OTHER)


def holding(**fates: list[object]) -> tuple[One, Held]:
    """One who has the lock."""
    one = One()
    held = one.take()
    one.net.sent.clear()
    one.fate(fates)
    return one, held


def test_a_free_lock_is_taken_with_one_request():
    one = One()
    held = one.take()
    assert one.net.sent == ["create"]
    assert held == holder("me", START, 1)
    assert one.locking.ours(held)
    assert locks(one.net.fake) == {LOCK: held}


def test_a_lock_that_is_held_is_left_alone():
    one = One(OTHER)
    assert one.take() == OTHER
    assert one.net.sent == ["create", "get"]
    assert not one.locking.ours(OTHER)
    assert one.locking.sent == {}


def test_after_a_lost_reply_the_token_tells_who_has_it():
    one = One(create=["reply lost"])
    assert one.locking.ours(one.take())
    assert one.net.sent == ["create", "get"]


def test_a_lost_request_is_sent_again_with_another_token():
    one = One(create=["request lost", "request lost"])
    assert one.take().token == token("me", 3)
    assert one.net.sent == ["create", "get", "create", "get", "create"]


def test_a_request_that_arrives_late_is_ours_too():
    one = One(create=["late", lambda: ask(one.net.fake, one.net.late.pop())])
    held = one.take()
    assert held.token == token("me", 1)
    assert one.locking.ours(held)
    assert one.net.sent == ["create", "get", "create", "get"]


def test_a_reply_that_is_never_there_is_an_error_in_the_end():
    one = One(create=["request lost"] * ROUNDS)
    with pytest.raises(Unreachable):
        one.take()
    assert one.net.sent.count("create") == ROUNDS
    assert len(one.locking.sent) == ROUNDS


@pytest.mark.parametrize("problem", [REFUSED, Rejected(400, "X", ""), Unreachable("no route")])
def test_a_plain_refusal_is_an_error_at_once(problem):
    one = One(create=[problem])
    with pytest.raises(type(problem)):
        one.take()
    assert one.net.sent == ["create"]
    assert one.locking.sent == {}


def test_a_lock_that_may_not_be_seen_is_held_by_somebody_unknown():
    assert One(OTHER, get=[REFUSED]).take() == Held()


def test_a_lock_that_goes_meanwhile_is_taken():
    one = One(OTHER, get=["gone"])
    assert one.locking.ours(one.take())
    assert one.net.sent == ["create", "get", "create"]


def test_a_lock_that_is_over_before_the_reply_comes_is_not_relied_on():
    one = One(create=[lambda: one.passes(LENGTH - MARGIN)])
    held = one.take()
    assert held.token == token("me", 2)
    assert one.net.sent == ["create", "get", "rename", "create"]
    assert one.there == {lock.retired_name("ml", token("me", 1)): "me", LOCK: "me"}


def test_an_expired_lock_is_taken_over_and_what_was_retired_stays():
    one = One(OLD)
    assert one.locking.ours(one.take())
    assert one.net.sent == ["create", "get", "rename", "create"]
    assert one.there == {RETIRED: "old", LOCK: "me"}
    assert one.locking.took_over


@pytest.mark.parametrize("since", [LENGTH, LENGTH + MARGIN])
def test_a_lock_whose_time_may_not_be_over_by_its_holders_clock_is_not_taken_over(since):
    just = holder("old", START - since)
    one = One(just)
    assert one.take() == just


@pytest.mark.parametrize("fate", ["reply lost", "request lost"])
def test_a_take_over_whose_fate_is_not_known_is_tried_again(fate):
    one = One(OLD, rename=[fate])
    assert one.locking.ours(one.take())
    assert one.there == {RETIRED: "old", LOCK: "me"}


def test_of_two_who_take_over_the_slower_one_finds_the_other():
    one = One(OLD, rename=["changes_hands"])
    assert one.take() == OTHER
    assert one.net.sent == ["create", "get", "rename", "create", "get"]
    assert one.there == {RETIRED: "old", LOCK: "bob"}
    assert not one.locking.took_over


def test_what_was_read_a_while_ago_is_read_again():
    one = One(OLD, get=[lambda: one.passes(FRESH)])
    assert one.locking.ours(one.take())
    assert one.net.sent == ["create", "get", "create", "get", "rename", "create"]


def test_a_lock_that_this_account_may_not_take_over():
    with pytest.raises(Failed) as failed:
        One(OLD, rename=[REFUSED]).take()
    (found,) = failed.value.diagnostics
    assert found.code == "lock-held"
    assert "held by old on host" in found.summary
    assert "may not take it: refused access with 403" in found.summary
    assert found.hint.endswith(f"reconciler unlock {OLD.token}")


def test_a_lock_that_goes_while_it_is_taken_over_is_not_out_of_reach():
    one = One(OLD, rename=[REFUSED], get=["done", "gone"])
    assert one.locking.ours(one.take())


def test_other_trouble_with_taking_over_is_an_error():
    with pytest.raises(Rejected):
        One(OLD, rename=[Rejected(400, "X", "")]).take()


def test_an_expired_lock_that_cannot_be_retired_is_held():
    """Somebody has put back by hand what was retired."""
    one = One(OLD)
    ask(one.net.fake, WIRE.retire("ml", OLD.token))
    place(one.net.fake, OLD)
    assert one.take() == OLD
    assert one.net.sent == ["create", "get", "rename"] * ROUNDS


def renew(one: One, held: Held) -> Held | None:
    return drive(one.locking.renew(held), one.net)


def test_a_renewal_counts_once_it_is_read():
    one, held = holding()
    one.passes(MINUTE)
    longer = replace(held, until=one.time + LENGTH)
    assert renew(one, held) == longer
    assert one.net.sent == ["set-tag", "get"]
    assert locks(one.net.fake) == {LOCK: longer}


def test_what_is_over_is_not_renewed():
    one, held = holding()
    one.passes(LENGTH - MARGIN)
    assert renew(one, held) is None
    assert one.net.sent == []


def test_a_renewal_that_was_lost_changes_nothing_and_the_next_one_has_a_key_of_its_own():
    one, held = holding(set_tag=["late"])
    one.passes(MINUTE)
    assert renew(one, held) == held
    one.passes(MINUTE)
    longer = renew(one, held)
    assert longer == replace(held, until=one.time + LENGTH)
    ask(one.net.fake, one.net.late.pop())
    assert locks(one.net.fake)[LOCK] == longer


def test_a_renewal_that_arrives_at_somebody_elses_lock_changes_nothing():
    one, held = holding(set_tag=["late"])
    renew(one, held)
    one.changes_hands()
    ask(one.net.fake, one.net.late.pop())
    assert locks(one.net.fake)[LOCK] == OTHER


def test_a_renewal_whose_reply_comes_too_late_is_not_believed():
    one, held = holding(set_tag=[lambda: one.passes(LENGTH - MARGIN)])
    assert renew(one, held) is None
    assert one.net.sent == ["set-tag"]


def test_a_new_end_that_is_read_too_late_is_not_believed():
    """Others may have read the old one, and be about to take the lock over."""
    one, held = holding(set_tag=["late"], get=[lambda: (ask(one.net.fake, one.net.late.pop()), one.passes(LENGTH))])
    assert renew(one, held) is None


def test_a_lock_that_is_gone_or_another_ones_is_lost():
    one, held = holding(set_tag=["gone"])
    assert renew(one, held) is None
    one, held = holding(set_tag=["changes_hands"])
    assert renew(one, held) is None


def test_a_lost_lock_that_a_late_renewal_makes_longer_is_not_ours_again():
    """Others may have read the old end, and be about to take it over."""
    one, held = holding(set_tag=["late"])
    one.passes(LENGTH - MARGIN - 1)
    renew(one, held)
    one.passes(1)
    ask(one.net.fake, one.net.late.pop())
    assert one.take().token == token("me", 3)
    assert one.there[lock.retired_name("ml", held.token)] == "me"


def test_a_lock_whose_end_somebody_took_off_is_ours_until_the_old_one():
    one, held = holding(set_tag=["request lost"])
    del one.net.fake._state.registered[LOCK].tags[f"lock.until.{held.token}"]
    assert renew(one, held) == held


def release(one: One, held: Held) -> bool:
    return drive(one.locking.release(held), one.net)


def test_a_release_leaves_nothing():
    one, held = holding()
    assert release(one, held)
    assert one.net.sent == ["get", "rename", "delete"]
    assert one.there == {}


def test_what_is_not_ours_is_not_released():
    one, held = holding()
    one.gone()
    assert not release(one, held)
    place(one.net.fake, OTHER)
    assert not release(one, held)
    assert one.net.sent == ["get", "get"]
    assert one.there == {LOCK: "bob"}


def test_what_is_taken_from_us_while_we_release_it_was_not_ours():
    one, held = holding(rename=["changes_hands"])
    assert not release(one, held)
    assert one.there == {lock.retired_name("ml", held.token): "me", LOCK: "bob"}


def test_a_release_whose_reply_was_lost_is_seen_to_be_done():
    one, held = holding(rename=["reply lost"])
    assert release(one, held)
    assert one.net.sent == ["get", "rename", "get", "delete"]
    assert one.there == {}


def test_a_release_that_is_sent_again_leaves_what_keeps_the_first_one_from_doing_harm():
    one, held = holding(rename=["late"])
    assert release(one, held)
    assert one.net.sent == ["get", "rename", "get", "rename"]
    place(one.net.fake, OTHER)
    assert ask(one.net.fake, one.net.late.pop()) is None
    assert one.there == {lock.retired_name("ml", held.token): "me", LOCK: "bob"}


def test_a_release_that_arrives_late_after_all_was_ours():
    late = [lambda: ask(one.net.fake, one.net.late.pop())]
    one, held = holding(rename=["late", *late])
    assert release(one, held)
    assert one.there == {lock.retired_name("ml", held.token): "me"}
    one, held = holding(rename=["late", "request lost"], get=["done", "done", *late])
    assert release(one, held)
    assert one.there == {lock.retired_name("ml", held.token): "me"}


def test_a_release_that_comes_back_too_late_deletes_nothing():
    """Others may be about to retire it too."""
    one, held = holding(rename=[lambda: one.passes(LENGTH - MARGIN)])
    assert release(one, held)
    assert one.there == {lock.retired_name("ml", held.token): "me"}


def test_what_cannot_be_deleted_is_no_matter():
    one, held = holding(delete=[lost_for_good()])
    assert release(one, held)
    assert one.there == {lock.retired_name("ml", held.token): "me"}


def lost_for_good() -> RequestFailed:
    return ServerFailed(503, "failed with 503")


def test_a_release_that_fails_is_an_error():
    one, held = holding(rename=[REFUSED])
    with pytest.raises(Unauthorized):
        release(one, held)
    one, held = holding(rename=["request lost"] * ROUNDS)
    with pytest.raises(Unreachable):
        release(one, held)
    assert one.there == {LOCK: "me"}


def test_what_we_may_have_taken_is_given_back():
    one = One(create=["late", *["request lost"] * ROUNDS])
    with pytest.raises(Unreachable):
        one.take()
    drive(one.locking.give_back(), one.net)
    ask(one.net.fake, one.net.late.pop())
    assert one.there == {LOCK: "me"}
    drive(one.locking.give_back(), one.net)
    assert one.there == {}


def test_nothing_is_given_back_where_nothing_was_sent():
    one = One(OTHER, create=[REFUSED])
    with pytest.raises(Unauthorized):
        one.take()
    drive(one.locking.give_back(), one.net)
    assert one.net.sent == ["create"]


def test_somebody_elses_lock_is_not_given_back():
    one = One(OTHER, create=["late", *["request lost"] * ROUNDS])
    assert one.take() == OTHER
    drive(one.locking.give_back(), one.net)
    assert one.there == {LOCK: "bob"}


def test_only_what_ended_long_ago_is_swept():
    one = One()
    for held in (holder("old", START - KEPT - LENGTH - 1), holder("new", START - KEPT - LENGTH), Held(token("x"))):
        place(one.net.fake, replace(held, since=START, until=held.until or START))
        ask(one.net.fake, WIRE.retire("ml", held.token))
    del one.net.fake._state.registered[lock.retired_name("ml", token("x"))].tags[f"lock.until.{token('x')}"]
    place(one.net.fake, OTHER)
    assert drive(one.locking.sweep(), one.net) == 1
    assert sorted(one.there.values()) == ["", "bob", "new"]


def test_the_finding_says_who_has_it_and_how_to_release_it():
    found = locked("ml", OTHER)
    assert (found.severity, found.code) == ("error", "lock-held")
    assert found.summary == f"the stack 'ml' is locked: {lock.words(OTHER)}"
    assert found.hint == f"wait for it with --lock-timeout; if that apply is gone: reconciler unlock {OTHER.token}"
    assert locked("ml", Held()).hint.endswith("if that apply is gone: reconciler unlock")


def test_a_lock_that_could_not_be_released_is_a_warning():
    found = unreleased("ml", OTHER, Unreachable("the connection broke"))
    assert (found.severity, found.code) == ("warning", "lock-stands")
    assert found.summary == "the lock of the stack 'ml' could not be released: the connection broke"
    assert found.hint == (
        f"it ends by itself at {lock.clock(OTHER.until)}; to release it now: reconciler unlock {OTHER.token}"
    )
    assert "released: KeyboardInterrupt" in unreleased("ml", OTHER, KeyboardInterrupt()).summary


def test_a_lock_that_was_lost_is_a_warning():
    found = lost_lock("ml", OTHER)
    assert (found.severity, found.code) == ("warning", "lock-lost")
    assert "the lock of the stack 'ml' was lost" in found.summary
    assert lock.words(OTHER) in found.hint


@pytest.mark.parametrize(
    "problem",
    [
        REFUSED,
        NotTracking("answers, but not as a tracking server"),
        Rejected(405, "", ""),
        Rejected(404, "ENDPOINT_NOT_FOUND", ""),
        Rejected(400, "PERMISSION_DENIED", ""),
        Rejected(400, "INVALID_PARAMETER_VALUE", "a model's name is catalog.schema.name"),
        Rejected(501, "NOT_IMPLEMENTED", ""),
    ],
)
def test_a_server_without_a_lock(problem):
    found = unusable("ml", problem)
    assert found
    assert found.code == "no-lock"
    assert str(problem) in found.summary
    assert "--no-lock" in found.hint


@pytest.mark.parametrize(
    "problem", [Unreachable("no route"), ServerFailed(503, "x"), Rejected(429, "", ""), Rejected(500, "X", "")]
)
def test_other_trouble_is_none_of_the_lock(problem):
    assert unusable("ml", problem) is None
