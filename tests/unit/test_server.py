"""What a server is, is asked once, and only where it makes a difference."""

from dataclasses import replace

import pytest

import reconciler
from reconciler import Failed, registry
from reconciler.backends.mlflow.experiments import Experiments
from reconciler.core.call import NO_ROUTE, Call, Unfit
from reconciler.core.wire import CANNOT_REMOVE, Server, Unsupported
from reconciler.runtime.errors import NotTracking
from tests.fakes.mlflow import FakeMlflow

VERSION = Call("GET", "/version/of/the/api", repeatable=True, absorbs=(NO_ROUTE,))
USUAL = Server("3.17")
OLD = Server("1.0", {"experiments.remove_tag": "no request does", "logged_models": "it has none"})


class Keeping(Experiments):
    def forbids(self, change):
        return Unsupported(change.path, "no request does", code=CANNOT_REMOVE) if change.after is None else None


class Astray(Experiments):
    """Experiments that are looked for where an older server has nothing."""

    def observe(self, query):
        yield [Call("GET", "/api/newer/experiments", repeatable=True)]


@pytest.fixture
def fake():
    return FakeMlflow()


@pytest.fixture
def stack(tmp_path, fake):
    with fake.serve() as url:
        (tmp_path / "reconciler.yaml").write_text(f"stack: ml\ntargets: {{local: {{url: '{url}'}}}}\n")
        (tmp_path / "fraud.yaml").write_text("experiments: {fraud: {tags: {team: ml}}}\n")
        yield lambda: reconciler.load(tmp_path)


@pytest.fixture
def backend(monkeypatch):
    """Makes the backend one that has to ask: `found` is what it then finds, `newest` its usual wire."""
    asked = []
    mlflow = registry.backends()["mlflow"]

    def make(found, newest=Experiments):
        def probe(options):
            asked.append(options.url)
            (reply,) = yield [VERSION]
            if isinstance(found, Exception):
                raise found
            assert reply is None
            return found

        def wires(options, server):
            own = dict(mlflow.wires(options, server))
            shape = newest if server.usual else Keeping
            own["experiments"] = shape(own["experiments"].experiments.api)
            return {kind: wire for kind, wire in own.items() if kind not in server.lacks}

        monkeypatch.setattr("reconciler.backends.mlflow.BACKEND", replace(mlflow, probe=probe, wires=wires))
        return asked

    return make


def edit(stack, text):
    (stack().folder / "fraud.yaml").write_text(text)


def test_nothing_is_asked_where_there_is_nothing_to_do(stack, backend, fake):
    stack().apply(stack().plan())
    asked = backend(OLD)
    before = len(fake.requests)
    plan = stack().plan()
    assert (plan.steps, asked, len(fake.requests) - before) == ((), [], 3)


def test_with_something_to_do_it_is_asked_once_and_planned_again_where_it_is_another(stack, backend):
    stack().apply(stack().plan())
    edit(stack, "experiments: {fraud: {tags: {tier: gold}}}\n")
    asked, session = backend(OLD), stack()
    plan = session.plan()
    assert [(stay.path, str(stay.at)) for stay in plan.stays] == [(("tags", "team"), "fraud.yaml:1:23")]
    assert [change.path for step in plan.steps for change in step.changes] == [("tags", "tier")]
    assert session.server()[0] == OLD
    assert len(asked) == 1
    assert {one.status for one in session.apply(plan)} == {"done"}
    assert session.plan().steps == ()
    assert len(asked) == 1


def test_what_is_as_usual_changes_nothing(stack, backend):
    asked, session = backend(USUAL), stack()
    assert [str(step.action) for step in session.plan().steps] == ["create"]
    assert (len(asked), session.server()[0]) == (1, USUAL)


def test_a_kind_that_the_server_turns_out_not_to_have_is_refused_with_its_place(stack, backend):
    edit(stack, "experiments: {fraud: null}\nlogged_models: {m: {experiment: fraud}}\n")
    backend(OLD)
    with pytest.raises(Failed) as failed:
        stack().plan()
    (problem,) = failed.value.diagnostics
    assert (problem.code, str(problem.at)) == ("unsupported", "fraud.yaml:2:17")
    assert problem.summary == "logged_models.m: it has none"


def test_a_server_that_answers_otherwise_is_asked_and_read_again(stack, backend, fake):
    asked, session = backend(OLD, Astray), stack()
    assert [str(step.action) for step in session.plan().steps] == ["create"]
    assert len(asked) == 1
    assert session.drift().found == ()


@pytest.mark.parametrize("found", [USUAL, Unfit(VERSION, "no version")], ids=["usual", "unknown"])
def test_where_that_explains_nothing_the_first_refusal_is_told(stack, backend, found):
    backend(found, Astray)
    with pytest.raises(NotTracking, match="404, text/html for /api/newer/experiments"):
        stack().plan()


def test_a_backend_that_asks_nothing(stack, monkeypatch):
    mlflow = registry.backends()["mlflow"]
    monkeypatch.setattr("reconciler.backends.mlflow.BACKEND", replace(mlflow, probe=None))
    assert stack().server()[0] == Server()
