"""Which steps a selection takes, and that what they need comes along."""

import pytest

from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.plan import Step
from reconciler.core.select import Selection, select, unknown, unmatched

FRAUD, CHURN = Address("experiments", "fraud"), Address("experiments", "churn[eu]")
RUN, OTHER = Address("runs", "fraud"), Address("runs", "base")
STEPS = {
    FRAUD: Step(FRAUD, Action.create),
    CHURN: Step(CHURN, Action.delete, needs=(OTHER,)),
    RUN: Step(RUN, Action.update, needs=(FRAUD, Address("runs", "without a step"))),
    OTHER: Step(OTHER, Action.delete),
}


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), {FRAUD, CHURN, RUN, OTHER}),
        (Selection(only=("experiments.fraud",)), {FRAUD}),
        (Selection(only=("experiments.*",)), {FRAUD, CHURN, OTHER}),
        (Selection(only=("*.fraud",)), {FRAUD, RUN}),
        (Selection(only=("runs.fraud",)), {RUN, FRAUD}),  # what it needs comes along
        (Selection(only=("experiments.churn[[]eu]",)), set()),
        (Selection(only=("experiments.churn[eu]",)), {CHURN, OTHER}),
        (Selection(only=("experiments.churn[*]",)), {CHURN, OTHER}),
        (Selection(only=("Runs.*",)), set()),
        (Selection(only=("runs.bas?", "experiments.fraud")), {OTHER, FRAUD}),
        (Selection(exclude=("runs.fraud",)), {FRAUD, CHURN, OTHER}),
        (Selection(exclude=("runs.*",)), {FRAUD}),  # churn cannot go before its run
        (Selection(exclude=("*.fraud",)), {CHURN, OTHER}),
        (Selection(only=("runs.fraud",), exclude=("experiments.*",)), set()),
        (Selection(only=("*.fraud",), exclude=("runs.*",)), {FRAUD}),
        (Selection(no_delete=True), {FRAUD, RUN}),
    ],
)
def test_what_a_selection_takes(selection, taken):
    assert set(select(STEPS, selection)) == taken


def test_globs_that_name_nothing():
    selection = Selection(only=("runs.*", "run.*"), exclude=("experiments.churn[eu]", "experiments.churn"))
    assert unmatched([FRAUD, CHURN, RUN], selection) == ["run.*", "experiments.churn"]
    assert unmatched([], Selection()) == []


def test_no_delete_deletes_nothing():
    """An experiment that is let go (on_remove: keep) waits for the deletion of its runs: then it has to stay too."""
    steps = {FRAUD: Step(FRAUD, Action.update, needs=(OTHER,)), OTHER: Step(OTHER, Action.delete)}
    chosen = select(steps, Selection(no_delete=True))
    assert chosen == {}


def test_what_needs_what_is_left_out_is_left_out_however_far_away_it_is():
    chain = {
        at: Step(at, Action.update, needs=(before,) if before else ())
        for at, before in [(FRAUD, None), (RUN, FRAUD), (OTHER, RUN), (CHURN, OTHER)]
    }
    assert set(select(chain, Selection(exclude=("runs.fraud",)))) == {FRAUD}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("runs.x*", "it has to match a whole address, such as 'runs.a'"),
        ("f?", "it has to match a whole address, such as 'experiments.b'"),
        ("runs.aa", "did you mean 'runs.a'?"),
        ("x", "there is: experiments.b, runs.a, runs.c"),
        ("B", "did you mean 'experiments.b'?"),
    ],
)
def test_what_names_nothing_is_told_with_what_there_is(name, hint):
    found = unknown(name, ["runs.c", "runs.a", "experiments.b"])
    assert (found.code, found.summary, found.hint) == (
        "unknown-address",
        f"'{name}' names no resource of the stack",
        hint,
    )
    assert unknown(name, []).hint == ""


def test_a_key_without_its_kind_is_told_with_each_kind_that_has_it():
    known = [f"experiments.e{number}" for number in range(2_000)]
    assert unknown("e14", known).hint == "did you mean 'experiments.e14'?"
    assert unknown("e14", ["runs.e14", *known]).hint == "did you mean 'experiments.e14' or 'runs.e14'?"
