"""Lists that others change while they are read: what was there all the time is found, whatever comes and goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.backends.tenant.api import Api, read_all
from reconciler.backends.tenant.replies import ExperimentPage
from reconciler.core.call import Unfit

CHANGES = st.lists(st.one_of(st.just("first"), st.just("last"), st.integers(0, 30)), max_size=6)
"""What happens between two requests: something new comes first or last, or what stands at a place goes."""


def change(held: list[str], events: list[str | int], fresh: int) -> None:
    for number, event in enumerate(events):
        new = f"n{fresh}-{number}"
        if event == "first":
            held.insert(0, new)
        elif event == "last":
            held.append(new)
        elif held:
            del held[int(event) % len(held)]


@given(st.integers(0, 25), st.integers(2, 7), st.booleans(), st.lists(CHANGES, max_size=25))
def test_what_is_there_all_the_time_is_found(
    count: int, cap: int, total: bool, meanwhile: list[list[str | int]]
) -> None:
    held = [f"e{number}" for number in range(count)]
    lasting = set(held)
    listing = Api("/api/v1").pages("experiments", {}, ExperimentPage)
    flow = read_all([listing])
    try:
        calls = next(flow, None)
        fresh = 0
        while calls:
            start = int(calls[0].query["offset"])
            page = {"items": [{"id": one, "name": one, "tags": {}} for one in held[start : start + cap]]}
            reply = page | ({"total": len(held)} if total else {})
            fresh += 1
            change(held, meanwhile[fresh] if fresh < len(meanwhile) else [], fresh)
            lasting &= set(held)
            calls = flow.send([reply])
    except StopIteration:
        assert lasting <= listing.items.keys()
    except Unfit as unfit:
        assert "changes faster than it can be read" in str(unfit)
