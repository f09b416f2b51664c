"""What a phase has to say of its input: findings with a place, a stable code and a way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file, counted from 1. `width`: how many characters a caret line marks; not part of equality."""

    file: str
    line: int
    col: int
    width: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}"

    @classmethod
    def parse(cls, text: str) -> Span:
        """The inverse of `str()`. Raises ValueError."""
        file, line, col = text.rsplit(":", 2)
        return cls(file, int(line), int(col))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is stable and documented in docs/errors.md; `hint` says what to do."""

    severity: Severity
    code: str
    summary: str
    at: Span | None = None
    hint: str = ""


def error(code: str, summary: str, at: Span | None = None, hint: str = "") -> Diagnostic:
    return Diagnostic("error", code, summary, at, hint)


class Failed(Exception):  # noqa: N818 - it reads `raise Failed(findings)`
    """A phase ended with errors: all of them, sorted by place."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=_place))
        super().__init__("; ".join(d.summary for d in self.diagnostics))


def stop_on_errors(diagnostics: Iterable[Diagnostic]) -> None:
    """Raise `Failed` with all of `diagnostics` if one of them is an error."""
    found = tuple(diagnostics)
    if any(d.severity == "error" for d in found):
        raise Failed(found)


def _place(d: Diagnostic) -> tuple[bool, str, int, int, str, str]:
    at = d.at or Span("", 0, 0)
    return (d.at is None, at.file, at.line, at.col, d.code, d.summary)
