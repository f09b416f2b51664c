"""From a target and the environment to the workspace and the credentials: a token as it is, all else by databricks-sdk.

The SDK is imported where it is needed and not before. It was tried on a fake workspace with tokens and with OAuth for
service principals; its other ways (Azure, the CLI, federation) are its own, and were not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

from reconciler.backends.databricks.options import Options
from reconciler.backends.mlflow.options import verify
from reconciler.core.scrub import without_passwords
from reconciler.core.wire import Endpoint, NoCredentials, NoExtra, NotNow

WORKSPACE_HEADER = "X-Databricks-Workspace-Id"
HTTP_SECONDS, RETRY_SECONDS = 5, 5
"""For one request of the SDK, and for all attempts; its own defaults are a minute and five."""
_VARIABLES = {
    "host": "DATABRICKS_HOST",
    "profile": "DATABRICKS_CONFIG_PROFILE",
    "token": "DATABRICKS_TOKEN",
    "client_id": "DATABRICKS_CLIENT_ID",
    "client_secret": "DATABRICKS_CLIENT_SECRET",
    "auth_type": "DATABRICKS_AUTH_TYPE",
    "config_file": "DATABRICKS_CONFIG_FILE",
}
_SECRET = ("token", "client_secret")
_SENSITIVE = (*_SECRET, "password", "google_credentials", "azure_client_secret", "metadata_service_url")
"""What of the SDK's settings is a secret, wherever it was read (`databricks-sdk` 0.156.0, config.py)."""
_PASSING = {
    *("ConnectionError", "Timeout", "TimeoutError", "ChunkedEncodingError", "TransportError"),
    *("TooManyRequests", "InternalError", "TemporarilyUnavailable", "DeadlineExceeded"),
}
"""Exceptions of the SDK, of `requests` and of Google's library, by the names of their classes or of those above."""
_BUSY = ("temporarily_unavailable", "server_error", "internal_error", "request_limit_exceeded", "unknown")
"""Codes of servers of tokens (RFC 6749, 5.2; Databricks); the last is the SDK's own for an answer that has none."""
_NOWHERE = "Invalid URL 'None'"
"""What the SDK says where it could not ask the host for the place to sign in (0.156.0)."""
_METHODS = (("token", "pat"), ("client_id", "oauth-m2m"))
"""What of a target says how it wants to sign in."""
_ACCOUNT = ("host", "token", "client_id", "client_secret")


def endpoint(options: Options, environ: Mapping[str, str]) -> Endpoint:
    """The workspace of a target, and how to sign in. Raises NoCredentials, NoExtra.

    Its number is a part of its name where somebody gave it: what the SDK finds out depends on whether it is there.
    """
    settings = _settings(options, environ)
    said = options.workspace_id or environ.get("DATABRICKS_WORKSPACE_ID", "")
    common = Endpoint(part=f"workspace {said}" if said else "", verify=verify(environ))
    if _is_plain(settings):
        headers = _headers(options, said)
        return replace(common, url=address(settings["host"]), headers=headers, token=settings["token"])
    config = configuration(tuple(sorted(settings.items())))
    headers = _headers(options, said or str(getattr(config, "workspace_id", None) or ""))
    return replace(common, url=str(config.host or ""), headers=headers, sign=_signer(config))


def _headers(options: Options, number: str) -> dict[str, str]:
    return {**options.headers, **({WORKSPACE_HEADER: number} if number else {})}


def _is_plain(settings: Mapping[str, str]) -> bool:
    """Whether there is a host and a token for it, and nothing that says to sign in otherwise."""
    others = settings.keys() & {"profile", "client_id", "client_secret"}
    return {"host", "token"} <= settings.keys() and not others and settings.get("auth_type", "pat") == "pat"


def address(host: str) -> str:
    """The workspace's address, of a host as people copy it: with or without https://, with a path or a query."""
    try:
        parts = urlsplit(host if "://" in host else f"https://{host}")
    except ValueError:
        return host  # whoever connects to it says so
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


def _own(options: Options) -> dict[str, str]:
    said = {name: getattr(options, name) for name in ("host", "profile", "client_id", "auth_type")}
    said |= {name: getattr(options, name).get_secret_value() for name in _SECRET}
    return {name: value for name, value in said.items() if value}


def _settings(options: Options, environ: Mapping[str, str]) -> dict[str, str]:
    """What the target says; of the environment what does not contradict it. Raises NoCredentials."""
    own = _own(options)
    there = {name: environ[variable] for name, variable in _VARIABLES.items() if environ.get(variable)}
    if "profile" in own and (both := [name for name in ("host", "token") if name in own]):
        raise NoCredentials(
            f"the target names the profile '{own['profile']}', and beside it a {' and a '.join(both)}",
            "a profile has both: leave out the one or the other, or its token might go to another host",
        )
    if "profile" in own and (others := [_VARIABLES[name] for name in _ACCOUNT if name in there and name not in own]):
        raise NoCredentials(
            f"the target names the profile '{own['profile']}', and the environment another account",
            f"unset {', '.join(others)}: they would win over the profile",
        )
    method = next((method for name, method in _METHODS if name in own and "auth_type" not in own), "")
    if method:  # the way that the target chose; credentials of another way are left where they are
        foreign = {"token"} if method != "pat" else {"client_id", "client_secret", "profile"}
        there = {name: value for name, value in there.items() if name not in foreign | {"auth_type"}}
        own["auth_type"] = method
    return {**there, **own}


@lru_cache(maxsize=8)
def configuration(settings: tuple[tuple[str, str], ...]) -> Any:
    """The SDK's configuration, which asks the workspace where to sign in: once. Raises NoCredentials, NoExtra."""
    try:
        core = import_module("databricks.sdk.core")  # an extra, and slow
    except ImportError:
        raise NoExtra(_without(dict(settings)), "pip install databricks-sdk") from None
    logging.getLogger("databricks.sdk").addHandler(logging.NullHandler())  # or its warnings go to the terminal
    config = core.Config.__new__(core.Config)  # in two parts: where it fails, it has read what no message may hold
    times = {"http_timeout_seconds": HTTP_SECONDS, "retry_timeout_seconds": RETRY_SECONDS}
    try:
        config.__init__(**dict(settings), **times)
    except Exception as problem:  # noqa: BLE001 - it has no class of its own, and requests' ones
        raise _refused(problem, config) from None
    return config


def _without(settings: Mapping[str, str]) -> str:
    """What cannot be done without the SDK."""
    asked = [name for name in ("profile", "client_id", "client_secret", "auth_type") if name in settings]
    if asked:
        return f"'{asked[0]}' of a Databricks target needs databricks-sdk here"
    missing = [_VARIABLES[name] for name in ("host", "token") if name not in settings]
    return f"there is no {' and no '.join(missing)}; to sign in otherwise needs databricks-sdk here"


def _signer(config: Any) -> Callable[[], Mapping[str, str]]:
    """Fresh headers for each request: the SDK renews its tokens."""

    def sign() -> Mapping[str, str]:
        try:
            return dict(config.authenticate())
        except Exception as problem:  # noqa: BLE001 - as above
            raise _refused(problem, config) from None

    return sign


def _secrets(config: Any) -> list[str]:
    """What the SDK knows of the target, the environment or a profile and no message may hold, the longest first."""
    known = [str(getattr(config, name, None) or "") for name in _SENSITIVE]
    forms = {form for secret in known for form in (secret, quote(secret, safe=""), quote_plus(secret))}
    return sorted(forms - {""}, key=len, reverse=True)


def _refused(problem: Exception, config: Any) -> NoCredentials:
    """`problem` in one line, without secrets, and without the settings that the SDK tells behind it."""
    words = str(problem).partition(" Config: ")[0].strip() or type(problem).__name__
    for secret in _secrets(config):
        words = words.replace(secret, "***")
    words = without_passwords(words)
    if _NOWHERE in words:
        words = "the host does not tell where"
    words = " ".join(words.split())[:300].rstrip(".")
    hint = "it takes a host that can be reached, and a token, client_id and client_secret, or a profile"
    kind = NotNow if _passes(problem) else NoCredentials
    return kind(f"databricks-sdk cannot sign in: {words}", hint)


def _passes(problem: Exception) -> bool:
    """Whether the next attempt may end otherwise: nobody answered, or a server that failed or is busy."""
    names = {kind.__name__ for kind in type(problem).__mro__}
    if names & _PASSING:
        return "SSLError" not in names
    # of a failure to get a token it keeps the body alone: as bytes, where that is no JSON; else "code: message"
    said = problem.args[0] if isinstance(problem, ValueError) and problem.args else ""
    return isinstance(said, bytes) or str(said).partition(":")[0].lower() in _BUSY
