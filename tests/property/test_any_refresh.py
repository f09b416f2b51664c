"""Whatever changes on the server: a refreshed manifest says so, and each line in which nothing changed is as it was."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.change import Path
from reconciler.core.diagnostics import Failed
from tests.lives import path
from tests.property.test_any_format import Draw, Writer
from tests.property.test_any_import import TEXTS
from tests.refreshing import FILE, Result, declared, refreshed

KEYS = ["a", "b", "d", "on", "é", '"q: #"', "'s'", "k-${var.env}"]
SCALARS = ["x", "0.10", "'it''s'", '"a \\" # b"', "plain\n  goes\n\n   on", "${var.env}", '"$${"', "${each.key}"]


class Stack(Writer):
    """Writes valid manifests of experiments, in any way in which a person could."""

    def entries(self) -> None:
        self.lines.append("experiments:" + self.tail())
        for number in range(self.draw(st.integers(1, 3))):
            self.gap(2)
            self.entry(f"  e{number}:", many=self.chance(30))

    def entry(self, head: str, *, many: bool) -> None:
        anchor = f" &e{self.anchors}" if self.chance(20) else ""
        fields = self.draw(st.lists(st.sampled_from(["name", "description", "tags"]), unique=True, max_size=3))
        if self.chance(20):
            inner = [f"{name}: {self.flat(name)}" for name in fields] + (["for_each: [u, v]"] if many else [])
            self.lines.append(f"{head} {{{', '.join(inner)}}}{self.tail()}")
            return
        self.lines.append(head + anchor + self.tail())
        merged = "<<: *e0" if self.anchors and self.chance(30) else ""
        self.anchors += bool(anchor)
        indent = 2 + self.draw(st.integers(1, 4))
        rows = ["for_each: [u, v]"] * many + [merged] * bool(merged)
        self.lines += [" " * indent + row for row in rows]
        for name in fields:
            self.gap(indent)
            self.field(name, indent)

    def flat(self, name: str) -> str:
        if name == "tags":
            return "{" + ", ".join(f"{key}: 'x'" for key in self.some_keys()) + "}"
        return f"'n{self.fresh()}-${{each.key}}'" if self.chance(10) else f'"n{self.fresh()}"'

    def some_keys(self) -> list[str]:
        keys = self.draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=3))
        return [f'"{key}"' if "$" in key else key for key in keys]

    def fresh(self) -> int:
        self.count += 1
        return self.count

    def field(self, name: str, indent: int) -> None:
        blanks = " " * indent
        if name == "name":
            self.lines.append(f"{blanks}name: n{self.fresh()}{self.tail()}")
        elif name == "description":
            self.scalar(f"{blanks}description:", indent)
        elif self.chance(40):
            self.lines.append(f"{blanks}tags: {self.flat('tags')}{self.tail()}")
        elif keys := self.some_keys():
            self.lines.append(f"{blanks}tags:{self.tail()}")
            inner = indent + self.draw(st.integers(1, 4))
            for key in keys:
                self.gap(inner)
                self.scalar(f"{' ' * inner}{key}:", inner)
        else:
            self.lines.append(f"{blanks}tags: {{}}{self.tail()}")

    def scalar(self, head: str, indent: int) -> None:
        if self.chance(25):
            style, content = (
                self.draw(st.sampled_from(["|", ">-", "|+", "|2"])),
                self.draw(st.sampled_from(["a\nb", "a\n\n", "a"])),
            )
            self.lines.append(f"{head} {style}")
            self.lines += [" " * (indent + 2) + line if line else "" for line in content.split("\n")]
            return
        first, *rest = self.draw(st.sampled_from(SCALARS)).split("\n")
        self.lines += [f"{head} {first}", *(" " * (indent + 2) + line if line else "" for line in rest)]
        self.lines[-1] += self.tail()


@st.composite
def stacks(draw: Draw) -> tuple[str, dict[str, dict[str, Any]]]:
    """A manifest, and what somebody changes of what it made."""
    writer = Stack(draw)
    writer.entries()
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = newline.join(writer.lines) + draw(st.sampled_from([newline, ""]))
    try:
        desired = declared(text, {"d": "1"})
    except Failed:
        return "", {}
    changes: dict[str, dict[str, Any]] = {}
    for address, one in desired.items():
        for field in draw(st.lists(st.sampled_from(sorted(one.fields)), unique=True, max_size=3)):
            gone = field[0] != "name" and draw(st.booleans())
            value = None if gone else draw(TEXTS if field[0] != "name" else st.sampled_from(["new", "new, name"]))
            changes.setdefault(str(address), {})[".".join(field)] = value
    return text, changes


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(stacks())
def test_a_refreshed_manifest_says_what_was_taken_and_all_else_stays(given):
    """That it says so is asserted by `refreshed`."""
    text, changes = given
    if not text:
        return
    result = refreshed(text, changes, defaults={"d": "1"})
    fields = {str(address): one.fields for address, one in result.before.items()}
    different = [
        (name, key)
        for name, one in changes.items()
        for key, value in one.items()
        if fields[name].get(path(key)) != value
    ]
    assert len(result.taken) + len(result.left) == len(different)
    touched = {line for one in result.found.taken for line in lines(result, one.address, one.path)}
    rest = iter(result.text.split("\n"))
    for number, row in enumerate(text.split("\n"), 1):
        same = row.rstrip("\r")
        assert number in touched or not same.strip() or any(same == other.rstrip("\r") for other in rest), (number, row)
    assert result.taken or result.text == text


def lines(result: Result, address: Address, field: Path) -> set[int]:
    """The lines from where a field, or the map that it goes into, is written to where the next one is."""
    every = [(one.document, path) for one in result.before.values() for path in one.fields if one.document.has(path)]
    begins = sorted({document.at(path).line for document, path in every} | {len(result.text) + 1})
    document = result.before[address].document
    spans = [span for span in (document.at(), document.at(field[:1]), document.at(field)) if span.file == FILE]
    ends = {span.line: next((line for line in begins if line > span.line), span.line + 1) for span in spans}
    entry = document.at().line
    return {line for begin, end in ends.items() for line in range(begin, end if begin != entry else begin + 1)}
