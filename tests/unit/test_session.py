"""The stack in Python: load, plan, apply; what is checked where, and that reading cannot write."""

import threading

import pytest

import reconciler
from reconciler import Address, Failed, Options, Selection, session
from reconciler.core.change import Action
from reconciler.core.intents import Intents
from reconciler.runtime.apply import Listener
from reconciler.session import Session
from tests.fakes.mlflow import FakeMlflow

MANIFEST = "experiments: {fraud: {tags: {team: '${var.team}'}}}\nruns: {r: {experiment: fraud, metrics: {auc: 0.5}}}\n"


@pytest.fixture
def fake():
    return FakeMlflow()


@pytest.fixture
def folder(tmp_path, fake):
    with fake.serve() as url:
        targets = f"{{local: {{url: '{url}', parallel: 2}}, other: {{url: '{url}', variables: {{team: ops}}}}}}"
        config = f"stack: ml\ntargets: {targets}\nvariables: {{team: ml}}\n"
        (tmp_path / "reconciler.yaml").write_text(config)
        (tmp_path / "fraud.yaml").write_text(MANIFEST)
        yield tmp_path


def writes(fake):
    return [one for one in fake.requests if one.method != "GET" and not one.path.endswith("/search")]


def codes(failed):
    return [one.code for one in failed.value.diagnostics]


def test_load_plan_apply_and_plan_again(folder, fake):
    stack = reconciler.load(folder)
    plan = stack.plan()
    assert [(str(step.address), step.action) for step in plan.steps] == [
        ("experiments.fraud", Action.create),
        ("runs.r", Action.create),
    ]
    assert writes(fake) == []
    outcomes = stack.apply(plan)
    assert [(one.status, bool(one.id)) for one in outcomes] == [("done", True)] * 2
    again = stack.plan()
    assert (again.steps, again.noop) == ((), 2)
    assert stack.requests == {"reads": len(fake.requests) - len(writes(fake)), "writes": len(writes(fake))}


def test_a_target_and_variables_can_be_chosen(folder):
    def team(**options):
        return reconciler.load(folder, **options).desired[Address("experiments", "fraud")].fields[("tags", "team")]

    assert team() == "ml"
    assert team(target="other") == "ops"
    assert team(target="other", variables={"team": "mine"}) == "mine"


@pytest.mark.parametrize(
    ("options", "code"),
    [({"target": "none"}, "unknown-target"), ({"variables": {"none": "x"}}, "unknown-variable")],
)
def test_what_is_not_there_cannot_be_chosen(folder, options, code):
    with pytest.raises(Failed) as failed:
        reconciler.load(folder, **options)
    assert codes(failed) == [code]


def test_loading_says_all_that_is_wrong_and_asks_no_server(folder, fake):
    (folder / "a.yaml").write_text("experiments: {a: {tag: x}}\n")
    (folder / "b.yaml").write_text("runs: {a: {experiment: none}}\n")
    (folder / "c.yaml").write_text(f"experiments: {{c: {{name: {'x' * 501}}}}}\n")
    with pytest.raises(Failed) as failed:
        reconciler.load(folder)
    assert codes(failed) == ["unknown-key", "unknown-reference", "limit"]
    assert fake.requests == []


def test_texts_are_kept_for_excerpts_also_of_what_is_wrong(folder):
    (folder / "bad.yaml").write_text("experiments: [\n")
    session = Session(folder)
    with pytest.raises(Failed):
        _ = session.desired
    assert session.sources.keys() == {"reconciler.yaml", "fraud.yaml", "bad.yaml"}


def test_a_folder_without_a_configuration(tmp_path):
    with pytest.raises(Failed) as failed:
        reconciler.load(tmp_path)
    assert codes(failed) == ["no-config"]
    assert failed.value.diagnostics[0].hint.startswith("make one with: reconciler init; or name")


def test_a_plan_with_an_error_is_raised_and_a_draft_is_not(folder):
    options = Options(selection=Selection(only=("experiment.*",)))
    with pytest.raises(Failed) as failed:
        reconciler.load(folder).plan(options)
    assert codes(failed) == ["unknown-address"]
    plan, problems = reconciler.load(folder).draft(options)
    assert (plan.steps, [one.code for one in problems]) == ((), ["unknown-address"])


def test_taking_down_needs_no_readable_manifests(folder):
    stack = reconciler.load(folder)
    stack.apply(stack.plan())
    (folder / "fraud.yaml").write_text("experiments: [\n")
    plan = Session(folder).plan(Options(destroy=True))
    assert plan.summary["delete"] == 2


def test_a_plan_is_for_its_stack_and_target(folder):
    plan = reconciler.load(folder).plan()
    with pytest.raises(Failed) as failed:
        reconciler.load(folder, target="other").recheck(plan)
    assert [one.summary for one in failed.value.diagnostics] == ["the plan is for the target 'local'; this is 'other'"]


def test_a_plan_is_stale_after_it_was_applied(folder, fake):
    stack = reconciler.load(folder)
    plan = stack.plan()
    stack.recheck(plan)
    stack.apply(plan)
    before = len(writes(fake))
    with pytest.raises(Failed) as failed:
        stack.recheck(plan)
    assert set(codes(failed)) == {"stale-plan"}
    assert len(writes(fake)) == before


def test_a_listener_is_told_of_every_step(folder):
    stack = reconciler.load(folder)
    told = []
    listener = Listener(
        start=lambda step: told.append(("start", str(step.address))),
        outcome=lambda outcome: told.append((outcome.status, str(outcome.step.address))),
    )
    stack.apply(stack.plan(), listener)
    assert told == [
        ("start", "experiments.fraud"),
        ("done", "experiments.fraud"),
        ("start", "runs.r"),
        ("done", "runs.r"),
    ]


def test_looking_shows_what_is_declared_and_what_is_there(folder):
    stack = reconciler.load(folder)
    stack.apply(stack.plan(Options(selection=Selection(only=("experiments.*",)))))
    pairs, plan = stack.look(Options())
    there = {str(address): pair.live is not None for address, pair in pairs.items()}
    assert there == {"experiments.fraud": True, "runs.r": False}
    assert [str(step.address) for step in plan.steps] == ["runs.r"]


def test_a_public_name_is_imported_when_it_is_used_and_an_unknown_one_is_an_error():
    assert reconciler.Session is Session
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = reconciler.nothing


def test_a_session_shows_nothing_of_the_environment(tmp_path):
    session = Session(tmp_path, None, {"token": "canary"}, {"MLFLOW_TRACKING_PASSWORD": "canary"})
    assert "canary" not in repr(session)


def test_while_the_server_answers_the_marks_to_write_are_found_out(folder, fake, monkeypatch):
    done = threading.Event()

    class Watched(Intents):
        def ahead(self, desired):
            yield from super().ahead(desired)
            done.set()

    seen = []

    def answers(_, __, path):
        if path == "experiments/search":
            seen.append(done.wait(10))

    monkeypatch.setattr(session, "Intents", Watched)
    fake.fault = answers
    reconciler.load(folder).plan()
    assert seen[0]
