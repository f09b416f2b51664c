"""What can go wrong between us and a tracking server, as exceptions with words for people.

RequestFailed          the base: `.hint` says what to do, `.brief` is the message without the server's own words
├── BadConnection      the target's url, certificates or credentials cannot be used as they are
├── Malformed          a wire made a path that would not reach the server as it stands
├── WriteRefused       a reading command tried to write; nothing was sent
├── Unreachable        no answer; `.ambiguous` where the request may have been carried out all the same
├── Unauthorized       401 or 403
├── NotTracking        something answers there, but not a tracking server
├── Rejected           an error that the server explains: `.status`, `.code`, `.message`
├── ServerFailed       5xx without an explanation
├── MissingExtra       the embedded server needs mlflow, which is not installed
└── CannotOpen         the embedded server cannot use its database
"""

from __future__ import annotations

from typing import ClassVar

WORDS = 500
"""How many characters of a server's text go into a message."""


class RequestFailed(Exception):  # noqa: N818 - the names below say what happened
    """`brief` is ours alone; `words` came from the server, cleaned by `clean`, and may repeat what was sent to it.

    `finding` is the stable code under which the commands report it; `retry_after` are the seconds that the server
    asked to be left alone for.
    """

    finding: ClassVar[str] = "server"

    def __init__(self, brief: str, *, words: str = "", hint: str = "") -> None:
        super().__init__(f"{brief}: {words}" if words else brief)
        self.brief = brief
        self.hint = hint
        self.retry_after: float | None = None


class BadConnection(RequestFailed):
    finding = "bad-connection"


class Malformed(RequestFailed):
    pass


class WriteRefused(RequestFailed):
    pass


class Unreachable(RequestFailed):
    finding = "unreachable"

    def __init__(self, brief: str, *, words: str = "", hint: str = "", ambiguous: bool = False) -> None:
        super().__init__(brief, words=words, hint=hint)
        self.ambiguous = ambiguous


class Unauthorized(RequestFailed):
    finding = "credentials"


class NotTracking(RequestFailed):
    finding = "not-tracking"


class Rejected(RequestFailed):
    """`code` is the server's error code, '' where it gave none; `message` is cut and cleaned."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{status} {code}".rstrip(), words=message, hint=hint)
        self.status = status
        self.code = code
        self.message = message


class ServerFailed(RequestFailed):
    def __init__(self, status: int, brief: str, *, words: str = "", hint: str = "") -> None:
        super().__init__(brief, words=words, hint=hint)
        self.status = status


class MissingExtra(RequestFailed):
    finding = "missing-extra"


class CannotOpen(RequestFailed):
    finding = "bad-store"


def clean(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` fit for a terminal: without `secrets`, what does not print as its escape, and at most WORDS characters."""
    for secret in secrets:
        text = text.replace(secret, "***")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: WORDS + 1])
    return text if len(text) <= WORDS else f"{text[: WORDS - 1]}…"
