"""A line of JSON for each request that was sent: whole, without secrets, and no request without its line."""

import json
import os
import re
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Secret
from reconciler.core.diagnostics import Failed
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import RequestFailed, Unrecorded, WriteRefused
from reconciler.runtime.http import Client
from reconciler.runtime.journal import Journal, opened
from reconciler.runtime.retry import Retry

TOKEN = "dapi-token-canary"
CANARY = "hunter2/canary é"
TAG = Call(
    "POST",
    "/experiments/set-experiment-tag",
    {"experiment_id": "1", "key": "token", "value": Secret(CANARY, "${env.X}")},
    address=Address("experiments", "fraud"),
)
GET = Call("GET", "/experiments/get", query={"experiment_id": "1"}, repeatable=True)


def ok(_):
    return httpx.Response(200, json={})


@pytest.fixture
def file(tmp_path):
    return tmp_path / "journal.jsonl"


def send(file, *calls, answer=ok, bodies=False, writable=True, retry=None, **options):
    """Send the calls; what the journal then holds."""
    connection = Connection("http://h/p", transport=httpx.MockTransport(answer), **options)
    with (
        opened(file, bodies=bodies) as journal,
        Client(connection, version="1", writable=writable, journal=journal, retry=retry) as client,
    ):
        for call in calls:
            with suppress(RequestFailed):
                client.send(call)
    return lines(file)


def lines(file):
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_each_request_has_a_line(file):
    written, read = send(file, TAG, GET)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written.pop("at"))
    assert written.pop("ms") >= 0
    assert written == {
        "address": "experiments.fraud",
        "method": "POST",
        "path": "/experiments/set-experiment-tag",
        "status": 200,
        "attempt": 1,
    }
    assert list(read) == ["at", "address", "method", "path", "query", "status", "ms", "attempt"]
    assert (read["address"], read["query"]) == ("", {"experiment_id": "1"})


def test_each_attempt_has_a_line(file, monkeypatch):
    monkeypatch.setattr("reconciler.runtime.retry._backoff", lambda _: 0.0)
    answers = [httpx.Response(200, json={}), httpx.ReadError("lost"), httpx.Response(503, json={"error_code": "X"})]

    def answer(_):
        found = answers.pop() if answers else httpx.Response(200, json={})
        if isinstance(found, Exception):
            raise found
        return found

    found = send(file, GET, answer=answer)
    assert [(line["attempt"], line["status"]) for line in found] == [(1, 503), (2, None), (3, 200)]
    assert found[1]["error"] == "the connection to http://h/p broke: lost"
    assert "error" not in found[0]


@pytest.mark.parametrize("status", [200, 302, 404, 429, 500])
def test_an_answer_has_its_status_whatever_it_means(file, status):
    (line,) = send(file, TAG, answer=lambda _: httpx.Response(status, text="<html>"), retry=Retry(total=1e-6))
    assert line["status"] == status
    assert "error" not in line


def test_a_body_that_cannot_be_unpacked_has_no_status(file):
    def answer(_):
        return httpx.Response(200, stream=httpx.ByteStream(b"no gzip at all"), headers={"content-encoding": "gzip"})

    (line,) = send(file, TAG, answer=answer)
    assert (line["status"], "unpacked" in line["error"]) == (None, True)


def test_what_was_not_sent_has_no_line(file):
    assert send(file, Call("DELETE", "/x/../y")) == []
    assert send(file, TAG, writable=False) == []


def test_the_client_that_may_only_read_says_so_all_the_same(file):
    connection = Connection("http://h", transport=httpx.MockTransport(ok))
    with (
        opened(file, bodies=False) as journal,
        Client(connection, version="1", journal=journal) as client,
        pytest.raises(WriteRefused),
    ):
        client.send(TAG)


def test_what_breaks_a_request_from_within_has_a_line_too(file):
    def answer(_):
        raise KeyboardInterrupt

    connection = Connection("http://h", transport=httpx.MockTransport(answer))
    with (
        opened(file, bodies=False) as journal,
        Client(connection, version="1", journal=journal) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.send(GET)
    assert [line["error"] for line in lines(file)] == ["KeyboardInterrupt"]


# bodies and secrets


def test_bodies_are_left_out_unless_they_are_asked_for(file):
    assert "body" not in send(file, TAG)[0]
    assert send(file, GET, bodies=True)[-1].keys() == {
        "at", "address", "method", "path", "query", "status", "ms", "attempt",
    }  # fmt: skip


def test_a_sensitive_value_stands_as_its_template(file):
    (line,) = send(file, TAG, bodies=True)
    assert line["body"] == {"experiment_id": "1", "key": "token", "value": {"$sensitive": "${env.X}"}}


def test_what_a_body_repeats_of_a_sensitive_value_is_masked(file):
    text = json.dumps({"source": CANARY})
    call = Call("POST", f"/x/{CANARY.encode().hex()}", {"a": Secret(CANARY, "${env.X}"), "b": [text], CANARY: 1})
    (line,) = send(file, call, bodies=True)
    assert line["body"] == {"a": {"$sensitive": "${env.X}"}, "b": ['{"source": "***"}'], "***": 1}


def test_what_others_keep_is_hidden_where_it_stands(file):
    """It may be as short as a word that stands in each path, and the server may repeat it."""

    def answer(_):
        return httpx.Response(400, json={"error_code": "BAD", "message": "tags: p, hunter2"})

    call = replace(TAG, body={"tags": {"a": "p", "theirs": Secret("p", ""), "more": Secret("hunter2", "")}})
    (line,) = send(file, call, answer=answer, bodies=True)
    assert line["body"] == {"tags": {"a": "p", "theirs": {"$sensitive": ""}, "more": {"$sensitive": ""}}}
    assert (line["path"], line["status"]) == (TAG.path, 400)
    assert "hunter2" not in json.dumps(line)


def test_the_secrets_of_the_connection_are_masked_in_paths_queries_bodies_and_errors(file):
    def answer(request):
        raise httpx.ReadError(f"cannot send {request.headers['authorization']}")

    call = Call("POST", f"/x/{TOKEN}", {"deep": [{"t": f"a {TOKEN}", TOKEN: 1.5}]}, {"q": TOKEN})
    (line,) = send(file, call, answer=answer, bodies=True, token=TOKEN)
    assert TOKEN not in file.read_text()
    assert (line["path"], line["query"]) == ("/x/***", {"q": "***"})
    assert line["body"] == {"deep": [{"t": "a ***", "***": 1.5}]}
    assert line["error"].endswith("cannot send Bearer ***")


def test_a_name_that_is_secret_is_hidden_in_the_query(file):
    call = Call("GET", "/experiments/get-by-name", query={"experiment_name": Secret(CANARY, "${env.X}")})
    (line,) = send(file, call)
    assert line["query"] == {"experiment_name": {"$sensitive": "${env.X}"}}


def test_replies_are_never_in_it(file):
    send(file, TAG, GET, answer=lambda _: httpx.Response(400, json={"message": "reply-canary"}), bodies=True)
    assert "canary" not in file.read_text()


# the file


def test_it_is_for_its_owner_alone_and_goes_on_where_it_ended(file):
    before = os.umask(0)
    try:
        send(file, TAG)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(send(file, GET, GET)) == 3


def test_a_file_that_cannot_be_written_is_told_before_anything_is_sent(tmp_path):
    for path in (tmp_path, tmp_path / "no" / "journal", tmp_path / "file" / "journal"):
        (tmp_path / "file").write_text("")
        with pytest.raises(Failed, match="cannot be written") as caught, opened(path, bodies=False):
            raise AssertionError
        assert [one.code for one in caught.value.diagnostics] == ["cannot-write"]


def test_without_a_file_there_is_no_journal():
    with opened(None, bodies=False) as journal:
        assert journal is None


def test_no_request_is_sent_once_a_line_could_not_be_written():
    sent = []
    connection = Connection("http://h", transport=httpx.MockTransport(lambda r: sent.append(r) or ok(r)))
    with (
        opened(Path("/dev/full"), bodies=False) as journal,
        Client(connection, version="1", writable=True, journal=journal) as client,
    ):
        assert client.send(TAG) == {}
        with pytest.raises(Unrecorded, match="No space left on device; nothing was sent") as caught:
            client.send(TAG)
    assert len(sent) == 1
    assert (caught.value.finding, caught.value.ambiguous) == ("cannot-write", False)


def test_a_request_that_outlives_the_journal_leaves_no_line_and_no_other_error(file):
    connection = Connection("http://h", transport=httpx.MockTransport(ok))
    with opened(file, bodies=False) as journal:
        client = Client(connection, version="1", journal=journal)
    assert client.send(GET) == {}
    with pytest.raises(Unrecorded, match="closed file"):
        client.send(GET)
    assert file.read_text() == ""


class Meager:
    """A file that takes a few bytes at a time, and sees whether two write at once."""

    def __init__(self):
        self.bytes = b""
        self.busy = threading.Lock()

    def write(self, data):
        assert self.busy.acquire(blocking=False)
        part = bytes(data[:7])
        self.bytes += part
        self.busy.release()
        return len(part)


def test_lines_of_several_threads_do_not_mix():
    file = Meager()
    connection = Connection("http://h", transport=httpx.MockTransport(ok))
    journal = Journal(file, Path("x"), bodies=True)
    with (
        Client(connection, version="1", writable=True, journal=journal) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        list(pool.map(client.send, [Call("POST", f"/{number}", {"n": number}) for number in range(200)]))
    found = [json.loads(line) for line in file.bytes.decode().splitlines()]
    assert sorted(line["body"]["n"] for line in found) == list(range(200))
    assert all(line["path"] == f"/{line['body']['n']}" for line in found)


def test_a_line_is_one_write_and_any_text_is_json(file):
    writes = []

    class Whole:
        def write(self, data):
            writes.append(bytes(data))
            return len(data)

    journal = Journal(Whole(), Path("x"), bodies=True)
    connection = Connection("http://h", transport=httpx.MockTransport(ok))
    with Client(connection, version="1", writable=True, journal=journal) as client:
        client.send(Call("POST", "/x", {"a": "é\n\ud800\u2028", "n": None, "x": [1, True]}))
    (line,) = writes
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert json.loads(line)["body"] == {"a": "é\n\ud800\u2028", "n": None, "x": [1, True]}
