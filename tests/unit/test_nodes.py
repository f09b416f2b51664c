"""The nodes of a YAML file: what each is, and that its positions hold exactly what is written."""

import pytest

from reconciler.core.nodes import Node, compose

TEXT = """\
# head
a: 1 # one
"b c": &x 'two'
list: &l
  # above
  - x
  -
  - - y
    - k: [1, {u: v}]
indentless:
- z
? long
: text
tagged: !!map
  c: |
    lines

    more

  *x : *l
none:
last: é🦊"""


def written(text, node):
    return text[node.start : node.end]


def root():
    found = compose(TEXT)
    assert found is not None
    return found


def entry(key) -> Node:
    return next(item.value for item in root().items if item.key and item.key.text == key)


def test_every_scalar_is_where_it_is_written():
    nodes = [node for item in root().items for node in item.walk() if node.form == "scalar"]
    assert [(node.text, written(TEXT, node)) for node in nodes if not node.literal and not node.anchor] == [
        (node.text, {"b c": '"b c"'}.get(node.text, node.text))
        for node in nodes
        if not node.literal and not node.anchor
    ]
    assert written(TEXT, entry("b c")) == "&x 'two'"
    assert (entry("b c").anchor, entry("b c").text) == ("x", "two")
    assert written(TEXT, entry("last")) == "é🦊"
    assert entry("none").empty


def test_block_collections_begin_at_their_first_item_and_end_with_their_last():
    found = entry("list")
    assert found.block
    assert found.anchor == "l"
    assert TEXT[found.start :].startswith("&l\n")
    assert TEXT[found.inner :].startswith("- x")
    assert TEXT[: found.end].endswith("{u: v}]")
    assert [TEXT[item.start] for item in found.items] == ["-", "-", "-"]
    assert found.items[1].value.empty
    assert TEXT[entry("indentless").inner :].startswith("- z")
    assert TEXT[entry("tagged").inner :].startswith("c: |")


def test_flow_collections_are_no_block():
    nested = entry("list").items[2].value.items[1].value.items[0].value
    assert (nested.form, nested.flow, nested.block, written(TEXT, nested)) == ("list", True, False, "[1, {u: v}]")
    assert [written(TEXT, item.value) for item in nested.items] == ["1", "{u: v}"]
    assert TEXT[nested.items[1].start] == "{"


def test_items_begin_with_their_question_mark_if_they_have_one():
    starts = [TEXT[item.start :].split("\n", maxsplit=1)[0] for item in root().items]
    assert starts == [
        *("a: 1 # one", "\"b c\": &x 'two'", "list: &l", "indentless:", "? long", "tagged: !!map", "none:"),
        "last: é🦊",
    ]


def test_a_literal_ends_behind_its_blank_lines_and_an_alias_has_its_name():
    literal, alias = entry("tagged").items
    assert literal.value.literal
    assert written(TEXT, literal.value) == "|\n    lines\n\n    more\n\n"
    assert alias.key is not None
    assert (alias.key.form, alias.key.text, alias.value.text) == ("alias", "x", "l")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n...\n"])
def test_a_file_without_a_value_has_no_nodes_or_an_empty_one(text):
    found = compose(text)
    assert found is None or found.empty
