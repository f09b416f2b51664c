"""From a text and the secrets that it may hold to the text without them, whatever form they took on the way."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"
PART = 8
"""So many characters from the beginning or the end of a secret are taken for the secret: servers shorten."""


class Concealer:
    """Takes secrets out of texts: whole, escaped, percent-encoded, and what is left of them where a text was cut."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._long = [form for form in self._forms if len(form) > PART]

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MASK)
        for form in self._long:
            text = _without_ends(text, form)
        return text


def conceal(text: str, secrets: Iterable[str]) -> str:
    """`text` with MASK in place of each of `secrets`."""
    return Concealer(secrets)(text)


def _forms(secret: str) -> set[str]:
    """How a server may write `secret`: as it is, in a url, in JSON, in a program's text, in a page."""
    secret = str(secret)  # a Secret has a repr of its own
    encoded = secret.encode("utf-8", "backslashreplace")
    urls = [quote(encoded, safe=""), quote(encoded), quote_plus(encoded)]
    texts = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]]
    return {secret, html.escape(secret), *texts, *urls, *(_small(url) for url in urls)}


def _small(url: str) -> str:
    """`url` with the digits of its percent-encoding in lower case."""
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), url)


def _without_ends(text: str, secret: str) -> str:
    """`text` without what begins as `secret` does, or ends as it does, for at least PART characters."""
    at = text.find(secret[:PART])
    while at >= 0:
        length = _alike(text[at:], secret)
        text = text[:at] + MASK + text[at + length :]
        at = text.find(secret[:PART], at + len(MASK))
    at = text.rfind(secret[-PART:])
    while at >= 0:
        end = at + PART
        length = _alike(text[:end][::-1], secret[::-1])
        text = text[: end - length] + MASK + text[end:]
        at = text.rfind(secret[-PART:], 0, end - length)
    return text


def _alike(one: str, other: str) -> int:
    """How many characters both have in common from the beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
