"""Canonical order and layout: each rule of docs/commands.md by an example."""

import pytest

from reconciler import registry, schema
from reconciler.core.source import parse
from reconciler.report.formatted import formatted

ORDER = schema.order(registry.kinds())
EXAMPLES = {
    "fields stand in the order of the documentation, with their comments": (
        """\
runs:
  r:
    tags: {}
    # n
    name: x # t
    experiment: e
    on_remove: keep
    status: FAILED
""",
        """\
runs:
  r:
    experiment: e
    # n
    name: x # t
    status: FAILED
    tags: {}
    on_remove: keep
""",
    ),
    "kinds too, and sections": (
        "logged_models: {}\nruns: {}\nexperiments: {}\n",
        "experiments: {}\nruns: {}\nlogged_models: {}\n",
    ),
    "reconciler.yaml too": (
        "safety: {}\ntargets: {}\nstack: a\n",
        "stack: a\ntargets: {}\nsafety: {}\n",
    ),
    "entries, tags, unknown keys and lists keep theirs": (
        "runs:\n  b:\n    zzz: 1\n    aaa: 2\n    tags:\n      z: 1\n      a: 2\n  a:\n",
        "runs:\n  b:\n    tags:\n      z: 1\n      a: 2\n    zzz: 1\n    aaa: 2\n  a:\n",
    ),
    "the items of lists have an order within them": (
        """\
runs:
  b:
    datasets:
    - digest: x
      # n
      name: y
    metrics:
      value:
      - {value: 1}
      - timestamp: 5
        step: 1
      step: 2
""",
        """\
runs:
  b:
    metrics:
      value:
        - {value: 1}
        - step: 1
          timestamp: 5
      step: 2
    datasets:
      -
        # n
        name: y
        digest: x
""",
    ),
    "merges and for_each come first": (
        "runs:\n  a: &a {}\n  b:\n    name: n\n    for_each: [a]\n    <<: *a\n",
        "runs:\n  a: &a {}\n  b:\n    <<: *a\n    for_each: [a]\n    name: n\n",
    ),
    "what is indented otherwise is indented by two": (
        "experiments:\n      a:\n       tags:\n               x: 1\n      b:   {}\n",
        "experiments:\n  a:\n    tags:\n      x: 1\n  b: {}\n",
    ),
    "blank lines are one at most, and none first or last": (
        "\n\n# h\n\n\nruns:\n\n  a:\n\n\n    name: x\n\n\n    tags: {}\n\n\n",
        "# h\n\nruns:\n  a:\n    name: x\n\n    tags: {}\n",
    ),
    "a header stays on top": (
        "# licence\n\n# about runs\nruns: {}\nexperiments: {}\n",
        "# licence\n\nexperiments: {}\n# about runs\nruns: {}\n",
    ),
    "a line for an editor too": (
        "# yaml-language-server: $schema=x\nruns: {}\nexperiments: {}\n",
        "# yaml-language-server: $schema=x\nexperiments: {}\nruns: {}\n",
    ),
    "a comment belongs to what it is indented as": (
        "runs:\n    a:\n        name: x\n        # of a\n    # of b\n    b:\n  # of b too?\n# of the end\n",
        "runs:\n  a:\n    name: x\n    # of a\n  # of b\n  b:\n# of b too?\n# of the end\n",
    ),
    "texts of several lines move as one": (
        """\
runs:
    a:
        description: "x
          y\x20

          z \\\x20
          w"
        name: >-
            a
              b

            c

        tags: {a: b,
               c: d}
""",
        """\
runs:
  a:
    name: >-
      a
        b

      c
    description: "x
      y

      z \\\x20
      w"

    tags: {a: b,
           c: d}
""",
    ),
    "an indentation that is said stays": (
        "a:\n    b: |2\n         x\n",
        "a:\n  b: |2\n       x\n",
    ),
    "a text that the file ends in ends as before": (
        "a: |\n  x",
        "a: |-\n  x\n",
    ),
    "and its blank lines stay where they count": (
        "a: |+\n  x\n\n\nb: |\n  y\n\n\n",
        "a: |+\n  x\n\n\nb: |\n  y\n",
    ),
    "where they count nothing moves": (
        "runs:\n  a:\n    tags: {}\n    name: |+\n      x\n\n",
        "runs:\n  a:\n    tags: {}\n    name: |+\n      x\n\n",
    ),
    "an alias stays behind its anchor": (
        "runs:\n  a:\n    tags: &t {}\n    params: *t\n",
        "runs:\n  a:\n    tags: &t {}\n    params: *t\n",
    ),
    "and in front of the next of that name": (
        "runs:\n  a:\n    tags: &t {}\n    params: &t {}\n",
        "runs:\n  a:\n    tags: &t {}\n    params: &t {}\n",
    ),
    "anchors that are named elsewhere do not matter": (
        "runs:\n  a: &a\n    tags: {a: &x b, c: *x}\n    name: n\n  b: *a\n",
        "runs:\n  a: &a\n    name: n\n    tags: {a: &x b, c: *x}\n  b: *a\n",
    ),
    "long keys stay as they are written": (
        "a:\n    ? k # c\n    # d\n    :   v\n    ? l\n    ? m\n    n: &n\n        o: p\n",
        "a:\n  ? k # c\n  # d\n  : v\n  ? l\n  ? m\n  n: &n\n    o: p\n",
    ),
    "an alias as a key keeps its blank": (
        "a: &a b\n*a :  c\n",
        "a: &a b\n*a : c\n",
    ),
    "a colon that begins the next key": (
        "a:\n    ? k\n    :b: c\n",
        "a:\n  ? k\n  :b: c\n",
    ),
    "a key that is but a tag": (
        "a:\n    !!str : b\n",
        "a:\n  !!str : b\n",
    ),
    "an item without a value that the file ends in": (
        "a:\n- x\n-",
        "a:\n  - x\n  -\n",
    ),
    "values below their key stay there": (
        "a:\n  - &a\n       b: 1\n  -\n       # c\n       x\n  - |\n     y\n",
        "a:\n  - &a\n    b: 1\n  -\n    # c\n    x\n  - |\n    y\n",
    ),
    "anchors in a line of their own": (
        "a:\n    &a\n    b: 1\n",
        "a:\n  &a\n  b: 1\n",
    ),
    "comments alone": (
        "\n  # a\n\n\n# b\n\n",
        "# a\n\n# b\n",
    ),
    "nothing": (
        " \n\n",
        "",
    ),
    "document marks": (
        "# a\n\n\n---\n\n# b\na:   1\n...\n\n# c\n",
        "# a\n\n---\n# b\na: 1\n...\n\n# c\n",
    ),
    "CRLF": (
        "a:\r\n    b: 1\r\n",
        "a:\r\n  b: 1\r\n",
    ),
    "CR": (
        "a:\r    b: 1",
        "a:\r  b: 1\r",
    ),
    "the byte order mark": (
        "\ufeffa:   1\n",
        "\ufeffa: 1\n",
    ),
    "tabs between": (
        "a:\t1\t# x\n",
        "a: 1\t# x\n",
    ),
    "no-break spaces are letters": (
        "a: |\n   \xa0x\n\n   \xa0\n",
        "a: |\n  \xa0x\n\n  \xa0\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), EXAMPLES.values(), ids=EXAMPLES)
def test_canonical_form(before, after):
    assert parse(before, "f")[1] == []
    assert formatted(before, ORDER) == after
    assert formatted(after, ORDER) == after
    assert parse(after, "f")[0] == parse(before, "f")[0]


AS_IT_IS = {
    "braces": "{a:   1}\n\n",
    "a list": "- a\n\n\n",
    "a text": "x  \n",
    "a line break that editors do not know": "a:   1 # \u2028# b\n",
    "an anchor of all": "--- &x\na:   1\n",
    "a byte order mark within": "a:\n- b\n-\n\ufeff\n c\n",
    "a text in lines of its own as a key": "a:   1\n? |\n  b\n  c\nd: 1\n",
    "a comment between a ? and its key": "a:   1\n? # c\n  b\n: 1\n",
    "in what else there is": "a:\n  b:\n  -   ? # c\n        b\n",
}


@pytest.mark.parametrize("text", AS_IT_IS.values(), ids=AS_IT_IS)
def test_what_stays_as_it_is(text):
    assert formatted(text, ORDER) == text
