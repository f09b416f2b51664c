"""Findings as text: the caret stands under what is meant, whatever the line is like."""

import pytest

from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.report.diagnostics import WIDEST, diagnostic_lines
from reconciler.report.lines import plain


def lines(finding, text="", folder=""):
    return plain(diagnostic_lines(finding, {"a.yaml": text}, folder)).splitlines()


def excerpt(text, line, col, width=1):
    """The source line and the caret line, without the margin."""
    found = lines(error("c", "s", Span("a.yaml", line, col, width)), text)
    assert len(found) == 3
    assert found[1][:7] == f"{line:>5} |"
    assert found[2][:8] == "      | "
    return found[1][8:], found[2][8:]


def test_a_finding_with_everything():
    finding = error("empty-value", "tags.team has no value", Span("a.yaml", 2, 3, 4), "write ''")
    assert lines(finding, "tags:\n  team:\n", "manifests/") == [
        "manifests/a.yaml:2:3: error: tags.team has no value [empty-value]",
        "    2 |   team:",
        "      |   ^^^^",
        "  hint: write ''",
    ]


def test_places_in_hints_have_the_folder_before_them():
    finding = error("c", "s", hint="the first is at a.yaml:3:4, not at b/a.yaml:1:1 or a.yaml")
    assert lines(finding, "", "manifests/")[1] == (
        "  hint: the first is at manifests/a.yaml:3:4, not at b/a.yaml:1:1 or a.yaml"
    )


def test_a_finding_without_a_place():
    assert lines(Diagnostic("warning", "code", "it is so")) == ["warning: it is so [code]"]


def test_a_place_in_another_file_has_no_excerpt_and_no_folder():
    finding = error("bad-plan-file", "no", Span("plan.json", 1, 1))
    assert lines(finding, "x", "manifests/") == ["plan.json:1:1: error: no [bad-plan-file]"]


@pytest.mark.parametrize("line", [0, 3, 99])
def test_a_line_that_is_not_there_has_no_excerpt(line):
    assert len(lines(error("c", "s", Span("a.yaml", line, 1)), "a\nb\n")) == 1


@pytest.mark.parametrize("text", ["a: b", "a: b\n", "a: b\r\n", "a: b\x85", "a: b\u2028c"])
def test_the_last_line_needs_no_newline(text):
    assert excerpt(text, 1, 4) == ("a: b", "   ^")


def test_tabs_stay_in_both_lines_so_that_the_caret_is_under_its_character():
    assert excerpt("\ta:\tb", 1, 5) == ("\ta:\tb", "\t  \t^")


@pytest.mark.parametrize(
    ("text", "col", "width", "carets"),
    [
        ("実験: {x: y}", 6, 1, "       ^"),
        ("a: 実験", 4, 2, "   ^^^^"),
        ("ｗ: ab", 4, 2, "    ^^"),
        ("a: 👩 b", 6, 1, "      ^"),
        ("e\u0301: x", 5, 1, "   ^"),
        ("\u0301", 1, 1, "^"),
        ("ﾊ: x", 4, 1, "   ^"),
    ],
)
def test_carets_stand_under_characters_of_two_columns_and_of_none(text, col, width, carets):
    assert excerpt(text, 1, col, width) == (text, carets)


def test_what_is_no_line_break_of_yaml_breaks_no_line():
    assert excerpt("a: 1\x0cb\n", 1, 5) == ("a: 1?b", "    ^")


def test_characters_that_would_move_the_cursor_are_not_shown():
    assert excerpt('a: "\x1b[2J\u202e"', 1, 4, 3) == ('a: "?[2J?"', "   ^^^")


def test_carets_do_not_go_beyond_the_line():
    assert excerpt("a: b", 1, 4, 99) == ("a: b", "   ^")
    assert excerpt("a: b", 1, 1, 0) == ("a: b", "^")
    assert excerpt("ab\n", 1, 3) == ("ab", "  ^")
    assert excerpt("ab\n", 1, 40)[0] == "ab"


def test_an_empty_line():
    assert excerpt("\n", 1, 1) == ("", "^")


@pytest.mark.parametrize("col", [1, 99, 100, 101, 150, 500, 1000])
def test_of_a_wide_line_the_part_around_the_place_is_shown(col):
    text = "".join(chr(ord("a") + number % 26) for number in range(1000))
    row, carets = excerpt(text, 1, col, 3)
    assert len(row) <= WIDEST
    start = len(carets) - len(carets.lstrip())
    marked = row[start : start + len(carets.strip())]
    assert marked == text[col - 1 : col - 1 + len(marked)]
    assert len(marked) == min(3, 1000 - col + 1, len(row) - start)


def test_a_place_in_the_middle_of_a_wide_line_has_both_sides_shown():
    row, carets = excerpt("x" * 300 + "y" + "z" * 300, 1, 301)
    assert row[carets.index("^")] == "y"
    assert row.startswith("x" * 10)
    assert row.endswith("z" * 10)
