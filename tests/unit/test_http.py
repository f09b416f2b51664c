"""The HTTP client: what reaches the wire, what cannot, and what people are told."""

import ast
import base64
import json
import socket
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reconciler.runtime
from reconciler.core.call import NO_ROUTE, Call
from reconciler.core.change import Secret
from reconciler.core.wire import NoCredentials, NotNow
from reconciler.runtime.errors import clean
from reconciler.runtime.http import (
    BadConnection,
    Client,
    Connection,
    Counts,
    Malformed,
    NotTracking,
    Reading,
    ReadOnlyTransport,
    Rejected,
    RequestFailed,
    ServerFailed,
    Unauthorized,
    Unreachable,
    WriteRefused,
)
from reconciler.runtime.retry import Retry
from reconciler.runtime.signing import Signing

CANARY = "hunter2-canary"
ONCE = Retry(total=1e-6)
READS = ("experiments/search", "runs/search")
SEARCH = Call("POST", "/api/2.0/mlflow/experiments/search", body={"max_results": 1})
GET = Call("GET", "/api/2.0/mlflow/experiments/get", query={"experiment_id": "1"})


def client(answer, *, writable=True, **options):
    """A client whose server is the function `answer`, from request to response."""
    options.setdefault("url", "http://mlflow.test")
    retry = options.pop("retry", None)
    connection = Connection(transport=httpx.MockTransport(answer), **options)
    return Client(connection, version="1.2", reading=Reading(READS), writable=writable, retry=retry)


def fixed(status=200, body=b"{}", kind="application/json", **headers):
    def answer(request):
        return httpx.Response(status, content=body, headers={"content-type": kind, **headers})

    return answer


def failure(answer, call=GET, **options):
    with client(answer, **options) as c, pytest.raises(RequestFailed) as caught:
        c.send(call)
    return caught.value


@pytest.fixture
def wire(monkeypatch):
    """A real server on loopback that answers {} and keeps the request lines, byte for byte."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    lines = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            lines.append((self.raw_requestline.rstrip(b"\r\n"), dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", lines
    server.shutdown()
    server.server_close()


# what reaches the wire


@pytest.mark.parametrize(
    "key",
    [
        "%2E%2E",
        "%2e%2e",
        "a%2Fb",
        "a%20b",
        "%C3%A9",
        "%25",
        "%252F",
        "%2E",
        "a.b",
        "a:b",
        "a+b",
        "%3Fx%23y",
        "~%7E",
        "%F0",
    ],
)
@pytest.mark.parametrize("prefix", ["", "/team%20a/x"])
def test_path_reaches_the_wire_byte_for_byte(wire, key, prefix):
    url, lines = wire
    path = f"/api/2.0/mlflow/logged-models/m-1/tags/{key}"
    with Client(Connection(url + prefix), version="1", writable=True) as c:
        assert c.send(Call("DELETE", path)) == {}
    assert lines[0][0] == f"DELETE {prefix}{path} HTTP/1.1".encode()


@pytest.mark.parametrize(
    "path",
    [
        "/x/tags/..",
        "/x/../y",
        "/x/./y",
        "/x/a b",
        "/x/é",
        "/x?y=1",
        "/x#y",
        "/x/{id}",
        "@evil.test/x",
        ":99/x",
        "/x/\ud800",
        '/x"y',
    ],
)
def test_path_that_would_change_is_refused_before_anything_is_sent(path):
    seen = []
    with client(seen.append) as c, pytest.raises(Malformed):
        c.send(Call("DELETE", path))
    assert not seen
    assert c.counts == Counts()


def test_request_has_body_query_and_headers(wire):
    url, lines = wire
    connection = Connection(url, headers={"X-MLFLOW-WORKSPACE": "team-a"}, token="t0k")
    with Client(connection, version="1.2", writable=True) as c:
        c.send(Call("POST", "/p", body={"name": "é😀", "nan": float("nan"), "secret": Secret("s3", "${env.S}")}))
        c.send(Call("GET", "/g", query={"name": "a b&c=é%", "x": "+"}))
    (_, headers, body), (line, get_headers, _) = lines
    assert body == '{"name":"é😀","nan":NaN,"secret":"s3"}'.encode()
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "reconciler/1.2"
    assert headers["X-MLFLOW-WORKSPACE"] == "team-a"
    assert headers["Authorization"] == "Bearer t0k"
    query = line.decode().removeprefix("GET /g?").removesuffix(" HTTP/1.1")
    assert parse_qs(query) == {"name": ["a b&c=é%"], "x": ["+"]}
    assert "Content-Type" not in get_headers


def test_lone_surrogate_is_sent_as_its_escape():
    bodies = []

    def answer(request):
        bodies.append(request.content)
        return httpx.Response(200, json={})

    with client(answer) as c:
        c.send(Call("POST", "/x", body={"name": "a\ud800é"}))
    assert bodies == ['{"name":"a\\ud800é"}'.encode()]
    assert json.loads(bodies[0]) == {"name": "a\ud800é"}


def test_user_and_password_in_the_url_become_basic_auth():
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(200, json={})

    with client(answer, url=f"http://ann%40x:p%2F{CANARY}@mlflow.test/prefix/", token="other") as c:
        c.send(GET)
    sent = base64.b64decode(seen[0].headers["authorization"].removeprefix("Basic ")).decode()
    assert sent == f"ann@x:p/{CANARY}"
    assert str(seen[0].url) == "http://mlflow.test/prefix/api/2.0/mlflow/experiments/get?experiment_id=1"


def test_explicit_credentials_win_over_those_in_the_url():
    assert Connection("http://a:b@h", auth=("c", "d")).auth == ("c", "d")
    assert Connection("http://a:b@h").url == "http://h"
    assert Connection("http://a@h").auth == ("a", "")
    assert Connection("https://h:8443/x//").url == "https://h:8443/x"


# reading is read-only


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/mlflow/experiments/create",
        "/api/2.0/mlflow/experiments/search/x",
        "/api/2.0/mlflow/xexperiments/search",
        "/api/2.0/mlflow/experiments/SEARCH",
        "/api/2.0/mlflow/experiments/search/",
        "/api/2.0/mlflow/experiments%2Fsearch",
        "/api/2.0/mlflow/experiments/delete%3Fexperiments/search%20",
        "/",
    ],
)
def test_reading_client_refuses_writes(method, path):
    seen = []
    with client(seen.append, writable=False) as c, pytest.raises(WriteRefused, match="nothing was sent"):
        c.send(Call(method, path, body={}))
    assert not seen
    assert c.counts == Counts()


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_only_post_may_read_by_path(method):
    with client(fixed(), writable=False) as c, pytest.raises(WriteRefused):
        c.send(Call(method, SEARCH.path, body={}))


def test_query_cannot_make_a_write_look_like_a_read():
    with client(fixed(), writable=False) as c, pytest.raises(WriteRefused):
        c.send(Call("POST", "/experiments/delete", query={"x": "/experiments/search"}))


def test_reading_client_reads():
    with client(fixed(), writable=False) as c:
        assert c.send(GET) == {}
        assert c.send(SEARCH) == {}
        assert c.send(Call("POST", "/prefix/runs/search", body={})) == {}
    assert c.counts == Counts(reads=3, writes=0)


@pytest.mark.parametrize("reads", [(), ("",), ("/",)])
def test_without_reads_every_post_is_refused(reads):
    transport = ReadOnlyTransport(httpx.MockTransport(fixed()), Reading(reads))
    for path in ("/", "//", "/x", "/x/"):
        with pytest.raises(WriteRefused):
            transport.handle_request(httpx.Request("POST", f"http://h{path}"))


@given(
    st.sampled_from(["POST", "PATCH", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "BREW", "get "]),
    st.text("abcdefgh/%.-_;searchxpimnt", max_size=40),
)
def test_nothing_but_reads_passes_the_wall(method, path):
    passed = []
    wall = ReadOnlyTransport(httpx.MockTransport(lambda r: passed.append(r) or httpx.Response(200)), Reading(READS))
    request = httpx.Request(method, "http://h/" + path.lstrip("/"))
    try:
        wall.handle_request(request)
    except WriteRefused:
        assert not passed
    else:
        assert method == "POST"
        assert request.url.path.endswith(("/experiments/search", "/runs/search"))


def test_an_empty_object_may_be_posted_where_it_names_nothing():
    sent = []
    transport = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200))
    wall = ReadOnlyTransport(transport, Reading(READS, ("experiments/delete-experiment-tag",)))
    url = "http://h/api/experiments/delete-experiment-tag"
    wall.handle_request(httpx.Request("POST", url, content=b"{}"))
    assert len(sent) == 1
    streamed = httpx.Request("POST", url, content=iter([b"{}"]))
    for request in (
        httpx.Request("POST", url, content=b'{"key":"x"}'),
        httpx.Request("POST", url),
        httpx.Request("POST", "http://h/api/experiments/delete", content=b"{}"),
        httpx.Request("DELETE", url, content=b"{}"),
        streamed,
    ):
        with pytest.raises(WriteRefused):
            wall.handle_request(request)
    assert len(sent) == 1


@pytest.mark.parametrize("status", [404, 405])
def test_a_path_at_which_there_is_nothing_can_be_absorbed(status):
    """As the page of another program, and not as the API's own word that a resource is not there."""
    nothing = fixed(status, b"<!doctype html>", "text/html")
    assert isinstance(failure(nothing), NotTracking)
    absorbing = replace(GET, absorbs=(NO_ROUTE,))
    with client(nothing) as c:
        assert c.send(absorbing) is None
    absent = fixed(404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}')
    assert isinstance(failure(absent, absorbing), Rejected)
    assert isinstance(failure(fixed(200, b"<!doctype html>", "text/html"), absorbing), NotTracking)


def test_each_request_is_signed_anew_and_what_it_was_signed_with_is_in_no_message():
    tokens = iter([f"{CANARY}-1", f"{CANARY}-2"])
    signing = Signing(lambda: {"Authorization": f"Bearer {next(tokens)}", "X-Empty": ""})
    seen = []

    def answer(request):
        seen.append(request.headers["Authorization"])
        return httpx.Response(403, text=f"no rights for {seen[-1]}", headers={"content-type": "text/plain"})

    for number in (1, 2):
        error = failure(answer, signing=signing)
        assert isinstance(error, Unauthorized)
        assert "credentials sent: a token" in str(error)
        assert CANARY not in f"{error} {error.hint}"
        assert seen[-1] == f"Bearer {CANARY}-{number}"


def test_without_anything_to_sign_with_nothing_is_sent():
    def sign():
        raise NoCredentials("there is no token", "log in first")

    error = failure(lambda _: pytest.fail("sent"), signing=Signing(sign))
    assert isinstance(error, Unauthorized)
    assert (str(error), error.hint) == ("there is no token", "log in first")
    assert error.everywhere


def test_what_cannot_be_had_now_is_asked_for_again():
    signs = iter([NotNow("timed out"), None])

    def sign():
        if problem := next(signs):
            raise problem
        return {"Authorization": f"Bearer {CANARY}"}

    with client(fixed(200, b"{}"), signing=Signing(sign)) as c:
        assert c.send(replace(GET, repeatable=False)) == {}


def test_what_cannot_be_had_for_long_is_told():
    def sign():
        raise NotNow("timed out", "wait")

    error = failure(lambda _: pytest.fail("sent"), signing=Signing(sign))
    assert isinstance(error, Unreachable)
    assert (error.words, error.hint) == ("", "wait")
    assert "timed out (tried 2 times" in str(error)


def test_the_same_request_has_the_same_key_however_often_it_is_sent():
    keys = []

    def answer(request):
        keys.append(request.headers["X-Key"])
        return httpx.Response(503 if len(keys) == 1 else 200, json={})

    body = {"name": "x"}
    with client(answer, idempotency="X-Key") as c:
        c.send(Call("POST", "/create", body=body, repeatable=True))
        c.send(Call("POST", "/create", body=body))
        c.send(Call("POST", "/create", body={"name": "y"}))
        c.send(Call("POST", "/update", body=body))
    with client(answer, idempotency="X-Key") as other:
        other.send(Call("POST", "/create", body=body))
    assert keys[0] == keys[1] == keys[2]
    assert len(set(keys)) == 4


def test_what_only_reads_has_no_key_so_that_no_answer_is_an_old_one():
    seen = []

    def answer(request):
        seen.append("X-Key" in request.headers)
        return httpx.Response(200, json={})

    with client(answer, idempotency="X-Key") as c:
        c.send(Call("GET", "/list"))
        c.send(Call("POST", SEARCH.path, body={}))
        c.send(Call("POST", "/create", body={}))
    assert seen == [False, False, True]


def test_wall_stands_below_the_http_client_and_its_redirects():
    """Even one who has the inner client, follows redirects and overrides the method gets no write through."""
    sent = []

    def answer(request):
        sent.append((request.method, request.url.path))
        return httpx.Response(307, headers={"location": "http://mlflow.test/api/2.0/mlflow/experiments/delete"})

    with client(answer, writable=False) as c:
        inner = c._reader
        with pytest.raises(WriteRefused):
            inner.post("http://mlflow.test" + SEARCH.path, json={}, follow_redirects=True)
        for method in ("POST", "DELETE", "patch", "PUT"):
            with pytest.raises(WriteRefused):
                inner.request(method, "http://other.test/x", headers={"X-HTTP-Method-Override": "GET"})
    assert sent == [("POST", SEARCH.path)]


def test_redirect_is_not_followed_even_by_a_writing_client():
    sent = []

    def answer(request):
        sent.append(request)
        return httpx.Response(302, headers={"location": f"https://u:{CANARY}@sso.test/login?state={CANARY}"})

    error = failure(answer)
    assert isinstance(error, NotTracking)
    assert len(sent) == 1
    assert "https://sso.test/login" in error.hint
    assert CANARY not in error.hint


def test_counts_are_exact_under_threads():
    with client(fixed()) as c, ThreadPoolExecutor(8) as pool:
        list(pool.map(c.send, [GET, SEARCH, Call("POST", "/experiments/create", body={})] * 100))
    assert c.counts == Counts(reads=200, writes=100)


# what the server answers


def test_reply_with_nan_is_decoded():
    with client(fixed(body=b'{"value": NaN, "more": Infinity}')) as c:
        assert str(c.send(GET)) == "{'value': nan, 'more': inf}"


def test_no_content_is_an_empty_reply_to_a_write():
    with client(lambda _: httpx.Response(204), writable=True) as c:
        assert c.send(Call("POST", "/x", {})) == {}


def test_no_content_is_no_answer_to_what_reads():
    with client(lambda _: httpx.Response(204)) as c, pytest.raises(NotTracking):
        c.send(Call("GET", "/x"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!doctype html><title>hello</title>", "text/html"),
        (b"", "application/json"),
        (b"OK", "text/plain"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'"x"', "application/json"),
        (b"{", "application/json"),
        (b"\xff\xfe\x00{}", "application/json"),
        (b"[" * 100_000, "application/json"),
    ],
)
def test_success_without_an_object_is_no_tracking_server(body, kind):
    error = failure(fixed(200, body, kind))
    assert isinstance(error, NotTracking)
    assert "http://mlflow.test answers, but not as a tracking server" in str(error)
    assert "prefix" in error.hint


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<h1>Not Found</h1>", "text/html"), (b'{"detail": "Not Found"}', "application/json"), (b"", "")],
)
def test_404_without_error_code_is_no_tracking_server(body, kind):
    error = failure(fixed(404, body, kind))
    assert isinstance(error, NotTracking)
    assert "/api/2.0/mlflow/experiments/get" in str(error)


def test_body_that_cannot_be_unpacked():
    assert isinstance(failure(fixed(body=b"no gzip", **{"content-encoding": "gzip"})), NotTracking)


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 503])
def test_json_error_is_rejected(status):
    error = failure(fixed(status, b'{"error_code": "SOME_CODE", "message": "what\\n\\u001b[31mred"}'), retry=ONCE)
    assert isinstance(error, Rejected)
    assert (error.status, error.code) == (status, "SOME_CODE")
    assert error.message == r"what\n\x1b[31mred"
    assert str(error) == rf"{status} SOME_CODE: what\n\x1b[31mred"
    assert error.brief == f"{status} SOME_CODE"


def test_nested_json_error_is_understood():
    error = failure(fixed(409, b'{"error": {"code": "X-1", "message": "taken", "details": []}}'))
    assert (error.code, error.message) == ("X-1", "taken")


def test_validation_error_without_code_is_rejected_with_its_details():
    error = failure(fixed(422, b'{"detail": [{"loc": ["name"]}]}'))
    assert isinstance(error, Rejected)
    assert str(error) == '422: [{"loc": ["name"]}]'


def test_absorbed_error_is_no_reply():
    body = b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": ""}'
    with client(fixed(404, body)) as c:
        assert c.send(Call("DELETE", "/x", absorbs=("RESOURCE_DOES_NOT_EXIST",))) is None
        with pytest.raises(Rejected):
            c.send(Call("DELETE", "/x", absorbs=("OTHER", "")))


def test_a_status_can_be_absorbed_whatever_the_code():
    absent = fixed(404, b'{"error": {"code": "X-1", "message": "gone"}}')
    with client(absent) as c:
        assert c.send(Call("DELETE", "/x", absorbs=("404",))) is None
        with pytest.raises(Rejected):
            c.send(Call("DELETE", "/x", absorbs=("409",)))


def test_error_without_a_code_is_never_absorbed():
    assert isinstance(failure(fixed(400, b"{}"), Call("GET", "/x", absorbs=("",))), Rejected)


@pytest.mark.parametrize("body", [b"<html>bad gateway</html>", b"", b"{}", b"[1]"])
def test_5xx_without_explanation(body):
    error = failure(fixed(502, body, "text/html"))
    assert isinstance(error, ServerFailed)
    assert error.status == 502
    assert "html" not in str(error)


@pytest.mark.parametrize(
    ("options", "used"),
    [
        ({}, "none"),
        ({"auth": ("ann", CANARY)}, "a user name and password"),
        ({"token": CANARY}, "a token"),
        ({"headers": {"X-Api-Key": CANARY}}, "those in the target's headers"),
        ({"headers": {"X-MLFLOW-WORKSPACE": "a"}}, "none"),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_unauthorized_says_what_was_sent(options, used, status):
    error = failure(fixed(status, b"Permission denied", "text/plain"), **options)
    assert isinstance(error, Unauthorized)
    assert f"credentials sent: {used}" in str(error)
    assert "Permission denied" in str(error)
    assert error.hint


def test_invalid_host_has_its_own_hint():
    body = b"Invalid Host header - possible DNS rebinding attack detected"
    error = failure(fixed(403, body, "text/plain"), url="http://mlflow.test:5000/x")
    assert isinstance(error, Rejected)
    assert "--allowed-hosts 'mlflow.test:5000'" in error.hint


def test_words_are_cut_and_escaped():
    assert clean("a" * 501) == "a" * 499 + "…"
    assert clean("a" * 500) == "a" * 500
    assert clean("\x00\x1b[2J\u202e\ud800\r\n") == r"\x00\x1b[2J\u202e\ud800\r\n"
    assert len(clean("\x00" * 10_000)) <= 2000
    assert clean("x" + CANARY, (CANARY,)) == "x***"


# no answer


def raising(error):
    def answer(request):
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "ambiguous", "says"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), False, "cannot be reached: [Errno 111]"),
        (httpx.ConnectTimeout("timed out"), False, "cannot be reached"),
        (httpx.PoolTimeout(""), False, "cannot be reached: PoolTimeout"),
        (httpx.ReadTimeout("timed out"), True, "did not answer within 1e-06 s"),
        (httpx.WriteTimeout("timed out"), True, "did not answer within 1e-06 s"),
        (httpx.RemoteProtocolError("Server disconnected"), True, "broke: Server disconnected"),
        (httpx.ReadError(""), True, "broke: ReadError"),
    ],
)
def test_unreachable(error, ambiguous, says):
    found = failure(raising(error), url=f"http://ann:{CANARY}@mlflow.test", retry=ONCE)
    assert isinstance(found, Unreachable)
    assert found.ambiguous is ambiguous
    assert says in str(found)
    assert "http://mlflow.test" in str(found)
    assert "is the server up" in found.hint


def test_untrusted_certificate_has_its_own_hint():
    error = failure(raising(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")), url="https://h")
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH" in error.hint


def test_closed_port_and_silent_server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with Client(Connection(url), version="1") as c, pytest.raises(Unreachable, match="cannot be reached"):
            c.send(GET)
        listening.listen()
        with Client(Connection(url, timeout=0.2), version="1") as c, pytest.raises(Unreachable, match=r"within 0\.2 s"):
            c.send(GET)


@pytest.mark.parametrize("garbage", [b"\x00\x01\x02\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b""])
def test_garbage_on_the_wire(monkeypatch, garbage):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(garbage)

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with Client(Connection(url), version="1") as c, pytest.raises(Unreachable, match="broke") as caught:
            c.send(GET)
        assert caught.value.ambiguous


# what a connection refuses, and never shows


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://u:{CANARY}@h",
        f"http://u:{CANARY}/x@h",
        f"http://u:1/{CANARY}@h",
        f"http://u:{CANARY}#@h",
        f"http://u:{CANARY}?@h",
        f"http://h?token={CANARY}",
        f"http://u:{CANARY}@h:99999",
        f"http://u:{CANARY}@h:port",
        f"http://u:{CANARY}@",
        f"http://u:{CANARY}@[::1",
        f"//{CANARY}",
        f"localhost:{CANARY}",
        "",
    ],
)
def test_unusable_url_is_refused_without_showing_it(url):
    with pytest.raises(BadConnection) as caught:
        Connection(url)
    _never_shows(caught.value)


@pytest.mark.parametrize(
    "options", [{"token": CANARY + "\n"}, {"token": CANARY + "é"}, {"headers": {"X-Key": CANARY + "\r\nX: y"}}]
)
def test_unsendable_header_is_refused_without_showing_it(options):
    with pytest.raises(BadConnection) as caught:
        Connection("http://h", **options)
    _never_shows(caught.value)


def test_unusable_certificate_and_proxy(monkeypatch, tmp_path):
    empty = tmp_path / "ca.pem"
    empty.write_text("")
    for options in ({"verify": str(empty)}, {"verify": "/no/such"}, {"cert": "/no/such"}):
        with pytest.raises(BadConnection, match="certificate"):
            Client(Connection("https://h", **options), version="1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("https_proxy", f"foo://u:{CANARY}@p")
    with pytest.raises(BadConnection) as caught:
        Client(Connection("https://h"), version="1")
    _never_shows(caught.value)


def test_proxy_of_the_environment_is_used(wire, monkeypatch):
    url, lines = wire
    monkeypatch.setenv("http_proxy", url)
    monkeypatch.setenv("no_proxy", "direct.test")
    with Client(Connection("http://mlflow.test"), version="1") as c:
        c.send(GET)
    assert lines[0][0].startswith(b"GET http://mlflow.test/api/2.0/mlflow/experiments/get?")
    with Client(Connection("http://direct.test"), version="1") as c, pytest.raises(Unreachable):
        c.send(GET)


def test_tls_contexts_are_made():
    for verify in (True, False, "/etc"):
        Client(Connection("https://h", verify=verify), version="1").close()


def _never_shows(error):
    shown = f"{error} {error!r} {error.hint} {error.args} {''.join(traceback.format_exception(error))}"
    assert CANARY not in shown
    assert base64.b64encode(f"ann:{CANARY}".encode()).decode() not in shown


SECRETIVE = [
    {"url": f"http://ann:{CANARY}@mlflow.test/p"},
    {"auth": ("ann", CANARY)},
    {"token": CANARY},
    {"headers": {"Authorization": f"Basic {CANARY}"}},
    {"headers": {"X-Secret-Thing": CANARY}},
]


@pytest.mark.parametrize("options", SECRETIVE)
def test_credentials_never_show(options):
    """Whatever goes wrong, and even where the server repeats all that it was sent."""

    def echo(status, kind):
        def answer(request):
            said = "".join(f"{k}: {v} " for k, v in request.headers.items()) + str(request.url)
            if kind == "json":
                return httpx.Response(status, json={"error_code": "C" + said, "message": said})
            return httpx.Response(status, text=said, headers={"location": "/" + said} if status < 400 else {})

        return answer

    answers = [echo(status, kind) for status in (301, 400, 401, 403, 404, 500, 503) for kind in ("json", "text")]
    answers += [fixed(kind=f"text/{CANARY}", body=b"x")]
    answers += [
        raising(kind(f"cannot send Bearer {CANARY} to http://ann:{CANARY}@mlflow.test"))
        for kind in (httpx.ConnectError, httpx.ReadTimeout, httpx.LocalProtocolError, httpx.ProxyError)
    ]
    for answer in answers:
        _never_shows(failure(answer, **options))
    with client(fixed(), **options) as c:
        assert CANARY not in f"{c!r} {c._connection!r} {c._connection} {vars(c)}"


@pytest.mark.parametrize(
    "call",
    [
        Call("POST", "/x", body={"tags": [{"value": Secret(CANARY, "${env.S}")}]}),
        Call("GET", "/x", query={"name": Secret(CANARY, "${env.S}")}),
    ],
)
def test_the_words_of_a_server_that_was_sent_a_sensitive_value_are_left_out(call):
    body = f'{{"error_code": "BAD", "message": "{CANARY[:10]}... is no good"}}'.encode()
    error = failure(fixed(400, body), call)
    assert str(error) == "400 BAD (the server's words are left out: the request held a sensitive value)"
    assert error.code == "BAD"
    _never_shows(error)


def test_runtime_imports_nothing_but_core():
    for file in Path(reconciler.runtime.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.split(".")[0] == "reconciler":
                    assert name.split(".")[1] in ("core", "runtime"), f"{file.name} imports {name}"


def test_who_may_write_cannot_do_so_by_reading():
    sent = []

    def answer(request):
        sent.append(request.method)
        return httpx.Response(200, json={})

    with client(answer, writable=True) as c:
        c.send(Call("DELETE", "/x"))
        with pytest.raises(WriteRefused):
            c.read(Call("DELETE", "/x"))
        c.read(Call("GET", "/x"))
    assert sent == ["DELETE", "GET"]
