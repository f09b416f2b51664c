"""From blocks of text to Markdown that fits a comment: fenced, folded, and cut with a count where there is no room.

Whatever is quoted stands in code: there no mention, link, HTML or markup means anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reconciler.report.lines import safe

MOST = 65_536
"""Characters that a comment on GitHub holds."""
SPARE = 2_000
"""Of them left to whoever posts it, for words of their own, and to what is said of what was cut."""
LONGEST = 400
"""Characters of a name, a place or a reason that are shown; of values it is `lines.LONGEST`."""


@dataclass
class Page:
    """What is written, and what no room was left for; once something was cut, all that follows is."""

    parts: list[str] = field(default_factory=list)
    room: int = MOST - SPARE
    cut: list[str] = field(default_factory=list)

    def write(self, *parts: str) -> None:
        """Text that has its place in any case: it is short."""
        self.parts += parts
        self.room -= sum(map(size, parts))

    def fence(self, name: str, blocks: Sequence[str], language: str = "text") -> None:
        """As many of `blocks` as there is room for, to be seen at once."""
        self._put("", name, blocks, language, "")

    def fold(self, title: str, name: str, blocks: Sequence[str], language: str = "diff") -> None:
        """A folded section with as many of `blocks` as there is room for."""
        self._put(f"<details>\n<summary>{_escaped(title)}</summary>\n\n", name, blocks, language, "</details>\n\n")

    def text(self) -> str:
        if not self.cut:
            return "".join(self.parts).rstrip("\n") + "\n"
        more = f"**Not shown, for want of room: {', '.join(self.cut)}.** The text, HTML or JSON has them all."
        return "".join(self.parts) + more + "\n"

    def _put(self, before: str, name: str, blocks: Sequence[str], language: str, behind: str) -> None:
        if not blocks:
            return
        fence = "`" * max(3, 1 + max(map(_ticks, blocks)))
        head, tail = f"{before}{fence}{language}\n", f"{fence}\n\n{behind}"
        taken = 0 if self.cut else fitting(blocks, self.room - size(head) - size(tail))
        if taken:
            self.write(head + "\n".join(blocks[:taken]) + tail)
        if taken < len(blocks):
            self.cut.append(f"{len(blocks) - taken} {name}")


def size(text: str) -> int:
    """The length of `text` as the strictest counts it: in UTF-16, where an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def code(text: str) -> str:
    """`text` as a code span, on one line, without what would move a cursor or turn the direction of writing."""
    plain = cut(safe(text).replace("\t", r"\t"))
    ticks = "`" * (1 + _ticks(plain))
    blank = " " if not plain.strip() or plain[0] in "` " or plain[-1] in "` " else ""
    return f"{ticks}{blank}{plain}{blank}{ticks}"


def cut(text: str) -> str:
    """`text`, shortened where it is very long."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def row(mark: str, *parts: str) -> str:
    """A line of a block."""
    return mark + "   ".join(cut(safe(part).replace("\t", r"\t")) for part in parts if part) + "\n"


def fitting(texts: Iterable[str], room: int) -> int:
    """How many of `texts`, from the first on, there is room for, with a line break between them."""
    count = 0
    for text in texts:
        room -= size(text) + 1
        if room < 0:
            break
        count += 1
    return count


def _ticks(text: str) -> int:
    """The longest run of backticks in `text`."""
    return max(map(len, re.findall("`+", text)), default=0)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
