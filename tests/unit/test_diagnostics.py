"""Findings: their places, their order, and what stops a phase."""

import pytest

from reconciler.core.diagnostics import Diagnostic, Failed, Span, error, stop_on_errors


def test_a_place_is_read_back_without_its_width():
    place = Span("a:b/fraud.yaml", 4, 9, 3)
    assert str(place) == "a:b/fraud.yaml:4:9"
    assert Span.parse(str(place)) == place


@pytest.mark.parametrize("text", ["", "x", "x:1", "x:1:", "x:a:1", "1:2"])
def test_what_is_no_place(text):
    with pytest.raises(ValueError):
        Span.parse(text)


def test_findings_are_sorted_by_place_those_without_one_last():
    places = [None, Span("b", 1, 1), Span("a", 10, 1), Span("a", 2, 5), Span("a", 2, 1)]
    found = Failed(error("code", "x", at) for at in places).diagnostics
    assert [str(one.at) for one in found] == ["a:2:1", "a:2:5", "a:10:1", "b:1:1", "None"]


def test_all_that_is_wrong_is_in_the_error():
    with pytest.raises(Failed, match=r"^one; two$") as failed:
        stop_on_errors([error("b", "two"), error("a", "one", hint="h")])
    assert [one.hint for one in failed.value.diagnostics] == ["h", ""]


def test_a_warning_alone_stops_nothing():
    warning = Diagnostic("warning", "w", "watch out")
    stop_on_errors([warning])
    stop_on_errors([])
    with pytest.raises(Failed) as failed:
        stop_on_errors([warning, error("e", "no")])
    assert len(failed.value.diagnostics) == 2
