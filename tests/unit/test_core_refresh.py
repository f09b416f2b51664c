"""What changed on the server and what becomes of it in a manifest, wherever the value comes from."""

from dataclasses import replace

import pytest

from reconciler.core.match import Pair
from reconciler.core.refresh import refresh
from reconciler.core.select import Selection
from reconciler.core.stack import Stack
from tests.lives import KINDS, WIRES, found, held, owned
from tests.refreshing import EVERYTHING, changed, declared, refreshed

A, B, C = "experiments.a", "experiments.b", "experiments.c"
EXAMPLES = {
    "a plain text": ("experiments:\n  a:\n    tags:\n      x: 1 # c\n", {A: {"tags.x": "2"}}, "x: 1 # c", "x: 2 # c"),
    "in single quotes": (
        "experiments: {a: {description: 'x'}}\n",
        {A: {"description": "it's ${y}"}},
        "'x'",
        "'it''s $${y}'",
    ),
    "what looks like an expression": (
        "experiments: {a: {description: costs $$, tags: {x: 'a $${y}'}}}\n",
        {A: {"tags.x": "b"}},
        "'a $${y}'",
        "'b'",
    ),
    "in double quotes": (
        'experiments: {a: {description: "x"}}\n',
        {A: {"description": "é\n\x07"}},
        '"x"',
        '"é\\n\\x07"',
    ),
    "of several lines": (
        "experiments:\n  a:\n    description: x\n    tags: {}\n",
        {A: {"description": "x\ny\n"}},
        "description: x\n",
        "description: |\n      x\n      y\n",
    ),
    "of several lines, in front of a comment": (
        "experiments:\n  a:\n    description: x # c\n",
        {A: {"description": "x\ny\n"}},
        "x # c",
        '"x\\ny\\n" # c',
    ),
    "no longer of several lines": (
        "experiments:\n  a:\n    description: |  # c\n        x\n\n        y\n\n    tags: {}\n",
        {A: {"description": "z"}},
        "|  # c\n        x\n\n        y\n",
        "z  # c\n",
    ),
    "in braces": ("experiments: {a: {tags: {x: y}}}\n", {A: {"tags.x": "1, 2"}}, "y", '"1, 2"'),
    "with the file's line breaks": (
        "experiments:\r\n  a:\r\n    description: x\r\n",
        {A: {"description": "x\ny\n"}},
        "x\r\n",
        "|\r\n      x\r\n      y\r\n",
    ),
    "of several lines, where the file ends": (
        "experiments:\n  a:\n    description: x",
        {A: {"description": "x\ny\n"}},
        "description: x",
        'description: "x\\ny\\n"',
    ),
    "new and of several lines, where the file ends": (
        "experiments:\n  a:\n    tags:\n      x: 1",
        {A: {"tags.d": "y\nz\n"}},
        "      x: 1",
        "      x: 1\n      d: |\n        y\n        z\n",
    ),
    "in a map that begins behind the colon": (
        "experiments:\n  ? a\n  : tags:\n      x: 1\n",
        {A: {"name": "b"}},
        "      x: 1\n",
        "      x: 1\n    name: b\n",
    ),
    "gone": (
        "experiments:\n  a:\n    tags:\n      # of x\n      x: 1 # c\n\n      y: 2\n",
        {A: {"tags.x": None}},
        "      x: 1 # c\n",
        "",
    ),
    "the last one of a map": (
        "experiments:\n  a:\n    name: a\n    tags:\n      x: 1\n",
        {A: {"tags.x": None}},
        "    tags:\n      x: 1\n",
        "",
    ),
    "all of a map": (
        "experiments:\n  a:\n    tags:\n      x: 1\n      y: 1\n  b:\n",
        {A: {"tags.x": None, "tags.y": None}},
        "    tags:\n      x: 1\n      y: 1\n",
        "",
    ),
    "all of a map that hides another one": (
        "experiments:\n  b: &b {tags: {z: 1}}\n  a:\n    <<: *b\n    name: a\n    tags:\n      x: 1\n",
        {A: {"tags.x": None}},
        "    tags:\n      x: 1\n",
        "    tags:\n      {}\n",
    ),
    "the first in braces": ("experiments: {a: {tags: {x: 1, y: 2}}}\n", {A: {"tags.x": None}}, "x: 1, ", ""),
    "the last in braces": ("experiments: {a: {tags: {x: 1,  y: 2 }}}\n", {A: {"tags.y": None}}, ",  y: 2", ""),
    "all in braces": (
        "experiments: {a: {tags: {x: 1,  y: 2 }}}\n",
        {A: {"tags.x": None, "tags.y": None}},
        "tags: {x: 1,  y: 2 }",
        "",
    ),
    "a text in lines": (
        "experiments:\n  a:\n    description: |\n      x\n\n    name: a\n",
        {A: {"description": None}},
        "    description: |\n      x\n",
        "",
    ),
    "a text in lines that counts its blank ones": (
        "experiments:\n  a:\n    description: |+\n      x\n\n    name: a\n",
        {A: {"description": None}},
        "    description: |+\n      x\n\n",
        "",
    ),
    "behind such a text": (
        "experiments:\n  a:\n    tags:\n      x: |+\n        y\n      z: 1\n\n      w: 2\n",
        {A: {"tags.z": None}},
        "      z: 1\n\n",
        "",
    ),
    "behind a colon of its own": (
        "experiments:\n  ? a\n  : description: x\n    name: a\n",
        {A: {"description": None}},
        "description: x\n    ",
        "",
    ),
    "behind a colon, alone": (
        "experiments:\n  ? a\n  : description: x\n",
        {A: {"description": None}},
        "description: x\n",
        "",
    ),
    "a name that was the key": (
        "experiments:\n  a: # c\n    # d\n    tags: {}\n",
        {A: {"name": "b"}},
        "# c\n",
        "# c\n    name: b\n",
    ),
    "a name in braces": ("experiments: {a: {tags: {}}}\n", {A: {"name": "b"}}, "{tags", "{name: b, tags"),
    "a name of an entry without a body": (
        "experiments:\n    a: # c\n",
        {A: {"name": "b"}},
        "# c\n",
        "# c\n      name: b\n",
    ),
    "a name in empty braces": ("experiments:\n  a: {}\n", {A: {"name": "b"}}, "{}", "{name: b}"),
    "a name behind another field": (
        "experiments:\n  e:\nruns:\n  a:\n    experiment: e # c\n    tags: {}\n",
        {"runs.a": {"name": "b"}},
        "# c\n",
        "# c\n    name: b\n",
    ),
    "at the end of a file without a line break": (
        "experiments:\n  e:\nruns:\n  a:\n    experiment: e",
        {"runs.a": {"name": "b"}},
        "t: e",
        "t: e\n    name: b",
    ),
    "behind a text in lines": (
        "experiments:\n  a:\n    tags:\n      x: |\n        y\n\n  b:\n",
        {A: {"tags.d": "2"}},
        "        y\n",
        "        y\n      d: 2\n",
    ),
    "behind a text in lines that counts its blank ones": (
        "experiments:\n  a:\n    tags:\n      x: |+\n        y\n\n  b:\n",
        {A: {"tags.d": "2"}},
        "        y\n\n",
        "        y\n\n      d: 2\n",
    ),
    "a default tag": (
        "experiments:\n  a:\n    name: a\n",
        {A: {"tags.d": "2"}},
        "name: a\n",
        "name: a\n    tags:\n      d: 2\n",
    ),
    "a default tag beside others": ("experiments: {a: {tags: {x: 1}}}\n", {A: {"tags.d": "2"}}, "x: 1", "x: 1, d: 2"),
    "default tags in braces": (
        "experiments: {a: {}}\n",
        {A: {"tags.d": "2", "tags.e": "3"}},
        "{}",
        "{tags: {d: 2, e: 3}}",
    ),
    "one goes, one comes": ("experiments: {a: {tags: {x: 1}}}\n", {A: {"tags.d": "2", "tags.x": None}}, "x: 1", "d: 2"),
    "all goes, two come": (
        "experiments: {a: {description: x}}\n",
        {A: {"tags.d": "2", "description": None, "name": "b"}},
        "description: x",
        "name: b, tags: {d: 2}",
    ),
    "all of an anchored map": (
        "experiments: {b: {tags: &t {x: 1}}, a: {tags: *t}}\n",
        {A: {"tags.x": None}, B: {"tags.x": None}},
        "x: 1",
        "",
    ),
    "an alias": ("experiments:\n  b: {tags: {x: &x 1}}\n  a: {tags: {x: *x}}\n", {A: {"tags.x": "2"}}, "*x", "2"),
    "an alias that goes": (
        "experiments:\n  b: {description: &x y}\n  a: {description: *x}\n",
        {A: {"description": "z"}},
        "*x",
        "z",
    ),
    "what a merge brings": (
        "experiments:\n  b: {tags: &t {x: 1}}\n  a: {tags: {<<: *t, y: 1}}\n",
        {A: {"tags.x": "2"}},
        "y: 1",
        "y: 1, x: 2",
    ),
    "what a merge brings to all alike": (
        "experiments:\n  b: {tags: &t {x: 1}}\n  a: {tags: {<<: *t, y: 1}}\n",
        {A: {"tags.x": "2"}, B: {"tags.x": "2"}},
        "x: 1",
        "x: 2",
    ),
    "a field that a merge brings": (
        "experiments:\n  b: &b {name: b, description: x}\n  a: {<<: *b, name: a}\n",
        {A: {"description": "y"}},
        "name: a",
        "name: a, description: y",
    ),
    "what all of a for_each have": (
        "experiments:\n  f: {for_each: [x, y], tags: {t: 1}}\n",
        {"experiments.f[x]": {"tags.t": "2"}, "experiments.f[y]": {"tags.t": "2"}},
        "t: 1",
        "t: 2",
    ),
}


@pytest.mark.parametrize(("text", "changes", "old", "new"), EXAMPLES.values(), ids=EXAMPLES)
def test_a_value_goes_where_it_is_written_and_all_else_stays(text, changes, old, new):
    defaults = {"d": "1", "e": "1"} if any("tags.d" in one for one in changes.values()) else None
    result = refreshed(text, changes, defaults=defaults)
    before, _, after = text.rpartition(old)
    assert result.text == f"{before}{new}{after}"
    assert len(result.taken) == sum(map(len, changes.values()))
    assert result.left == []


STAYS = {
    "a variable": (
        "experiments: {a: {tags: {x: '${var.env}'}}}\n",
        {A: {"tags.x": "2"}},
        "main.yaml:1:29: experiments.a: tags.x comes from '${var.env}'",
    ),
    "a variable in a text of several lines": (
        "experiments:\n  a:\n    description: |\n      in ${var.env}\n",
        {A: {"description": "x"}},
        "main.yaml:3:18: experiments.a: description comes from 'in ${var.env}\\n'",
    ),
    "a key with a variable": (
        "experiments: {a: {tags: {'${var.env}': x}}}\n",
        {A: {"tags.prod": "2"}},
        "main.yaml:1:40: experiments.a: tags.prod is written elsewhere, not for this resource alone",
    ),
    "one of a for_each": (
        "experiments:\n  f: {for_each: [x, y], tags: {t: 1}}\n",
        {"experiments.f[x]": {"tags.t": "2"}},
        "main.yaml:2:35: experiments.f[x]: tags.t is written for all of a for_each, and differs",
    ),
    "a name of a for_each": (
        "experiments:\n  f: {for_each: [x]}\n",
        {"experiments.f[x]": {"name": "2"}},
        "main.yaml:2:6: experiments.f[x]: name is written for all of a for_each, and differs",
    ),
    "a default tag that is gone": (
        "experiments: {a: }\n",
        {A: {"tags.d": None}},
        "reconciler.yaml:2:6: experiments.a: tags.d is written elsewhere, not for this resource alone",
    ),
    "a tag that is gone and hides a default one": (
        "experiments: {a: {tags: {d: 2}}}\n",
        {A: {"tags.d": None}},
        "main.yaml:1:29: experiments.a: tags.d is gone, and without it the default would count",
    ),
    "an entry without a colon": (
        "experiments:\n  ? a\n",
        {A: {"name": "b"}},
        "main.yaml:3:1: experiments.a: name is written elsewhere, not for this resource alone",
    ),
    "an entry without a body in braces": (
        "experiments: {a: }\n",
        {A: {"name": "b"}},
        "main.yaml:1:18: experiments.a: name is written elsewhere, not for this resource alone",
    ),
    "an entry that is an alias": (
        "experiments: {b: &b {tags: {x: 1}}, a: *b}\nruns: {}\n",
        {A: {"name": "c"}},
        "main.yaml:1:18: experiments.a: name is written elsewhere, not for this resource alone",
    ),
    "a map that others have": (
        "experiments: {b: {tags: &t {x: 1}}, a: {tags: *t}}\n",
        {A: {"tags.x": "2"}},
        "main.yaml:1:32: experiments.a: tags.x is written elsewhere, not for this resource alone",
    ),
    "by whom they have it": (
        "experiments: {b: {tags: &t {x: 1}}, a: {tags: *t}}\n",
        {B: {"tags.x": "2"}},
        "main.yaml:1:32: experiments.b: tags.x is written elsewhere, not for this resource alone",
    ),
    "an anchored text": (
        "experiments: {b: {tags: {x: &t 1}}, a: {tags: {x: *t}}}\n",
        {B: {"tags.x": "2"}},
        "main.yaml:1:29: experiments.b: tags.x is written elsewhere, not for this resource alone",
    ),
    "an anchored key": (
        "experiments: {b: {tags: {&k x: 1}}, a: {tags: {*k : 2}}}\n",
        {B: {"tags.x": None}},
        "main.yaml:1:32: experiments.b: tags.x is written elsewhere, not for this resource alone",
    ),
    "a field of a body that others have": (
        "experiments: {b: &b {description: x}, a: {<<: *b, name: a}}\n",
        {B: {"description": "y"}},
        "main.yaml:1:35: experiments.b: description is written elsewhere, not for this resource alone",
    ),
    "a map that a merge brings": (
        "experiments: {b: &b {tags: {x: 1}}, a: {<<: *b, name: a}}\n",
        {A: {"tags.x": "2"}},
        "main.yaml:1:32: experiments.a: tags.x is written elsewhere, not for this resource alone",
    ),
    "a default tag beside a map that a merge brings": (
        "experiments: {b: &b {tags: {x: 1}}, a: {<<: *b, name: a}}\n",
        {A: {"tags.d": "2"}},
        "reconciler.yaml:2:6: experiments.a: tags.d is written elsewhere, not for this resource alone",
    ),
    "what hides something else": (
        "experiments: {b: &b {description: x}, a: {<<: *b, name: a, description: y}}\n",
        {A: {"description": None}},
        "main.yaml:1:73: experiments.a: description is gone, and may be one that others take from here",
    ),
    "a tag of a map that others have": (
        "experiments:\n  b:\n    tags: &t\n      x: 1\n  a: {tags: *t}\n",
        {A: {"tags.x": None}, B: {"tags.x": None}},
        "main.yaml:4:10: experiments.a: tags.x is gone, and may be one that others take from here",
    ),
    "a value over the limits": (
        "experiments: {a: {name: b}}\n",
        {A: {"name": "x" * 501}},
        "main.yaml:1:25: experiments.a: name has 501 characters; MLflow takes 500, and so cannot be declared",
    ),
}


@pytest.mark.parametrize(("text", "changes", "words"), STAYS.values(), ids=STAYS)
def test_what_cannot_be_written_is_left_and_told(text, changes, words):
    defaults = {"d": "1"} if any("tags.d" in one for one in changes.values()) else None
    result = refreshed(text, changes, defaults=defaults)
    assert (result.text, result.taken) == (text, [])
    assert result.left[0] == words
    assert {one.code for one in result.found.left} == {"not-refreshed"}
    assert all(one.hint for one in result.found.left)


def test_secrets_are_never_written():
    text = "experiments: {a: {tags: {token: '${env.TOKEN}', t2: x}}}\n"
    result = refreshed(text, {A: {"tags.token": "new", "tags.t2": "new"}}, sensitive=("tags.t*",))
    assert result.text == text
    assert [one.partition(": ")[2] for one in result.left] == [
        "experiments.a: tags.t2 is sensitive, and no manifest holds such a value",
        "experiments.a: tags.token is sensitive, and no manifest holds such a value",
    ]
    assert "new" not in repr(result.found.left)


def test_where_the_manifest_changed_too_it_is_kept_unless_one_says_so():
    text = "experiments: {a: {description: mine, tags: {x: mine}}}\n"
    fields = {"name": "a", "description": "theirs", "tags.x": "old"}
    live = {A: owned(A, fields, {"name": "a", "description": "old", "tags.x": "old"})}
    kept = refreshed(text, {}, lives=live)
    assert (kept.text, kept.taken) == (text, [])
    assert kept.left == ["main.yaml:1:32: experiments.a: description has changed in the manifest and on the server"]
    taken = refreshed(text, {}, lives=live, conflicts=True)
    assert taken.text == text.replace("description: mine", "description: theirs")
    assert taken.left == []


def test_what_is_not_ours_or_only_grows_or_was_dropped_here_plays_no_part():
    text = "experiments: {e: }\nruns: {a: {experiment: e, params: {p: 1}, metrics: {m: 1}}}\n"
    applied = held(declared(text)[next(one for one in declared(text) if one.kind == "runs")])
    live = replace(applied, fields={**applied.fields, ("metrics", "m"): 2.0, ("tags", "foreign"): "x"})
    result = refreshed(text, {}, lives={"runs.a": live})
    assert (result.text, result.taken, result.left) == (text, [], [])
    gone = owned(A, {"name": "a", "description": "theirs"}, {"name": "a", "description": "ours"})
    result = refreshed("experiments: {a: }\n", {}, lives={A: gone})
    assert (result.taken, result.left) == ([], [])


def test_what_is_deleted_is_told_and_its_entry_stays():
    text = "experiments:\n  a: {tags: {x: 1}}\n"
    (desired,) = declared(text).values()
    live = replace(changed(desired, {"tags.x": "2"}), deleted=True)
    result = refreshed(text, {}, lives={A: live})
    assert (result.text, result.taken) == (text, [])
    assert result.left == ["main.yaml:2:3: experiments.a is deleted on the server"]


def test_only_what_is_selected_is_taken():
    text = "experiments: {a: {tags: {x: 1}}, b: {tags: {x: 1}}, c: {tags: {x: 1}}}\n"
    changes = {name: {"tags.x": "2"} for name in (A, B, C)}
    assert refreshed(text, changes, selection=Selection(only=("*.[ab]", "*.b"))).taken == [f"{B} tags.x"]
    assert refreshed(text, changes, selection=Selection(exclude=("*.b",))).taken == [f"{A} tags.x", f"{C} tags.x"]


def test_what_was_made_here_and_is_not_there_is_no_change():
    result = refreshed("experiments: {a: }\n", {}, lives={A: found(A, {"name": "a"})})
    assert (result.taken, result.left) == ([], [])


def test_what_is_written_in_a_file_that_may_not_be_edited_is_left():
    (desired,) = declared("experiments: {a: {tags: {x: 1}}}\n").values()
    pairs = {desired.address: Pair(desired.address, desired, changed(desired, {"tags.x": "2"}))}
    result = refresh(Stack("ml", "local", "mlflow", KINDS, WIRES), pairs, {}, EVERYTHING, conflicts=False)
    assert (result.edits, result.taken) == ({}, ())
    assert [one.summary for one in result.left] == ["experiments.a: tags.x is written in a file outside of the folder"]
