"""Times and numbers have one form each, whoever wrote them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.scalars import milliseconds, moment, number

LAST = 253_402_300_799_999
"""The last millisecond of the year 9999."""


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
        ("2026-01-31 09:00:00", "2026-01-31T09:00:00Z"),
        ("2026-01-31T10:30+01:30", "2026-01-31T09:00:00Z"),
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("20260131T090000Z", "2026-01-31T09:00:00Z"),
        ("2026-01-31T09:00:00.5Z", "2026-01-31T09:00:00.500Z"),
        ("2026-01-31T09:00:00.123Z", "2026-01-31T09:00:00.123Z"),
        ("2026-01-31T09:00:00.123000Z", "2026-01-31T09:00:00.123Z"),
        ("  2026-01-31T09:00:00Z ", "2026-01-31T09:00:00Z"),
        ("1769850000000", "2026-01-31T09:00:00Z"),
        (1769850000001, "2026-01-31T09:00:00.001Z"),
        ("1", "1970-01-01T00:00:00.001Z"),
        (LAST, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_in_one_form(written, canonical):
    assert moment(written) == canonical
    assert moment(canonical) == canonical


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("soon", "not a time"),
        ("", "not a time"),
        ("2026-02-30", "not a time"),
        ("-1", "not a time"),
        ("1.5", "not a time"),
        (LAST + 1, "not a time"),
        ("9" * 30, "not a time"),
        ("9" * 5000, "not a time"),
        ("9999-12-31T23:59:59-01:00", "not a time"),
        ("0001-01-01T00:00:00+01:00", "not a time"),
        ("0", "must be after 1970"),
        ("1970-01-01", "must be after 1970"),
        ("1969-07-20T20:17Z", "must be after 1970"),
        ("1970-01-01T01:00+01:00", "must be after 1970"),
        ("2026-01-31T09:00:00.1234Z", "finer than a millisecond"),
    ],
)
def test_what_no_server_can_keep_is_no_time(written, words):
    with pytest.raises(ValueError, match=words):
        moment(written)


@given(st.integers(1, LAST))
def test_milliseconds_there_and_back(value):
    assert milliseconds(moment(value)) == value
    assert moment(str(value)) == moment(moment(value))


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("0.5", 0.5),
        (" 1e-3 ", 0.001),
        (7, 7.0),
        ("1_000", 1000.0),
        ("-0.0", 0.0),
        (".nan", "NaN"),
        ("NaN", "NaN"),
        ("-.nan", "NaN"),
        (math.nan, "NaN"),
        (".inf", "Infinity"),
        ("+.Inf", "Infinity"),
        ("Infinity", "Infinity"),
        ("-.INF", "-Infinity"),
        ("-infinity", "-Infinity"),
        (-math.inf, "-Infinity"),
        ("1e999", "Infinity"),
        (1.7976931348623157e308, "Infinity"),
        (-1.7976931348623157e308, "-Infinity"),
        (1.7976931348623155e308, 1.7976931348623155e308),
    ],
)
def test_a_number_in_one_form(written, canonical):
    found = number(written)
    assert (found, type(found)) == (canonical, type(canonical))
    assert number(found) == found


def test_there_is_one_zero():
    """JSON and the digests of the mark would tell -0.0 from 0.0."""
    assert str(number("-0.0")) == "0.0"


@pytest.mark.parametrize("written", ["", "much", "1,5", "0x10", None, True, "1 2"])
def test_what_is_no_number(written):
    with pytest.raises(ValueError, match="is not a number"):
        number(written)


@given(st.floats())
def test_any_number_keeps_its_value(value):
    found = number(value)
    if isinstance(found, float):
        assert found == value
    else:
        assert math.isnan(value) or abs(value) >= 1.7976931348623157e308
