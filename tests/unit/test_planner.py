"""The plan as a whole: ids, digests of what it was computed from, counts, and that it is the same in any order."""

from dataclasses import replace

import pytest

from reconciler.core.basis import ABSENT
from reconciler.core.change import Action, Secret
from reconciler.core.document import dump
from reconciler.core.mark import digest
from reconciler.core.planner import Options, Stack, changes_access, make, sought
from reconciler.core.select import Selection
from reconciler.core.sensitive import Sensitive
from reconciler.core.wire import Sought
from tests.lives import KINDS, WIRES, address, entry, found, held, owned, path
from tests.world import declare

STACK = Stack("ml", "local", "mlflow", KINDS, WIRES)
FRAUD, RUN = address("experiments.fraud"), address("runs.r")


def planned(entries, lives, **options):
    plan, problems = make(STACK, {one.address: one for one in entries}, lives, Options(**options))
    assert problems == []
    return plan


def findings(entries, lives, **options):
    return make(STACK, {one.address: one for one in entries}, lives, Options(**options))[1]


def test_an_empty_stack_has_an_empty_plan():
    plan = planned([], [])
    assert (plan.steps, plan.noop, plan.left_out, plan.ids, plan.seen, plan.basis) == ((), 0, 0, {}, {}, {})
    assert (plan.stack, plan.target, plan.backend) == ("ml", "local", "mlflow")


def test_counts():
    entries = [entry("experiments.fraud"), entry("runs.r", experiment="fraud"), entry("experiments.same")]
    plan = planned(entries, [held(entry("experiments.same"), "9")])
    assert plan.summary == {
        "adopt": 0, "create": 2, "restore": 0, "update": 0, "replace": 0, "delete": 0, "noop": 1,
    }  # fmt: skip
    assert plan.requests == 2


def test_what_a_selection_leaves_out_is_counted_and_is_no_noop():
    entries = [entry("experiments.fraud"), entry("runs.r", experiment="fraud"), entry("experiments.same")]
    lives = [held(entry("experiments.same"), "9")]
    plan = planned(entries, lives, selection=Selection(only=("experiments.*",)))
    assert ([str(step.address) for step in plan.steps], plan.left_out, plan.noop) == (["experiments.fraud"], 1, 1)


def test_ids_and_digests_are_those_of_the_steps_and_of_what_they_refer_to():
    fraud = entry("experiments.fraud")
    plan = planned([fraud, entry("runs.r", experiment="fraud"), entry("experiments.x")], [held(fraud, "5")])
    assert plan.ids == {FRAUD: "5"}
    assert plan.seen.keys() == {FRAUD, RUN, address("experiments.x")}
    assert plan.seen[RUN] == ABSENT
    assert plan.seen[FRAUD].startswith("sha256:")
    assert plan.basis.keys() == plan.ids.keys()


def test_what_is_not_touched_is_not_watched():
    plan = planned([entry("experiments.fraud"), entry("experiments.same")], [held(entry("experiments.same"), "9")])
    assert plan.seen == {FRAUD: ABSENT}


def test_a_plan_in_short():
    """All of it is pages long, and a test that fails or a person at a prompt prints it."""
    plan = planned([entry("experiments.fraud"), entry("experiments.same")], [held(entry("experiments.same"), "9")])
    assert repr(plan) == "Plan(stack='ml', target='local', backend='mlflow', create=1, noop=1)"
    assert repr(planned([], [])) == "Plan(stack='ml', target='local', backend='mlflow')"


def test_the_plan_is_the_same_in_any_order():
    manifest = {
        "experiments": {"a": {"name": "y"}, "b": {"name": "x"}, "c": None},
        "runs": {"r": {"experiment": "a"}, "s": {"experiment": "c"}},
        "logged_models": {"m": {"experiment": "c", "source_run": "s"}},
    }
    lives = [
        held(entry("experiments.a", name="q"), "1"),
        found("experiments.c", {"name": "c"}, "3"),
        owned("runs.gone", {"name": "g", "experiment": "1"}, {}, id="g", parent="1"),
    ]
    desired = declare(manifest)
    backwards = dict(reversed(desired.items()))
    one, problems = make(STACK, desired, lives, Options())
    other, same = make(STACK, backwards, lives[::-1], Options())
    assert dump(one, "0") == dump(other, "0")
    assert problems == same == []


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"replace": frozenset({address("runs.none")})}, "runs.none"),
        ({"replace": frozenset({address("runs.old")})}, "runs.old"),
        ({"selection": Selection(only=("experiment.*",))}, "experiment.*"),
        ({"selection": Selection(exclude=("runs.x",))}, "runs.x"),
    ],
)
def test_what_names_nothing_is_a_finding(options, name):
    """Most likely a typing error, and a plan that then does something else. Only what is declared can be replaced."""
    live = owned("runs.old", {"name": "old"}, {}, id="o", parent="1")
    problems = findings([entry("experiments.fraud")], [live], **options)
    (problem,) = [one for one in problems if one.code == "unknown-address"]
    assert problem.summary == f"'{name}' names no resource of the stack"


@pytest.mark.parametrize(
    ("glob", "hint"),
    [("experiments.frau", "did you mean 'experiments.fraud'?"), ("zzz", "there is: experiments.fraud, runs.r")],
)
def test_what_names_nothing_shows_what_there_is(glob, hint):
    entries = [entry("experiments.fraud"), entry("runs.r", experiment="fraud")]
    (problem,) = findings(entries, [], selection=Selection(exclude=(glob,)))
    assert problem.hint == hint


def test_a_glob_may_name_what_is_to_be_deleted():
    live = owned("runs.old", {"name": "old"}, {}, id="o", parent="1")
    selection = Selection(exclude=("runs.old",))
    assert findings([entry("experiments.fraud")], [live], selection=selection) == []


def test_destroy_asks_nothing_about_how_much():
    lives = [owned("runs.old", {"name": "old"}, {}, id="o", parent="1")]
    (step,) = planned([], lives, destroy=True).steps
    assert (step.action, step.reason) == (Action.delete, "destroy")
    assert [one.code for one in findings([], lives)] == ["safety-threshold"]


def test_what_the_stack_owns_is_neither_deleted_nor_shared():
    """One deletion of one that is owned: all of it."""
    lives = [
        owned("runs.old", {"name": "old"}, {}, id="o", parent="1"),
        owned("runs.dead", {"name": "dead"}, {}, id="d", parent="1", deleted=True),
        owned("experiments.shared", {"name": "s"}, {}, id="s", existing=True),
        found("experiments.fraud", {"name": "fraud"}, "f"),
    ]
    (problem,) = findings([entry("experiments.fraud")], lives)
    assert problem.summary == "the plan deletes the only resource that the stack owns"


def test_a_swap_of_names_is_a_finding_of_the_plan():
    entries = list(declare({"experiments": {"a": {"name": "y"}, "b": {"name": "x"}}}).values())
    lives = [held(entry("experiments.a", name="x"), "1"), held(entry("experiments.b", name="y"), "2")]
    (problem,) = findings(entries, lives)
    named = problem.summary.removeprefix("cycle detected: ").split(", which needs ")
    assert (problem.code, len(named), set(named)) == ("cycle", 3, {"experiments.a", "experiments.b"})
    assert named[0] == named[-1]
    assert problem.at == {str(one.address): one.at() for one in entries}[named[0]]
    assert problem.hint == "two names that change places take two applies: rename one of them to something else first"


def test_what_is_looked_for():
    desired = declare({"experiments": {"b": {"name": "x"}, "a": None}, "runs": {"r": {"experiment": "a"}}})
    assert sought(desired) == {
        "experiments": (
            Sought(address("experiments.a"), "a", fields=desired[address("experiments.a")].fields),
            Sought(address("experiments.b"), "x", fields=desired[address("experiments.b")].fields),
        ),
        "runs": (Sought(RUN, "r", fields=desired[RUN].fields),),
    }
    assert sought({}) == {}


def test_no_delete_with_an_experiment_that_is_let_go():
    """It waits for the deletion of its runs: without its mark they would never be found again."""
    lives = [
        owned("experiments.old", {"name": "old"}, {}, id="1", keep=True),
        owned("runs.r", {"name": "r"}, {}, id="r", parent="1"),
    ]
    plan, _ = make(STACK, {}, lives, Options(selection=Selection(no_delete=True)))
    assert (plan.steps, plan.left_out) == ((), 2)


def moved_artifacts(*, name="fraud"):
    """An experiment whose artifacts are elsewhere than declared; with another name there is a step as well."""
    desired = entry("experiments.fraud", name=name, artifact_location="s3://a")
    live = held(entry("experiments.fraud", artifact_location="s3://a"))
    return desired, replace(live, fields={**live.fields, ("artifact_location",): "s3://b"})


@pytest.mark.parametrize("name", ["fraud", "renamed"], ids=["without-a-step", "with-a-step"])
@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (Selection(), True),
        (Selection(only=("experiments.*",)), True),
        (Selection(only=("runs.*",)), False),
        (Selection(exclude=("experiments.fraud",)), False),
    ],
)
def test_what_forbids_a_change_is_told_where_the_selection_means_it(selection, told, name):
    desired, live = moved_artifacts(name=name)
    problems = findings([desired, entry("runs.r", experiment="fraud")], [live], selection=selection)
    assert [one.code for one in problems] == ["fixed-field"] * told


def test_all_that_is_found_comes_at_once():
    desired, live = moved_artifacts()
    run = entry("runs.r", experiment="fraud")
    twins = [held(run, number, parent="1") for number in ("r1", "r2")]
    problems = findings([desired, run], [live, *twins], selection=Selection(exclude=("zzz",)))
    assert {one.code for one in problems} == {"duplicate-address", "fixed-field", "unknown-address"}


def test_what_comes_back_with_its_experiment_is_deleted_again_without_being_asked():
    lives = [
        held(entry("experiments.fraud"), deleted=True),
        owned("runs.old", {"name": "old"}, {}, id="o", parent="1", deleted=True),
    ]
    plan = planned([entry("experiments.fraud")], lives)
    assert [step.action for step in plan.steps] == [Action.restore, Action.delete]


def test_what_refers_to_what_is_made_anew_must_be_made_anew_too():
    manifest = {"experiments": {"fraud": None}, "runs": {"r": {"experiment": "fraud"}}}
    manifest["logged_models"] = {"m": {"experiment": "fraud", "source_run": "r"}}
    entries = list(declare(manifest).values())
    lives = [held(one, one.address.name, parent="" if one.address == FRAUD else "fraud") for one in entries]
    model = address("logged_models.m")
    assert planned(entries, lives).steps == ()
    problems = findings(entries, lives, replace=frozenset({RUN}))
    assert [(one.code, one.hint) for one in problems] == [
        ("fixed-field", "make it anew as well: --replace logged_models.m")
    ]
    plan = planned(entries, lives, replace=frozenset({RUN, model}))
    assert [(step.address, step.action) for step in plan.steps] == [(RUN, Action.replace), (model, Action.replace)]


def test_what_refers_to_what_cannot_be_made_anew_is_left_in_peace():
    fraud, run = entry("experiments.fraud"), entry("runs.r", experiment="fraud")
    problems = findings([fraud, run], [held(fraud), held(run, "r", parent="1")], replace=frozenset({FRAUD}))
    assert [one.code for one in problems] == ["irreplaceable"]


def test_a_conflict_is_refused_where_that_is_asked_for_and_quotes_no_secret():
    desired = entry("experiments.fraud", tags={"team": "a"})
    live = owned("experiments.fraud", {"name": "fraud", "tags.team": "theirs"}, {"name": "fraud", "tags.team": "old"})
    assert findings([desired], [live]) == []
    (open_,) = findings([desired], [live], on_conflict="fail")
    assert open_.summary == 'experiments.fraud: tags.team was changed on the server to "theirs"'
    secretive = replace(STACK, sensitive=Sensitive(("tags.team",)))
    _, (hidden,) = make(secretive, {FRAUD: desired}, [live], Options(on_conflict="fail"))
    assert hidden.summary == "experiments.fraud: tags.team was changed on the server to (sensitive)"


def test_a_plan_remembers_the_fields_that_it_changes():
    """Also those that no mark of the stack names: what somebody else writes there until the apply makes it stale."""
    desired = entry("experiments.fraud", tags={"team": "ml"})
    plans = [
        planned([desired], [owned("experiments.fraud", {"name": "fraud", "tags.team": team}, {"name": "fraud"})])
        for team in ("a", "b")
    ]
    assert plans[0].seen != plans[1].seen
    assert [plan.basis[FRAUD].fields for plan in plans] == [{path("tags.team"): digest(team)} for team in ("a", "b")]


def test_a_plan_remembers_which_secrets_it_sends_but_not_their_text():
    desired = entry("experiments.fraud", tags={"token": "x", "team": "ml"})
    desired = replace(desired, fields={**desired.fields, path("tags.token"): Secret("hunter2", "${env.TOKEN}")})
    stack = replace(STACK, sensitive=Sensitive(("tags.token",)))
    plan, problems = make(stack, {FRAUD: desired}, [], Options())
    assert (problems, plan.secrets) == ([], {"${env.TOKEN}": digest("hunter2")})
    assert "hunter2" not in dump(plan, "0")
    left_out, _ = make(stack, {FRAUD: desired}, [], Options(selection=Selection(exclude=("experiments.fraud",))))
    assert left_out.secrets == {}


@pytest.mark.parametrize(
    ("declared", "levels", "changes"),
    [({"ada": "READ"}, {}, True), ({}, {"ada": "READ"}, True), ({"ada": "READ"}, {"ada": "READ"}, False)],
)
def test_whether_a_plan_changes_who_may_do_what(declared, levels, changes):
    def permitted(levels):
        return {f"user:{name}": level for name, level in levels.items()}

    tags = {"tags.team": "ml"} | {f"permissions.{name}": level for name, level in permitted(levels).items()}
    applied = {"name": "fraud"} | ({} if declared else tags)
    desired = entry("experiments.fraud", tags={"team": "risk"}, permissions=permitted(declared))
    plan = planned([desired], [owned("experiments.fraud", {"name": "fraud", **tags}, applied)])
    assert plan.steps
    assert changes_access(plan, STACK) is changes
    assert changes_access(planned([desired], []), STACK) is bool(declared)
