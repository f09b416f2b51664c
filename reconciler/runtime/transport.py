"""What lies under the HTTP client: the network, a count of the requests, and the wall that makes reading read-only."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from reconciler.core.call import ends_with
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import BadConnection, WriteRefused

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux has it."""
_KEEP_SECONDS = 4.0
"""Uvicorn closes idle connections after 5 s (MLflow 3.17.2): ours go first, so none is closed while we send."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requests went out, also those that failed."""

    reads: int = 0
    writes: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Which POST requests change nothing: those to paths that end so; `probes`: those with an empty object as body."""

    ends: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()

    def covers(self, request: httpx.Request) -> bool:
        """Whether `request` can change nothing."""
        if request.method != "POST":
            return request.method in ("GET", "HEAD")
        path = request.url.raw_path.partition(b"?")[0].decode("ascii")
        return ends_with(path, self.ends) or (ends_with(path, self.probes) and _content(request) == b"{}")


def _content(request: httpx.Request) -> bytes | None:
    """The body, where it lies there as a whole."""
    try:
        return request.content
    except httpx.RequestNotRead:
        return None


class _Wrapping(httpx.BaseTransport):
    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def close(self) -> None:
        self._inner.close()


class _Telling(_Wrapping):
    """Tells reading from writing."""

    def __init__(self, inner: httpx.BaseTransport, reading: Reading) -> None:
        super().__init__(inner)
        self._reading = reading


class ReadOnlyTransport(_Telling):
    """Lets only reads through, whatever a wire, a redirect or a caller of the HTTP client does."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self._reading.covers(request):
            path = request.url.raw_path.partition(b"?")[0].decode("ascii")
            raise WriteRefused(
                f"a command that only reads tried {request.method} {path}; nothing was sent",
                hint="this is a bug in the backend: please report it",
            )
        return self._inner.handle_request(request)


class PromptTransport(_Wrapping):
    """Acknowledges the head of an answer at once, where the system can.

    A server that sends head and body apart keeps the body until then, and the system waits 40 ms to say it along with
    something else (uvicorn with several workers, MLflow 3.17.2: 52 ms for a request that takes 4). It has to be said
    for each answer anew.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        stream = response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream else None
        if connection is not None and _QUICKACK is not None:
            with suppress(OSError):  # it may be closed already
                connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        return response


class TimedTransport(_Wrapping):
    """Ends an answer that trickles in for longer than a request may take; httpx itself only times each part of it."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        seconds = request.extensions.get("timeout", {}).get("read")
        response = self._inner.handle_request(request)
        if seconds is not None and isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Timed(response.stream, time.monotonic() + seconds)
        return response


class _Timed(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, end: float) -> None:
        self._inner = inner
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            if time.monotonic() > self._end:
                raise httpx.ReadTimeout("the answer is not complete")
            yield chunk

    def close(self) -> None:
        self._inner.close()


class CountingTransport(_Telling):
    def __init__(self, inner: httpx.BaseTransport, reading: Reading) -> None:
        super().__init__(inner, reading)
        self._lock = threading.Lock()
        self._counted = {True: 0, False: 0}

    @property
    def counts(self) -> Counts:
        with self._lock:
            return Counts(reads=self._counted[True], writes=self._counted[False])

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        read = self._reading.covers(request)
        with self._lock:
            self._counted[read] += 1
        return self._inner.handle_request(request)


def network(connection: Connection, connections: int) -> httpx.BaseTransport:
    """The transport that `connection` asks for. Raises BadConnection where certificates or a proxy cannot be used."""
    if connection.transport is not None:
        return connection.transport
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEEP_SECONDS
    )
    try:
        return httpx.HTTPTransport(verify=_trust(connection), limits=limits, proxy=_proxy(connection.url))
    except (ValueError, ImportError) as error:
        raise BadConnection("the proxy in the environment cannot be used", hint=type(error).__name__) from None


def _trust(connection: Connection) -> ssl.SSLContext | bool:
    if connection.url.startswith("http:"):
        return False  # nothing to check; loading the authorities takes 20 ms
    try:
        context = _authorities(connection.verify)
        if connection.cert:
            context.load_cert_chain(connection.cert)
    except (OSError, ssl.SSLError) as error:
        raise BadConnection(f"a certificate file of the target cannot be used: {error}") from None
    return context


def _authorities(verify: bool | str) -> ssl.SSLContext:
    if isinstance(verify, bool):
        return httpx.create_ssl_context(verify=verify)
    if Path(verify).is_dir():
        return ssl.create_default_context(capath=verify)
    return ssl.create_default_context(cafile=verify)


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for `url`. httpx looks for it only where no transport is given, as here."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")
