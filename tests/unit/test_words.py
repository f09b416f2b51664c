"""How findings speak of paths, values and near misses."""

import pytest

from reconciler.core.change import Secret
from reconciler.core.words import MOST, dotted, listed, noun, shown, suggest, typed


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("name",), "name"),
        (("tags", "team"), "tags.team"),
        (("tags", "cost-center_1"), "tags.cost-center_1"),
        (("tags", "a.b"), "tags.'a.b'"),
        (("tags", ""), "tags.''"),
        (("tags", "a\nb"), r"tags.'a\nb'"),
        (("metrics", "loss", 0, "step"), "metrics.loss[0].step"),
        ((0, "a"), "[0].a"),
    ],
)
def test_a_path_for_people(path, text):
    assert dotted(path) == text


@pytest.mark.parametrize(("value", "word"), [({}, "a map"), ([], "a list"), ("", "a text"), ("x", "a text")])
def test_what_a_value_is(value, word):
    assert noun(value) == word


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", "''"),
        ("it's", "'it's'"),
        ("é🦊", "'é🦊'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ("a\nb\tc", r"'a\nb\tc'"),
        ("\u202e", r"'\u202e'"),
        ("\ud800", r"'\ud800'"),
        ("x" * 83, f"'{'x' * 83}'"),
        ("x" * 84, f"'{'x' * 80}...'"),
        (Secret("hunter2", "${env.TOKEN}"), "'${env.TOKEN}'"),
    ],
)
def test_a_quoted_value_is_one_short_line_without_a_secret(text, quoted):
    assert shown(text) == quoted


def test_the_nearest_word_is_suggested_and_else_all_are_named():
    assert suggest("tgas", ["tags", "name"], "the keys are") == "did you mean 'tags'?"
    assert suggest("Tags", ["tags", "tag"], "the keys are") == "did you mean 'tags'?"
    assert suggest("zzz", ["tags", "name"], "the keys are") == "the keys are: name, tags"
    assert suggest("zzz", [], "the keys are") == ""


def test_among_very_many_words_only_the_alike_ones_are_compared():
    many = [f"resource-{number}" for number in range(MOST + 1)]
    assert suggest("resuorce-7", many, "there are") == "did you mean 'resource-7'?"
    assert suggest("zzz", many, "there are").endswith(f" and {MOST + 1 - 20} more")


def test_a_list_is_cut_where_it_is_long():
    assert listed(["a", "b"]) == "a, b"
    assert listed("abc", most=2) == "a, b and 1 more"
    assert listed([]) == ""


@pytest.mark.parametrize(
    ("text", "word"),
    [("runs.a/b-c_é", "runs.a/b-c_é"), ("runs.a[b c]", "'runs.a[b c]'"), ("a'$(b)", "'a'\\''$(b)'")],
)
def test_what_is_suggested_is_one_word_of_a_shell(text, word):
    assert typed(text) == word
