"""From a target's url, credentials and certificates to a `Connection` that shows none of its secrets."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from reconciler.runtime.errors import BadConnection
from reconciler.runtime.signing import Signing

_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
"""A header's name (RFC 9110, 5.1)."""
_OURS = frozenset(("content-length", "content-type", "transfer-encoding"))
_SECRET_HEADER = re.compile(r"authorization|cookie|key|token|secret|password", re.IGNORECASE)


@dataclass(frozen=True)
class Connection:
    """Where a server is, and as whom we speak to it.

    Attributes:
        url: user name and password in it are moved to `auth`; a path in it stands before every call's path.
        headers: sent with every request.
        auth: user name and password; they win over `token`, as in MLflow's own client.
        verify: False, or the file or folder of certificate authorities to trust instead of the usual ones.
        cert: the file of our own certificate and key.
        timeout: seconds.
        transport: takes the place of the network (the embedded server, a test).
        name: what messages call the server, instead of its url; `part`: what they say behind that.
        signing: signs each request, where there is neither `auth` nor `token`.
        idempotency: the header that tells a server which requests are one and the same.

    Raises:
        BadConnection: something in it cannot be used; no message holds a secret.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    verify: bool | str = True
    cert: str | None = None
    timeout: float = 60.0
    transport: httpx.BaseTransport | None = field(default=None, repr=False, compare=False)
    name: str = ""
    part: str = ""
    signing: Signing | None = field(default=None, repr=False, compare=False)
    idempotency: str = ""

    def __post_init__(self) -> None:
        url, auth = _split(self.url)
        object.__setattr__(self, "url", url)
        object.__setattr__(self, "auth", self.auth or auth)
        _check_headers({**self.headers, **self.bearer})

    @property
    def shown(self) -> str:
        return (self.name or self.url) + (f" ({self.part})" if self.part else "")

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token and not self.auth else {}

    @property
    def credentials(self) -> str:
        """What kind of credentials is sent, for messages: never their values."""
        if self.auth:
            return "a user name and password"
        if self.token or self.signing:
            return "a token"
        if any(_SECRET_HEADER.search(name) for name in self.headers):
            return "those in the target's headers"
        return "none"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold, the longest first."""
        values = [value for name, value in self.headers.items() if _SECRET_HEADER.search(name)]
        found = {self.token or "", *values, *(value.split()[-1] for value in values if value.strip())}
        if self.auth:
            found |= {self.auth[1], base64.b64encode(":".join(self.auth).encode()).decode()}
        found |= self.signing.secrets if self.signing else set()
        return tuple(sorted(found - {""}, key=lambda secret: (-len(secret), secret)))


def _split(url: str) -> tuple[str, tuple[str, str] | None]:
    """`url` without user name, password and closing slash; and those two."""
    try:
        parts = urlsplit(url.strip())
        user, at, host = parts.netloc.rpartition("@")
        clean = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        usable = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
        usable = usable and bool(httpx.URL(clean).host)
    except (ValueError, httpx.InvalidURL):
        usable = False
    # an unencoded / ? or # in a password ends the host early: what follows must not be taken for a path and shown
    if not usable or parts.query or parts.fragment or "@" in parts.path:
        raise BadConnection(
            "the server's url cannot be used",
            hint="write it as https://host:port/prefix, and percent-encode what is special in a user name or password",
        ) from None
    name, _, password = user.partition(":")
    return clean, (unquote(name), unquote(password)) if at else None


def _is_host(name: str) -> bool:
    """Raises UnicodeError, a ValueError, where a part of it is too long for DNS: the resolver would do so later."""
    return bool(name.encode("idna")) and not any(char.isspace() for char in name)


def _check_headers(headers: Mapping[str, str]) -> None:
    # httpx raises here too, but with the value in its message
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            raise BadConnection(
                f"the header {name!a} cannot be sent",
                hint="its name has letters, digits and '-', and it does not say how a request is written",
            )
        if not (value.isascii() and value.isprintable()):
            raise BadConnection(
                f"the header {name!a} has a value that cannot be sent",
                hint="look for a line end or a character outside ASCII in the token or header",
            )
