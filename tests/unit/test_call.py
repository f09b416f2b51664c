"""Several flows at once."""

import pytest

from reconciler.core.call import Call, together


def get(path):
    return Call("GET", f"/{path}", repeatable=True)


def asking(*batches):
    """A flow that asks for `batches` of paths and returns all replies."""
    found = []
    for paths in batches:
        found += yield [get(path) for path in paths]
    return found


def driven(flow):
    """What was asked for in each batch, and the value; the reply to a call is its path."""
    asked, replies = [], None
    try:
        while True:
            calls = flow.send(replies)
            replies = [call.path for call in calls]
            asked.append(replies)
    except StopIteration as stop:
        return asked, stop.value


def test_each_batch_has_one_of_every_flow_that_still_asks():
    asked, values = driven(together(asking(["a1", "a2"], ["a3"], ["a4"]), asking(["b1"], ["b2", "b3"])))
    assert asked == [["/a1", "/a2", "/b1"], ["/a3", "/b2", "/b3"], ["/a4"]]
    assert values == [["/a1", "/a2", "/a3", "/a4"], ["/b1", "/b2", "/b3"]]


def test_a_flow_that_asks_for_nothing_has_its_value():
    assert driven(together(asking(), asking(["b"]))) == ([["/b"]], [[], ["/b"]])
    assert driven(together(asking(), asking())) == ([], [[], []])
    assert driven(together(asking([], ["a"]), asking())) == ([[], ["/a"]], [["/a"], []])


def test_an_error_of_one_ends_all():
    closed = []

    def waiting():
        try:
            yield [get("a")]
            yield [get("b")]
        finally:
            closed.append(True)

    def failing():
        yield [get("c")]
        raise LookupError("garbage")

    with pytest.raises(LookupError, match="garbage"):
        driven(together(waiting(), failing()))
    assert closed == [True]
