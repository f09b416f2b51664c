"""Whatever the limits let through, no part of a mark is longer than every backend takes, and all of it is read back."""

from dataclasses import replace

import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.diff import mark_of
from reconciler.core.interpolate import Scope
from reconciler.core.limits import check
from reconciler.core.resolve import resolve
from reconciler.core.source import parse
from tests.lives import KINDS, WIRES

LETTERS = st.builds(str.__mul__, st.sampled_from("aé欺𝒳"), st.integers(1, 1000))
CHARACTERS = st.characters(exclude_categories=["Cs"])
NAMES = st.builds(lambda char, count, rest: char * count + rest, CHARACTERS, st.integers(1, 500), LETTERS | st.just(""))
TAGS = LETTERS.map(lambda text: text[:250])
STACK = "s" * 60


@given(LETTERS, st.lists(NAMES, max_size=8, unique=True), st.lists(TAGS, max_size=40, unique=True), st.booleans())
def test_no_part_of_a_mark_is_too_long(key, datasets, tags, protected):
    """Also not with the flags that the mark gets when the resource is replaced or deleted."""
    dataset = {"digest": "🦊" * 36, "source_type": "s3", "source": "s"}
    body = {
        "experiment": "e",
        "name": "n",
        "datasets": [dataset | {"name": name} for name in datasets],
        "tags": dict.fromkeys(tags, "x"),
        "prevent_destroy": str(protected).lower(),
        "on_remove": "keep",
    }
    text = yaml.safe_dump({"experiments": {"e": {}}, "runs": {key: body}}, allow_unicode=True)
    document, problems = parse(text, "main.yaml")
    assert (problems, document is not None) == ([], True)
    found, problems = resolve([document], KINDS, Scope())
    assert problems == []
    if check(found, KINDS, WIRES, "mlflow"):
        return
    mark = replace(mark_of(found[Address("runs", key)]), replaced=True, existing=True, deleted=True)
    written = marks.write(mark, STACK)
    assert all(len(part.encode()) <= marks.PART_BYTES for part in written.values())
    assert marks.read(written, STACK) == mark
