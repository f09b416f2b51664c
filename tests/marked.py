"""Texts in which ▶ and ◀ stand around what a finding should point at: `tags: {▶team◀: }`."""

from __future__ import annotations

from reconciler.core.diagnostics import Diagnostic

OPEN, CLOSE = "▶", "◀"


def cut(text: str) -> tuple[str, str, str]:
    """The text without its marks, the `line:col` of what stood between them, and that itself."""
    before, _, rest = text.partition(OPEN)
    token, _, after = rest.partition(CLOSE)
    line, col = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return before + token + after, f"{line}:{col}", token


def check(found: list[Diagnostic], code: str, name: str, text: str, marked: str) -> None:
    """That there is one finding, with `code`, which points at what is marked and nothing else."""
    plain, place, token = cut(marked)
    assert plain == text
    assert [one.code for one in found] == [code]
    at = found[0].at
    assert at is not None
    assert str(at) == f"{name}:{place}"
    line = text.splitlines()[at.line - 1] if text.splitlines()[at.line - 1 :] else ""
    assert line[at.col - 1 : at.col - 1 + at.width] == token
    assert found[0].severity == "error"
    assert found[0].summary
    assert found[0].summary[0] == found[0].summary[0].lower()
    assert not found[0].summary.endswith(".")
