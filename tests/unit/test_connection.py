"""What cannot be a server's address or a header is refused before anything is sent, and shows no secret."""

import pytest

from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import BadConnection


@pytest.mark.parametrize("host", ["...", "a..b", "x" * 64, f"{'x' * 64}.invalid", "local host"])
def test_a_host_that_no_resolver_takes(host):
    with pytest.raises(BadConnection, match="the server's url cannot be used"):
        Connection(f"http://ada:pa55@{host}:5000")


@pytest.mark.parametrize("host", ["localhost", "a_b", "x" * 63, "münchen.example", "[::1]", "127.0.0.1", "a.b."])
def test_a_host_as_they_are(host):
    assert Connection(f"http://{host}:5000/x/").url == f"http://{host}:5000/x"


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\nb", "ü", "Content-Length", "content-type", "Transfer-Encoding"])
def test_a_header_that_cannot_be_sent(name):
    with pytest.raises(BadConnection, match="cannot be sent") as refused:
        Connection("http://h", headers={name: "s3cret"})
    assert "s3cret" not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "ü", "\0"])
def test_a_value_of_a_header_that_cannot_be_sent(value):
    with pytest.raises(BadConnection, match="the header 'X' has a value that cannot be sent"):
        Connection("http://h", headers={"X": value})
