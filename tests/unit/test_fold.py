"""Lines that are wider than a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.report.fold import HANG, columns, folded
from reconciler.report.lines import plain

CHANGE = [
    ("      tags.team: ", ""),
    ('"growth"', "delete"),
    (" -> ", ""),
    ('"retention"', "create"),
    ("   manifests/others.yaml:5:12", "place"),
    ("   manifest changed", "dim"),
]


def text(line, width):
    return plain(folded(line, width)).splitlines()


def test_what_fits_stays_one_line():
    assert folded(CHANGE, 88) == [CHANGE]
    assert len(folded(CHANGE, 87)) == 2


def test_a_line_is_folded_between_its_pieces():
    assert text(CHANGE, 80) == [
        '      tags.team: "growth" -> "retention"   manifests/others.yaml:5:12',
        "          manifest changed",
    ]
    assert text(CHANGE, 40) == [
        '      tags.team: "growth" -> "retention"',
        "          manifests/others.yaml:5:12",
        "          manifest changed",
    ]


def test_a_piece_that_is_wider_than_a_line_is_folded_between_words():
    assert text([("  description: ", ""), ('"one two three four five six"', "create")], 24) == [
        '  description: "one two',
        "      three four five",
        '      six"',
    ]


def test_the_colours_go_along():
    assert folded(CHANGE, 40)[1:] == [
        [(" " * 10, ""), ("manifests/others.yaml:5:12", "place")],
        [(" " * 10, ""), ("manifest changed", "dim")],
    ]


@pytest.mark.parametrize(("word", "wide"), [("ab", 2), ("é", 1), ("e\u0301", 1), ("数据", 4), ("🦊", 2), ("", 0)])
def test_how_wide_a_text_is(word, wide):
    assert columns(word) == wide


PIECES = st.lists(st.tuples(st.text(max_size=30), st.sampled_from(["", "place", "dim"])), min_size=1, max_size=6)


@given(PIECES, st.integers(min_value=20, max_value=100))
def test_nothing_is_lost_and_only_a_word_without_blanks_sticks_out(pieces, width):
    margin = len(plain([[pieces[0]]])) - len(plain([[pieces[0]]]).lstrip())
    found = text(pieces, width)
    assert "".join("".join(found).split()) == "".join(plain([pieces]).split())
    for line in found:
        assert columns(line) <= width or len(line.split()) <= 2 + (margin + HANG > width)
