"""How much a plan may delete without being asked, at the borders."""

import pytest

from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.guard import Safety, guard
from reconciler.core.plan import Plan, Step

WAYS_OUT = "if that is meant: --allow-delete {}; to keep them: --no-delete; to take down the stack: reconciler destroy"


def judged(deletes, owned, **safety):
    steps = [Step(Address("runs", str(number)), Action.delete) for number in range(deletes)]
    others = [Step(Address("runs", f"{action}"), action) for action in Action if action is not Action.delete]
    return guard(Plan("s", "t", "b", (*steps, *others)), owned, Safety(**safety))


@pytest.mark.parametrize(
    ("deletes", "owned", "refused"),
    [
        (0, 0, False),
        (0, 100, False),
        (1, 1, True),
        (8, 9, False),  # a small stack has no percentage
        (9, 9, True),  # but never goes as a whole
        (3, 10, False),  # exactly 30 %
        (4, 10, True),
        (30, 100, False),
        (31, 100, True),
        (301, 1000, True),
    ],
)
def test_more_than_a_share_of_what_the_stack_owns_is_refused(deletes, owned, refused):
    assert [one.code for one in judged(deletes, owned)] == (["safety-threshold"] if refused else [])


@pytest.mark.parametrize(("percent", "refused"), [(0, True), (19, True), (20, False), (100, False)])
def test_the_share_is_the_stacks_to_say(percent, refused):
    assert bool(judged(2, 10, max_delete_percent=percent)) is refused


def test_deleting_everything_is_refused_whatever_the_share():
    (problem,) = judged(20, 20, max_delete_percent=100)
    assert problem.summary == "the plan deletes all 20 resources that the stack owns"
    assert problem.hint == WAYS_OUT.format(20)


@pytest.mark.parametrize(("owned", "what"), [(1, "the only resource"), (2, "all 2 resources")])
def test_deleting_all_of_a_small_stack_is_refused_in_words_that_fit(owned, what):
    (problem,) = judged(owned, owned)
    assert problem.summary == f"the plan deletes {what} that the stack owns"


def test_what_was_deleted_before_and_comes_back_does_not_count():
    steps = [Step(Address("runs", str(number)), Action.delete) for number in range(9)]
    again = {step.address for step in steps[:8]}
    assert guard(Plan("s", "t", "b", tuple(steps)), 2, Safety(), again) == []
    (problem,) = guard(Plan("s", "t", "b", tuple(steps)), 1, Safety(), again)
    assert problem.summary == "the plan deletes the only resource that the stack owns"


def test_what_is_refused_says_how_much_it_is_and_the_ways_out():
    (problem,) = judged(4, 11)
    assert (
        problem.summary == "the plan deletes 36.4 % of what the stack owns (4 of 11); safety.max_delete_percent is 30"
    )
    assert problem.hint == WAYS_OUT.format(4)


@pytest.mark.parametrize(
    ("deletes", "allowed", "refused"),
    [(4, 4, False), (20, 20, False), (4, 3, True), (4, 5, True), (0, 1, True), (0, 0, False)],
)
def test_the_answer_is_the_exact_number(deletes, allowed, refused):
    """Also where the threshold alone would have let it pass: the plan is not the one that was looked at."""
    found = judged(deletes, 20, allow_delete=allowed)
    assert [one.code for one in found] == (["safety-threshold"] if refused else [])
    for one in found:
        assert one.summary == f"the number of deletions in the plan is {deletes}; --allow-delete says {allowed}"
        assert one.hint == "look at the plan again, then give the number that it shows"
