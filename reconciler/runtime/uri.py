"""From the URI of a store, and what libraries say of it, to words without its password."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from reconciler.runtime.errors import clean


def scheme(uri: str) -> str:
    """`postgresql` of `postgresql+psycopg2://...`; '' for a folder."""
    before, colon, _ = uri.partition(":")
    return before.partition("+")[0].lower() if colon else ""


def absolute(uri: str) -> str:
    """`uri` with a SQLite file's path made absolute: MLflow keeps a store by its URI, whatever folder that meant."""
    before, separator, path = uri.partition(":///")
    if not separator or scheme(uri) != "sqlite" or path.startswith(("/", ":memory:")):
        return uri
    return f"{before}:///{Path.cwd() / path}"


def shown(uri: str) -> str:
    """`uri` without its password and options, for messages."""
    before, separator, _ = uri.partition("://")
    if not separator:
        return re.sub(r"^([^/@:]*:)[^@]*@", r"\1***@", uri)  # a folder, or a server's url without its scheme
    user, at, place = _split(uri)
    return f"{before}://{user.partition(':')[0].partition('?')[0]}{at}{place.partition('?')[0]}"


def said(error: object, uri: str) -> str:
    """The words of an error that a library raised for `uri`."""
    user, _, place = _split(uri)
    password = user.partition(":")[2]
    options = [value for _, value in parse_qsl(place.partition("?")[2])]
    secrets = sorted({password, unquote(password), *options} - {""}, key=len, reverse=True)
    return clean(str(error).replace(uri, shown(uri)), tuple(secrets))


def _split(uri: str) -> tuple[str, str, str]:
    """User and password, '@', and the rest. As SQLAlchemy 2.0 has it, a password may hold a slash."""
    rest = uri.partition("://")[2]
    return ("", "", rest) if rest.startswith("/") else rest.rpartition("@")
