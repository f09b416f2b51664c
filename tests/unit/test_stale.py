"""What makes a plan stale: what is looked for again, and how each change is told, with its values and its place."""

from dataclasses import replace

import pytest

from reconciler.core import mark as marks
from reconciler.core.basis import ABSENT
from reconciler.core.change import Action
from reconciler.core.document import dump, load
from reconciler.core.mark import Mark
from reconciler.core.plan import Basis
from reconciler.core.planner import Options, Stack, make
from reconciler.core.select import Selection
from reconciler.core.sensitive import Sensitive
from reconciler.core.stale import sought_again, stale
from tests.lives import KINDS, WIRES, address, entry, found, held, owned, path

STACK = Stack("ml", "local", "mlflow", KINDS, WIRES)
FRAUD, RUN = address("experiments.fraud"), address("runs.r")
BARE = entry("experiments.fraud")
LIVE = replace(
    held(entry("experiments.fraud", tags={"ours": "1", "same": "s"}), "5"),
    fields={path(name): "1" for name in ("tags.ours", "tags.theirs")} | {("name",): "fraud", ("tags", "same"): "s"},
)
DESIRED = entry("experiments.fraud", tags={"ours": "2", "same": "s", "new": "x"})


def planned(entries, lives, sensitive=(), **options):
    """The plan as it is after it was saved and loaded."""
    stack = replace(STACK, sensitive=Sensitive(sensitive))
    plan, problems = make(stack, {one.address: one for one in entries}, lives, Options(**options))
    assert problems == []
    loaded, problems = load(dump(plan, "0"), "plan.json")
    assert (loaded, problems) == (plan, [])
    return loaded


def renewed(live, fields):
    """`live` with some of its fields changed; None takes one away."""
    fields = live.fields | {path(name): value for name, value in fields.items()}
    return replace(live, fields={key: value for key, value in fields.items() if value is not None})


def marked(live, **changed):
    """`live` with another mark of ours; `keys` are added to those that it has, None takes one away."""
    keys = live.mark.keys | {path(name): value for name, value in changed.pop("keys", {}).items()}
    mark = replace(live.mark, keys={key: value for key, value in keys.items() if value is not None}, **changed)
    return replace(live, mark=mark, mark_tags=marks.write(mark, "ml"))


def told(plan, *lives):
    """The words of all findings."""
    found = stale(plan, lives, KINDS)
    assert {one.code for one in found} <= {"stale-plan"}
    assert {one.hint for one in found} <= {"make the plan again and look at it"}
    return [one.summary for one in found]


def test_the_name_by_which_somebody_elses_resource_was_found_may_not_move_on():
    """Nothing of ours says what it is called, neither before the mark is there nor in the mark."""
    shared = entry("experiments.fraud", name="shared", existing=True, tags={"ours": "1"})
    run = entry("runs.r", experiment="fraud")
    unmarked, marked_ = found("experiments.fraud", {"name": "shared"}, "5"), held(shared, "5")
    for entries, live in (([shared], unmarked), ([shared, run], marked_)):
        plan = planned(entries, [replace(live, fields={**live.fields, ("name",): "shared"})])
        assert plan.steps
        assert told(plan, renewed(live, {"name": "other"})) == [
            'experiments.fraud: name had another value when the plan was made, and is "other" now'
        ]


# what is looked for


def test_what_is_looked_for_again():
    """By id what is there, by the name that it would get what is to be made; a run that is made needs no look-up."""
    fraud = entry("experiments.fraud", tags={"a": "1"})
    entries = [fraud, entry("experiments.new", name="n"), entry("runs.r", experiment="fraud")]
    plan = planned(entries, [held(entry("experiments.fraud"), "5")])
    again = sought_again(plan, str)
    assert [(str(one.address), one.name, one.id) for one in again["experiments"]] == [
        ("experiments.fraud", "", "5"),
        ("experiments.new", "n", ""),
    ]
    assert [(str(one.address), one.name, one.id) for one in again["runs"]] == [("runs.r", "r", "")]


def test_a_name_that_a_rename_gives_is_looked_for_too():
    plan = planned([entry("experiments.fraud", name="n")], [held(BARE, "5")])
    (by_id, by_name) = sought_again(plan, str)["experiments"]
    assert ((by_id.name, by_id.id), (by_name.name, by_name.id)) == (("", "5"), ("n", ""))
    assert by_id.fields == by_name.fields == {("name",): "n"}


def test_a_name_that_a_plan_gives_is_free_until_it_was_applied():
    """So it is looked up together with the marks; afterwards it is found by the mark."""
    plan = planned([entry("experiments.fraud", name="n"), entry("experiments.new")], [held(BARE, "5")])
    before, after = sought_again(plan, str)["experiments"], sought_again(plan, str, applied=True)["experiments"]
    assert [(one.name, one.free) for one in before] == [("", False), ("n", True), ("new", True)]
    assert [(one.name, one.free) for one in after] == [("", False), ("n", False), ("new", False)]


def test_the_name_of_what_is_adopted_is_its_own():
    plan = planned([BARE], [found("experiments.fraud", {"name": "fraud"}, "5")])
    assert [(one.name, one.id) for one in sought_again(plan, str)["experiments"]] == [("", "5")]


# what is as it was


def test_nothing_changed():
    assert told(planned([DESIRED], [LIVE]), LIVE) == []


@pytest.mark.parametrize(
    "after",
    [
        renewed(LIVE, {"tags.theirs": "2"}),
        renewed(LIVE, {"tags.theirs": None}),
        renewed(LIVE, {"tags.other": "2"}),
        replace(LIVE, others={"ops": Mark(address("experiments.x"), {("tags", "theirs"): "0"}, existing=True)}),
        replace(LIVE, facts={("metrics", "m"): [1, 2]}),
    ],
    ids=["value", "gone", "new", "guest", "facts"],
)
def test_what_somebody_else_does_to_their_own_is_no_matter(after):
    assert told(planned([DESIRED], [LIVE]), after) == []


def test_points_and_params_that_were_added_elsewhere_are_no_matter():
    """What is only ever added to cannot change under a plan that does not touch it."""
    desired = entry("runs.r", experiment="fraud", tags={"a": "1"}, metrics={"m": 1}, params={"p": "1"})
    live = held(entry("runs.r", experiment="fraud", metrics={"m": 1}, params={"p": "1"}), "r", parent="5")
    plan = planned([desired, BARE], [live, held(BARE, "5")])
    assert told(plan, renewed(live, {"metrics.m": 7, "params.q": "2"}), held(BARE, "5")) == []


def test_a_reference_is_told_by_what_it_names():
    """A live one is an id, and the address of what has that id."""
    run = held(entry("runs.r", experiment="fraud"), "r", parent="5")
    plan = planned([], [run, LIVE], destroy=True)
    assert told(plan, renewed(run, {"experiment": "5"}), LIVE) == []


def test_a_revived_run_is_deleted_until_the_plan_is_applied():
    """The observation before applying sees it deleted; that is what the plan was computed from."""
    lives = [
        held(BARE, "5", deleted=True),
        owned("runs.r", {"name": "r"}, {}, id="r", parent="5", deleted=True),
    ]
    plan = planned([BARE], lives)  # it is no new deletion, and needs no permission
    assert [step.action for step in plan.steps] == [Action.restore, Action.delete]
    assert told(plan, *lives) == []


def test_the_same_id_of_another_kind_is_another_thing():
    run = owned("runs.old", {"name": "old"}, {}, id="5", parent="9")
    plan = planned([DESIRED], [LIVE])
    assert told(plan, run, LIVE) == []
    assert told(plan, run) == ["experiments.fraud is not on the server any more"]


# fields


FIELDS = {
    "another value": (
        {"tags.ours": "3"},
        'experiments.fraud: tags.ours was "1" when the plan was made (-> "2"), and is "3" now',
    ),
    "the planned value": (
        {"tags.ours": "2"},
        'experiments.fraud: tags.ours was "1" when the plan was made (-> "2"), and is "2" now',
    ),
    "gone": (
        {"tags.ours": None},
        'experiments.fraud: tags.ours was "1" when the plan was made (-> "2"), and is not there now',
    ),
    "there": (
        {"tags.new": "y"},
        'experiments.fraud: tags.new was not there when the plan was made (-> "x"), and is "y" now',
    ),
    "unchanged by the plan": (
        {"tags.same": "t"},
        'experiments.fraud: tags.same had another value when the plan was made, and is "t" now',
    ),
    "unchanged by the plan and gone": (
        {"tags.same": None},
        "experiments.fraud: tags.same was there when the plan was made, and is not there now",
    ),
    "name": (
        {"name": "other"},
        'experiments.fraud: name had another value when the plan was made, and is "other" now',
    ),
    "long": (
        {"tags.ours": "3" * 100},
        f'experiments.fraud: tags.ours was "1" when the plan was made (-> "2"), and is "{"3" * 79}... now',
    ),
    "not printable": (
        {"tags.ours": "\u202e"},
        'experiments.fraud: tags.ours was "1" when the plan was made (-> "2"), and is "\\u202e" now',
    ),
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_field_that_changed(case):
    changed, words = FIELDS[case]
    plan = planned([DESIRED], [LIVE])
    assert told(plan, renewed(LIVE, changed)) == [words]


def test_a_finding_has_the_place_of_its_field():
    """Where the plan does not change the field, that of the entry."""
    plan = planned([DESIRED], [LIVE])
    found = stale(plan, [renewed(LIVE, {"tags.ours": "3", "tags.same": "t"})], KINDS)
    assert [one.at for one in found] == [DESIRED.at(path("tags.ours")), DESIRED.at()]


def test_a_tag_that_was_dropped_from_the_manifest():
    plan = planned([entry("experiments.fraud", tags={"same": "s"})], [LIVE])
    assert told(plan, renewed(LIVE, {"tags.ours": "3"})) == [
        'experiments.fraud: tags.ours was "1" when the plan was made (-> removed), and is "3" now'
    ]


def test_a_field_that_the_plan_lets_go():
    run = entry("runs.r", experiment="fraud", status="FINISHED")
    lives = [held(run, "r", parent="5"), held(BARE, "5")]
    plan = planned([entry("runs.r", experiment="fraud"), BARE], lives)
    assert told(plan, renewed(lives[0], {"status": "KILLED"}), lives[1]) == [
        'runs.r: status was "FINISHED" when the plan was made (-> left alone), and is "KILLED" now'
    ]


def test_a_field_that_was_already_so():
    """The plan only notes it in the mark."""
    live = found("experiments.fraud", {"name": "fraud", "tags.a": "1"}, "5")
    plan = planned([entry("experiments.fraud", tags={"a": "1"})], [live])
    assert told(plan, renewed(live, {"tags.a": "2"})) == [
        'experiments.fraud: tags.a was "1" when the plan was made, and is "2" now'
    ]


def test_a_field_that_had_drifted_and_nobody_declares():
    """What is deleted is deleted as it was seen: its values may be why somebody agreed to it."""
    live = renewed(LIVE, {"tags.ours": "drifted", "tags.same": None})
    plan = planned([], [live], destroy=True)
    assert plan.basis[FRAUD].fields == {path("tags.ours"): marks.digest("drifted"), path("tags.same"): None}
    assert told(plan, live) == []
    assert told(plan, renewed(live, {"tags.ours": "1", "tags.same": "s"})) == [
        'experiments.fraud: tags.ours had another value when the plan was made, and is "1" now',
        'experiments.fraud: tags.same was not there when the plan was made, and is "s" now',
    ]


def test_a_resource_that_is_only_referred_to():
    plan = planned([BARE, entry("runs.r", experiment="fraud")], [held(BARE, "5")])
    assert [(one.name, one.id, one.fields) for one in sought_again(plan, str)["experiments"]] == [("", "5", {})]
    (finding,) = stale(plan, [renewed(held(BARE, "5"), {"name": "other"})], KINDS)
    assert finding.summary == 'experiments.fraud: name had another value when the plan was made, and is "other" now'
    assert finding.at is None


def test_every_resource_that_changed_is_told():
    lives = [held(entry(f"experiments.{name}", name=name), name) for name in "abc"]
    plan = planned([], lives, destroy=True)
    told_of = told(plan, *[renewed(live, {"name": "x"}) for live in lives[:2]], lives[2])
    assert [words.partition(":")[0] for words in told_of] == ["experiments.a", "experiments.b"]


def test_every_finding_about_a_declared_resource_has_a_place():
    """That of the entry where it is about no field."""
    plan = planned([DESIRED], [LIVE])
    unmarked = replace(LIVE, mark=None, mark_tags={})
    for after in [
        replace(LIVE, deleted=True),
        replace(unmarked, damage="is not JSON"),
        unmarked,
        marked(LIVE, keys={"tags.more": "1" * 8}),
        replace(LIVE, others=ops(existing=False)),
    ]:
        assert [one.at for one in stale(plan, [after], KINDS)] == [DESIRED.at()]
    adopting = planned([BARE], [found("experiments.fraud", {"name": "fraud"}, "5")])
    assert [one.at for one in stale(adopting, [held(BARE, "5")], KINDS)] == [BARE.at()]
    secretive = planned([DESIRED], [LIVE], sensitive=("tags.*",))
    changed = renewed(LIVE, {"tags.ours": "3"})
    assert [one.at for one in stale(secretive, [changed], KINDS)] == [DESIRED.at(path("tags.ours"))]


def test_a_name_in_the_plan_may_be_a_secret():
    secret = {"$sensitive": "${env.NAME}"}
    plan = planned([entry("experiments.new", name="n")], [])
    (step,) = plan.steps
    step = replace(step, changes=tuple(replace(one, after=secret) for one in step.changes))
    plan = replace(plan, steps=(step,))
    (found_again,) = sought_again(plan, lambda template: f"text of {template}")["experiments"]
    assert found_again.name == "text of ${env.NAME}"
    assert told(plan, held(BARE, "5")) == []


def test_every_change_is_told():
    plan = planned([DESIRED], [LIVE])
    after = replace(renewed(LIVE, {"tags.ours": "3", "tags.same": "t", "tags.theirs": "4"}), deleted=True)
    assert [words.split(" was ")[0].split(" had ")[0] for words in told(plan, after)] == [
        "experiments.fraud (id 5)",
        "experiments.fraud: tags.ours",
        "experiments.fraud: tags.same",
    ]


# secrets


@pytest.mark.parametrize("name", ["tags.ours", "tags.same", "tags.new"])
def test_a_sensitive_value_is_not_shown(name):
    plan = planned([DESIRED], [LIVE], sensitive=("tags.*",))
    assert told(plan, renewed(LIVE, {name: "hunter2"})) == [
        f"experiments.fraud: {name} has changed since the plan was made; its values are sensitive"
    ]


def test_other_values_are_shown():
    plan = planned([DESIRED], [LIVE], sensitive=("tags.same",))
    assert told(plan, renewed(LIVE, {"tags.ours": "3"})) == [FIELDS["another value"][1]]


@pytest.mark.parametrize("part", ["before", "after"])
def test_a_value_with_a_secret_in_it_is_sensitive(part):
    """Also where no glob names the field itself: of a dataset a part may be secret."""
    plan = planned([DESIRED], [LIVE])
    (step,) = plan.steps
    changes = tuple(replace(one, **{part: {"source": {"$sensitive": ""}}}) for one in step.changes)
    plan = replace(plan, steps=(replace(step, changes=changes),))
    assert told(plan, renewed(LIVE, {"tags.ours": "hunter2"})) == [
        "experiments.fraud: tags.ours has changed since the plan was made; its values are sensitive"
    ]


# lifecycle


def test_what_was_deleted_meanwhile():
    assert told(planned([DESIRED], [LIVE]), replace(LIVE, deleted=True)) == [
        "experiments.fraud (id 5) was active when the plan was made, and is deleted now"
    ]


def test_what_was_deleted_meanwhile_and_would_have_been():
    assert told(planned([], [LIVE], destroy=True), replace(LIVE, deleted=True)) == [
        "experiments.fraud (id 5) was active when the plan was made (-> deleted), and is deleted now"
    ]


def test_what_was_restored_meanwhile_and_would_have_been():
    assert told(planned([DESIRED], [replace(LIVE, deleted=True)]), LIVE) == [
        "experiments.fraud (id 5) was deleted when the plan was made (-> active), and is active now"
    ]


def test_what_was_there_is_gone():
    (finding,) = stale(planned([DESIRED], [LIVE]), [], KINDS)
    assert (finding.summary, finding.at) == ("experiments.fraud is not on the server any more", DESIRED.at())


def test_a_run_that_is_not_found_may_have_lost_its_mark():
    run = entry("runs.r", experiment="fraud")
    plan = planned([BARE], [held(run, "r", parent="5"), held(BARE, "5")], destroy=True)
    assert told(plan, held(BARE, "5")) == ["runs.r is not on the server any more, or its mark was taken off"]


def test_another_one_with_the_same_name_and_address_is_not_the_same():
    assert told(planned([DESIRED], [LIVE]), replace(LIVE, id="6")) == [
        "experiments.fraud is not on the server any more"
    ]


def test_what_was_not_there_is_there_now():
    plan = planned([DESIRED], [])
    assert told(plan) == []
    (finding,) = stale(plan, [found("experiments.fraud", {"name": "fraud"}, "7")], KINDS)
    assert finding.summary == "experiments.fraud is on the server now (id 7); it was not when the plan was made"
    assert finding.at == DESIRED.at()


def test_what_was_made_and_deleted_since_is_told():
    """A new plan would restore it; made once more, it would be there twice as soon as its experiment is restored."""
    plan = planned([DESIRED, entry("runs.r", experiment="fraud")], [])
    dead = found("experiments.fraud", {"name": "fraud"}, "7", deleted=True)
    run = owned("runs.r", {"name": "r"}, {}, id="8", parent="7", deleted=True)
    words = "is on the server now (deleted, id {}); it was not when the plan was made"
    assert told(plan, dead, run) == [f"experiments.fraud {words.format(7)}", f"runs.r {words.format(8)}"]
    made = owned("runs.r", {"name": "r"}, {}, id="9", parent="7")
    assert [words.split()[0] for words in told(plan, run, made)] == ["runs.r"]


def test_a_replaced_run_has_its_address_no_more():
    plan = planned([BARE, entry("runs.r", experiment="fraud")], [held(BARE, "5")])
    old = owned("runs.r", {"name": "r"}, {}, id="8", parent="5", replaced=True)
    assert told(plan, held(BARE, "5"), old) == []


# names


def test_a_name_that_a_rename_gives_is_taken_meanwhile():
    desired = entry("experiments.fraud", name="n")
    live = held(BARE, "5")
    plan = planned([desired], [live])
    assert told(plan, live) == []
    (finding,) = stale(plan, [live, found("experiments.fraud", {"name": "n"}, "7")], KINDS)
    assert finding.summary == 'experiments.fraud: the name "n" is taken now, by id 7'
    assert finding.at == desired.at(("name",))


def test_a_name_of_what_is_to_be_made_is_taken_by_another_entry():
    plan = planned([entry("experiments.new", name="n")], [])
    other = owned("experiments.other", {"name": "n"}, {}, id="7")
    assert told(plan, other) == ['experiments.new: the name "n" is taken now, by id 7']
    assert told(plan, replace(other, address=address("experiments.new"))) == [
        "experiments.new is on the server now (id 7); it was not when the plan was made"
    ]


def test_a_name_that_the_plan_frees_is_not_taken():
    lives = [held(entry("experiments.a", name="x"), "1"), held(entry("experiments.b", name="y"), "2")]
    plan = planned([entry("experiments.a", name="y"), entry("experiments.b", name="z")], lives)
    assert told(plan, *lives) == []


def test_names_of_runs_are_never_taken():
    run = entry("runs.r", experiment="fraud", name="n")
    lives = [held(entry("runs.r", experiment="fraud"), "r", parent="5"), held(BARE, "5")]
    other = held(entry("runs.s", experiment="fraud", name="n"), "s", parent="5")
    assert told(planned([run, BARE], lives), *lives, other) == []


# marks


def test_another_apply_was_at_work():
    after = marked(LIVE, keys={"tags.ours": "0" * 8, "tags.more": "1" * 8, "name": None})
    words = "another apply of this stack was at work after the plan was made: its mark has other digests of"
    assert told(planned([DESIRED], [LIVE]), after) == [f"experiments.fraud (id 5): {words} name, tags.more, tags.ours"]


FLAGS = {
    "prevent_destroy": ({"prevent_destroy": True}, "prevent_destroy in its mark was false", "is true"),
    "on_remove": ({"keep": True}, 'on_remove in its mark was "delete"', 'is "keep"'),
    "existing": ({"existing": True}, "existing in its mark was false", "is true"),
    "replaced": ({"replaced": True}, "replaced in its mark was false", "is true"),
    "address": (
        {"address": address("experiments.x")},
        'address in its mark was "experiments.fraud"',
        'is "experiments.x"',
    ),
}


@pytest.mark.parametrize("flag", FLAGS)
def test_a_mark_says_something_else(flag):
    changed, was, now = FLAGS[flag]
    assert told(planned([DESIRED], [LIVE]), marked(LIVE, **changed)) == [
        f"experiments.fraud (id 5): {was} when the plan was made, and {now} now"
    ]


def test_a_mark_says_something_else_than_the_plan_wants():
    desired = entry("experiments.fraud", tags={"ours": "1", "same": "s"}, on_remove="keep")
    live = marked(LIVE, prevent_destroy=True)
    (finding,) = stale(planned([desired], [live]), [marked(live, keep=True)], KINDS)
    words = 'on_remove in its mark was "delete" when the plan was made (-> "keep"), and is "keep" now'
    assert finding.summary == f"experiments.fraud (id 5): {words}"
    assert finding.at == desired.at(("on_remove",))


def test_a_mark_that_was_taken_off():
    assert told(planned([DESIRED], [LIVE]), replace(LIVE, mark=None, mark_tags={})) == [
        "experiments.fraud (id 5) had this stack's mark when the plan was made, and has none now"
    ]


def test_a_mark_that_was_damaged():
    after = replace(LIVE, mark=None, mark_tags={"reconciler.ml": "x"}, damage="is not JSON")
    assert told(planned([DESIRED], [LIVE]), after) == [
        "the mark of experiments.fraud (id 5) has changed since the plan was made: it is not JSON"
    ]


NEW = (
    "experiments.fraud (id 5) had no mark of this stack when the plan was made, and has that of experiments.fraud now: "
    "another apply of this stack was at work"
)


def test_a_mark_where_there_was_none():
    live = found("experiments.fraud", {"name": "fraud"}, "5")
    assert told(planned([BARE], [live]), held(BARE, "5")) == [NEW]


# other stacks


def ops(*keys, existing=True):
    return {"ops": Mark(address("experiments.x"), {path(key): "0" * 8 for key in keys}, existing=existing)}


def test_a_deletion_of_what_another_stack_has_come_to_share():
    assert told(planned([], [LIVE], destroy=True), replace(LIVE, others=ops())) == [
        "experiments.fraud (id 5) is to be deleted, and the stack 'ops' manages some of it now"
    ]


@pytest.mark.parametrize("live", [LIVE, found("experiments.fraud", {"name": "fraud"}, "5")], ids=["ours", "nobody's"])
@pytest.mark.parametrize("desired", [DESIRED, BARE], ids=["update", "bare"])
def test_what_another_stack_has_come_to_own(live, desired):
    assert told(planned([desired], [live]), replace(live, others=ops(existing=False))) == [
        "experiments.fraud (id 5) is owned by the stack 'ops' now"
    ]


def test_a_restored_one_that_another_stack_has_come_to_own():
    live = held(BARE, "5", deleted=True)
    assert told(planned([BARE], [live]), replace(live, others=ops(existing=False))) == [
        "experiments.fraud (id 5) is owned by the stack 'ops' now"
    ]


def test_a_field_that_another_stack_has_come_to_manage():
    plan = planned([DESIRED], [LIVE])
    (finding,) = stale(plan, [replace(LIVE, others=ops("tags.new", "tags.theirs", "name"))], KINDS)
    assert finding.summary == "experiments.fraud: tags.new is managed by the stack 'ops' now"
    assert finding.at == DESIRED.at(path("tags.new"))


@pytest.mark.parametrize("marked_before", [True, False], ids=["marked", "new"])
def test_the_owner_of_what_is_shared_is_no_matter(marked_before):
    shared = entry("experiments.fraud", existing=True, tags={"ours": "2"})
    live = found("experiments.fraud", {"name": "fraud", "tags.ours": "1"}, "5", others=ops("name", existing=False))
    if marked_before:
        live = replace(held(replace(shared, fields={**shared.fields, path("tags.ours"): "1"}), "5"), others=live.others)
    assert told(planned([shared], [live]), live) == []


def test_the_owner_of_what_is_let_go_is_no_matter():
    """Only the mark is taken off, and that is what the other stack wants."""
    live = marked(LIVE, keep=True)
    plan = planned([], [live])
    assert [step.action for step in plan.steps] == [Action.update]
    assert told(plan, replace(live, others=ops("name", existing=False))) == []


# older plans, and what no field explains


WHOLE = "experiments.fraud (id 5) has changed on the server since the plan was made"


@pytest.mark.parametrize(
    "after", [renewed(LIVE, {"tags.ours": "3"}), replace(LIVE, deleted=True)], ids=["field", "stage"]
)
def test_a_plan_without_a_basis_is_checked_as_a_whole(after):
    plan = replace(planned([DESIRED], [LIVE]), basis={})
    assert told(plan, LIVE) == []
    (finding,) = stale(plan, [after], KINDS)
    assert (finding.summary, finding.at) == (WHOLE, DESIRED.at())


def test_a_mark_that_says_the_same_in_another_way():
    """Not by an apply; yet the plan was not computed from it."""
    assert told(planned([DESIRED], [LIVE]), replace(LIVE, mark_tags={"reconciler.ml": "{ }"})) == [WHOLE]


def test_a_plan_that_names_what_it_cannot_know():
    """Somebody edited it: nothing of an unknown kind is on a server."""
    plan = replace(planned([DESIRED], [LIVE]), seen={address("models.m"): "sha256:0"}, ids={address("models.m"): "1"})
    assert told(plan, LIVE) == ["models.m is not on the server any more, or its mark was taken off"]


def test_a_digest_of_what_has_no_id():
    """Somebody edited it: what stands at the address is compared."""
    plan = replace(planned([BARE], []), seen={FRAUD: "sha256:0"}, basis={FRAUD: Basis()})
    assert told(plan, LIVE)[0] == NEW


def test_what_a_plan_remembers():
    plan = planned([DESIRED, entry("experiments.new")], [LIVE], sensitive=("tags.s*",))
    assert plan.seen[address("experiments.new")] == ABSENT
    assert plan.basis == {FRAUD: Basis(mark=LIVE.mark, sensitive=(path("tags.same"),))}
    assert plan.basis[FRAUD].digest(path("tags.ours")) == marks.digest("1")
    assert plan.basis[FRAUD].digest(path("tags.new")) is None


def test_what_a_selection_leaves_out_is_not_remembered():
    plan = planned([DESIRED, entry("experiments.new")], [LIVE], selection=Selection(only=("experiments.new",)))
    assert plan.basis == {}


# who may do what


ENTRY = "permissions.user:"


def permitted(**levels):
    return entry("experiments.fraud", permissions={f"user:{name}": level for name, level in levels.items()})


def test_taking_an_entry_away_depends_on_all_the_others():
    """A server may take them all at once only."""
    live = renewed(held(permitted(ada="READ", bob="READ"), "5"), {f"{ENTRY}eve": "EDIT"})
    plan = planned([permitted(ada="READ")], [live])
    assert told(plan, live) == []
    assert told(plan, renewed(live, {f"{ENTRY}eve": "READ"})) == [
        "experiments.fraud: permissions.'user:eve' had another value when the plan was made, and is \"READ\" now"
    ]
    assert told(plan, renewed(live, {f"{ENTRY}eve": None})) == [
        "experiments.fraud: permissions.'user:eve' was there when the plan was made, and is not there now"
    ]
    assert told(plan, renewed(live, {f"{ENTRY}zoe": "EDIT"})) == [
        "experiments.fraud: permissions.'user:zoe' was not there when the plan was made, and is \"EDIT\" now"
    ]


@pytest.mark.parametrize("levels", [{"ada": "EDIT", "bob": "READ"}, {"ada": "READ", "bob": "READ", "zoe": "READ"}])
def test_writing_an_entry_depends_on_no_other(levels):
    live = renewed(held(permitted(ada="READ", bob="READ"), "5"), {f"{ENTRY}eve": "EDIT"})
    plan = planned([permitted(**levels)], [live])
    assert plan.steps
    assert told(plan, renewed(live, {f"{ENTRY}eve": "READ", f"{ENTRY}new": "EDIT"})) == []


def test_forgetting_an_entry_that_is_gone_depends_on_no_other():
    live = renewed(held(permitted(bob="READ"), "5"), {f"{ENTRY}bob": None, f"{ENTRY}eve": "EDIT"})
    plan = planned([permitted()], [live])
    assert plan.steps
    assert told(plan, renewed(live, {f"{ENTRY}eve": "READ"})) == []


def test_changing_an_entry_depends_on_what_is_noted_of_it():
    """Who was taken off and put back with the same level has another entry."""
    bob, eve = path(f"{ENTRY}bob"), path(f"{ENTRY}eve")
    live = replace(renewed(held(permitted(bob="READ"), "5"), {f"{ENTRY}eve": "EDIT"}), facts={bob: 7, eve: 8})
    plan = planned([permitted(bob="EDIT")], [live])
    assert told(plan, replace(live, facts={bob: 7, eve: 9})) == []
    assert told(plan, replace(live, facts={bob: 9})) == [
        "experiments.fraud (id 5) has changed on the server since the plan was made"
    ]
