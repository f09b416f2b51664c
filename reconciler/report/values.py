"""Two values as HTML, with what differs between them marked."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from reconciler.report.lines import safe, shown
from reconciler.report.markup import Markup, element, joined, markup

LONGEST = 20_000
"""Characters of a value that are shown."""
COMPARED = 400
"""Words of a value that are compared word by word; of a longer one what is the same at both ends is left unmarked."""
NEAR = 40
"""Words that are shown beside a difference; of more that is alike only how much it is."""
_WORDS = re.compile(r"\\u[0-9a-f]{4}|\\.|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\w+|\s+|[^\w\s]")
_NEWLINE = r"\n"


def words(value: object) -> list[str]:
    """A value as JSON, cut into words and signs."""
    if isinstance(value, dict) and set(value) == {"$sensitive"}:
        return [shown(value)]
    text = safe(json.dumps(value, ensure_ascii=False))
    more = [f"… ({len(text):,} characters)"] if len(text) > LONGEST else []
    return _WORDS.findall(text[:LONGEST]) + more


def marked(before: Sequence[str], after: Sequence[str]) -> tuple[Markup, Markup]:
    """Both with what the other has not as `<mark>`."""
    if max(len(before), len(after)) > COMPARED:
        same = _ends(before, after)
    else:
        found = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        same = [(one.a, one.b, one.size) for one in found]
    if not any(_weighs(before[at : at + size]) for at, _, size in same):  # nothing in common but quotes
        return _letters("".join(before), "".join(after))
    return _with(before, [(at, size) for at, _, size in same]), _with(after, [(at, size) for _, at, size in same])


def _letters(before: str, after: str) -> tuple[Markup, Markup]:
    """Texts without a common word: what is the same at both ends is left unmarked where that is most of them."""
    same = _ends(before, after)
    longest = max(len(before), len(after))
    if longest < NEAR or 2 * sum(size for _, _, size in same) < longest:
        same = [(len(before), len(after), 0)]
    old = _with(list(before), [(at, size) for at, _, size in same])
    return old, _with(list(after), [(at, size) for _, at, size in same])


def plain(parts: Sequence[str]) -> Markup:
    """The words as they are; the line breaks of a text are seen."""
    return joined(Markup(markup(part) + "\n") if part == _NEWLINE else part for part in parts)


def _ends(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int, int]]:
    """How much of both is the same at the beginning and at the end, as SequenceMatcher says it."""
    most = min(len(before), len(after))
    head = next((at for at in range(most) if before[at] != after[at]), most)
    rest = most - head
    tail = next((at for at in range(rest) if before[-1 - at] != after[-1 - at]), rest)
    ends = [(0, 0, head), (len(before) - tail, len(after) - tail, tail)]
    return [*ends, (len(before), len(after), 0)]


def _weighs(parts: Sequence[str]) -> bool:
    return any(part[0].isalnum() for part in parts)


def _with(parts: Sequence[str], same: Sequence[tuple[int, int]]) -> Markup:
    """`parts` with all that is not `same` marked."""
    found, done = [], 0
    for at, size in same:
        if at > done:
            found.append(element("mark", {}, plain(parts[done:at])))
        found.append(_alike(parts[at : at + size], first=not at, last=at + size == len(parts)))
        done = at + size
    return joined(found)


def _alike(parts: Sequence[str], *, first: bool, last: bool) -> Markup:
    """What both have in common, but for its middle where that is long; at an end of the text, for that end."""
    head, tail = 0 if first else NEAR, 0 if last else NEAR
    middle = parts[head : len(parts) - tail]
    if len(middle) <= 2 * NEAR or (first and last):
        return plain(parts)
    left_out = element("em", {}, f"… {len(''.join(middle)):,} characters alike …")
    return joined([plain(parts[:head]), left_out, plain(parts[len(parts) - tail :])])
