"""The identity of a resource: a kind and a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address


@given(st.text("abc_", min_size=1), st.text(min_size=1))
def test_an_address_is_read_back_whatever_the_key_is(kind, name):
    address = Address(kind, name)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("text", ["", "experiments", "experiments.", ".fraud", "."])
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match=f"'{text}' is not an address such as experiments.fraud"):
        Address.parse(text)


def test_addresses_are_sorted_by_kind_and_then_by_name():
    texts = ["runs.a", "experiments.b", "experiments.a[10]", "experiments.a"]
    assert [str(one) for one in sorted(map(Address.parse, texts))] == [
        "experiments.a", "experiments.a[10]", "experiments.b", "runs.a",
    ]  # fmt: skip
