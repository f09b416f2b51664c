"""What can go wrong between us and a tracking server, as exceptions with words for people.

RequestFailed          the base: `.hint` says what to do, `.brief` is the message without the server's own words;
│                      `.ambiguous` where the request may have been carried out all the same
├── BadConnection      the target's url, certificates or credentials cannot be used as they are
├── Malformed          a wire made a path that would not reach the server as it stands
├── WriteRefused       a reading command tried to write; nothing was sent
├── Unreachable        no answer
├── Unauthorized       401 or 403
├── NotTracking        something answers there, but not a tracking server
├── BadReply           the answer is JSON, but none to what was asked
├── Rejected           an error that the server explains: `.status`, `.code`, `.message`
├── ServerFailed       5xx without an explanation
├── Stopped            the command was stopped before the request was sent
├── Unrecorded         the journal cannot be written any more; nothing was sent
├── MissingExtra       the target needs mlflow, or another library, which is not installed
└── CannotOpen         the embedded server cannot use its database
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from reconciler.runtime.conceal import conceal

WORDS = 500
"""How many characters of a server's text go into a message."""
FAILED = 500
"""The first status that says that the server failed: what it had done by then is not known."""
GATEWAY_TIMEOUT = 504


class RequestFailed(Exception):  # noqa: N818 - the names below say what happened
    """`brief` is ours alone; `words` came from the server, cleaned by `clean`, and may repeat what was sent to it.

    Attributes:
        finding: the stable code under which the commands report it.
        ambiguous: the request may have been carried out all the same.
        timed_out: it may even be carried out later.
        retry_after: the seconds that the server asked to be left alone for.
        status: that of an answer of a server like ours, else 0.
        code: the server's error code, or NO_ROUTE; '' where there is none.
    """

    finding: ClassVar[str] = "server"

    def __init__(
        self, brief: str, *, words: str = "", hint: str = "", ambiguous: bool = False, timed_out: bool = False
    ) -> None:
        super().__init__(brief)
        self.brief = brief
        self.words = words
        self.hint = hint
        self.ambiguous = ambiguous
        self.timed_out = timed_out
        self.retry_after: float | None = None
        self.status = 0
        self.code = ""

    def __str__(self) -> str:
        return f"{self.brief}: {self.words}" if self.words else self.brief

    def add(self, remark: str) -> None:
        """Put a remark of ours behind the brief message."""
        self.brief = f"{self.brief} ({remark})"

    def withhold(self) -> None:
        """Leave the server's words out: the request held a sensitive value, which they may repeat, cut or altered."""
        if self.words:
            self.words = ""
            self.add("the server's words are left out: the request held a sensitive value")


class BadConnection(RequestFailed):
    finding = "bad-connection"


class Malformed(RequestFailed):
    pass


class WriteRefused(RequestFailed):
    pass


class Unreachable(RequestFailed):
    finding = "unreachable"


class Unauthorized(RequestFailed):
    """`everywhere`: any other request would be refused as well."""

    finding = "credentials"

    def __init__(self, brief: str, *, words: str = "", hint: str = "", everywhere: bool = False) -> None:
        super().__init__(brief, words=words, hint=hint)
        self.everywhere = everywhere


class NotTracking(RequestFailed):
    finding = "not-tracking"


class BadReply(RequestFailed):
    finding = "bad-reply"

    def __init__(self, method: str, path: str, why: str, *, ambiguous: bool = False) -> None:
        hint = "is the url that of a server of the target's backend, and does a proxy between change what it answers?"
        brief = f"the reply to {method} {clean(path)} cannot be used: {clean(why)}"
        super().__init__(brief, hint=hint, ambiguous=ambiguous)


class Rejected(RequestFailed):
    """`code` is the server's error code, '' where it gave none; `message` is cut and cleaned."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "") -> None:
        brief = f"{status} {code}".rstrip()
        super().__init__(
            brief, words=message, hint=hint, ambiguous=status >= FAILED, timed_out=status == GATEWAY_TIMEOUT
        )
        self.status = status
        self.code = code

    @property
    def message(self) -> str:
        return self.words


class ServerFailed(RequestFailed):
    def __init__(self, status: int, brief: str, *, words: str = "", hint: str = "") -> None:
        super().__init__(brief, words=words, hint=hint, ambiguous=status >= FAILED, timed_out=status == GATEWAY_TIMEOUT)
        self.status = status


class Stopped(RequestFailed):
    pass


class Unrecorded(RequestFailed):
    finding = "cannot-write"


class MissingExtra(RequestFailed):
    finding = "missing-extra"


class CannotOpen(RequestFailed):
    finding = "bad-store"


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` fit for a terminal: without `secrets`, what does not print as its escape, and at most WORDS characters."""
    text = conceal(text, secrets)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: WORDS + 1])
    return text if len(text) <= WORDS else f"{text[: WORDS - 1]}…"
