"""What `for_each` and `${...}` may make: a small file that stands for very much is refused before it is made."""

import pytest

from reconciler.core import entries
from reconciler.core.interpolate import Broken, interpolate
from reconciler.core.resolve import resolve
from reconciler.core.room import VALUES, Room, size
from reconciler.core.scope import Scope
from reconciler.core.sensitive import Sensitive
from reconciler.core.source import parse
from tests.lives import KINDS


def declared(text, scope=None, defaults=None):
    shared = parse(defaults, "reconciler.yaml")[0] if defaults else None
    return resolve([parse(text, "f.yaml")[0]], KINDS, scope or Scope(), shared)


def each(items, tags=0, name="e"):
    """An entry that makes `items` resources of 3 + `tags` values: the body, its tags, its name, each tag."""
    lines = [f"  {name}:", f"    for_each: [{', '.join(f'i{n}' for n in range(items))}]", "    name: x-${each.key}"]
    return "\n".join([*lines, "    tags:", *(f"      t{n}: v" for n in range(tags))]) + "\n"


@pytest.mark.parametrize(
    ("value", "wanted"), [(None, 1), ("text", 1), ({}, 1), ([], 1), ({"a": ["b", {"c": None}], "d": "e"}, 6)]
)
def test_values_are_counted_with_all_that_is_in_them(value, wanted):
    assert size(value) == wanted


def test_room_is_taken_until_there_is_no_more():
    room = Room(values=10, shared=2)
    assert room.of({"a": "b"}) == 4
    assert [room.take(7), room.take(4), room.take(3), room.take(1)] == [True, False, True, False]
    assert [Room(characters=3).write(pieces) for pieces in (["ab", "c"], ["ab", "cd"], [])] == [True, False, True]


def test_a_for_each_that_makes_too_much():
    found, (problem,) = declared(f"experiments:\n{each(1000, 1000)}runs: {{r: {{experiment: 'e[i1]'}}}}\n")
    assert found.keys() == {next(iter(found))}  # the run; that its experiment is not made is no finding of its own
    assert (problem.code, str(problem.at)) == ("too-much", "f.yaml:3:5")
    assert problem.summary == "for_each makes too much: 1,000 items of 1,003 values each"
    assert f"{VALUES:,}" in problem.hint


def test_all_for_each_of_a_stack_count_together():
    text = "experiments:\n" + "".join(each(3, 2, name) for name in ("a", "b", "c"))
    found = entries.read([parse(text, "f.yaml")[0]], KINDS, Scope(), Sensitive(), Room(values=2 * 3 * 5))
    assert [str(problem.at) for problem in found.errors] == ["f.yaml:15:5"]
    assert [entry.address.name for entry in found.found] == [f"{name}[i{n}]" for name in "ab" for n in range(3)]


def test_default_tags_count_for_every_item():
    tags = f"tags: {{{', '.join(f'd{n}: v' for n in range(100))}}}"
    text = f"experiments:\n{each(VALUES // 103 + 1)}"
    assert [problem.code for problem in declared(text, defaults=tags)[1]] == ["too-much"]


def test_texts_that_expressions_make_too_long_are_told_once():
    document = parse('a: "${var.long}"\nb: "${var.long}${var.long}"\nc: "${var.long}"\n"${var.long}": d\n', "f.yaml")[0]
    done, (problem,) = interpolate(document, Scope({"long": "x" * 10}), room=Room(characters=25))
    assert (problem.code, str(problem.at)) == ("too-much", "f.yaml:2:4")
    assert done.value == {"a": "x" * 10, "b": "${var.long}${var.long}", "c": "${var.long}"}
    assert isinstance(done.value["b"], Broken)
