"""From a prepared `Call` to the server's decoded reply, over httpx; a client that is not writable cannot write."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

import httpx

from reconciler.core.call import Call, Reply
from reconciler.core.sensitive import secrets_in
from reconciler.core.wire import Rate
from reconciler.runtime.answer import decode, told
from reconciler.runtime.conceal import Concealer
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import (
    BadConnection,
    Malformed,
    NotTracking,
    Rejected,
    RequestFailed,
    ServerFailed,
    Unauthorized,
    Unreachable,
    WriteRefused,
    clean,
)
from reconciler.runtime.journal import Entry, Journal
from reconciler.runtime.line import Line, Server, Tell
from reconciler.runtime.pace import Pace
from reconciler.runtime.retry import Retry
from reconciler.runtime.stop import Stop
from reconciler.runtime.throttle import Gate
from reconciler.runtime.transport import (
    CountingTransport,
    Counts,
    PromptTransport,
    Reading,
    ReadOnlyTransport,
    TimedTransport,
    network,
)

__all__ = [
    "BadConnection",
    "Client",
    "Connection",
    "Counts",
    "Malformed",
    "NotTracking",
    "ReadOnlyTransport",
    "Reading",
    "Rejected",
    "RequestFailed",
    "ServerFailed",
    "Unauthorized",
    "Unreachable",
    "WriteRefused",
]

_CONNECT_SECONDS = 10.0
ASIDE = 2
"""How many connections are kept for requests beside the others: renewing and releasing the lock."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class Client:
    """Sends calls to one server; may be used from several threads, closes as a context manager.

    `reading` are the POST requests that only read; `connections` is how many requests may be under way at once, `rates`
    how many a second; `tell` is told where the server is waited for. Once `stop` is set, no request waits for its turn
    and none is sent again.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        version: str,
        reading: Reading | None = None,
        writable: bool = False,
        connections: int = 10,
        retry: Retry | None = None,
        journal: Journal | None = None,
        rates: Sequence[Rate] = (),
        tell: Tell | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.stop = stop or Stop()
        self._retry = retry or Retry()
        server = Server(tell) if tell else Server()
        self._line = Line(Gate(connections), Pace(rates), self.stop, server)
        self._aside = Line(Gate(ASIDE), server=server)
        self._journal = journal
        self._reading = reading = reading or Reading()
        self._connection = connection
        self._keys = uuid.UUID(bytes=os.urandom(16))
        self._base = httpx.URL(connection.url)
        self._counting = CountingTransport(
            TimedTransport(PromptTransport(network(connection, connections + ASIDE))), reading
        )
        wall = ReadOnlyTransport(self._counting, reading)
        self._reader = self._speaker(wall, version)
        self._writer = self._speaker(self._counting, version) if writable else self._reader

    def _speaker(self, transport: httpx.BaseTransport, version: str) -> httpx.Client:
        connection = self._connection
        return httpx.Client(
            transport=transport,
            headers={"User-Agent": f"reconciler/{version}", "Accept": "application/json"}
            | {**connection.headers, **connection.bearer},
            auth=connection.auth or connection.signing,
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """What is still under way ends as it does, and is not sent again."""
        self.stop.set()
        self._reader.close()

    @property
    def server(self) -> str:
        """The server's url, or its store, without credentials."""
        return self._connection.shown

    @property
    def counts(self) -> Counts:
        return self._counting.counts

    def send(self, call: Call) -> Reply:
        """The reply's JSON; None for an error that the call absorbs. Raises RequestFailed."""
        return self._send(call, self._writer)

    def read(self, call: Call) -> Reply:
        """As `send`, but it refuses what could write, whatever else this client may do."""
        return self._send(call, self._reader)

    def aside(self, call: Call) -> Reply:
        """As `send`, past the line in which the others stand, and whatever `stop` says: for the stack's lock."""
        return self._send(call, self._writer, self._aside)

    def _send(self, call: Call, http: httpx.Client, line: Line | None = None) -> Reply:
        line = line or self._line
        try:
            return self._retry.run(lambda number, left: self._attempt(call, number, left, http), call, line)
        except RequestFailed as error:
            if set(call.absorbs) & {error.code, str(error.status)} - {""}:
                return None
            if secrets_in([call.body, call.query]):
                error.withhold()
            raise

    def _attempt(self, call: Call, number: int, left: float, http: httpx.Client) -> Reply:
        seconds = min(self._connection.timeout, left)
        request = self._request(call, seconds)
        with self._noted(call, number) as entry:
            response = self._exchange(request, seconds, http)
            entry.status = response.status_code
        if call.asks and (answer := told(response)):
            return answer
        return decode(response, self._connection, reading=self._reading.covers(request))

    def _noted(self, call: Call, number: int) -> AbstractContextManager[Entry]:
        if self._journal is None:
            return nullcontext(Entry())
        return self._journal.request(call, number, Concealer(self._connection.secrets))

    def _exchange(self, request: httpx.Request, seconds: float, http: httpx.Client) -> httpx.Response:
        try:
            return http.send(request)
        except (httpx.InvalidURL, UnicodeError):  # httpx looks at where a redirect leads, though it does not follow it
            raise NotTracking(f"{self._connection.shown} redirects to what is no address") from None
        except httpx.DecodingError:
            brief = f"{self._connection.shown} answers with a body that cannot be unpacked"
            raise NotTracking(brief, ambiguous=True) from None
        except httpx.TransportError as error:
            raise self._unreachable(error, seconds) from None  # its own messages may hold what was sent

    def _request(self, call: Call, seconds: float) -> httpx.Request:
        """Raises Malformed where httpx would change the path.

        DELETE .../tags/.. would become .../tags' parent, which deletes the logged model itself (MLflow 3.17.2).
        """
        headers = {} if call.body is None else {"Content-Type": "application/json"}
        url = str(self._base).rstrip("/") + call.path
        times = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        try:
            request = self._reader.build_request(
                call.method, url, params=dict(call.query) or None, content=_encode(call), headers=headers, timeout=times
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            raise Malformed(f"{call.method} {clean(call.path)} cannot be sent", words=clean(str(error))) from None
        sent = request.url.raw_path.partition(b"?")[0]
        meant = self._base.raw_path.rstrip(b"/") + call.path.encode("utf-8", "surrogatepass")
        if sent != meant or request.url.host != self._base.host:
            raise Malformed(
                f"the path {clean(call.path)} is not percent-encoded", hint="this is a bug: please report it"
            )
        if self._connection.idempotency and not self._reading.covers(request):
            request.headers[self._connection.idempotency] = self._key(call)
        return request

    def _key(self, call: Call) -> str:
        """The same for the same request of this client, however often it is sent."""
        what = json.dumps([call.method, call.path, call.query, call.body], sort_keys=True)
        return str(uuid.uuid5(self._keys, what))

    def _unreachable(self, error: httpx.TransportError, seconds: float) -> Unreachable:
        shown, words = self._connection.shown, clean(str(error), self._connection.secrets)
        ambiguous = not isinstance(error, _NEVER_SENT)
        if isinstance(error, httpx.TimeoutException) and ambiguous:
            brief = f"{shown} did not answer within {seconds:.3g} s"
            return Unreachable(brief, hint="is the server up?", ambiguous=True, timed_out=True)
        if "CERTIFICATE_VERIFY_FAILED" in words:
            hint = "name the authority that signed the server's certificate in MLFLOW_TRACKING_SERVER_CERT_PATH"
            return Unreachable(f"the certificate of {shown} is not trusted", words=words, hint=hint)
        brief = f"the connection to {shown} broke" if ambiguous else f"{shown} cannot be reached"
        return Unreachable(brief, words=words or type(error).__name__, hint="is the server up?", ambiguous=ambiguous)


def _encode(call: Call) -> bytes | None:
    if call.body is None:
        return None
    # a lone surrogate is no UTF-8, and MLflow 3.17.2 takes such a body for {}; written as its JSON escape it is refused
    return json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
