"""From a target and the environment to the workspace and the credentials: a token as it is, all else by databricks-sdk.

The SDK is imported where it is needed and not before. It was tried on a fake workspace with tokens and with OAuth for
service principals; its other ways (Azure, the CLI, federation) are its own, and were not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from reconciler.backends.databricks.options import Options
from reconciler.backends.mlflow.options import verify
from reconciler.core.wire import Endpoint, NoCredentials, NoExtra

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
_NOWHERE = "Invalid URL 'None'"
"""What the SDK says where it could not ask the host for the place to sign in (0.156.0)."""
_METHODS = (("token", "pat"), ("client_id", "oauth-m2m"))
"""What of a target says how it wants to sign in."""
_ACCOUNT = ("host", "token", "client_id", "client_secret")


def endpoint(options: Options, environ: Mapping[str, str]) -> Endpoint:
    """The workspace of a target, and how to sign in. Raises NoCredentials, NoExtra."""
    settings = _settings(options, environ)
    number = options.workspace_id or environ.get("DATABRICKS_WORKSPACE_ID", "")
    if _is_plain(settings):
        return _endpoint(options, environ, url=address(settings["host"]), number=number, token=settings["token"])
    config = configuration(tuple(sorted(settings.items())))
    url, number = str(config.host or ""), number or str(getattr(config, "workspace_id", None) or "")
    return _endpoint(options, environ, url=url, number=number, sign=_signer(config, _secrets(settings)))


def _endpoint(
    options: Options,
    environ: Mapping[str, str],
    *,
    url: str,
    number: str,
    token: str = "",
    sign: Callable[[], Mapping[str, str]] | None = None,
) -> Endpoint:
    headers = {**options.headers, **({WORKSPACE_HEADER: number} if number else {})}
    return Endpoint(url=url, headers=headers, token=token, sign=sign, verify=verify(environ))


def _is_plain(settings: Mapping[str, str]) -> bool:
    """Whether there is a host and a token for it, and nothing that says to sign in otherwise."""
    others = settings.keys() & {"profile", "client_id", "client_secret"}
    return {"host", "token"} <= settings.keys() and not others and settings.get("auth_type", "pat") == "pat"


def _secrets(settings: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(settings[name] for name in _SECRET if name in settings)


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
        raise NoExtra(_without(dict(settings)), "pip install 'reconciler[databricks]'") from None
    logging.getLogger("databricks.sdk").addHandler(logging.NullHandler())  # or its warnings go to the terminal
    try:
        return core.Config(**dict(settings), http_timeout_seconds=HTTP_SECONDS, retry_timeout_seconds=RETRY_SECONDS)
    except Exception as problem:  # noqa: BLE001 - it has no class of its own, and requests' ones
        raise _refused(problem, _secrets(dict(settings))) from None


def _without(settings: Mapping[str, str]) -> str:
    """What cannot be done without the SDK."""
    asked = [name for name in ("profile", "client_id", "client_secret", "auth_type") if name in settings]
    if asked:
        return f"'{asked[0]}' of a Databricks target needs databricks-sdk here"
    missing = [_VARIABLES[name] for name in ("host", "token") if name not in settings]
    return f"there is no {' and no '.join(missing)}; to sign in otherwise needs databricks-sdk here"


def _signer(config: Any, secrets: tuple[str, ...]) -> Callable[[], Mapping[str, str]]:
    """Fresh headers for each request: the SDK renews its tokens."""

    def sign() -> Mapping[str, str]:
        try:
            return dict(config.authenticate())
        except Exception as problem:  # noqa: BLE001 - as above
            raise _refused(problem, secrets) from None

    return sign


def _refused(problem: Exception, secrets: tuple[str, ...]) -> NoCredentials:
    """`problem` in one line, without `secrets`, and without the settings that the SDK tells behind it."""
    words = str(problem).partition(" Config: ")[0].strip() or type(problem).__name__
    for secret in secrets:
        words = words.replace(secret, "***")
    if _NOWHERE in words:
        words = "the host does not tell where"
    words = " ".join(words.split())[:300].rstrip(".")
    hint = "it takes a host that can be reached, and a token, client_id and client_secret, or a profile"
    return NoCredentials(f"databricks-sdk cannot sign in: {words}", hint)
