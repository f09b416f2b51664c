"""The account of a crash says where it was, and shows nothing of the environment."""

import pytest

from reconciler.cli.crash import account

ENVIRON = {"TOKEN": "hunter2-canary", "N": "1", "EMPTY": ""}


def crash(error, cause=None, *, hide=False):
    """The account of `error`, raised while `cause` was handled."""
    error.__suppress_context__ = hide
    with pytest.raises(type(error)) as caught:
        fail_twice(cause or ZeroDivisionError(), error)
    return account(caught.value, ENVIRON)


def fail_twice(first, second):
    try:
        fail(first)
    except type(first):
        fail(second)


def fail(error):
    raise error


def test_it_has_the_frames_the_type_and_the_message():
    text = crash(KeyError("experiment"), hide=True)
    assert text.startswith("Traceback (most recent call last):\n")
    assert "test_crash.py" in text
    assert "raise error" in text
    assert text.endswith("KeyError: 'experiment'\n")
    assert "which led to" not in text


def test_what_led_to_it_comes_first():
    given = KeyError("b")
    given.__cause__ = ZeroDivisionError("a")
    for text in (crash(KeyError("b")), crash(given)):
        first, last = text.split("\nwhich led to:\n\n")
        assert "ZeroDivisionError" in first
        assert last.endswith("KeyError: 'b'\n")


def test_values_of_the_environment_and_passwords_of_urls_are_masked():
    text = crash(KeyError("Bearer hunter2-canary to http://ann:pw@h, 1"), ValueError("hunter2-c..."))
    assert "hunter2" not in text
    assert "pw@" not in text
    assert "to http://ann:**@h, 1" in text
