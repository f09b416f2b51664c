"""The faults on the network: an HTTP proxy on loopback in front of any server, real or fake."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from .kinds import Ending
from .relay import Relay

_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class Proxy:
    """Listens at `url` while it is up; `relay` says what happens to what comes in."""

    def __init__(self, relay: Relay, upstream: str) -> None:
        self.relay = relay
        self.upstream = upstream.rstrip("/")
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._server.start()

    def up(self) -> None:
        """Listen again, where a client will look: at the same port."""
        with self._lock:
            if self._server.closed:
                self._server = _Server(("127.0.0.1", self.port), self)
                self._server.start()

    def down(self) -> None:
        """Stop listening, and end every connection."""
        with self._lock:
            self._server.stop()
            for connection in self._open:
                _hang_up(connection)

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
            if self._server.closed:
                _hang_up(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)


@contextmanager
def proxy(upstream: str, transport: httpx.BaseTransport | None = None) -> Iterator[Proxy]:
    """A proxy in front of the server at the base URL `upstream`, which `transport` reaches; by default over HTTP."""
    # a server may close what has been idle for 5 s (uvicorn): ours go first, so that no fault comes of itself
    limits = httpx.Limits(max_connections=64, keepalive_expiry=2)
    with transport or httpx.HTTPTransport(limits=limits) as reached:
        found = Proxy(Relay(reached), upstream)
        try:
            yield found
        finally:
            found.down()


def _reset(connection: socket.socket) -> None:
    """Close with RST, whatever is still to be sent. The file that was made of the socket does not keep it open."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())


def _hang_up(connection: socket.socket) -> None:
    """Its own thread, which may be waiting for a request, closes it then."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one segment
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.proxy.opened(self.connection)

    def finish(self) -> None:
        self.server.proxy.closed(self.connection)
        with suppress(OSError):
            super().finish()

    def _pass(self) -> None:
        fault, answered = self.server.proxy.relay.take(self._request())
        ending = fault.value.ending if fault else Ending.reply
        if ending in (Ending.reply, Ending.half):
            assert answered is not None or fault is not None
            self._send(fault.reply(answered) if fault else answered, whole=ending is Ending.reply)
            return
        self.close_connection = True
        if ending is Ending.silence:
            self.connection.recv(1)  # ends when the client hangs up
            return
        if ending is Ending.down:
            self.server.proxy.closed(self.connection)
            self.server.proxy.down()
        _reset(self.connection)

    def _request(self) -> httpx.Request:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in _HOP]
        return httpx.Request(self.command, self.server.proxy.upstream + self.path, headers=headers, content=content)

    def _send(self, reply: httpx.Response, *, whole: bool) -> None:
        content = reply.read()
        self.send_response(reply.status_code)
        for name, value in reply.headers.items():
            if name not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if whole else content[: len(content) // 2])
        self.wfile.flush()
        self.close_connection |= not whole

    # The names that http.server looks for.
    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _pass  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing: a test's output is the test's."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: Proxy) -> None:
        super().__init__(address, _Connection)
        self.proxy = owner
        self.closed = False
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if not self.closed:
            self.closed = True
            self.socket.close()
            self.shutdown()
            self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is no error here."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
