"""However a manifest is written: in canonical form it says the same, with every comment, and stays as it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import registry, schema
from reconciler.core.source import parse
from reconciler.report.formatted import formatted

ORDER = schema.order(registry.kinds())
SCALARS = [
    "x",
    "0.10",
    "é🦊 b",
    "'it''s  '",
    '"a \\" # b \\\n\n  c\\ \n  d"',
    "'one\n\n\n  two'",
    "plain\n  goes\n\n   on",
    "",
    "~",
    "{a: 1,b:   2}",
    "{a: 1, # {}\n  b: [x,\n y]\n}",
    "[]",
    "!!str a",
]
LITERALS = ["|", ">", "|-", ">+", "|+", "|2", ">2-", "| # {}"]
CONTENTS = ["a", "a\n\n  b  \nc", "\n\na", "a\n\n\n", "# no comment\n\ta", "", "  "]
KEYS = ["name", "tags", "for_each", "description", "experiment", "k", '"q: #"', "'s'", "on", "é", "id", "datasets"]
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Writer:
    """Writes a manifest in any way in which a person could."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.count = 0
        self.anchors = 0
        self.lines: list[str] = []

    def chance(self, percent: int = 20) -> bool:
        return bool(self.draw(st.integers(0, 99)) >= 100 - percent)

    def comment(self) -> str:
        self.count += 1
        return f"# c{self.count}\t'\""

    def gap(self, indent: int) -> None:
        """Blank lines and comments, indented as it comes."""
        while self.chance(30):
            self.lines.append(" " * self.draw(st.integers(0, indent + 3)) + self.comment() if self.chance(50) else "  ")

    def tail(self) -> str:
        return self.draw(st.sampled_from([" ", "   ", "\t"])) + self.comment() if self.chance() else ""

    def map(self, indent: int, depth: int, keys: list[str]) -> None:
        for key in keys:
            self.gap(indent)
            colon = self.draw(st.sampled_from([":", ":", " :", ":  "]))
            if self.chance(10):
                self.lines.append(f"{' ' * indent}? {key}{self.tail()}")
                self.value(indent, f"{' ' * indent}{colon.strip()}", depth)
            else:
                self.value(indent, f"{' ' * indent}{key}{colon}", depth)

    def list(self, indent: int, depth: int) -> None:
        for _ in range(self.draw(st.integers(1, 3))):
            self.gap(indent)
            dash = self.draw(st.sampled_from(["-", "-  "]))
            begin = len(self.lines)
            if self.chance(40) and depth < 4:
                inner = indent + len(dash) + 1
                self.map(inner, depth + 1, self.keys(2))
                if self.lines[begin].strip().startswith("#") or not self.lines[begin].strip():
                    self.lines.insert(begin, f"{' ' * indent}-")
                else:
                    self.lines[begin] = f"{' ' * indent}{dash} {self.lines[begin].lstrip(' ')}"
            else:
                self.value(indent, f"{' ' * indent}{dash}", depth)

    def keys(self, most: int) -> list[str]:
        return list(self.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=most, unique=True)))

    def anchor(self) -> str:
        if not self.chance():
            return ""
        self.anchors += 1
        return f" &a{self.anchors}"

    def value(self, indent: int, head: str, depth: int) -> None:
        form = self.draw(st.sampled_from(["scalar", "scalar", "literal", "map", "list", "alias", "below"]))
        inner = indent + self.draw(st.integers(1, 4))
        if form == "map" and depth < 4:
            self.lines.append(f"{head}{self.anchor()}{self.tail()}")
            keys = self.keys(4)
            if self.anchors and self.chance(10):
                keys.insert(0, "<<")
            self.map(inner, depth + 1, keys)
        elif form == "list" and depth < 4:
            self.lines.append(f"{head}{self.anchor()}{self.tail()}")
            self.list(indent if ":" in head and self.chance(30) else inner, depth + 1)
        elif form == "alias" and self.anchors:
            self.lines.append(f"{head} *a{self.draw(st.integers(1, self.anchors))}{self.tail()}")
        elif form == "literal":
            style = self.draw(st.sampled_from(LITERALS))
            style = style.replace("{}", self.comment()[2:])
            column = indent + 2 if "2" in style else inner
            self.lines.append(f"{head}{self.anchor()} {style}")
            content = self.draw(st.sampled_from(CONTENTS)).split("\n")
            self.lines += [" " * column + line if line else "" for line in content]
        else:
            text = self.draw(st.sampled_from(SCALARS)).replace("{}", self.comment()[2:])
            first, *rest = text.split("\n")
            if form == "below" and first:
                self.lines.append(f"{head}{self.tail()}")
                self.gap(inner)
                head = " " * inner
            self.lines.append(f"{head}{' ' if first else ''}{first}")
            self.lines += [" " * inner + line if line else "" for line in rest]
            self.lines[-1] += self.tail()


@st.composite
def texts(draw: Draw) -> str:
    writer = Writer(draw)
    root = draw(st.sampled_from([["runs", "experiments"], ["logged_models", "experiments", "runs"], ["x"], KEYS[:4]]))
    writer.map(draw(st.sampled_from([0, 0, 2])), 0, root)
    writer.gap(0)
    marker = draw(st.sampled_from(["", "", "---\n", "# top\n--- # c\n"]))
    ending = draw(st.sampled_from(["\n", "\n", "", "\n...\n", "\n\n \n"]))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    bom = draw(st.sampled_from(["", "", "\ufeff"]))
    return bom + (marker + "\n".join(writer.lines) + ending).replace("\n", newline)


def comments(text: str) -> Counter[str]:
    return Counter(re.findall(r"c\d+\b", text))


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(texts())
def test_canonical_form_says_the_same_with_every_comment(text):
    document, wrong = parse(text, "f")
    if wrong or document is None:
        return
    after = formatted(text, ORDER)
    again, problems = parse(after, "f")
    assert problems == []
    assert again is not None
    assert again.value == document.value
    assert comments(after) == comments(text)
    assert formatted(after, ORDER) == after
