"""Reading YAML: every scalar keeps its text, everything has its place, and no text makes trouble."""

import tracemalloc

import pytest
import yaml

from reconciler.core import source, syntax
from reconciler.core.diagnostics import Span
from reconciler.core.source import Document, parse
from reconciler.core.written import Source
from tests.marked import check, cut


def read(text):
    document, problems = parse(text, "f.yaml")
    assert problems == []
    return document


def value(text):
    return read(text).value


@pytest.mark.parametrize(
    "text",
    ["on", "off", "yes", "No", "true", "0.10", "1_000", "0x1F", "017", "1e3", "2024-01-01", "12:30:45", ".inf", "="],
)
def test_a_scalar_keeps_the_text_that_was_written(text):
    assert value(f"a: {text}") == {"a": text}
    assert value(f"{text}: a") == {text: "a"}
    assert value(f"- {text}") == [text]


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_only_a_plain_null_is_none(text):
    assert value(f"a: {text}\nb: x") == {"a": None, "b": "x"}
    assert value(f'a: "{text}"') == {"a": text}
    assert value(f"a: '{text}'") == {"a": text}
    assert value(f"a: !!str {text}") == {"a": text}


def test_a_null_as_a_key_is_its_text():
    assert value("null: a\n~: b") == {"null": "a", "~": "b"}


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "--- ~\n", "\ufeff"])
def test_an_empty_file_is_a_document_without_a_value(text):
    assert read(text).value is None


def test_maps_and_lists():
    assert value("a: [x, {b: y}, [z]]\nc:\n  - d: {}\n    e: []\n") == {
        "a": ["x", {"b": "y"}, ["z"]],
        "c": [{"d": {}, "e": []}],
    }
    assert value("? a\n: b\n") == {"a": "b"}
    assert value("[a: b, c]") == [{"a": "b"}, "c"]


def test_texts_over_several_lines():
    assert value("a: |\n  x\n  y\nb: >-\n  x\n  y\nc: x\n  y\n") == {"a": "x\ny\n", "b": "x y", "c": "x y"}


def test_the_tags_of_yaml_that_say_nothing_new_are_taken():
    assert value("!!map {a: !!str 1, b: !!seq [x]}") == {"a": "1", "b": ["x"]}


def test_a_byte_order_mark_takes_no_column():
    assert read("\ufeffa: b").at(("a",)) == Span("f.yaml", 1, 1)


def test_windows_line_ends():
    document = read("a: 1\r\nb:\r\n  c: 2\r\n")
    assert document.value == {"a": "1", "b": {"c": "2"}}
    assert document.at(("b", "c")) == Span("f.yaml", 3, 3)


# anchors, aliases, merges


def test_aliases_stand_for_what_is_anchored():
    assert value("a: &x {k: 1}\nb: *x\nc: &y text\nd: *y\n*y : e\n") == {
        "a": {"k": "1"},
        "b": {"k": "1"},
        "c": "text",
        "d": "text",
        "text": "e",
    }
    assert value("a: &x\nb: *x\n") == {"a": None, "b": None}


def test_an_anchor_that_is_given_again_means_the_latest():
    assert value("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == {"a": "1", "b": "1", "c": "2", "d": "2"}


def test_merges():
    base = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\n"
    assert value(f"{base}z: {{<<: *x}}")["z"] == {"a": "1", "b": "1"}
    assert value(f"{base}z: {{<<: [*x, *y]}}")["z"] == {"a": "1", "b": "1", "c": "2"}
    assert value(f"{base}z: {{<<: [*y, *x]}}")["z"] == {"a": "1", "b": "2", "c": "2"}
    assert value(f"{base}z: {{a: 0, <<: *x, b: 0}}")["z"] == {"a": "0", "b": "0"}
    assert value(f"{base}z: {{<<: [{{a: 9}}, *x]}}")["z"] == {"a": "9", "b": "1"}
    assert value(f"{base}z: {{<<: *x, <<: *y}}")["z"] == {"a": "1", "b": "1", "c": "2"}
    assert value("x: &x {a: 1}\ny: &y {<<: *x, b: 2}\nz: {<<: *y}\n")["z"] == {"a": "1", "b": "2"}


def test_a_quoted_merge_key_is_a_key():
    assert value('"<<": {a: 1}') == {"<<": {"a": "1"}}


def test_merged_entries_have_the_place_where_they_are_written():
    document = read("x: &x\n  a: 1\n  b: {c: 2}\nz:\n  <<: *x\n  d: 3\n")
    assert document.at(("z", "a")) == Span("f.yaml", 2, 3)
    assert document.value_at(("z", "b", "c")) == Span("f.yaml", 3, 10)
    assert document.at(("z", "d")) == Span("f.yaml", 6, 3)


# places


TEXT = """\
experiments:
  fraud:
    tags: {team: risk, tier: "go\\tld"}
    list:
    - one
    - k: v
  empty:
"""


@pytest.mark.parametrize(
    ("path", "key", "inner"),
    [
        ((), "1:1", "1:1"),
        (("experiments",), "1:1", "2:3"),
        (("experiments", "fraud"), "2:3", "3:5"),
        (("experiments", "fraud", "tags"), "3:5", "3:11"),
        (("experiments", "fraud", "tags", "team"), "3:12", "3:18"),
        (("experiments", "fraud", "tags", "tier"), "3:24", "3:30"),
        (("experiments", "fraud", "list", 0), "5:7", "5:7"),
        (("experiments", "fraud", "list", 1), "6:7", "6:7"),
        (("experiments", "fraud", "list", 1, "k"), "6:7", "6:10"),
        (("experiments", "empty"), "7:3", "7:9"),
        (("experiments", "fraud", "tags", "team", "deeper", 0), "3:12", "3:18"),
        (("experiments", "fraud", "tags", "nowhere"), "3:5", "3:11"),
        (("experiments", "fraud", "list", 7), "4:5", "5:5"),
        (("runs", "x"), "1:1", "1:1"),
    ],
)
def test_at_and_value_at_are_of_the_closest_written_ancestor(path, key, inner):
    document = read(TEXT)
    assert str(document.at(path)) == f"f.yaml:{key}"
    assert str(document.value_at(path)) == f"f.yaml:{inner}"


def test_the_width_is_that_of_the_key_or_scalar_on_its_line():
    document = read(TEXT + 'long: |\n  x\nquoted: "a\n  b"\nnone:\n')
    fraud = ("experiments", "fraud")
    assert document.at(fraud).width == len("fraud")
    assert document.value_at((*fraud, "tags", "team")).width == len("risk")
    assert document.value_at((*fraud, "tags", "tier")).width == len('"go\\tld"')
    assert document.value_at((*fraud, "tags")).width == 1
    assert document.value_at(fraud).width == len('tags: {team: risk, tier: "go\\tld"}')
    assert document.value_at(("long",)).width == 1
    assert document.value_at(("quoted",)).width == len('"a')
    assert document.value_at(("none",)).width == 1
    assert document.text_at(document.at(fraud)) == "fraud"


def test_sub_is_a_view_with_paths_of_its_own():
    fraud = read(TEXT).sub(("experiments", "fraud"))
    assert fraud.value["tags"]["team"] == "risk"
    assert fraud.file == "f.yaml"
    assert str(fraud.at()) == "f.yaml:2:3"
    assert str(fraud.at(("tags", "team"))) == "f.yaml:3:12"
    assert fraud.has(("tags", "team"))
    assert not fraud.has(("tags", "owner"))
    assert fraud.sub(("list", 1, "k")).value == "v"
    assert read(TEXT).sub(("experiments", "empty")).value is None
    for path in [("nope",), ("list", 2), ("tags", "team", "x")]:
        with pytest.raises(KeyError):
            fraud.sub(path)


def test_the_fallback_answers_for_what_is_not_written():
    fraud = read(TEXT).sub(("experiments", "fraud"))
    defaults = parse("tags:\n  team: a\n  owner: b\n", "reconciler.yaml")[0]
    both = fraud.behind(defaults)
    assert str(both.at(("tags", "team"))) == "f.yaml:3:12"
    assert str(both.at(("tags", "owner"))) == "reconciler.yaml:3:3"
    assert str(both.value_at(("tags", "owner"))) == "reconciler.yaml:3:10"
    assert str(both.at(("tags", "other"))) == "f.yaml:3:5"
    assert str(both.at(("description",))) == "f.yaml:2:3"
    assert not both.has(("tags", "owner"))
    assert str(both.behind(None).at(("tags", "owner"))) == "f.yaml:3:5"


def test_renamed_entries_keep_their_places():
    document = read("a:\n  list: [{n: x}, {n: y}]\n  k: v\n")
    renamed = document.renamed(("a", "list"), {0: "first"})
    assert str(renamed.at(("a", "list", "first", "n"))) == "f.yaml:2:11"
    assert str(renamed.at(("a", "list", 1))) == "f.yaml:2:18"
    assert str(renamed.at(("a", "k"))) == "f.yaml:3:3"
    assert str(document.at(("a", "list", "first"))) == "f.yaml:2:3"
    assert document.renamed(("a", "k"), {"x": "y"}) == document
    assert document.renamed(("a", "nope"), {"x": "y"}) is document


def test_a_document_made_by_hand_has_no_places():
    document = Document({"a": {"b": "c"}})
    assert document.at(("a", "b")) == Span("", 1, 1)
    assert document == Document({"a": {"b": "c"}})
    assert document != Document({})
    assert repr(document) == "Document(value={'a': {'b': 'c'}})"


# what is wrong


WRONG = [
    ("yaml-syntax", "a:\n▶<◀<<<<<< HEAD\n  b: 1\n=======\n  b: 2\n>>>>>>> theirs\n"),
    ("yaml-syntax", "a:\n▶\t◀b: 1\n"),
    ("yaml-syntax", "a:\n  b: 1\n▶\t◀c: 2\n"),
    ("yaml-syntax", "a:\n  b: 1\n  ▶\t◀c: 2\n"),
    ("yaml-syntax", "a: 1\n▶\t◀\nb: 2\n"),
    ("yaml-syntax", "a:\n  b: 1\n ▶c◀: 2\n"),
    ("yaml-syntax", "a:\n    b: 1\n  ▶c◀: 2\n"),
    ("yaml-syntax", 'a: "x" ▶y◀\n'),
    ("yaml-syntax", "a: 'it'▶s◀ bad'\n"),
    ("yaml-syntax", 'a: ▶"◀x\nb: 1\n'),
    ("yaml-syntax", "a: ▶'◀x\nb: 1\n"),
    ("yaml-syntax", "a: ▶[◀1, 2\nb: 3\n"),
    ("yaml-syntax", "a: ▶{◀x: 1\nb: 3\n"),
    ("yaml-syntax", "a: ▶[◀1}\n"),
    ("yaml-syntax", "a: {x: ▶$◀{var.y}}\n"),
    ("yaml-syntax", "a: [x, ▶$◀{var.y}]\n"),
    ("yaml-syntax", "a: b▶:◀ c\n"),
    ("yaml-syntax", "a:1\nb▶:◀ 2\n"),
    ("yaml-syntax", "a: 1\n▶f◀oo\nb: 2\n"),
    ("yaml-syntax", "a: ▶]◀\n"),
    ("yaml-syntax", "a: [1,▶,◀2]\n"),
    ("yaml-syntax", "a: ▶@◀foo\n"),
    ("yaml-syntax", "a: ▶`◀x`\n"),
    ("yaml-syntax", "a: ▶%◀x\n"),
    ("yaml-syntax", "a: ▶*◀.yaml\n"),
    ("yaml-syntax", "a: ▶&◀ x\n"),
    ("yaml-syntax", 'a: "▶\\◀d"\n'),
    ("yaml-syntax", 'a: "\\U▶0◀0110000"\n'),
    ("yaml-syntax", "▶%◀a: 1\n"),
    ("yaml-syntax", "▶%◀YAML 3.0\n---\na: 1\n"),
    ("yaml-syntax", "a: |▶x◀\n  y\n"),
    ("yaml-syntax", "a: ▶!◀<x b\n"),
    ("yaml-syntax", "a: ▶!◀e!x b\n"),
    ("yaml-syntax", "a: 1\n...\n▶b◀: 2\n"),
    ("yaml-syntax", "a:\n  - x\n  ▶b◀: 1\n"),
    ("yaml-syntax", "a: ▶-◀ b\n"),
    ("yaml-syntax", "a: b\nc: é▶\x07◀\n"),
    ("yaml-syntax", "a: ▶\0◀\n"),
    ("second-document", "a: 1\n▶---◀\nb: [\n"),
    ("second-document", "a: 1\n▶---◀\n"),
    ("yaml-tag", "a: ▶!!int 1◀\n"),
    ("yaml-tag", "a: ▶!foo bar◀\n"),
    ("yaml-tag", "a: ▶! bar◀\n"),
    ("yaml-tag", "a: ▶!!str [◀x]\n"),
    ("yaml-tag", "a: ▶!!set {◀x}\n"),
    ("duplicate-key", "a: 1\nb: 2\n▶a◀: 3\n"),
    ("duplicate-key", 'x: {a: 1, ▶"a"◀: 2}\n'),
    ("duplicate-key", "x: &k a\ny: {a: 1, ▶*k◀ : 2}\n"),
    ("bad-key", "x: {▶[◀a]: 1}\n"),
    ("bad-key", "▶{◀a: b}: 1\n"),
    ("bad-key", "x: &k {}\ny: {▶*k◀ : 1}\n"),
    ("bad-key", "{a: 1, ? ▶}◀"),
    ("bad-key", "x: &k\ny: {▶*k◀ : 1}\n"),
    ("bad-merge", "a: {▶<<◀: text}\n"),
    ("bad-merge", "a: {▶<<◀: }\n"),
    ("bad-merge", "a: {▶<<◀: [{}, x]}\n"),
    ("unknown-anchor", "a: &team x\nb: ▶*taem◀\n"),
    ("unknown-anchor", "a: ▶*x◀\n"),
    ("alias-loop", "a: &a [▶*a◀]\n"),
    ("alias-loop", "a: &a {b: {c: ▶*a◀}}\n"),
    ("too-deep", "x: " + "[" * 99 + "▶[◀" + "]" * 100),
    ("too-deep", "".join(" " * n + "a:\n" for n in range(100)) + " " * 100 + "▶a:◀\n"),
]


@pytest.mark.parametrize(("code", "marked"), WRONG)
def test_what_is_wrong_has_a_code_and_its_exact_place(code, marked):
    text = cut(marked)[0]
    check(parse(text, "f.yaml")[1], code, "f.yaml", text, marked)


@pytest.mark.parametrize(("code", "marked"), WRONG)
def test_pyyaml_without_libyaml_finds_the_same_code(code, marked, monkeypatch):
    monkeypatch.setattr(source, "PARSER", yaml.BaseLoader)
    assert [one.code for one in parse(cut(marked)[0], "f.yaml")[1]] == [code]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a:\n\tb: 1\n", "a tab is used for indentation; write spaces: YAML forbids tabs there"),
        ('a: "x\n', 'a text in quotes is never closed; write " where it ends'),
        ("a: [1\n", "'[' is never closed, or a comma is missing; write ']' before line 2, column 1"),
        ("a: 1\nb: 2\na: 3\n", "'a' is written twice; the first is at f.yaml:1:1"),
        ("a: &team x\nb: *taem\n", "nothing is anchored as 'taem'; did you mean '*team'?"),
        (
            "a: \x07\n",
            'the character U+0007 cannot stand in YAML; remove it, or write it in double quotes as "\\u0007"',
        ),
        (
            '{"a": "\\ud83e\\udd8a"}',
            "this escape is no character; write the character itself, or \\U with all its eight digits",
        ),
        ("a: !!int 1", "the tag '!!int' is not known; leave it out: a scalar is the text as written"),
    ],
)
def test_findings_say_what_to_do_in_plain_words(text, words):
    (found,) = parse(text, "f.yaml")[1]
    assert f"{found.summary}; {found.hint}" == words


def test_all_findings_come_at_once_and_the_rest_is_read():
    document, problems = parse("a: 1\na: 2\nb: !x 3\n? [k]\n: v\nc: *no\nd: 4\n", "f.yaml")
    assert [one.code for one in problems] == ["duplicate-key", "yaml-tag", "bad-key", "unknown-anchor"]
    assert document.value == {"a": "1", "b": "3", "c": "*no", "d": "4"}


def test_after_an_error_of_syntax_there_is_no_document():
    assert parse("a: [", "f.yaml")[0] is None
    assert parse("[" * 200, "f.yaml")[0] is None


def test_what_a_parser_says_that_nobody_foresaw_is_shown_as_it_is():
    found = syntax.explain("while frobbing: gave up", None, (1, 2), Source("f.yaml", "a: b"))
    assert str(found.at) == "f.yaml:1:2"
    assert found.hint == "while frobbing: gave up"
    assert source._line_and_column(None) == (1, 1)
    assert syntax.bad_character(Source("f.yaml", "fine")).code == "yaml-syntax"


@pytest.mark.parametrize("text", ["a: \ud800", "\udfff", "\x00", "a\x00b: c", "\x85: \u2028", "￾"])
def test_no_character_makes_trouble(text):
    parse(text, "f.yaml")


# bounds


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


def test_a_billion_laughs_take_no_memory():
    tracemalloc.start()
    document, problems = parse(BOMB, "f.yaml")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert document is None
    assert [one.code for one in problems] == ["alias-bomb"]


def test_a_hundred_megabytes_of_it_end_as_soon():
    text = BOMB + "b: [*a9, *a9, *a9, *a9, *a9, *a9, *a9, *a9, *a9, *a9, *a9]\n" * 1_700_000
    assert [one.code for one in parse(text, "f.yaml")[1]] == ["alias-bomb"]


def test_merges_count_as_copies_too():
    keys = ", ".join(f"k{n}: v" for n in range(2000))
    text = f"a: &a {{{keys}}}\n" + "".join(f"b{n}: {{<<: *a}}\n" for n in range(200))
    assert [one.code for one in parse(text, "f.yaml")[1]] == ["alias-bomb"]


def test_ordinary_use_of_aliases_is_not_bounded():
    text = "base: &base {a: 1, b: 2, c: 3, d: {e: 4}}\n" + "".join(
        f"x{n}: {{<<: *base, f: 5}}\n" for n in range(20_000)
    )
    assert len(read(text).value) == 20_001


def test_aliases_cannot_nest_deeper_than_what_is_written():
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 120))
    assert [one.code for one in parse(chain, "f.yaml")[1]] == ["too-deep"]
    assert read("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 90))).value


@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_deep_nesting_is_an_error_and_no_crash(text):
    assert [one.code for one in parse(text, "f.yaml")[1]] == ["too-deep"]
