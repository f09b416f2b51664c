"""From a document with `${...}` in it to one in which variables, environment, target, stack and item stand in place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from reconciler.core.change import Secret
from reconciler.core.diagnostics import Diagnostic, Failed, Span, error
from reconciler.core.room import CHARACTERS, Room
from reconciler.core.scope import Each, Scope, Unknown, fill, replacement
from reconciler.core.sensitive import Sensitive
from reconciler.core.words import shown
from reconciler.core.written import Document, Part

__all__ = ["EVERYTHING", "NOTHING", "Broken", "Each", "Scope", "interpolate"]

_OPEN = re.compile(r"\$\{")

NOTHING = Sensitive()
EVERYTHING = Sensitive(("*",))


class Broken(str):
    """A text that could not be interpolated: it has its finding, so that nobody needs to find fault with it again."""

    __slots__ = ()


def interpolate(
    document: Document, scope: Scope, sensitive: Sensitive = NOTHING, room: Room | None = None
) -> tuple[Document, list[Diagnostic]]:
    """The document with every `${...}` in its keys and values replaced, and what could not be.

    What holds something from the environment is a Secret if `sensitive` covers its path. What could not be replaced, or
    for what there is no `room`, is Broken. Interpolated keys keep the places of what was written.
    """
    if not _is_open(document.value):
        return document, []
    walker = _Walker(document, scope, sensitive, room or Room())
    done = document.holding(walker.value(document.value))
    for parent in sorted(walker.renames, key=len, reverse=True):  # the inner ones first: paths are as written
        done = done.renamed(parent, walker.renames[parent])
    return done, walker.errors


def _is_open(value: Any) -> bool:
    """Whether there is a `${` in it: in most entries there is none, and so nothing to walk through."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "${" in one:
                return True
        elif isinstance(one, dict):
            waiting += one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return False


class _Walker:
    """Goes through one document. Parts in which there is nothing to replace stay the same objects."""

    def __init__(self, document: Document, scope: Scope, sensitive: Sensitive, room: Room) -> None:
        self.document = document
        self.scope = scope
        self.sensitive = sensitive
        self.room = room
        self.path: list[Part] = []
        self.errors: list[Diagnostic] = []
        self.renames: dict[tuple[Part, ...], dict[Part, Part]] = {}

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value) if "${" in value else value
        if isinstance(value, dict):
            return self.map(value)
        if isinstance(value, list):
            items = [self.inside(index, item) for index, item in enumerate(value)]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def inside(self, part: Part, value: Any) -> Any:
        self.path.append(part)
        new = self.value(value)
        self.path.pop()
        return new

    def map(self, value: dict[str, Any]) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        same = True
        for key, inner in value.items():
            name = self.key(key) if "${" in key else key
            new = self.inside(key, inner)
            same = same and new is inner and name is key
            if isinstance(name, Broken):
                continue
            if name in changed:
                self.error(Unknown("duplicate-key", f"{shown(name)} is written twice", ""), self.key_span(key))
            changed.setdefault(name, new)
        return value if same else changed

    def key(self, key: str) -> str:
        name = self.filled(key, self.key_span(key))
        path = tuple(self.path)
        self.renames.setdefault(path, {})[key] = name
        return name if isinstance(name, Broken) else str(name)

    def key_span(self, key: str) -> Span:
        return self.document.at((*self.path, key))

    def text(self, text: str) -> str:
        span = self.document.value_at(tuple(self.path))
        filled = self.filled(text, span)
        if not isinstance(filled, Secret):
            return filled
        if not self.sensitive.covers(tuple(part for part in self.path if isinstance(part, str))):
            return str(filled)
        if not _exact(filled, self.scope):
            hint = "keep a '$' and a '{' apart, or put the whole text into one variable of the environment"
            self.error(Unknown("bad-interpolation", "this cannot be kept secret", hint), span)
        return filled

    def filled(self, text: str, span: Span) -> str:
        wrong: list[tuple[int, int, Unknown]] = []  # which token it is, its length, what is wrong
        number = -1

        def replaced(token: re.Match[str]) -> str:
            nonlocal number
            number += 1
            try:
                return replacement(token, self.scope)
            except Unknown as unknown:
                wrong.append((number, len(token[0]), unknown))
                return ""

        pieces = fill(text, replaced)
        if wrong:
            self.tell(wrong, span)
        elif not any(isinstance(piece, Broken) for piece in pieces) and self.fits(pieces, span):
            return _joined(pieces)
        return Broken(text)

    def fits(self, pieces: list[str], span: Span) -> bool:
        """Whether there is room for a text; one finding tells of all for which there is none."""
        if self.room.write(pieces):
            return True
        if not self.room.told:
            self.room.told = True
            hint = f"at most {CHARACTERS:,} characters are made in a stack"
            self.error(Unknown("too-much", "the texts that '${...}' makes are too long", hint), span)
        return False

    def tell(self, wrong: list[tuple[int, int, Unknown]], span: Span) -> None:
        """What is wrong with tokens of the scalar at `span`: each at its place, or at the scalar's in several lines."""
        found = [opening.start() for opening in _OPEN.finditer(self.document.text_at(span))]
        for number, width, unknown in wrong:
            known = number < len(found)
            self.error(unknown, Span(span.file, span.line, span.col + found[number], width) if known else span)

    def error(self, unknown: Unknown, at: Span) -> None:
        self.errors.append(error(unknown.code, unknown.summary, at, unknown.hint))


def _joined(pieces: Iterable[str]) -> str:
    """One text of several; with a Secret among them a Secret, in whose template only the environment is left open."""
    every = list(pieces)
    text = "".join(every)
    if not any(isinstance(piece, Secret) for piece in every):
        return text
    parts, literal = [], ""
    for piece in every:
        if isinstance(piece, Secret):
            parts += [literal.replace("${", "$${"), piece.template]
            literal = ""
        else:
            literal += piece
    return Secret(text, "".join(parts) + literal.replace("${", "$${"))


def _exact(secret: Secret, scope: Scope) -> bool:
    """Whether the template gives the text again: '$' before '${env.X}' would read as a literal '${'."""
    try:
        return scope.secret(secret.template) == secret
    except Failed:
        return False
