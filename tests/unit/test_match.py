"""Which live resource is which entry: by the mark's address, then by a unique name, and what stands in the way."""

import pytest

from reconciler.core.mark import Mark
from reconciler.core.match import match
from tests.fakes.mlflow import FakeMlflow
from tests.lives import KINDS, address, entry, found, held, owned, path
from tests.world import World

FRAUD = address("experiments.fraud")


def matched(entries, lives):
    """The ids by address (None where nothing is there), with * where nothing is declared; and the findings."""
    pairs, problems = match({one.address: one for one in entries}, lives, KINDS)
    ids = {f"{at}{'' if pair.desired else '*'}": pair.live and pair.live.id for at, pair in pairs.items()}
    return ids, [(one.code, one.summary) for one in problems]


def test_nothing_there():
    assert matched([entry("experiments.fraud")], []) == ({"experiments.fraud": None}, [])


def test_the_marks_address_counts_and_not_the_name():
    live = owned("experiments.fraud", {"name": "another"}, {})
    assert matched([entry("experiments.fraud")], [live]) == ({"experiments.fraud": "1"}, [])


def test_without_a_mark_the_name_counts():
    live = found("experiments.fraud", {"name": "fraud"})
    assert matched([entry("experiments.fraud")], [live]) == ({"experiments.fraud": "1"}, [])


def test_runs_and_models_are_never_found_by_name():
    live = found("runs.?9", {"name": "r", "experiment": "1"}, "9", parent="1")
    assert matched([entry("runs.r", experiment="fraud")], [live]) == ({"runs.r": None}, [])


def test_a_run_is_found_by_a_declared_id_as_long_as_none_carries_its_mark():
    live = found("runs.r", {"name": "another", "experiment": "1"}, "9", parent="1")
    run = entry("runs.r", experiment="fraud", id="9")
    assert matched([run], [live]) == ({"runs.r": "9"}, [])
    ours = owned("runs.r", {"name": "r", "experiment": "1"}, {}, id="8", parent="1")
    assert matched([run], [live, ours]) == ({"runs.r": "8"}, [])
    theirs = found("runs.r", {"name": "r", "experiment": "1"}, "9", parent="1", others={"ops": Mark(address("runs.x"))})
    problem = ("owned-by-another-stack", "runs.r: 'r' (id 9) is owned by the stack 'ops'")
    assert matched([run], [theirs]) == ({"runs.r": "9"}, [problem])


def test_a_reference_to_what_two_entries_would_be_stays_as_it_is_declared():
    """The name is what is wrong there; that the reference would have to change is no second finding."""
    owner = owned("experiments.was", {"name": "x"}, {})
    model = owned("logged_models.m", {"name": "m", "experiment": "1"}, {}, parent="1")
    entries = [
        entry("experiments.fraud", name="x", existing="true"),
        entry("experiments.was", name="y"),
        entry("logged_models.m", experiment="fraud"),
    ]
    pairs, (problem,) = match({one.address: one for one in entries}, [owner, model], KINDS)
    assert problem.code == "name-taken"
    live = pairs[address("logged_models.m")].live
    assert live.fields[path("experiment")] == "experiments.fraud"
    assert (
        match({entries[1].address: entries[1]}, [owner, model], KINDS)[0][address("logged_models.m")].live.fields[
            path("experiment")
        ]
        == "experiments.was"
    )


def test_what_carries_our_mark_and_is_not_declared_stands_alone():
    live = owned("experiments.old", {"name": "old"}, {})
    assert matched([], [live]) == ({"experiments.old*": "1"}, [])
    assert displaced(match({}, [live], KINDS)[0]) == set()


def test_a_new_key_for_the_same_name_is_a_move():
    live = owned("experiments.old", {"name": "fraud"}, {})
    assert matched([entry("experiments.fraud")], [live]) == ({"experiments.fraud": "1"}, [])


def test_a_name_that_another_entrys_resource_still_has_is_not_taken_over():
    """a is renamed from x to y and b is new with the name x: b is made, a keeps its id."""
    live = owned("experiments.a", {"name": "x"}, {})
    assert matched([entry("experiments.a", name="y"), entry("experiments.b", name="x")], [live]) == (
        {"experiments.a": "1", "experiments.b": None},
        [],
    )


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        (found("experiments.x", {"name": "new"}, "2"), "is taken by one (id 2) that this stack does not own"),
        (
            found("experiments.x", {"name": "new"}, "2", deleted=True),
            "is taken by a deleted one (id 2) that this stack does not own",
        ),
        (
            owned("experiments.old", {"name": "new"}, {}, id="2"),
            "is taken by one (id 2) that is experiments.old of this stack",
        ),
    ],
)
def test_a_rename_to_a_name_that_is_taken(holder, words):
    mine = owned("experiments.fraud", {"name": "fraud"}, {})
    desired = entry("experiments.fraud", name="new")
    _, (problem,) = match({FRAUD: desired}, [mine, holder], KINDS)
    assert (problem.code, problem.at) == ("name-taken", desired.at(("name",)))
    assert problem.summary == f"experiments.fraud: the name 'new' {words}"
    assert problem.hint == "choose another name, or rename that one first; a deleted experiment keeps its name"


def test_what_has_another_address_now_goes_by_it():
    pairs, _ = match({FRAUD: entry("experiments.fraud")}, [owned("experiments.old", {"name": "fraud"}, {})], KINDS)
    assert pairs[FRAUD].live.address == FRAUD


def test_an_existing_one_cannot_be_what_another_entry_makes():
    """The manifest declares it twice: once as its own, once as somebody else's."""
    entries = [entry("experiments.a", name="x"), entry("experiments.shared", name="x", existing="true")]
    live = owned("experiments.a", {"name": "x"}, {})
    pairs, problems = match({one.address: one for one in entries}, [live], KINDS)
    assert pairs[address("experiments.a")].live.id == pairs[address("experiments.shared")].live.id == "1"
    assert [(one.code, one.summary) for one in problems] == [
        (
            "name-taken",
            "experiments.shared: the name 'x' is taken by one (id 1) that is experiments.a of this stack",
        )
    ]
    again = owned("experiments.shared", {"name": "x"}, {}, existing=True)
    assert matched(entries[1:], [again]) == ({"experiments.shared": "1"}, [])


def test_two_with_one_mark_are_an_error_that_names_both_and_what_to_do():
    lives = [held(entry("runs.r", experiment="fraud"), number) for number in ("r2", "r1")]
    desired = entry("runs.r", experiment="fraud")
    pairs, (problem,) = match({desired.address: desired}, lives, KINDS)
    assert (problem.code, problem.at) == ("duplicate-address", desired.at())
    assert problem.summary == "runs.r is there 2 times: ids r1 and r2 carry the same mark"
    assert problem.hint == "remove the mark (the tag reconciler.<stack>) from all but one, or delete the others"
    assert {str(at): pair.live.id for at, pair in pairs.items()} == {"runs.r": "r1", "runs.r!r2": "r2"}
    assert displaced(pairs) == {"runs.r!r2"}


def displaced(pairs):
    """The addresses of what has lost its own to another one."""
    return {str(at) for at, pair in pairs.items() if pair.live and pair.live.displaced is True}


def test_two_undeclared_ones_with_one_mark_are_an_error_without_a_place():
    lives = [owned("runs.r", {"name": "r"}, {}, id=number, parent="1") for number in ("b", "a")]
    _, (problem,) = match({}, lives, KINDS)
    assert (problem.code, problem.at) == ("duplicate-address", None)


def test_an_active_one_wins_over_deleted_ones():
    lives = [owned("runs.r", {"name": "r"}, {}, id=one, deleted=one != "c", parent="1") for one in "abc"]
    assert matched([entry("runs.r", experiment="fraud")], lives) == (
        {"runs.r": "c", "runs.r!a*": "a", "runs.r!b*": "b"},
        [],
    )


def test_of_several_deleted_ones_that_counts_which_is_described_best():
    """So that the most of what was applied can stay as it is."""
    applied = [{"name": "r"}, {"name": "r", "params.a": "1"}, {"name": "other", "params.a": "2"}]
    lives = [owned("runs.r", one, one, id=str(number), deleted=True, parent="1") for number, one in enumerate(applied)]
    ids, problems = matched([entry("runs.r", experiment="fraud", params={"a": "1"})], lives)
    assert (ids["runs.r"], problems) == ("1", [])


def test_equally_good_deleted_ones_go_by_id():
    lives = [owned("runs.r", {"name": "r"}, {}, id=one, deleted=True, parent="1") for one in "ba"]
    assert matched([entry("runs.r", experiment="fraud")], lives)[0]["runs.r"] == "a"


def test_what_was_replaced_has_lost_its_address():
    old = owned("runs.r", {"name": "r"}, {}, id="old", replaced=True, parent="1")
    new = owned("runs.r", {"name": "r"}, {}, id="new", parent="1")
    assert matched([entry("runs.r", experiment="fraud")], [old, new]) == ({"runs.r": "new", "runs.r!old*": "old"}, [])
    assert matched([entry("runs.r", experiment="fraud")], [old]) == ({"runs.r": None, "runs.r!old*": "old"}, [])
    assert displaced(match({}, [old, new], KINDS)[0]) == {"runs.r!old"}


def test_a_mark_that_cannot_be_read_is_a_finding_and_the_resource_is_left_alone():
    live = found("experiments.?7", {"name": "fraud"}, "7", damage="is not JSON")
    pairs, (problem,) = match({FRAUD: entry("experiments.fraud")}, [live], KINDS)
    assert {str(at): pair.live for at, pair in pairs.items()} == {"experiments.fraud": None}
    assert (problem.code, problem.summary) == ("damaged-mark", "the mark on experiments with id 7 is not JSON")
    assert problem.hint == (
        "update the reconciler if a later version wrote it; else remove the tag and adopt the resource again"
    )


def test_what_another_stack_owns_is_an_error_that_names_it():
    live = found("experiments.fraud", {"name": "fraud"}, others={"ops": Mark(address("experiments.x"))})
    desired = entry("experiments.fraud")
    _, (problem,) = match({FRAUD: desired}, [live], KINDS)
    assert problem.code == "owned-by-another-stack"
    assert problem.summary == "experiments.fraud: 'fraud' (id 1) is owned by the stack 'ops'"
    assert problem.at == desired.at()
    assert problem.hint == (
        "declare it with 'existing: true' to manage only some of its tags, or drop it from that stack first"
    )


def test_what_another_stack_only_shares_can_be_owned():
    other = Mark(address("experiments.x"), {("tags", "theirs"): "1"}, existing=True)
    live = found("experiments.fraud", {"name": "fraud"}, others={"ops": other})
    assert matched([entry("experiments.fraud", tags={"a": "1"})], [live])[1] == []


@pytest.mark.parametrize("existing", [True, False], ids=["shared-here", "owned-here"])
def test_a_key_is_managed_by_one_stack_only(existing):
    """One of the two shares the resource; the other may own it whole."""
    other = Mark(address("experiments.x"), {("tags", "team"): "1", ("name",): "2"}, existing=not existing)
    live = found("experiments.fraud", {"name": "fraud"}, others={"ops": other})
    body = {"existing": "true"} if existing else {}
    desired = entry("experiments.fraud", tags={"team": "b", "own": "c"}, **body)
    _, (problem,) = match({FRAUD: desired}, [live], KINDS)
    assert problem.code == "key-of-another-stack"
    assert problem.summary == "experiments.fraud: tags.team is managed by the stack 'ops'"
    assert problem.at == desired.at(("tags", "team"))
    assert problem.hint == "drop the key here or there"


def test_an_existing_one_is_found_by_its_name():
    live = found("experiments.shared", {"name": "theirs"})
    desired = entry("experiments.shared", name="theirs", existing="true")
    assert matched([desired], [live]) == ({"experiments.shared": "1"}, [])


@pytest.mark.parametrize(
    ("lives", "words", "hint"),
    [
        ([], "'theirs' is not on the server", "check the name, or drop 'existing' to create it"),
        (
            [found("experiments.shared", {"name": "theirs"}, deleted=True)],
            "'theirs' is deleted",
            "restore it first",
        ),
    ],
)
def test_an_existing_one_has_to_be_there(lives, words, hint):
    desired = entry("experiments.shared", name="theirs", existing="true")
    _, (problem,) = match({desired.address: desired}, lives, KINDS)
    assert problem.code == "not-existing"
    assert problem.summary == f"experiments.shared: {words}, but is declared with 'existing: true'"
    assert problem.hint == hint
    assert problem.at == desired.at(("existing",))


def test_an_existing_entry_with_another_name_lets_go_of_the_one_before():
    """It is another resource now; what we set on the first one is taken off again."""
    before = owned("experiments.shared", {"name": "one"}, {"tags.a": "1"}, existing=True)
    after = found("experiments.?2", {"name": "two"}, "2")
    desired = entry("experiments.shared", name="two", existing="true")
    assert matched([desired], [before, after]) == ({"experiments.shared": "2", "experiments.shared!1*": "1"}, [])
    assert displaced(match({desired.address: desired}, [before, after], KINDS)[0]) == {"experiments.shared!1"}


def test_references_to_live_resources_become_addresses():
    """Also of what is not declared any more; an id that nobody knows stays an id."""
    lives = [
        owned("experiments.fraud", {"name": "fraud"}, {}, id="5"),
        owned("runs.r", {"name": "r", "experiment": "5"}, {}, id="r1", parent="5"),
        owned("logged_models.m", {"name": "m", "experiment": "5", "source_run": "r1"}, {}, id="m1", parent="5"),
        owned("logged_models.n", {"name": "n", "experiment": "5", "source_run": "gone"}, {}, id="m2", parent="5"),
    ]
    pairs, _ = match({}, lives, KINDS)
    fields = {str(at): pair.live.fields for at, pair in pairs.items()}
    assert fields["runs.r"][("experiment",)] == "experiments.fraud"
    assert fields["logged_models.m"][("source_run",)] == "runs.r"
    assert fields["logged_models.n"][("source_run",)] == "gone"


def test_an_id_is_one_within_its_kind():
    """Run 1 and experiment 1 are not the same."""
    lives = [
        owned("experiments.fraud", {"name": "fraud"}, {}, id="1"),
        owned("runs.r", {"name": "r", "experiment": "1"}, {}, id="1", parent="1"),
    ]
    pairs, _ = match({}, lives, KINDS)
    assert pairs[address("runs.r")].live.fields[("experiment",)] == "experiments.fraud"


def test_restoring_an_experiment_brings_its_deleted_runs_back():
    """They count as active and revived, also those that nobody declares; runs of other experiments do not."""
    lives = [
        held(entry("experiments.fraud"), "1", deleted=True),
        owned("runs.r", {"name": "r", "experiment": "1"}, {}, id="a", parent="1", deleted=True),
        owned("runs.undeclared", {"name": "u", "experiment": "1"}, {}, id="b", parent="1", deleted=True),
        owned("runs.elsewhere", {"name": "e", "experiment": "2"}, {}, id="c", parent="2", deleted=True),
    ]
    pairs, _ = match({FRAUD: entry("experiments.fraud")}, lives, KINDS)
    state = {str(at): (pair.live.deleted, pair.live.revived) for at, pair in pairs.items()}
    assert state == {
        "experiments.fraud": (True, False),
        "runs.r": (False, True),
        "runs.undeclared": (False, True),
        "runs.elsewhere": (True, False),
    }


def test_an_undeclared_deleted_experiment_restores_nothing():
    lives = [
        held(entry("experiments.fraud"), "1", deleted=True),
        owned("runs.r", {"name": "r", "experiment": "1"}, {}, id="a", parent="1", deleted=True),
    ]
    pairs, _ = match({}, lives, KINDS)
    assert pairs[address("runs.r")].live.deleted


@pytest.mark.parametrize("name", ["runs.r", "nonsense.x"])
def test_a_mark_on_the_wrong_kind_is_damaged(name):
    """Tags are copied by hand and by tools: an experiment with a run's mark must not be deleted as a run."""
    world = World(FakeMlflow().transport())
    mark = f'{{"v":1,"address":"{name}","keys":{{}}}}'
    world.post("experiments/create", name="x", tags=[{"key": "reconciler.ml", "value": mark}])
    plan, problems = world.draft({}, safety=world.allowing(1))
    assert [one.code for one in problems if one.code != "safety-threshold"] == ["damaged-mark"]
    assert plan.steps == ()
