"""The faults without a socket: a transport for httpx that fails as the network would."""

from __future__ import annotations

import httpx

from .kinds import Ending
from .relay import Relay


class FaultyTransport(httpx.BaseTransport):
    """`refused` is for that one request here: nobody listened when it came."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fault, answered = self._relay.take(request)
        if fault is None:
            assert answered is not None
            return answered
        error = _ERRORS.get(fault.value.ending)
        if error:
            raise error(fault.name, request=request)
        return fault.reply(answered)


_ERRORS: dict[Ending, type[httpx.RequestError]] = {
    Ending.down: httpx.ConnectError,
    Ending.reset: httpx.ReadError,
    Ending.silence: httpx.ReadTimeout,
    Ending.half: httpx.RemoteProtocolError,
}
