"""What is logged to a run in requests that runs/log-batch takes: each of its limits at the border."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.backends.mlflow.batches import BYTES, LIMITS, TOTAL, batches

KINDS = st.sampled_from(["metrics", "params", "tags"])


def entries(kind, count, size=0):
    return [(kind, (kind, str(number)), {"key": str(number), "value": "x" * size}) for number in range(count)]


def counts(found):
    return [{kind: len(listed) for kind, listed in batch.body.items()} for batch in found]


def test_nothing_is_no_request():
    assert batches([]) == []


@pytest.mark.parametrize(("kind", "most"), [("metrics", 1000), ("params", 100), ("tags", 100)])
def test_each_list_at_its_limit(kind, most):
    assert counts(batches(entries(kind, most))) == [{kind: most}]
    assert counts(batches(entries(kind, most + 1))) == [{kind: most}, {kind: 1}]


def test_the_lists_together_at_their_limit():
    fits = [*entries("metrics", 800), *entries("params", 100), *entries("tags", 100)]
    assert counts(batches(fits)) == [{"metrics": 800, "params": 100, "tags": 100}]
    more = [*entries("metrics", 801), *entries("params", 100), *entries("tags", 100)]
    assert counts(batches(more)) == [{"metrics": 801, "params": 100, "tags": 99}, {"tags": 1}]


def test_the_bytes_of_a_request():
    """Three of 300,000 do not fit into 900,000 with their keys."""
    assert counts(batches(entries("tags", 3, 300_000))) == [{"tags": 2}, {"tags": 1}]
    assert counts(batches(entries("tags", 3, 299_000))) == [{"tags": 3}]


def test_what_is_too_large_by_itself_is_sent_by_itself():
    assert counts(batches(entries("tags", 2, BYTES + 1))) == [{"tags": 1}, {"tags": 1}]


def test_bytes_are_counted_as_they_are_sent_at_the_most():
    (batch,) = batches([("tags", None, {"key": "a", "value": "é🦊"})])
    assert batch.size >= len(json.dumps({"key": "a", "value": "é🦊"}, ensure_ascii=False).encode())


def test_a_field_is_named_once_and_a_mark_is_no_field():
    path = ("metrics", "loss")
    (batch,) = batches([("metrics", path, {"step": 0}), ("metrics", path, {"step": 1}), ("tags", None, {"key": "m"})])
    assert batch.fields == [path]
    assert counts([batch]) == [{"metrics": 2, "tags": 1}]


@settings(deadline=None)
@given(st.lists(st.tuples(KINDS, st.integers(0, 2) | st.just(400_000)), max_size=30).map(lambda one: one * 60))
def test_the_order_is_kept_and_no_limit_is_passed(wanted):
    given_entries = [
        (kind, (kind, str(number)), {"key": str(number), "value": "x" * size if number % 40 == 0 else ""})
        for number, (kind, size) in enumerate(wanted)
    ]
    found = batches(given_entries)
    for batch in found:
        assert all(len(listed) <= LIMITS[kind] for kind, listed in batch.body.items())
        assert sum(map(len, batch.body.values())) <= TOTAL
        assert len(json.dumps(batch.body)) <= 1_000_000
    for kind in LIMITS:
        sent = [entry for batch in found for entry in batch.body.get(kind, [])]
        assert sent == [entry for one, _, entry in given_entries if one == kind]
    assert all(batch.fields for batch in found)
