"""A request that must not be carried out twice: looked for after a lost reply, and only then sent again."""

import pytest

from reconciler.runtime.errors import (
    BadReply,
    NotTracking,
    Rejected,
    ServerFailed,
    Unauthorized,
    Unreachable,
)
from reconciler.runtime.once import BRIEF, SENT, SETTLE, Once
from reconciler.runtime.stop import Stop

RESET = Unreachable("the connection broke", ambiguous=True)
LATE = Unreachable("did not answer", ambiguous=True, timed_out=True)
NEVER_SENT = Unreachable("cannot be reached")
LOST = [
    RESET,
    LATE,
    ServerFailed(502, "bad gateway"),
    Rejected(500, "INTERNAL_ERROR", "x"),
    NotTracking("html", ambiguous=True),
    BadReply("POST", "/x", "it has no id", ambiguous=True),
]


class Server:
    """Answers a create with what it was told, one after the other; `there` is what a look finds after so many looks."""

    def __init__(self, *answers, there=(), settle=0.0):
        self.answers = list(answers)
        self.there = list(there)
        self.log = []
        self.once = Once(self.look, Stop(), settle)

    def send(self):
        self.log.append("send")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def look(self):
        self.log.append("look")
        found = self.there.pop(0) if self.there else []
        if isinstance(found, Exception):
            raise found
        return found

    def run(self):
        return self.once.carry_out(self.send, lambda lives: lives[0] if lives else None)


def test_a_sound_reply_needs_no_look():
    server = Server("7")
    assert server.run() == "7"
    assert server.log == ["send"]


@pytest.mark.parametrize("lost", LOST)
def test_what_was_carried_out_is_not_sent_again(lost):
    server = Server(lost, there=[["7"]])
    assert server.run() == "7"
    assert server.log == ["send", "look"]


@pytest.mark.parametrize("lost", LOST)
def test_what_was_not_carried_out_is_sent_again(lost):
    server = Server(lost, "7")
    assert server.run() == "7"
    assert server.log[0] == server.log[-1] == "send"
    assert set(server.log[1:-1]) == {"look"}


@pytest.mark.parametrize("no", [NEVER_SENT, Rejected(400, "INVALID_PARAMETER_VALUE", "x"), Unauthorized("403")])
def test_what_surely_was_not_carried_out_fails_at_once(no):
    server = Server(no)
    with pytest.raises(type(no)):
        server.run()
    assert server.log == ["send"]


def test_a_refusal_of_the_second_attempt_may_be_the_first_ones_doing():
    """The first attempt was slow, not lost: by now its name is taken by what it made itself."""
    taken = Rejected(400, "RESOURCE_ALREADY_EXISTS", "x")
    server = Server(RESET, taken, there=[[], ["7"]])
    assert server.run() == "7"
    assert server.log.count("send") == 2


def test_a_refusal_of_the_second_attempt_that_made_nothing_is_raised():
    server = Server(RESET, Rejected(400, "INVALID_PARAMETER_VALUE", "x"))
    with pytest.raises(Rejected):
        server.run()
    assert server.log == ["send", "look", "send", "look"]


def test_it_is_sent_a_few_times_and_no_more():
    server = Server(*[ServerFailed(500, "failed") for _ in range(9)])
    with pytest.raises(ServerFailed, match=rf"\(sent {SENT} times in ") as failed:
        server.run()
    assert server.log.count("send") == SENT
    assert server.log[-1] == "look"
    assert failed.value.ambiguous


@pytest.mark.parametrize("down", [RESET, ServerFailed(502, "x"), ServerFailed(503, "x")])
def test_a_server_that_is_down_is_waited_for(down):
    server, clock = Server(*[down] * 9, "7"), Clock()
    server.once = Once(server.look, clock, settle=0.0)
    assert server.run() == "7"
    assert [pause for pause in clock.pauses if pause] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]


def test_it_is_not_waited_for_longer_than_the_total():
    server = Server(*[ServerFailed(503, "x") for _ in range(9)])
    server.once = Once(server.look, Clock(), settle=0.0, total=1.0)
    with pytest.raises(ServerFailed, match=r"\(sent 4 times in "):
        server.run()


def test_what_timed_out_is_looked_for_no_longer_than_what_is_left_of_the_total():
    late = Unreachable("did not answer", ambiguous=True, timed_out=True)
    server, clock = Server(late), Clock()
    server.once = Once(server.look, clock, SETTLE, total=0.1)
    with pytest.raises(Unreachable, match=r"^did not answer \(sent 1 time in [0-9.e-]+ s\)$"):
        server.run()
    assert 0 < sum(clock.pauses) <= 0.1
    assert server.log == ["send", *["look"] * len(clock.pauses)]


def test_a_pause_that_the_server_asks_for_is_kept():
    busy = ServerFailed(503, "x")
    busy.retry_after = 7.0
    server, clock = Server(busy, "7"), Clock()
    server.once = Once(server.look, clock, settle=0.0)
    assert server.run() == "7"
    assert clock.pauses == [0.0, 7.0]


def test_a_request_that_timed_out_is_waited_for():
    """It may still be under way: it is looked for again and again until it can no longer come."""
    server = Server(LATE, "8", there=[[], [], ["7"]], settle=0.6)
    assert server.run() == "7"
    assert server.log == ["send", "look", "look", "look"]


class Clock(Stop):
    """Passes over every pause at once, and remembers it."""

    def __init__(self):
        super().__init__()
        self.pauses = []

    def wait(self, timeout=None):
        self.pauses.append(timeout)
        return False


@pytest.mark.parametrize(
    ("lost", "settle", "pauses"),
    [
        (LATE, SETTLE, [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 14.25]),
        (LATE, 0.5, [0.0, 0.25, 0.25]),
        (LATE, 0.0, [0.0]),
        (RESET, SETTLE, [0.0, 0.25, 0.5, 0.25]),
        (RESET, 0.5, [0.0, 0.25, 0.25]),
        (NotTracking("html", ambiguous=True), SETTLE, [0.0, 0.25, 0.5, 0.25]),
    ],
)
def test_it_is_looked_for_at_once_then_less_and_less_often_until_it_can_no_longer_come(lost, settle, pauses):
    server, clock = Server(lost, "7"), Clock()
    server.once = Once(server.look, clock, settle)
    assert server.run() == "7"
    assert clock.pauses == [*pauses, 0.2]
    assert sum(pauses) == (settle if lost is LATE else min(settle, BRIEF))
    assert server.log == ["send", *["look"] * len(pauses), "send"]


def test_where_the_server_cannot_be_asked_nothing_is_sent_again():
    server = Server(RESET, "7", there=[Unreachable("nobody is there")])
    with pytest.raises(Unreachable) as failed:
        server.run()
    assert str(failed.value) == "the connection broke; whether it was carried out is not known, since nobody is there"
    assert failed.value.ambiguous is True
    assert failed.value.hint == "plan again: what was made is found by its mark"
    assert server.log == ["send", "look"]


@pytest.mark.parametrize("how", ["because", "ask"])
def test_where_it_is_to_stop_nothing_is_sent_again(how):
    """After Ctrl-C, or once the lock is lost."""
    server = Server(RESET, "7")
    if how == "ask":
        server.once.stop.ask = lambda: "the lock is over"
    else:
        server.once.stop.because("interrupted")
    with pytest.raises(Unreachable):
        server.run()
    assert server.log == ["send"]
