"""From a server's response to its decoded JSON, or to the error that says what the response really was."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from reconciler.core.call import NO_ROUTE, Answer, Reply
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import NotTracking, Rejected, RequestFailed, ServerFailed, Unauthorized, clean
from reconciler.runtime.retry import seconds

_NOTHING_THERE = (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED)
_NO_ANSWERS = (httpx.codes.UNAUTHORIZED, httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
_START = 4_000
_PREFIX = "is the url the tracking server's own, with its path? where the API starts below it is the target's `prefix`"


def decode(response: httpx.Response, connection: Connection, *, reading: bool = False) -> Reply:
    """The JSON object of a success, `{}` for 204 unless something was to be read. Raises RequestFailed."""
    if response.status_code == httpx.codes.NO_CONTENT and not reading:
        return {}
    reply = _json(response)
    if not response.is_success:
        error = _error(response, reply, connection)
        error.retry_after = seconds(response.headers.get("retry-after", ""), time.time())
        raise error
    # an empty body is no empty answer: taken for one, a search would find nothing and a plan would create everything
    if not isinstance(reply, dict):
        raise _not_tracking(response, connection)
    return reply


def told(response: httpx.Response) -> Answer | None:
    """What a server that was asked what it is says of it; None where it failed, or wants to be asked otherwise.

    A gateway may forbid the question, or redirect it, and let all else through: that is an answer.
    """
    status = response.status_code
    if status in _NO_ANSWERS or response.is_server_error:
        return None
    return Answer(status, _explained(_json(response))[0], response.content[:_START].decode("utf-8", "replace"))


def _error(response: httpx.Response, reply: Any, connection: Connection) -> RequestFailed:
    status = response.status_code
    code, message = _explained(reply)
    words = clean(message or _plain(response), connection.secrets)
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return _refused(status, words, connection)
    if response.is_redirect or (status in _NOTHING_THERE and not code):
        return _not_tracking(response, connection)
    if response.is_server_error and not code:
        return ServerFailed(status, f"{connection.shown} failed with {status}", words=words)
    return Rejected(status, clean(code, connection.secrets), words)


def _refused(status: int, words: str, connection: Connection) -> RequestFailed:
    if words.startswith("Invalid Host header"):  # MLflow 3.5 and later, as plain text; not a matter of credentials
        host = urlsplit(connection.url).netloc
        return Rejected(status, "", words, hint=f"start the MLflow server with --allowed-hosts '{host}'")
    brief = f"{connection.shown} refused access with {status} (credentials sent: {connection.credentials})"
    none = "give the target a token, or a user name and password where its backend takes them"
    hint = none if connection.credentials == "none" else "are they right, and may they do this?"
    return Unauthorized(brief, words=words, hint=hint, everywhere=status == httpx.codes.UNAUTHORIZED)


def _not_tracking(response: httpx.Response, connection: Connection) -> NotTracking:
    path = clean(response.request.url.raw_path.partition(b"?")[0].decode("ascii"), connection.secrets)
    what = f"{response.status_code}, {clean(_kind(response), connection.secrets)}"
    brief = f"{connection.shown} answers, but not as a tracking server ({what} for {path})"
    if response.is_redirect:
        place = clean(_place(response.headers.get("location", "")), connection.secrets)
        return NotTracking(brief, hint=f"it redirects to '{place}': a login page, or the url to use?")
    error = NotTracking(brief, hint=_PREFIX, ambiguous=response.is_success)  # a proxy's page in place of the reply
    error.code = NO_ROUTE if response.status_code in _NOTHING_THERE else ""
    return error


def _place(location: str) -> str:
    """A redirect's target without what may be secret in it: user, password, query."""
    try:
        to = urlsplit(location)
    except ValueError:
        return ""
    return f"{to.scheme}://{to.hostname}{to.path}" if to.hostname else to.path


def _kind(response: httpx.Response) -> str:
    kind: str = response.headers.get("content-type", "no content type")
    return kind.partition(";")[0] if response.content else "empty"


def _json(response: httpx.Response) -> Any:
    """None where the body is not JSON."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _explained(reply: Any) -> tuple[str, str]:
    """Code and message of a JSON error. MLflow and Databricks have both at the top, others below `error`."""
    if not isinstance(reply, dict):
        return "", ""
    inner = reply.get("error")
    if isinstance(inner, dict):
        return str(inner.get("code") or ""), str(inner.get("message") or "")
    message = reply.get("message") or reply.get("detail") or ""
    return str(reply.get("error_code") or ""), message if isinstance(message, str) else json.dumps(message)


def _plain(response: httpx.Response) -> str:
    """A plain text body; nothing of an HTML page."""
    if not response.headers.get("content-type", "").startswith("text/plain"):
        return ""
    return response.content.decode("utf-8", "replace").strip()
