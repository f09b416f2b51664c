"""From a pair to a step: its action, its cause, and its exact requests in their order."""

import json
from dataclasses import replace

import pytest

from reconciler.backends.mlflow.experiments import Experiments
from reconciler.backends.mlflow.runs import Runs
from reconciler.core import mark as marks
from reconciler.core.change import Action
from reconciler.core.diff import created, mark_of, stripped
from reconciler.core.intents import Intents
from reconciler.core.mark import Mark, digest
from reconciler.core.match import Pair
from reconciler.core.plan import Stay
from reconciler.core.resource import Live
from reconciler.core.steps import Stepper
from reconciler.core.wire import CANNOT_REMOVE, Unsupported
from tests.lives import KINDS, WIRES, address, entry, found, held, owned, remove_tag, routes, sent, set_tag

FRAUD = "experiments.fraud"


def step(desired, live, **options):
    """The step of a pair, whose address and place it has, and what forbids it."""
    at = desired.address if desired else live.address
    made, problems, _ = Stepper("ml", KINDS, WIRES, Intents("ml"), **options).step(Pair(at, desired, live))
    if made:
        assert (made.address, made.at) == (at, desired.at() if desired else None)
    return made, problems


def fine(desired, live, **options):
    found, problems = step(desired, live, **options)
    assert problems == []
    return found


def marking(desired):
    """The request that writes the mark of `desired` to the experiment `fraud`."""
    return set_tag(FRAUD, "reconciler.ml", marks.write(mark_of(desired), "ml")["reconciler.ml"])


def test_what_is_as_declared_has_no_step():
    desired = entry(FRAUD, tags={"team": "ml"})
    assert step(desired, held(desired)) == (None, [])


def test_what_is_not_there_is_made_with_its_mark():
    desired = entry(FRAUD, tags={"team": "ml"})
    made = fine(desired, None)
    assert (made.action, made.reason, made.changes) == (Action.create, "", created(desired).changes)
    ((method, route, body),) = sent(made.calls)
    assert (method, route) == ("POST", "experiments/create")
    assert {pair["key"] for pair in body["tags"]} == {"team", "reconciler.ml"}


def test_a_changed_tag_is_written_before_the_mark():
    """A crash in between looks like drift of the new value's own making, and the next plan goes on."""
    desired = entry(FRAUD, tags={"team": "ml"})
    made = fine(desired, held(entry(FRAUD, tags={"team": "risk"})))
    assert (made.action, made.reason) == (Action.update, "")
    assert sent(made.calls) == [set_tag(FRAUD, "team", "ml"), marking(desired)]


def test_drift_is_written_without_touching_the_mark():
    desired = entry(FRAUD, tags={"team": "ml"})
    live = owned(FRAUD, {"name": "fraud", "tags.team": "x"}, {"name": "fraud", "tags.team": "ml"})
    assert sent(fine(desired, live).calls) == [set_tag(FRAUD, "team", "ml")]


def test_adopting_writes_the_mark_and_nothing_else():
    desired = entry(FRAUD, tags={"team": "ml"})
    made = fine(desired, found(FRAUD, {"name": "fraud", "tags.team": "ml"}))
    assert (made.action, made.reason) == (Action.adopt, "found by its name; no stack owns it")
    assert sent(made.calls) == [marking(desired)]


def test_an_existing_one_is_found_by_its_name():
    desired = entry(FRAUD, existing="true", tags={"team": "ml"})
    made = fine(desired, found(FRAUD, {"name": "fraud"}))
    assert (made.action, made.reason) == (Action.update, "found by its name")
    assert sent(made.calls) == [set_tag(FRAUD, "team", "ml"), marking(desired)]


def test_a_moved_one_gets_a_mark_with_its_new_address():
    desired = entry(FRAUD)
    old = Mark(address("experiments.old"), mark_of(desired).keys)
    live = found(FRAUD, {"name": "fraud"}, mark=old, mark_tags=marks.write(old, "ml"))
    made = fine(desired, live)
    assert (made.action, made.reason, made.changes) == (Action.adopt, "moved from experiments.old", ())
    assert sent(made.calls) == [marking(desired)]


def test_a_mark_that_is_written_otherwise_is_written_again():
    desired = entry(FRAUD)
    live = held(desired)
    spaced = json.dumps(json.loads(live.mark_tags["reconciler.ml"]), indent=1)
    made = fine(desired, Live(live.address, "1", live.fields, mark=live.mark, mark_tags={"reconciler.ml": spaced}))
    assert (made.action, made.reason) == (Action.adopt, "the mark is rewritten")


def test_a_long_mark_is_written_in_parts_and_stale_parts_go():
    many = entry(FRAUD, tags={f"key-{number:03}": "x" for number in range(300)})
    few = entry(FRAUD, tags={"key-000": "x"})
    parts = marks.write(mark_of(many), "ml")
    assert list(parts) == ["reconciler.ml", "reconciler.ml.1"]
    added = sent(fine(many, held(few)).calls)
    assert added[-2:] == [set_tag(FRAUD, key, text) for key, text in parts.items()]
    removed = sent(fine(few, held(many)).calls)
    assert removed[-2:] == [marking(few), remove_tag(FRAUD, "reconciler.ml.1")]
    assert len(removed) == 299 + 2


def test_a_deleted_one_is_restored_and_then_updated():
    """MLflow refuses to write to what is deleted."""
    desired = entry(FRAUD, tags={"team": "ml"})
    made = fine(desired, held(entry(FRAUD), deleted=True))
    assert (made.action, made.reason) == (Action.restore, "it is deleted on the server; all its runs come back with it")
    assert routes(made.calls) == ["experiments/restore", *["experiments/set-experiment-tag"] * 2]


def test_a_deleted_one_without_a_mark_is_restored_and_adopted():
    made = fine(entry(FRAUD), found(FRAUD, {"name": "fraud"}, deleted=True))
    assert made.action is Action.restore
    assert (
        made.reason
        == "it is deleted on the server; all its runs come back with it; found by its name; no stack owns it"
    )
    assert routes(made.calls) == ["experiments/restore", "experiments/set-experiment-tag"]


def test_a_deleted_one_with_nothing_to_change_is_restored():
    made = fine(entry(FRAUD), held(entry(FRAUD), deleted=True))
    assert sent(made.calls) == [("POST", "experiments/restore", {"experiment_id": {"$id": FRAUD}})]


def test_a_revived_one_is_not_restored_by_itself():
    desired = entry("runs.r", experiment="fraud", tags={"a": "1"})
    live = held(entry("runs.r", experiment="fraud"), "r", parent="1", revived=True)
    assert routes(fine(desired, live).calls) == ["runs/log-batch"]


def test_replacing_marks_the_old_one_deletes_it_and_makes_a_new_one():
    desired = entry("runs.r", experiment="fraud", params={"depth": "7"})
    live = held(entry("runs.r", experiment="fraud", params={"depth": "6"}), "r1", parent="1")
    made = fine(desired, live, replace=frozenset({desired.address}))
    assert (made.action, made.reason) == (Action.replace, "--replace")
    assert routes(made.calls) == ["runs/log-batch", "runs/delete", "runs/create", "runs/log-batch"]
    (tag,) = made.calls[0].body["tags"]
    assert json.loads(tag["value"])["replaced"] is True
    assert {tag["key"]: tag["value"] for tag in made.calls[2].body["tags"]} == marks.write(mark_of(desired), "ml")
    assert ("params", "depth") in [one.path for one in made.changes]
    assert {one.effect for one in made.changes} == {Action.replace}
    before = {one.path: one.before for one in made.changes}
    assert before[("params", "depth")] == "6"


def test_replacing_a_deleted_one_marks_it_too():
    """Restoring its experiment would bring it back: with the mark of the new one, it would have the address."""
    desired = entry("runs.r", experiment="fraud")
    made = fine(desired, held(desired, "r1", parent="1", deleted=True), replace=frozenset({desired.address}))
    assert routes(made.calls) == ["runs/restore", "runs/log-batch", "runs/delete", "runs/create"]


def test_replacing_what_is_not_there_makes_it():
    desired = entry("runs.r", experiment="fraud")
    assert fine(desired, None, replace=frozenset({desired.address})).action is Action.create


@pytest.mark.parametrize("marked", [True, False], ids=["owned", "found-by-name"])
def test_an_experiment_is_never_replaced(marked):
    desired = entry(FRAUD)
    live = held(desired) if marked else found(FRAUD, {"name": "fraud"})
    _, (problem,) = step(desired, live, replace=frozenset({desired.address}))
    assert (problem.code, problem.at) == ("irreplaceable", desired.at())
    assert problem.summary == f"{FRAUD}: {KINDS['experiments'].irreplaceable}"


@pytest.mark.parametrize("where", ["manifest", "mark"])
def test_what_is_protected_is_not_replaced(where):
    body = {"prevent_destroy": "true"} if where == "manifest" else {}
    desired = entry("runs.r", experiment="fraud", **body)
    live = owned("runs.r", {"name": "r"}, {}, parent="1", prevent_destroy=where == "mark")
    _, (problem,) = step(desired, live, replace=frozenset({desired.address}))
    assert (problem.code, problem.summary, problem.at) == (
        "prevent-destroy",
        "runs.r cannot be replaced: prevent_destroy is set",
        desired.at(),
    )


@pytest.mark.parametrize(
    ("name", "state", "options", "reason"),
    [
        (FRAUD, {}, {}, "no longer declared; all its runs go with it"),
        ("experiments.churn[a!b]", {}, {}, "no longer declared; all its runs go with it"),
        (FRAUD, {}, {"destroying": True}, "destroy; all its runs go with it"),
        ("runs.r", {"parent": "1"}, {}, "no longer declared"),
        ("runs.r!7", {"parent": "1", "displaced": True}, {}, "another resource has its address"),
        ("runs.r", {"parent": "1", "revived": True}, {}, "deleted before; it comes back with its experiment"),
    ],
)
def test_what_is_no_longer_declared_is_deleted(name, state, options, reason):
    made = fine(None, owned(name, {"name": "x"}, {}, **state), **options)
    assert (made.action, made.reason) == (Action.delete, reason)
    assert routes(made.calls)[1:] == [f"{address(name).kind}/delete"]


@pytest.mark.parametrize(
    ("name", "state", "sends"),
    [
        (FRAUD, {}, ["experiments/set-experiment-tag", "experiments/delete"]),
        ("runs.r", {"parent": "1"}, ["runs/log-batch", "runs/delete"]),
        ("logged_models.m", {"parent": "1"}, ["logged-models/{id}"]),
    ],
)
def test_the_mark_says_that_it_was_the_stack_that_deleted(name, state, sends):
    """Else nobody could tell it from a deletion by hand. A deleted logged model cannot be read any more."""
    live = owned(name, {"name": "x", "tags.a": "1"}, {"tags.a": "1"}, **state)
    made = fine(None, live)
    assert routes(made.calls) == sends
    noted = [str(call.body) for call in made.calls if call.body and "reconciler.ml" in str(call.body)]
    wanted = marks.write(replace(live.mark, deleted=True), "ml")["reconciler.ml"]
    assert [wanted in text for text in noted] == [True] * (len(sends) - 1)


@pytest.mark.parametrize(("name", "parent"), [(FRAUD, ""), ("runs.r", "1")])
@pytest.mark.parametrize("flag", ["deleted", "replaced"])
def test_a_deletion_that_was_cut_short_does_not_note_it_again(name, parent, flag):
    mark = Mark(address(name), **{flag: True})
    live = found(name, {"name": "x"}, mark=mark, mark_tags=marks.write(mark, "ml"), parent=parent)
    assert routes(fine(None, live).calls) == [f"{address(name).kind}/delete"]


def test_a_long_mark_is_noted_in_all_its_parts():
    """The flag takes room from the first part, so that the others move up."""
    many = entry(FRAUD, tags={f"key-{number:03}": "x" for number in range(300)})
    live = held(many)
    parts = marks.write(replace(live.mark, deleted=True), "ml")
    assert list(parts) == list(live.mark_tags)
    changed = [set_tag(FRAUD, key, text) for key, text in parts.items() if live.mark_tags[key] != text]
    assert sent(fine(None, live).calls) == [*changed, ("POST", "experiments/delete", {"experiment_id": {"$id": FRAUD}})]


@pytest.mark.parametrize("gone", [True, False], ids=["deleted", "active"])
def test_what_the_stack_deleted_and_is_declared_again_gets_its_mark_back(gone):
    """Also what is active because the deletion was cut short, or because somebody restored it."""
    desired = entry(FRAUD)
    mark = replace(mark_of(desired), deleted=True)
    live = replace(held(desired, deleted=gone), mark=mark, mark_tags=marks.write(mark, "ml"))
    made = fine(desired, live)
    assert made.action is (Action.restore if gone else Action.adopt)
    assert made.reason.startswith("it is deleted on the server" if gone else "the mark is rewritten")
    assert sent(made.calls)[-1] == marking(desired)


def test_what_was_replaced_is_deleted_even_if_it_is_protected_or_kept():
    flags = {"replaced": True, "displaced": True, "keep": True, "prevent_destroy": True}
    live = owned("runs.r!7", {"name": "r"}, {}, parent="1", **flags)
    made = fine(None, live)
    assert (made.action, made.reason) == (Action.delete, "another resource has its address")


def test_what_is_deleted_already_is_not_deleted_again():
    assert step(None, owned("runs.r", {"name": "r"}, {}, parent="1", deleted=True)) == (None, [])


def test_what_is_protected_by_its_mark_is_not_deleted():
    """Dropping the entry does not get round it."""
    _, (problem,) = step(None, owned(FRAUD, {"name": "fraud"}, {}, prevent_destroy=True))
    assert problem.summary == "experiments.fraud cannot be deleted: prevent_destroy is set"
    assert problem.hint == "declare it with 'prevent_destroy: false' and apply that first"


def test_what_is_to_be_kept_loses_its_mark_and_nothing_else():
    live = owned(FRAUD, {"name": "fraud", "tags.team": "ml"}, {"tags.team": "ml"}, keep=True)
    made = fine(None, live)
    assert (made.action, made.changes) == (Action.update, ())
    assert made.reason == "no longer declared, on_remove: keep; only the mark is removed"
    assert sent(made.calls) == [remove_tag(FRAUD, "reconciler.ml")]


@pytest.mark.parametrize("flag", ["keep", "existing"])
def test_of_a_mark_that_is_removed_the_head_goes_last(flag):
    """While it is there, a plan goes on with the rest."""
    body = {"on_remove": "keep"} if flag == "keep" else {"existing": "true"}
    live = held(entry(FRAUD, tags={f"key-{number:03}": "x" for number in range(300)}, **body))
    assert list(live.mark_tags) == ["reconciler.ml", "reconciler.ml.1"]
    assert sent(fine(None, live).calls)[-2:] == [
        remove_tag(FRAUD, "reconciler.ml.1"),
        remove_tag(FRAUD, "reconciler.ml"),
    ]


def test_what_was_set_on_somebody_elses_experiment_is_taken_off():
    live = owned(FRAUD, {"name": "f", "tags.a": "1", "tags.theirs": "2"}, {"tags.a": "1"}, existing=True)
    made = fine(None, live)
    assert (made.action, made.changes) == (Action.update, stripped(live, KINDS["experiments"]).changes)
    assert made.reason == "no longer declared; what this stack set on it is taken off"
    assert sent(made.calls) == [remove_tag(FRAUD, "a"), remove_tag(FRAUD, "reconciler.ml")]


def test_a_fixed_field_is_refused_with_the_ways_out():
    desired = entry("runs.r", experiment="fraud", params={"depth": "7"})
    live = held(entry("runs.r", experiment="fraud", params={"depth": "6"}), parent="1")
    _, (problem,) = step(desired, live)
    assert (problem.code, problem.at) == ("fixed-field", desired.at(("params", "depth")))
    assert problem.summary == 'runs.r: params.depth cannot change from "6" to "7": params are written once'
    assert problem.hint.endswith("reconciler plan --replace runs.r")


def test_a_fixed_field_of_what_cannot_be_replaced_has_another_way_out():
    live = owned(FRAUD, {"name": "fraud", "artifact_location": "s3://a"}, {"name": "fraud"})
    _, (problem,) = step(entry(FRAUD, artifact_location="s3://b"), live)
    assert problem.hint == "write the server's value, or remove the line to accept it"


def test_a_model_whose_run_is_made_anew_has_to_be_made_anew():
    desired = entry("logged_models.m", experiment="fraud", source_run="base")
    _, (problem,) = step(desired, held(desired, parent="1"), moving=frozenset({address("runs.base")}))
    assert (problem.code, problem.at) == ("fixed-field", desired.at(("source_run",)))
    assert problem.summary == (
        "logged_models.m: source_run names runs.base, which is made anew: a logged model's source run cannot be changed"
    )
    assert problem.hint == "make it anew as well: --replace logged_models.m"


def test_conflicts_are_written_or_refused_as_asked():
    desired = entry(FRAUD, tags={"team": "a", "tier": "b"})
    live = owned(FRAUD, {"name": "fraud", "tags.team": "theirs"}, {"name": "fraud", "tags.team": "old"})
    assert fine(desired, live).action is Action.update
    made, (problem,) = step(desired, live, on_conflict="fail")
    assert made.action is Action.update
    assert (problem.code, problem.at) == ("conflict", desired.at(("tags", "team")))
    assert problem.summary == 'experiments.fraud: tags.team was changed on the server to "theirs"'
    assert problem.hint == "take that value over into the manifest, or apply without --on-conflict fail to overwrite it"


def test_a_conflict_with_what_is_gone_says_so():
    live = owned(FRAUD, {"name": "fraud"}, {"name": "fraud", "tags.team": "old"})
    _, (problem,) = step(entry(FRAUD, tags={"team": "new"}), live, on_conflict="fail")
    assert problem.summary.endswith("was changed on the server to nothing")


def test_what_the_backend_cannot_do_is_found_while_planning():
    """A tag that somebody made with a key that has to be a path: it could never be removed again."""
    fields = {"name": "m", "experiment": FRAUD, "tags.a/b": "1"}
    desired = entry("logged_models.m", experiment="fraud")
    _, (problem,) = step(desired, owned("logged_models.m", fields, fields, parent="1"))
    assert (problem.code, problem.at) == ("unsupported", desired.at(("tags", "a/b")))
    assert problem.summary == "logged_models.m: tags.'a/b' has a key that MLflow could never remove again"
    assert problem.hint == "no '/', no control characters, not '.' or '..'"


class Lasting(Experiments):
    """Experiments of which a server removes no tags, restores none and deletes none."""

    def forbids(self, change):
        return Unsupported(change.path, "no request removes it", code=CANNOT_REMOVE) if change.after is None else None

    def cannot(self, action):
        return f"no request {action}s it"


class LastingRuns(Runs):
    def cannot(self, action):
        return f"no request {action}s it"


LASTING = {
    **WIRES,
    "experiments": Lasting(WIRES["experiments"].experiments.api),
    "runs": LastingRuns(WIRES["runs"].api),
}


def verdict(desired, live, **options):
    return Stepper("ml", KINDS, LASTING, Intents("ml"), **options).step(Pair(address(FRAUD), desired, live))


def test_what_cannot_be_removed_stays_and_is_said_and_answered_for():
    before, desired = entry(FRAUD, tags={"old": "1", "team": "risk"}), entry(FRAUD, tags={"team": "ml"})
    found = verdict(desired, held(before))
    stay = Stay(address(FRAUD), ("tags", "old"), "no request removes it", desired.at(("tags", "old")))
    assert (found.problems, found.stays) == ([], (stay,))
    assert [change.path for change in found.step.changes] == [("tags", "team")]
    tags = {body["key"]: body["value"] for _, _, body in sent(found.step.calls)}
    mark = marks.read(tags, "ml")
    assert mark.keys == {**mark_of(desired).keys, ("tags", "old"): digest("1")}
    # from then on there is nothing to do, and it is said again
    fields = {**before.fields, ("tags", "team"): "ml"}
    live = replace(held(before), fields=fields, mark=mark, mark_tags=marks.write(mark, "ml"))
    assert verdict(desired, live) == (None, [], (stay,))
    # declared again, it is simply there
    assert verdict(entry(FRAUD, tags={"old": "1", "team": "ml"}), live) == (None, [], ())


def test_somebody_elses_experiment_keeps_the_mark_of_what_cannot_be_taken_off():
    live = owned(FRAUD, {"name": "x", "tags.team": "ml"}, {"tags.team": "ml"}, existing=True)
    stays = (Stay(address(FRAUD), ("tags", "team"), "no request removes it"),)
    assert verdict(None, live) == (None, [], stays)
    more = owned(FRAUD, {"name": "x", "tags.team": "ml"}, {"tags.team": "ml", "tags.gone": "1"}, existing=True)
    found = verdict(None, more)
    assert (found.problems, found.stays, found.step.changes) == ([], stays, ())
    assert sent(found.step.calls) == [set_tag(FRAUD, "reconciler.ml", live.mark_tags["reconciler.ml"])]


def test_what_cannot_be_deleted_stays_as_a_whole():
    live = held(entry(FRAUD))
    assert verdict(None, live) == (None, [], (Stay(address(FRAUD), (), "no request deletes it"),))
    assert verdict(None, live, destroying=True).stays == verdict(None, live).stays
    assert verdict(None, replace(live, deleted=True)) == (None, [], ())


def test_what_cannot_be_restored_or_made_anew_is_refused_with_its_place():
    desired = entry(FRAUD)
    (problem,) = verdict(desired, held(desired, deleted=True)).problems
    assert (problem.code, problem.at) == ("unsupported", desired.at())
    assert problem.summary == "experiments.fraud: it cannot be restored: no request restores it"
    words = [one.summary for one in verdict(desired, held(desired), replace=frozenset({desired.address})).problems]
    assert words[0] == "experiments.fraud: it cannot be replaced: no request replaces it"


def test_a_name_that_others_may_have_can_be_declared_under_another_key():
    """Of an experiment it would be taken."""
    way = "declare it under another key: a new one is made, and this one left as it is"
    desired, changed = (entry("runs.base", experiment="fraud", params={"a": value}) for value in ("1", "2"))
    assert [one.hint for one in verdict(desired, held(desired, deleted=True)).problems] == [way]
    assert [one.hint for one in verdict(changed, held(desired)).problems] == [f"put it back, or {way}"]
    assert verdict(entry(FRAUD), held(entry(FRAUD), deleted=True)).problems[0].hint == ""


def test_what_another_stack_uses_is_not_deleted():
    """Deleting an experiment takes all its runs along."""
    _, (problem,) = step(None, owned(FRAUD, {"name": "x"}, {}, others={"ops": Mark(address(FRAUD), existing=True)}))
    assert problem.code == "shared"
    assert problem.summary == "experiments.fraud (id 1) cannot be deleted: the stack 'ops' manages some of it"
    assert problem.hint == (
        "let that stack drop it first, or keep it: declare it with 'on_remove: keep', apply, then drop it"
    )


def test_neither_declared_nor_there_is_no_pair():
    with pytest.raises(AssertionError, match=r"experiments\.fraud: neither declared nor there"):
        step_of_nothing()


def step_of_nothing():
    return Stepper("ml", KINDS, WIRES, Intents("ml")).step(Pair(address(FRAUD), None, None))


class Refusing(Experiments):
    """Experiments whose tags cannot change together."""

    def refuses(self, live, changes):
        where = "there" if live else "to be made"
        return [Unsupported(one.path, f"is {where}", "wait", "lock-out") for one in changes if one.path[0] == "tags"]


REFUSING = {**WIRES, "experiments": Refusing(WIRES["experiments"].experiments.api)}


@pytest.mark.parametrize(("live", "where"), [(None, "to be made"), (held(entry(FRAUD)), "there")])
def test_what_is_refused_together_has_the_place_of_each(live, where):
    desired = entry(FRAUD, tags={"team": "ml"})
    (found,) = Stepper("ml", KINDS, REFUSING, Intents("ml")).step(Pair(address(FRAUD), desired, live)).problems
    assert (found.code, found.hint, found.at) == ("lock-out", "wait", desired.at(("tags", "team")))
    assert found.summary == f"experiments.fraud: tags.team is {where}"


def test_what_is_taken_over_as_it_is_changes_nothing_and_is_not_refused():
    desired = entry(FRAUD, tags={"team": "ml"})
    live = found(FRAUD, {"name": "fraud", "tags.team": "ml"})
    assert Stepper("ml", KINDS, REFUSING, Intents("ml")).step(Pair(address(FRAUD), desired, live)).problems == []


class Sparing(Experiments):
    """Experiments of which none is the stack's."""

    def spares(self, live, desired):
        return Unsupported((), "is declared" if desired else "is not declared", "look elsewhere", "outside-prefix")


SPARING = {**WIRES, "experiments": Sparing(WIRES["experiments"].experiments.api)}


@pytest.mark.parametrize("options", [{}, {"replace": frozenset([address(FRAUD)])}])
def test_what_is_spared_is_not_taken_for_what_is_declared(options):
    desired = entry(FRAUD, tags={"team": "ml"})
    found = (
        Stepper("ml", KINDS, SPARING, Intents("ml"), **options)
        .step(Pair(address(FRAUD), desired, held(desired)))
        .problems
    )
    first = found[0]
    assert (first.code, first.summary, first.hint) == ("outside-prefix", f"{FRAUD} is declared", "look elsewhere")
    assert first.at == desired.at(("name",))


def test_what_is_spared_is_not_deleted():
    stepper = Stepper("ml", KINDS, SPARING, Intents("ml"))
    nothing, (found,), stays = stepper.step(Pair(address(FRAUD), None, held(entry(FRAUD))))
    assert (nothing, found.summary, found.at, stays) == (None, f"{FRAUD} is not declared", None, ())
    kept, problems, _ = stepper.step(Pair(address(FRAUD), None, held(entry(FRAUD, on_remove="keep"))))
    assert (kept.action, problems) == (Action.update, [])
