"""What each step needs: what it refers to, the contents of what is deleted, names that must be free."""

import pytest

from reconciler.core.change import Action
from reconciler.core.intents import Intents
from reconciler.core.match import Pair, match
from reconciler.core.needs import bereaved, needs, references, unseen
from reconciler.core.order import order
from reconciler.core.plan import Step
from reconciler.core.steps import Stepper
from tests.lives import KINDS, WIRES, address, entry, held, owned


def planned(entries, lives):
    """The steps of the stack by address, each with what it needs."""
    pairs, problems = match({one.address: one for one in entries}, lives, KINDS)
    assert problems == []
    stepper = Stepper("ml", KINDS, WIRES, Intents("ml"))
    steps = {at: found for at, pair in pairs.items() if (found := stepper.step(pair).step)}
    return pairs, steps, needs(pairs, steps, KINDS)


def named(needed):
    return {str(at): [str(one) for one in ones] for at, ones in needed.items() if ones}


def test_what_an_entry_refers_to():
    model = entry("logged_models.m", experiment="fraud", source_run="base")
    assert references(model, KINDS["logged_models"]) == [address("experiments.fraud"), address("runs.base")]
    assert references(entry("logged_models.m", experiment="fraud"), KINDS["logged_models"]) == [
        address("experiments.fraud")
    ]


def test_what_is_referred_to_is_made_first():
    entries = [
        entry("experiments.fraud"),
        entry("runs.base", experiment="fraud"),
        entry("logged_models.m", experiment="fraud", source_run="base"),
    ]
    assert named(planned(entries, [])[2]) == {
        "runs.base": ["experiments.fraud"],
        "logged_models.m": ["experiments.fraud", "runs.base"],
    }


def test_what_has_no_step_is_not_needed():
    fraud = entry("experiments.fraud")
    assert named(planned([fraud, entry("runs.r", experiment="fraud")], [held(fraud)])[2]) == {}


def test_the_contents_are_deleted_before_what_they_are_in():
    """Deleting the experiment first would take the runs along, and their own deletion would then fail."""
    lives = [
        owned("experiments.fraud", {"name": "fraud"}, {}, id="1"),
        owned("runs.r", {"name": "r"}, {}, id="r", parent="1"),
        owned("logged_models.m", {"name": "m"}, {}, id="m", parent="1"),
        owned("runs.elsewhere", {"name": "e"}, {}, id="e", parent="7"),
    ]
    assert named(planned([], lives)[2]) == {"experiments.fraud": ["logged_models.m", "runs.r"]}


def test_an_experiment_is_restored_before_a_run_in_it_is_deleted():
    """Restoring brings the deleted run back, also one that nobody declares."""
    fraud = entry("experiments.fraud")
    lives = [held(fraud, deleted=True), owned("runs.r", {"name": "r"}, {}, id="r", parent="1", deleted=True)]
    _, steps, needed = planned([fraud], lives)
    assert {str(at): step.action for at, step in steps.items()} == {
        "experiments.fraud": Action.restore,
        "runs.r": Action.delete,
    }
    assert named(needed) == {"runs.r": ["experiments.fraud"]}


def test_a_run_moves_on_to_a_name_when_that_is_free():
    """a takes the name that b gives up, b that of c."""
    entries = [entry(f"experiments.{key}", name=name) for key, name in [("a", "y"), ("b", "z"), ("c", "w")]]
    before = [entry(f"experiments.{key}", name=name) for key, name in [("a", "x"), ("b", "y"), ("c", "z")]]
    _, steps, needed = planned(entries, [held(one, str(number)) for number, one in enumerate(before)])
    assert named(needed) == {"experiments.a": ["experiments.b"], "experiments.b": ["experiments.c"]}
    assert [one.name for one in order(needed)[0]] == ["c", "b", "a"]
    assert len(steps) == 3


def test_a_new_one_takes_a_name_that_a_rename_frees():
    entries = [entry("experiments.new", name="x"), entry("experiments.old", name="y")]
    _, _, needed = planned(entries, [held(entry("experiments.old", name="x"))])
    assert named(needed) == {"experiments.new": ["experiments.old"]}


def test_runs_may_swap_names():
    """They are not unique, so nothing has to wait."""
    entries = [entry("runs.a", experiment="fraud", name="y"), entry("runs.b", experiment="fraud", name="x")]
    before = [entry("runs.a", experiment="fraud", name="x"), entry("runs.b", experiment="fraud", name="y")]
    lives = [held(one, number, parent="9") for one, number in zip(before, "ab", strict=True)]
    assert named(planned(entries, lives)[2]) == {}


def test_two_names_that_change_places_are_a_cycle():
    entries = [entry("experiments.a", name="y"), entry("experiments.b", name="x")]
    before = [entry("experiments.a", name="x"), entry("experiments.b", name="y")]
    _, _, needed = planned(entries, [held(one, str(number)) for number, one in enumerate(before)])
    assert named(needed) == {"experiments.a": ["experiments.b"], "experiments.b": ["experiments.a"]}


@pytest.mark.parametrize("flags", [{"keep": True}, {"prevent_destroy": True}])
def test_what_must_stay_cannot_live_in_what_goes(flags):
    lives = [
        owned("experiments.fraud", {"name": "fraud"}, {}, id="1"),
        owned("runs.r", {"name": "r"}, {}, id="r", parent="1", **flags),
        owned("runs.free", {"name": "f"}, {}, id="f", parent="1"),
    ]
    pairs, steps, _ = planned([], lives)
    (problem,) = bereaved(pairs, steps)
    assert problem.code == "kept-in-deleted"
    assert problem.summary == "experiments.fraud cannot be deleted: runs.r lives in it and is to be kept"


@pytest.mark.parametrize("flags", [{"replaced": True}, {"deleted": True}])
def test_what_is_gone_or_replaced_does_not_hold_its_experiment(flags):
    lives = [
        owned("experiments.fraud", {"name": "fraud"}, {}, id="1"),
        owned("runs.r", {"name": "r"}, {}, id="r", parent="1", keep=True, **flags),
    ]
    pairs, steps, _ = planned([], lives)
    assert bereaved(pairs, steps) == []


def test_what_stays_does_not_matter_where_the_experiment_stays():
    fraud = entry("experiments.fraud")
    lives = [held(fraud), owned("runs.r", {"name": "r"}, {}, id="r", parent="1", keep=True)]
    pairs, steps, _ = planned([fraud], lives)
    assert bereaved(pairs, steps) == []
    assert bereaved(pairs, {address("experiments.fraud"): Step(address("experiments.fraud"), Action.update)}) == []


class Hiding:
    """A wire that may not see what lives in a deleted experiment."""

    def hides(self):
        return "it is hidden"


def test_what_may_come_back_with_its_experiment_is_not_made():
    fraud, run, other = address("experiments.fraud"), address("runs.r"), address("runs.other")
    entries = {one.address: one for one in (entry("experiments.fraud"), entry("runs.r", experiment="fraud"))}
    pairs = {at: Pair(at, one, None) for at, one in entries.items()} | {other: Pair(other, None, None)}
    steps = {at: Step(at, Action.create) for at in (run, other)} | {fraud: Step(fraud, Action.restore)}
    wires = {kind: Hiding() for kind in WIRES}
    (problem,) = unseen(pairs, steps, KINDS, wires)
    assert (problem.code, problem.at) == ("maybe-hidden", entries[run].at())
    assert "runs.r cannot be made while experiments.fraud is restored" in problem.summary
    assert unseen(pairs, {**steps, fraud: Step(fraud, Action.update)}, KINDS, wires) == []
    assert unseen(pairs, steps, KINDS, WIRES) == []
