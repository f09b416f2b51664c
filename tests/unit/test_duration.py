"""Times on the command line."""

import click
import pytest

from reconciler.cli.duration import Duration


def seconds(text, **options):
    return Duration(**options).convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("30s", 30), ("5m", 300), ("1h", 3600), ("0.5", 0.5), ("1.5m", 90), (" 7 ", 7), ("168h", 604800)],
)
def test_a_time_is_seconds_minutes_or_hours(text, expected):
    assert seconds(text) == expected


def test_a_default_that_is_a_number_already_stays():
    assert seconds(60.0) == 60.0


@pytest.mark.parametrize("text", ["", "s", "m5", "5 m", "1d", "-1", "1e3", "inf", "nan", "1h30m", "٣", "0x1", "5S"])
def test_anything_else_is_refused_with_examples(text):
    with pytest.raises(click.BadParameter, match="is not a time such as 90, 30s, 5m or 1h"):
        seconds(text)


@pytest.mark.parametrize("text", ["0", "0h", "0.0001"])
def test_no_time_at_all_is_too_short(text):
    with pytest.raises(click.BadParameter, match="too short"):
        seconds(text)


def test_no_time_at_all_is_a_time_where_that_is_wanted():
    assert seconds("0", least=0.0) == 0


@pytest.mark.parametrize("text", ["169h", "9" * 400])
def test_more_than_a_week_is_too_long(text):
    with pytest.raises(click.BadParameter, match="too long"):
        seconds(text)
