"""Passwords that are written in a configuration are not shown beside an error in it."""

import pytest

from reconciler.core.scrub import scrubbed, without_passwords

PW = "hunter2-canary"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"url: http://ann:{PW}@h/x", "url: http://ann:**************@h/x"),
        ("url: http://ann:a@b:c@h", "url: http://ann:*****@h"),
        ("http://h and http://a:b@c", "http://h and http://a:*@c"),
        ("http://ann@h", "http://ann@h"),
        ("https://h:8443/x", "https://h:8443/x"),
        ("name: a:b@c", "name: a:b@c"),
    ],
)
def test_the_password_of_a_url_gives_way_to_asterisks(text, expected):
    assert without_passwords(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password: pw", "password: **"),
        ("password: a, b # c\nprefix: /x\n", "password: ** * * *\nprefix: /x\n"),
        ("  MY_TOKEN: 'it''s'  # why\n", "  MY_TOKEN: *******  # why\n"),
        ('X-Api-Key: "a\\"b", prefx: x', "X-Api-Key: ******, prefx: x"),
        ("t: {user: a, password: pw, prefx: x}", "t: {user: a, password: **, prefx: x}"),
        ("t: {headers: {Authorization: Bearer x}, prefx: x}", "t: {headers: {Authorization: ****** *}, prefx: x}"),
        ("t: {token: a, 'secret-b': c}", "t: {token: *, 'secret-b': *}"),
        ("secrets: {a: b}", "secrets: {a: b}"),
        ("keys: [a, b]", "keys: [a, b]"),
        ("token: ${env.T}", "token: ${env.T}"),
        ("Authorization: Bearer ${env.T}", "Authorization: Bearer ${env.T}"),
        ("token:\n  a", "token:\n  a"),
        ("token: \n", "token: \n"),
        ("stack: ml\ntargets:\n", "stack: ml\ntargets:\n"),
    ],
)
def test_what_stands_behind_the_name_of_a_secret_gives_way_to_asterisks(text, expected):
    assert scrubbed(text) == expected
    assert [len(line) for line in scrubbed(text).splitlines()] == [len(line) for line in text.splitlines()]
