"""What became of a request whose reply was lost, from what the server holds."""

import pytest

from reconciler.core.call import Call
from reconciler.core.fate import made, written
from tests.lives import address, found, owned, path

RUN = address("runs.r")
CALL = Call("POST", "/x", {"params": [{"key": "a", "value": "1"}], "tags": [{"key": "team", "value": "risk"}]})


def run(id="1", name="runs.r", fields=None, **more):  # noqa: A002
    return owned(name, fields or {"name": "r"}, {"name": "r"}, id=id, **more)


def test_what_was_made_carries_the_mark_of_its_address():
    assert made(RUN, [run("7")], set()) == ["7"]
    assert made(RUN, [], set()) == []


@pytest.mark.parametrize(
    "other",
    [
        run("7", "runs.other"),
        run("7", replaced=True),
        run("7", deleted=True),
        found("runs.r", {"name": "r"}, id="7"),
    ],
)
def test_what_does_not_stand_for_the_address_was_not_made(other):
    assert made(RUN, [other], set()) == []


def test_what_was_known_before_was_not_made_now():
    assert made(RUN, [run("1"), run("2")], {"1"}) == ["2"]


def test_all_are_told_in_order_where_it_was_made_twice():
    assert made(RUN, [run("9"), run("2")], set()) == ["2", "9"]


def test_a_write_is_done_where_all_its_values_are_there():
    there = [run(fields={"params.a": "1", "params.b": "2"}), run(name="runs.other")]
    assert written(RUN, there, CALL, {path("params.a"): "1", path("params.b"): "2"})
    assert not written(RUN, there, CALL, {path("params.a"): "1", path("params.b"): "3"})
    assert not written(RUN, there, CALL, {path("params.c"): "1"})
    assert not written(address("runs.none"), there, Call("POST", "/x"), {})


def test_the_mark_that_a_write_has_along_tells_whether_it_is_done():
    """Of a series in several writes, `values` has more than each of them writes."""
    live = run()
    ((key, text),) = live.mark_tags.items()
    values = {path("metrics.loss"): [{"value": 1}, {"value": 2}]}

    def call(**tags):
        return Call("POST", "/x", {"tags": [{"key": name, "value": value} for name, value in tags.items()]})

    assert written(RUN, [live], call(**{key: text, "team": "risk"}), values)
    assert written(RUN, [live], call(**{key: text, f"{key}.1": ""}), values)
    assert not written(RUN, [live], call(**{key: text + " "}), {})
    assert not written(RUN, [live], call(**{key: text, f"{key}.1": "more"}), {})
    assert not written(RUN, [live], call(**{key: ""}), {})
