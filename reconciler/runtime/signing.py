"""Signs each request anew with what a backend's credentials give, and remembers what of it no message may hold."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

import httpx

from reconciler.core.wire import NoCredentials, NotNow
from reconciler.runtime.errors import Unauthorized, Unreachable


class Signing(httpx.Auth):
    """`sign` gives the headers; a new token may cost it a request of its own."""

    def __init__(self, sign: Callable[[], Mapping[str, str]]) -> None:
        self._sign = sign
        self.secrets: set[str] = set()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises Unauthorized where there is nothing to sign with, Unreachable where that is about to pass."""
        try:
            headers = self._sign()
        except NotNow as problem:
            raise Unreachable(str(problem), hint=problem.hint) from None
        except NoCredentials as problem:
            raise Unauthorized(str(problem), hint=problem.hint, everywhere=True) from None
        self.secrets |= {part for value in headers.values() for part in (value, *value.split()[-1:]) if part}
        request.headers.update(headers)
        yield request
