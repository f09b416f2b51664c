"""A request is sent again where that can do no harm, and not otherwise."""

import httpx
import pytest

from reconciler.core.call import Call
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import NotTracking, Rejected, RequestFailed, ServerFailed, Unreachable
from reconciler.runtime.http import Client
from reconciler.runtime.retry import Retry, seconds

READ = Call("GET", "/read", repeatable=True)
CREATE = Call("POST", "/create", {}, returns=("id",))
PASSING = Retry(passing=(("BAD_REQUEST", "QueuePool limit"),))


def rejected(status, code="X", message=""):
    return httpx.Response(status, json={"error_code": code, "message": message}, headers={"Retry-After": "0"})


class Server:
    """Gives these answers in turn, then a good one; an exception is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.count = 0

    def __call__(self, request):
        self.count += 1
        if not self.answers:
            return httpx.Response(200, json={"id": "1"})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def send(self, call, retry=PASSING, *, met=True):
        connection = Connection(url="http://h", transport=httpx.MockTransport(self))
        with Client(connection, version="0", writable=True, retry=retry) as client:
            client._met = met
            return client.send(call)


LOST = httpx.ReadError("lost")
REFUSED = httpx.ConnectError("refused")
HTML = httpx.Response(200, text="<html>", headers={"content-type": "text/html"})


@pytest.mark.parametrize(
    "trouble",
    [LOST, REFUSED, HTML, rejected(500), rejected(502), rejected(503), rejected(429), httpx.Response(504, text="busy")],
    ids=["lost", "refused", "html", "500", "502", "503", "429", "504 without json"],
)
def test_what_can_be_repeated_is_repeated_until_it_works(trouble):
    server = Server(trouble, trouble)
    assert server.send(READ) == {"id": "1"}
    assert server.count == 3


@pytest.mark.parametrize(
    ("trouble", "error"),
    [(LOST, Unreachable), (rejected(500), Rejected), (HTML, NotTracking), (httpx.Response(502, text=""), ServerFailed)],
)
def test_a_create_whose_fate_is_unknown_is_not_sent_again(trouble, error):
    server = Server(trouble)
    with pytest.raises(error):
        server.send(CREATE)
    assert server.count == 1


@pytest.mark.parametrize("trouble", [REFUSED, rejected(429), rejected(400, "BAD_REQUEST", "QueuePool limit of size 5")])
def test_a_create_that_was_surely_not_carried_out_is_sent_again(trouble):
    server = Server(trouble)
    assert server.send(CREATE) == {"id": "1"}
    assert server.count == 2


@pytest.mark.parametrize(
    "answer",
    [rejected(400), rejected(404), rejected(409), rejected(500, "INVALID_STATE"), rejected(400, "BAD_REQUEST", "no")],
)
def test_an_error_that_stays_is_told_at_once(answer):
    server = Server(answer)
    with pytest.raises(RequestFailed):
        server.send(READ)
    assert server.count == 1


def test_the_attempts_are_counted():
    server = Server(*[LOST] * 9)
    with pytest.raises(Unreachable):
        server.send(READ, Retry(attempts=4))
    assert server.count == 4


def test_a_server_that_never_answered_is_tried_twice_only():
    server = Server(*[REFUSED] * 9)
    with pytest.raises(Unreachable):
        server.send(READ, met=False)
    assert server.count == 2


def test_a_server_that_asks_for_an_hour_is_not_waited_for():
    answer = httpx.Response(503, json={"error_code": "X"}, headers={"Retry-After": "3600"})
    server = Server(answer)
    with pytest.raises(Rejected) as caught:
        server.send(READ)
    assert (server.count, caught.value.retry_after) == (1, 3600.0)


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
