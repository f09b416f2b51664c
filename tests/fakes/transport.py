"""The two ways to reach a fake: an httpx transport inside the process, and HTTP/1.1 on a loopback port."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

Body = dict[str, Any] | list[Any] | str | bytes
# The status, the body (a dict or list is JSON, a str is an HTML page unless the headers say otherwise) and headers.
Reply = tuple[int, Body] | tuple[int, Body, Mapping[str, str]]
# Method, decoded path, query, parsed body and headers (their names in lower case), to a reply.
Answer = Callable[[str, str, dict[str, str], Any, Mapping[str, str]], Reply]

# What uvicorn does with an idle connection.
IDLE_SECONDS = 5


@dataclass(frozen=True)
class NotJson:
    """The body of a POST whose content type is not JSON."""

    content: bytes = b""


class ReplyLostError(Exception):
    """The request was carried out, and its reply never arrives."""


def parse(method: str, content_type: str, content: bytes) -> Any:
    """The parsed body; malformed JSON counts as no body at all, and only a POST must say that it is JSON."""
    if method in ("POST", "PUT") and content_type.partition(";")[0] != "application/json":
        return NotJson(content)
    try:
        return json.loads(content)
    except ValueError:
        return None


def render(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    status, body, *more = reply
    if isinstance(body, bytes):
        headers, content = {"Content-Type": "application/octet-stream"}, body
    elif isinstance(body, str):
        headers, content = {"Content-Type": "text/html; charset=utf-8"}, body.encode()
    else:
        headers, content = {"Content-Type": "application/json"}, json.dumps(body, indent=2).encode()
    return status, headers | dict(*more), content


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class FakeTransport(httpx.BaseTransport):
    """Answers an httpx.Client without a socket; a lost reply is an httpx.ReadError."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        method, url, headers = request.method, request.url, request.headers
        body = parse(method, headers.get("content-type", ""), request.read())
        try:
            reply = self._answer(method, url.path, dict(url.params), body, lowered(headers))
        except ReplyLostError:
            raise httpx.ReadError("the reply was lost", request=request) from None
        status, answered, content = render(reply)
        return httpx.Response(status, headers=answered, content=content, request=request)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    wbufsize = -1  # head and body in one segment
    answer: Answer

    def _respond(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = parse(self.command, self.headers.get("Content-Type", ""), content)
        try:
            reply = type(self).answer(self.command, path, query, body, lowered(self.headers))
        except ReplyLostError:
            self.close_connection = True
            return
        self._send(*render(reply))

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    # The names that http.server looks for.
    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _respond  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing: a test's output is the test's."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a client that hung up."""


@contextmanager
def serve(answer: Answer) -> Iterator[str]:
    """Serves on a free loopback port for as long as the context lasts; yields the base URL."""
    handler = type("Connection", (_Connection,), {"answer": staticmethod(answer)})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
