"""Where an experiment keeps its artifacts: which locations the server takes, and what it makes of them."""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath
from urllib.parse import ParseResult, unquote, urlparse, urlunparse, urlunsplit

from .errors import ApiError, PageError, invalid
from .limits import LOCATION

_FOLDER = "/srv"
"""The server's working directory."""
_ELSEWHERE = frozenset({"ftp", "sftp", "hdfs", "viewfs", "http", "https", "r2", "b2", "abfss"})
"""Schemes that name a host; only an operator's setting lets the server speak to it."""
_DATABASES = ("postgresql", "mysql", "sqlite", "mssql")
_HERE = ("localhost", "127.0.0.1")


def settled(given: str) -> str:
    """The location as it is stored. What cannot be parsed as a URL is an HTML page."""
    if not given:
        return ""
    try:
        return _settled(given, urlparse(given))
    except ValueError:
        raise PageError(500) from None


def _settled(given: str, parts: ParseResult) -> str:
    if parts.fragment or parts.params:
        raise invalid("'artifact_location' URL can't include fragments or params.")
    _check_query(parts.query)
    _check_scheme(parts)
    if given.startswith("runs:"):
        raise invalid(f"Artifact location cannot be a runs:/ URI. Given: '{given}'")
    if len(given) > LOCATION or len(stored := _absolute(given, parts)) > LOCATION:
        raise invalid("Invalid artifact path length.")
    return stored


def _check_query(query: str) -> None:
    """However often it is encoded, a query has no step up."""
    for _ in range(10):
        plain = urlunparse(urlparse(unquote(query)))
        if plain == query:
            break
        query = plain
    if ".." in query:
        raise invalid("Invalid query string")


def _check_scheme(parts: ParseResult) -> None:
    if parts.scheme.startswith(_DATABASES) and parts.scheme.partition("+")[0] not in _DATABASES:
        raise invalid(f"Invalid database engine: '{parts.scheme}'")
    if parts.scheme.startswith(_DATABASES) and parts.scheme.count("+") > 1:
        raise invalid("Invalid database URI.")
    if parts.scheme in _ELSEWHERE or (parts.scheme == "mlflow-artifacts" and parts.netloc):
        raise invalid(f"'artifact_location' cannot use the '{parts.scheme}' scheme")


def _absolute(given: str, parts: ParseResult) -> str:
    """What has no scheme is a path, and a relative one stands below the server's working directory."""
    if parts.scheme not in ("", "file") or given == "databricks":
        return given
    host = parts.hostname
    if parts.scheme and host and host != "." and not host.startswith(_HERE):
        raise ApiError("INTERNAL_ERROR", f"{given} is not a valid remote uri.")
    path = unquote(parts.path if given.startswith("file:") else given)
    if path.startswith("/"):
        return given
    found = PurePosixPath(_FOLDER, path).as_posix()
    return urlunsplit((parts.scheme, "", found, parts.query, "")) if parts.scheme else found


def below(location: str, *names: str) -> str:
    """The location of something inside: the names go behind the path, before a query."""
    parts, inner = urlparse(location), "/".join(names)
    if not parts.scheme:
        return posixpath.join(location, inner)
    prefix = "" if parts.path.startswith("/") else f"{parts.scheme}:"
    shown = parts._replace(scheme="" if prefix else parts.scheme, path=posixpath.join(parts.path, inner))
    return prefix + urlunparse(shown)
