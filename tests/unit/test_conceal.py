"""Secrets are found in a text whatever form they took on the way."""

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.runtime.conceal import MASK, Concealer, conceal

TOKEN = "dapi-0123456789abcdef"
ODD = "p/w\"x&y<z>é'+ %\\ü\n~hunter2"


@pytest.mark.parametrize(
    "form",
    [
        ODD,
        quote(ODD),
        quote(ODD, safe=""),
        quote_plus(ODD),
        quote(ODD, safe="").replace("%2F", "%2f").replace("%C3", "%c3").replace("%3C", "%3c"),
        json.dumps(ODD)[1:-1],
        json.dumps(ODD, ensure_ascii=False)[1:-1],
        repr(ODD)[1:-1],
        html.escape(ODD),
    ],
)
def test_each_form_of_a_secret_is_masked(form):
    shown = conceal(f"a {form} b", [ODD])
    assert "hunter2" not in shown
    assert shown.startswith("a ***")
    assert shown.endswith("b")


def test_what_is_no_secret_stays():
    assert conceal("a b", [TOKEN, ""]) == "a b"
    assert conceal("a b", []) == "a b"
    assert conceal("dapi", [TOKEN]) == "dapi"


@pytest.mark.parametrize("length", range(8, len(TOKEN)))
@pytest.mark.parametrize("shape", ["Bearer {}...", "{}", "x={}…[cut]", "{0} and {0}"])
def test_what_is_left_of_a_shortened_secret_is_masked(length, shape):
    assert conceal(shape.format(TOKEN[:length]), [TOKEN]) == shape.format(MASK)
    assert conceal(shape.format(TOKEN[-length:]), [TOKEN]) == shape.format(MASK)


def test_a_secret_that_is_cut_in_the_middle_is_masked():
    assert conceal(f"'{TOKEN[:9]}...{TOKEN[-9:]}'", [TOKEN]) == "'***...***'"


def test_a_longer_secret_goes_first():
    assert conceal("pw pw-and-more", ["pw", "pw-and-more"]) == "*** ***"


def test_a_lone_surrogate_is_no_hindrance():
    assert conceal("a\ud800b", ["a\ud800b"]) == MASK


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=20), max_size=3), st.data())
def test_no_secret_is_left(text, secrets, data):
    if secrets:
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(secrets)) + text[at:]
    shown = Concealer(secrets)(text)
    for secret in secrets:
        if not set(secret) & set(MASK):
            assert secret not in shown
