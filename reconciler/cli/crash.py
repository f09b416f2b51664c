"""From an exception that nobody foresaw to the account of where it came from, without what may be secret in it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

from reconciler.core.scrub import without_passwords
from reconciler.runtime.conceal import Concealer

SHORTEST = 6
"""Characters; a shorter value of the environment is no secret, and stands everywhere."""


def account(error: BaseException, environ: Mapping[str, str]) -> str:
    """The traceback, that of what led to it first. Frames hold the program's text and no values.

    Messages may hold anything: what stands in the environment is masked in them.
    """
    conceal = Concealer(value for value in environ.values() if len(value) >= SHORTEST)
    parts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        frames = "".join(traceback.format_tb(cause.__traceback__))
        message = conceal(without_passwords(str(cause)))
        parts.insert(0, f"Traceback (most recent call last):\n{frames}{type(cause).__name__}: {message}\n")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\nwhich led to:\n\n".join(parts)
