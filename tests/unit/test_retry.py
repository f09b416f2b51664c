"""A request is sent again where that can do no harm, for as long as there is time, and not otherwise."""

import threading
from dataclasses import replace

import httpx
import pytest

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import NotTracking, Rejected, RequestFailed, ServerFailed, Stopped, Unreachable
from reconciler.runtime.http import Client
from reconciler.runtime.retry import Retry, seconds

READ = Call("GET", "/read", repeatable=True)
CREATE = Call("POST", "/create", {}, returns=("id",))
PASSING = Retry(passing=(("BAD_REQUEST", "QueuePool limit"), ("", "token bucket")))


def rejected(status, code="X", message="", after="0"):
    return httpx.Response(status, json={"error_code": code, "message": message}, headers={"Retry-After": after})


class Server:
    """Gives these answers in turn, then a good one; an exception is raised, a function called."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.count = 0
        self.timeouts = []

    def __call__(self, request):
        self.count += 1
        self.timeouts.append(request.extensions["timeout"])
        if not self.answers:
            return httpx.Response(200, json={"id": "1"})
        answer = self.answers.pop(0)
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, retry=PASSING, *, met=True, **options):
        connection = Connection(url="http://h", transport=httpx.MockTransport(self), **options)
        client = Client(connection, version="0", writable=True, retry=retry)
        client._line.server.answers = met
        return client

    def send(self, call, retry=PASSING, *, met=True):
        with self.client(retry, met=met) as client:
            return client.send(call)

    def fails(self, call, retry=PASSING, *, met=True):
        with pytest.raises(RequestFailed) as caught:
            self.send(call, retry, met=met)
        return caught.value


@pytest.fixture
def quick(monkeypatch):
    """Back-offs take no time."""
    monkeypatch.setattr("reconciler.runtime.retry._backoff", lambda _: 0.0)


class Clock:
    """Stands still but where a test moves it."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def after(self, seconds, answer):
        """`answer` after so many seconds."""

        def late():
            self.now += seconds
            return answer

        return late


@pytest.fixture
def clock(monkeypatch, quick):
    found = Clock()
    monkeypatch.setattr("reconciler.runtime.retry.monotonic", found)
    return found


LOST = httpx.ReadError("lost")
REFUSED = httpx.ConnectError("refused")
SLOW = httpx.ReadTimeout("slow")
HTML = httpx.Response(200, text="<html>", headers={"content-type": "text/html"})
BUSY = httpx.Response(504, text="busy")


@pytest.mark.parametrize(
    "trouble",
    [LOST, REFUSED, SLOW, HTML, rejected(500), rejected(502), rejected(503), rejected(429), BUSY],
    ids=["lost", "refused", "slow", "html", "500", "502", "503", "429", "504 without json"],
)
def test_what_can_be_repeated_is_repeated_until_it_works(trouble, quick):
    server = Server(trouble, trouble)
    assert server.send(READ) == {"id": "1"}
    assert server.count == 3


@pytest.mark.parametrize(
    ("trouble", "error"),
    [(LOST, Unreachable), (rejected(500), Rejected), (HTML, NotTracking), (httpx.Response(502, text=""), ServerFailed)],
)
def test_a_create_whose_fate_is_unknown_is_not_sent_again(trouble, error):
    server = Server(trouble)
    found = server.fails(CREATE)
    assert isinstance(found, error)
    assert found.ambiguous
    assert server.count == 1


@pytest.mark.parametrize(
    "trouble",
    [
        REFUSED,
        rejected(429),
        httpx.Response(429, text="slow down"),
        rejected(400, "BAD_REQUEST", "QueuePool limit of size 5"),
    ],
)
def test_a_create_that_was_surely_not_carried_out_is_sent_again(trouble, quick):
    server = Server(trouble)
    assert server.send(CREATE) == {"id": "1"}
    assert server.count == 2


@pytest.mark.parametrize(
    "answer",
    [rejected(400), rejected(404), rejected(409), rejected(500, "INVALID_STATE"), rejected(400, "BAD_REQUEST", "no")],
)
def test_an_error_that_stays_is_told_at_once(answer):
    server = Server(answer)
    assert "tried" not in str(server.fails(READ))
    assert server.count == 1


# how often, and how long


@pytest.mark.parametrize(
    "trouble", [rejected(500), HTML, httpx.Response(500, text="")], ids=["500", "html", "500 without json"]
)
def test_what_may_pass_is_tried_six_times(trouble, clock):
    server = Server(*[trouble] * 9)
    assert "(tried 6 times in 0.0 s)" in str(server.fails(READ))
    assert server.count == 6


@pytest.mark.parametrize(("code", "words"), [("BAD_REQUEST", "QueuePool limit"), ("ANY", "token bucket is empty")])
def test_an_error_of_the_backend_that_passes_is_tried_six_times(code, words, clock):
    server = Server(*[rejected(400, code, words)] * 9)
    assert str(server.fails(CREATE)).startswith(f"400 {code} (tried 6 times in 0.0 s)")
    assert server.count == 6


@pytest.mark.parametrize(
    "trouble",
    [REFUSED, LOST, SLOW, rejected(429), rejected(502), rejected(503), BUSY],
    ids=["refused", "lost", "slow", "429", "502", "503", "504"],
)
def test_a_server_that_is_down_is_asked_until_the_time_is_over(trouble, clock):
    server = Server(*[clock.after(4, trouble)] * 99)
    error = server.fails(READ)
    assert server.count == 15
    assert "(tried 15 times in 60 s)" in str(error)
    assert error.hint


def test_a_server_that_comes_back_in_time_is_worth_the_wait(quick):
    server = Server(*[rejected(503)] * 20)
    assert server.send(READ, met=False) == {"id": "1"}
    assert server.count == 21


@pytest.mark.parametrize("trouble", [REFUSED, LOST, HTML, rejected(500)], ids=["refused", "lost", "html", "500"])
def test_a_server_that_never_answered_is_tried_twice_only(trouble, clock):
    server = Server(*[trouble] * 9)
    assert "(tried 2 times in 0.0 s)" in str(server.fails(READ, met=False))
    assert server.count == 2


@pytest.mark.parametrize("answer", [rejected(404), rejected(503), httpx.Response(200, json={})])
def test_any_answer_of_the_server_counts_as_one(answer, quick):
    server = Server(answer)
    with server.client(met=False) as client:
        for _ in range(2):
            try:
                client.send(Call("POST", "/x", {}))
            except Rejected:
                continue
        server.answers = [REFUSED] * 4
        client.send(READ)
    assert server.count == 7


def test_a_server_that_was_waited_for_in_vain_is_not_waited_for_again_until_it_answers(clock):
    server = Server(*[clock.after(4, rejected(503))] * 99)
    with server.client() as client:
        for _ in range(3):
            with pytest.raises(Rejected):
                client.send(READ)
            before, server.count = server.count, 0
        assert before == 2
        server.answers = [rejected(404)]
        with pytest.raises(Rejected):
            client.send(READ)
        server.answers = [rejected(503)] * 5
        client.send(READ)


# what the server asks for


def test_a_server_that_asks_for_longer_than_there_is_time_is_not_waited_for():
    server = Server(rejected(503, "BUSY", "later", after="3600"))
    error = server.fails(READ)
    assert (server.count, error.retry_after) == (1, 3600.0)
    words = "503 BUSY (the server asks for a pause of 3600 s, and --timeout leaves 60 s): later"
    assert str(error) == words
    assert "--timeout" in error.hint


def test_what_is_left_of_the_time_counts_not_the_whole(clock):
    server = Server(clock.after(8, rejected(503)), clock.after(2, rejected(503, after="50")))
    remark = "tried 2 times in 10 s; the server asks for a pause of 50 s, and --timeout leaves 50 s"
    assert str(server.fails(READ)) == f"503 X ({remark})"
    assert server.count == 2


def test_a_pause_that_the_server_asks_for_is_made(monkeypatch):
    waits = []
    server = Server(rejected(503, after="7"), rejected(429, after="3"))
    with server.client() as client:
        monkeypatch.setattr(client.stop, "wait", lambda seconds: waits.append(seconds) or False)
        client.send(READ)
    assert waits == [7.0, 3.0]


def test_a_server_that_asks_for_no_pause_gets_a_little_one(monkeypatch):
    """Or it would be asked without end."""
    waits = []
    monkeypatch.setattr("reconciler.runtime.retry._backoff", lambda _: 0.25)
    server = Server(rejected(503, after="0"), REFUSED)
    with server.client() as client:
        monkeypatch.setattr(client.stop, "wait", lambda seconds: waits.append(seconds) or False)
        client.send(READ)
    assert waits == [0.25, 0.25]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        (" 12 ", 12.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, expected):
    assert seconds(text, now=60.0) == expected


# the time of one attempt


@pytest.mark.parametrize(("timeout", "total", "expected"), [(5.0, 60.0, 5.0), (60.0, 7.0, 7.0), (30.0, 30.0, 30.0)])
def test_an_attempt_gets_at_most_the_total_time(timeout, total, expected):
    server = Server()
    with server.client(Retry(total=total), timeout=timeout) as client:
        client.send(CREATE)
    assert server.timeouts[0]["read"] == expected
    assert server.timeouts[0]["connect"] <= 10


def test_what_can_be_repeated_gets_what_is_left_and_at_least_a_second(clock):
    server = Server(clock.after(40, rejected(503)), clock.after(19.5, rejected(503)))
    server.send(READ)
    assert [timeout["read"] for timeout in server.timeouts] == [60.0, 20.0, 1.0]


def test_what_cannot_be_repeated_is_never_cut_short(clock):
    server = Server(clock.after(59, rejected(429)))
    server.send(CREATE)
    assert [timeout["read"] for timeout in server.timeouts] == [60.0, 60.0]


# the word to stop


def test_nothing_is_sent_again_once_the_word_to_stop_was_given():
    server = Server(*[rejected(503)] * 9)
    with server.client() as client:
        client.stop.set()
        with pytest.raises(Rejected, match=r"^503 X$"):
            client.send(READ)
    assert server.count == 1


@pytest.mark.parametrize("call", [READ, CREATE])
def test_the_word_to_stop_ends_a_back_off(call):
    """Which would last for 50 s: whether it ended is seen by the thread's end."""
    server = Server(rejected(429, "BUSY", "later", after="50"), AssertionError("it was sent again"))
    caught = []

    def send():
        try:
            client.send(call)
        except RequestFailed as error:
            caught.append(error)

    waiting = threading.Event()
    with server.client() as client:
        wait = client.stop.wait
        client.stop.wait = lambda seconds: waiting.set() or wait(seconds)
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        assert waiting.wait(30)
        client.stop.set()
        thread.join(30)
        assert not thread.is_alive()
    assert [str(error) for error in caught] == ["429 BUSY: later"]
    assert server.count == 1


def test_another_error_than_of_a_request_ends_it_at_once():
    server = Server(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        server.send(READ)
    assert server.count == 1


def test_who_waits_for_a_turn_is_told_that_nothing_was_sent():
    server = Server()
    with server.client() as client:
        client._line.gate.inside = client._line.gate.width
        client.stop.set()
        with pytest.raises(Stopped) as caught:
            client.send(CREATE)
    assert not caught.value.ambiguous
    assert server.count == 0


def test_a_step_that_waited_for_its_turn_is_not_sent_once_there_is_a_word_to_stop():
    """Others may: what has been written is still looked at."""
    server = Server()
    with server.client() as client:
        client.stop.ask = lambda: "the lock was lost"
        for call in (CREATE, READ):
            with pytest.raises(Stopped):
                client.send(replace(call, address=Address("runs", "r")))
        assert server.count == 0
        assert client.send(READ) == {"id": "1"}


def test_somebody_is_told_once_that_the_server_is_waited_for(quick):
    told = []
    down = rejected(503, "X", after="3")
    server = Server(down, down, rejected(503, after="0"), httpx.Response(200, json={}), rejected(503, after="1"))
    with server.client() as client:
        client._line.server.tell = lambda error, left: told.append((error.status, round(left)))
        client.stop.wait = lambda _: False  # nobody has the time
        client.send(READ)
        client.send(READ)
        assert told == [(503, 60)]
        server.answers = [down]
        client.send(READ)
    assert told == [(503, 60), (503, 60)]
