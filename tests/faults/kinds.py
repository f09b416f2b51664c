"""Every way in which a request can fail: whether the server gets it, and what its client sees."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum

import httpx

PAGE = b"<!doctype html><title>Sign in</title><p>This is not the server that you asked for.</p>"
LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"
_CODES = {429: "REQUEST_LIMIT_EXCEEDED", 500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE"}


class Ending(Enum):
    """What becomes of the client's connection."""

    reply = "a whole response arrives"
    half = "the connection ends in the middle of the response"
    reset = "the connection is reset before a response"
    silence = "nothing comes until the client gives up"
    down = "the connection is reset, and from now on nobody listens"


@dataclass(frozen=True)
class Kind:
    """`forwarded`: the server carries the request out. A reply without a status is the server's own, or what is left.

    Attributes:
        page: the body is HTML, as that of a gateway or a login page; else it is the JSON of an MLflow error.
        broken: the body is half of the server's reply, under a content length that fits.
        later: the value of Retry-After.
    """

    ending: Ending = Ending.reply
    forwarded: bool = False
    status: int = 0
    page: bool = False
    broken: bool = False
    later: str = ""


class Fault(Enum):
    """One word per kind. Where it does not say `after_commit`, `truncated`, `garbled` or `html`, nothing was done."""

    refused = Kind(Ending.down)
    reset = Kind(Ending.reset)
    reset_after_commit = Kind(Ending.reset, forwarded=True)
    timeout = Kind(Ending.silence)
    timeout_after_commit = Kind(Ending.silence, forwarded=True)
    error_429 = Kind(status=429)
    error_429_retry_0 = Kind(status=429, later="0")
    error_429_retry_1 = Kind(status=429, later="1")
    error_429_retry_date = Kind(status=429, later=LONG_AGO)
    error_500 = Kind(status=500)
    error_502 = Kind(status=502, page=True)
    error_503 = Kind(status=503)
    error_503_page = Kind(status=503, page=True)
    error_503_retry_0 = Kind(status=503, later="0")
    error_503_retry_1 = Kind(status=503, later="1")
    error_503_retry_date = Kind(status=503, page=True, later=LONG_AGO)
    error_500_after_commit = Kind(status=500, forwarded=True)
    error_502_after_commit = Kind(status=502, page=True, forwarded=True)
    error_503_after_commit = Kind(status=503, page=True, forwarded=True)
    error_504_after_commit = Kind(status=504, page=True, forwarded=True)
    truncated = Kind(Ending.half, forwarded=True)
    garbled = Kind(broken=True, forwarded=True)
    html = Kind(status=200, page=True, forwarded=True)
    html_before = Kind(status=200, page=True)

    @property
    def after_commit(self) -> bool:
        """Whether the server has done what the client cannot know of."""
        return self.value.forwarded

    def reply(self, answered: httpx.Response | None) -> httpx.Response:
        """What the client gets, given what the server answered; None where it was not asked."""
        kind = self.value
        if not kind.status:
            assert answered is not None
            content = answered.read()
            return _like(answered, content[: len(content) // 2] if kind.broken else content)
        headers = {"Content-Type": "text/html; charset=utf-8" if kind.page else "application/json"}
        if kind.later:
            headers["Retry-After"] = kind.later
        body = PAGE if kind.page else _error(kind.status)
        return httpx.Response(kind.status, headers=headers, content=body)


def _error(status: int) -> bytes:
    return json.dumps({"error_code": _CODES[status], "message": "something else is the matter"}).encode()


def _like(answered: httpx.Response, content: bytes) -> httpx.Response:
    headers = {"Content-Type": answered.headers.get("content-type", "application/json")}
    return httpx.Response(answered.status_code, headers=headers, content=content)
