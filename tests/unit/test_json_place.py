"""Where a part of a JSON text stands: the key of a map, the item of a list, or what is closest around it."""

import pytest

from reconciler.core.json_place import place
from tests.marked import cut

CASES = {
    "the whole": ('\n ▶{"a": 1}◀', ()),
    "a key": ('{"a": 1,\n  ▶"b"◀: 2}', ("b",)),
    "a key behind what nests": ('{"a": {"b": [1, {"b": 2}]}, ▶"b"◀: 2}', ("b",)),
    "a key in a key": ('{"b": 0, "a": {\n"c": 1, ▶"b"◀ : 2}}', ("a", "b")),
    "an item": ('{"a": [1,\n ▶"x"◀, 3]}', ("a", 1)),
    "a key in an item": ('[[], {"a" : {}, ▶"b"◀:1}]', (1, "b")),
    "a key with escapes": ('{"a\\"}": 1, ▶"\\u00e9"◀: 2}', ("é",)),
    "the last of equal keys": ('{"a": 1, ▶"a"◀: {"b": 2}}', ("a",)),
    "in the last of equal keys": ('{"a": {"b": 1}, "a": {▶"b"◀: 2}}', ("a", "b")),
    "a key that is not there": ('{"a": {}, ▶"b"◀: {"c": 1}}', ("b", "d")),
    "an item that is not there": ('{▶"a"◀: [1, 2]}', ("a", 2)),
    "a key in a list": ('{▶"a"◀: [1, 2]}', ("a", "b")),
    "a part of what has none": ('{▶"a"◀: "text"}', ("a", "b")),
    "a part of nothing": ("▶1◀", ("a",)),
    "behind an empty map": ('[{}, [ ], ▶{ "a": [\r\n\t] }◀]', (2,)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_place(case):
    marked, path = CASES[case]
    text, expected, _ = cut(marked)
    line, col = place(text, path)
    assert f"{line}:{col}" == expected
