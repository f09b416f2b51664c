"""The order of steps: what is needed first, all else by address, and a cycle by its edges."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.order import order

A, B, C, D = (Address("experiments", name) for name in "abcd")


def test_by_address_where_nothing_is_needed():
    assert order({C: [], A: [], B: []}) == ([A, B, C], [])


def test_what_is_needed_comes_first_and_the_smallest_of_what_is_free():
    assert order({A: [D], B: [], C: [A], D: []}) == ([B, D, A, C], [])


def test_a_cycle_goes_from_what_needs_to_what_is_needed():
    sequence, cycle = order({A: [B], B: [C], C: [A], D: []})
    assert sequence == [A, B, C, D]
    assert cycle[0] == cycle[-1]
    assert set(pairwise(cycle)) == {(A, B), (B, C), (C, A)}


NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@given(st.data())
def test_the_order_does_not_depend_on_the_order_of_what_goes_in(data):
    names = data.draw(NAMES)
    needs = {
        Address("runs", name): [Address("runs", other) for other in data.draw(st.permutations(names[:index]))]
        for index, name in enumerate(names)
    }
    first, problems = order(needs)
    assert problems == []
    assert order(dict(data.draw(st.permutations(list(needs.items()))))) == (first, [])
    for address, needed in needs.items():
        assert all(first.index(one) < first.index(address) for one in needed)
