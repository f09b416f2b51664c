"""What a finding on stderr must look like: its place, the line with a caret under it, what was found, what to do."""

from __future__ import annotations

import re

from tests.e2e.tools import Result
from tests.marked import cut

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def check(result: Result, code: str, *words: str, hint: str = "") -> None:
    """A finding with `code` is there, with all `words` in its line and `hint` in its hint, but for quotes."""
    lines = _ESCAPES.sub("", result.err).splitlines()
    heads = [number for number, line in enumerate(lines) if f"[{code}]" in line and "error: " in line]
    assert heads, result.err
    head = next((n for n in heads if all(word in lines[n] for word in words)), None)
    assert head is not None, f"{words} in none of\n{result.err}"
    tail = [line for line in lines[head + 1 : head + 4] if line.startswith("  hint: ")]
    assert tail, f"no hint\n{result.err}"
    assert hint.replace("'", "") in tail[0].replace("'", ""), result.err


def check_place(result: Result, marked: str, file: str = "manifests/main.yaml") -> None:
    """The finding names the place of what stands between the marks in the file, and a caret line marks just that."""
    text, place, token = cut(marked)
    assert f"{file}:{place}: error: " in result.err, result.err
    line, col = (int(part) for part in place.split(":"))
    source = text.splitlines()[line - 1] if text.splitlines()[line - 1 :] else ""
    shown = f"{line:>5} | {source}"
    carets = " " * 6 + "| " + "".join(c if c == "\t" else " " for c in source[: col - 1]) + "^" * max(1, len(token))
    assert f"\n{shown.rstrip()}\n" in result.err, f"{shown}\n{result.err}"
    assert f"\n{carets}\n" in result.err, f"{carets}\n{result.err}"
