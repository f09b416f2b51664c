"""Keys from names: readable, and none like another."""

import pytest

from reconciler.core.keys import LONGEST, Keys, key_of


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("fraud", "fraud"),
        ("fraud-detection_v3.1/eu", "fraud-detection_v3.1/eu"),
        ("Kreditwürdigkeit", "Kreditwürdigkeit"),
        ("中文", "中文"),
        ("two words  and ★", "two-words-and"),
        ("/Users/ada@x.org/exp", "Users/ada-x.org/exp"),
        ("../x", "x"),
        ("[a]*?", "a"),
        ("a - b", "a-b"),
        ("a--b / c (d) / e.", "a--b/c-d/e"),
        ("", "unnamed"),
        ("🦊", "unnamed"),
        ("cafe\u0301", "café"),
        ("x" * 500, "x" * LONGEST),
        ("a b" * 100, ("a-b" * 100)[: LONGEST - 1]),
    ],
)
def test_a_key_is_as_like_its_name_as_can_be(name, key):
    assert key_of(name) == key


def test_no_key_is_given_twice_nor_one_that_differs_by_case_alone():
    keys = Keys(["taken"])
    assert [keys.make(name) for name in ("a", "A", "a", "taken", "a-2", "Straße", "STRASSE")] == [
        *("a", "A-2", "a-3", "taken-2", "a-2-2", "Straße", "STRASSE-2"),
    ]
    assert keys.make("base", "a") == "a/base"
    assert keys.make("Base", "a") == "a/Base-2"
