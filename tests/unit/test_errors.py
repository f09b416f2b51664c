"""What an error says of the request that failed: whether it may have been carried out, and in which words."""

import httpx
import pytest

from reconciler.core.call import Call
from reconciler.runtime import errors
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import (
    BadConnection,
    CannotOpen,
    Malformed,
    MissingExtra,
    NotTracking,
    Rejected,
    RequestFailed,
    ServerFailed,
    Stopped,
    Unauthorized,
    Unreachable,
    Unrecorded,
    WriteRefused,
)
from reconciler.runtime.http import Client
from reconciler.runtime.retry import Retry


def failure(answer, path="/x"):
    """What a create that may not be repeated raises where the server is the function `answer`."""
    connection = Connection("http://h", transport=httpx.MockTransport(answer))
    with Client(connection, version="1", writable=True, retry=Retry(total=0.3)) as client:
        with pytest.raises(RequestFailed) as caught:
            client.send(Call("POST", path, {}))
        return caught.value


def answer(status, body=b"", kind="application/json", **headers):
    return lambda _: httpx.Response(status, stream=httpx.ByteStream(body), headers={"content-type": kind, **headers})


def raising(error):
    def broken(_):
        raise error

    return broken


EXPLAINED = b'{"error_code": "X", "message": "no"}'
FATES = {
    "a reply that is cut short": (answer(200, b'{"id": "1'), NotTracking, True),
    "an empty reply": (answer(200), NotTracking, True),
    "a page in place of the reply": (answer(200, b"<html>", "text/html"), NotTracking, True),
    "a reply that cannot be unpacked": (
        answer(200, b"no gzip at all", **{"content-encoding": "gzip"}),
        NotTracking,
        True,
    ),
    "a redirect": (answer(302, location="/login"), NotTracking, False),
    "a route that is not there": (answer(404, b"<html>", "text/html"), NotTracking, False),
    "a failure that the server explains": (answer(500, EXPLAINED), Rejected, True),
    "unavailable, and explained": (answer(503, EXPLAINED), Rejected, True),
    "a failure without words": (answer(502), ServerFailed, True),
    "a bad request": (answer(400, EXPLAINED), Rejected, False),
    "a bad request without words": (answer(400), Rejected, False),
    "a conflict": (answer(409, EXPLAINED), Rejected, False),
    "too many requests": (answer(429, EXPLAINED), Rejected, False),
    "no credentials": (answer(401), Unauthorized, False),
    "no rights": (answer(403, EXPLAINED), Unauthorized, False),
    "a wrong host": (answer(403, b"Invalid Host header", "text/plain"), Rejected, False),
    "a lost reply": (raising(httpx.ReadError("")), Unreachable, True),
    "no reply in time": (raising(httpx.ReadTimeout("")), Unreachable, True),
    "not sent in time": (raising(httpx.WriteTimeout("")), Unreachable, True),
    "no connection": (raising(httpx.ConnectError("")), Unreachable, False),
    "no connection in time": (raising(httpx.ConnectTimeout("")), Unreachable, False),
}


@pytest.mark.parametrize("fate", FATES)
def test_whether_a_request_may_have_been_carried_out(fate):
    how, kind, ambiguous = FATES[fate]
    error = failure(how)
    assert (type(error), error.ambiguous) == (kind, ambiguous)


def test_what_was_never_sent_was_not_carried_out():
    assert not failure(answer(200), path="/../x").ambiguous
    for kind in (BadConnection, Malformed, WriteRefused, Unauthorized, Stopped, Unrecorded, MissingExtra, CannotOpen):
        assert not kind("x").ambiguous


def test_every_error_is_looked_at():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RequestFailed)}
    never = {BadConnection, Malformed, WriteRefused, Unauthorized, Stopped, Unrecorded, MissingExtra, CannotOpen}
    others = kinds - never - {RequestFailed} - {kind for _, kind, _ in FATES.values()}
    assert {kind.__name__ for kind in others} <= {"BadReply"}  # a flow's: it only reads


@pytest.mark.parametrize(
    ("how", "timed_out"),
    [
        (answer(504, EXPLAINED), True),
        (answer(504), True),
        (raising(httpx.ReadTimeout("")), True),
        (raising(httpx.ReadError("")), False),
        (raising(httpx.ConnectTimeout("")), False),
        (answer(500, EXPLAINED), False),
    ],
)
def test_what_timed_out_may_still_be_carried_out(how, timed_out):
    assert failure(how).timed_out is timed_out


def test_remarks_stand_before_the_words_of_the_server():
    error = Rejected(503, "BUSY", "come back")
    error.add("tried 3 times in 1.0 s")
    assert str(error) == "503 BUSY (tried 3 times in 1.0 s): come back"
    assert error.brief == "503 BUSY (tried 3 times in 1.0 s)"


def test_words_that_are_withheld_leave_a_remark_and_nothing_else():
    error = Rejected(400, "BAD", "hunter2 is no value")
    error.withhold()
    assert str(error) == "400 BAD (the server's words are left out: the request held a sensitive value)"
    assert "hunter2" not in f"{error!r} {error.message} {error.args}"


def test_there_is_nothing_to_withhold_where_the_server_said_nothing():
    error = ServerFailed(502, "down")
    error.withhold()
    assert str(error) == "down"
