"""Commands that read send no write; and if a back end tries to, the client refuses before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from reconciler import registry
from reconciler.core.call import Call
from tests.e2e.findings import check
from tests.e2e.tools import Server, sending, writes

MANIFEST = """\
experiments:
  fraud: {description: cards, tags: {team: risk}}
  churn: {tags: {team: crm}}
runs:
  base: {experiment: fraud, params: {depth: 6}, metrics: {auc: 0.9, loss: [{step: 0, value: 1}]}}
logged_models:
  xgb: {experiment: fraud, source_run: base, status: READY}
"""
EDITED = """\
experiments:
  fraud: {name: fraud-v2, description: cards!, tags: {tier: gold}}
runs:
  base: {experiment: fraud, params: {depth: 6, rate: 0.1}, metrics: {auc: 0.91, loss: [{step: 1, value: 0.5}]}}
  more: {experiment: fraud}
logged_models:
  xgb: {experiment: fraud, source_run: base, status: UPLOAD_FAILED}
"""
COMMANDS = [
    ("plan",),
    ("plan", "--detailed-exitcode"),
    ("plan", "--out", "plan.json", "--format", "json"),
    ("plan", "--replace", "runs.base", "--replace", "logged_models.xgb"),
    ("plan", "--only", "runs.*", "--parallel", "1"),
    ("plan", "--on-conflict", "fail"),
    ("plan", "--allow-delete", "7"),
    ("apply",),
    ("apply", "--allow-delete", "7", "--yes"),
    ("drift",),
    ("drift", "--format", "json", "--ignore", "runs.*"),
    ("destroy",),
    ("validate",),
    ("explain", "experiments.fraud"),
    ("explain", "experiments.fraud", "tags.tier"),
    ("explain", "experiments.churn"),
    ("schema",),
    ("schema", "config"),
    ("backends",),
    ("init", "--manifests", "fresh"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_that_reads_sends_no_write(command, shell, fake, server):
    """On a stack where an apply would create, restore, update and delete."""
    shell.apply(MANIFEST)
    server.tag("fraud", team="theirs")
    server.post("experiments/delete", experiment_id=server.experiment("churn")["experiment_id"])
    shell.manifest(EDITED)
    with sending(fake) as sent:
        result = shell(*command, code=None)
    assert sent.paths == []
    assert result.code in (0, 2, 3, 5)


@pytest.mark.parametrize("command", [("validate",), ("schema",), ("backends",), ("init", "--manifests", "fresh")])
def test_what_needs_no_server_asks_none(command, shell, fake):
    shell.manifest(MANIFEST)
    shell(*command)
    assert fake.requests == []


def test_show_asks_no_server(shell, fake):
    shell.manifest(MANIFEST)
    shell("plan", "--out", "plan.json")
    before = len(fake.requests)
    shell("show", "plan.json")
    assert len(fake.requests) == before


def test_a_refused_apply_sends_no_write(shell, fake, server):
    """A deletion too many, a conflict with --on-conflict fail, a protected resource."""
    shell.apply("experiments:\n  a: {prevent_destroy: true, tags: {t: x}}\n  b: {tags: {t: x}}\n")
    server.tag("b", t="theirs")
    with sending(fake) as sent:
        shell("apply", "--yes", "--allow-delete", "3", code=5)
        shell.manifest("experiments:\n  a: {prevent_destroy: true, tags: {t: x}}\n  b: {tags: {t: y}}\n")
        shell("apply", "--yes", "--on-conflict", "fail", code=5)
        shell.manifest("experiments:\n  b: {tags: {t: y}}\n")
        shell("apply", "--yes", code=1)
        shell("destroy", "--yes", code=1)
    assert sent.paths == []


@dataclass(frozen=True)
class Misbehaving:
    """A wire of experiments that sends `call` where it should only read."""

    inner: Any
    call: Call

    def observe(self, query):
        yield [self.call]
        return (yield from self.inner.observe(query))

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.fixture
def misbehave(monkeypatch) -> Callable[[Call], None]:
    """Makes the wire of experiments send a call of its own while it observes."""

    def with_call(call):
        backend = registry.backends()["mlflow"]

        def wires(options, server):
            found = backend.wires(options, server)
            return {**found, "experiments": Misbehaving(found["experiments"], call)}

        monkeypatch.setattr("reconciler.backends.mlflow.BACKEND", replace(backend, wires=wires))

    return with_call


TRIES = [
    Call("POST", "/api/2.0/mlflow/experiments/create", {"name": "smuggled"}),
    Call("POST", "/api/2.0/mlflow/experiments/search/../create", {"name": "smuggled"}),
    Call("POST", "/api/2.0/mlflow/experiments/create?x=/experiments/search", {"name": "smuggled"}),
    Call("POST", "/api/2.0/mlflow/experiments/create", {"name": "smuggled"}, query={"x": "/experiments/search"}),
    Call("DELETE", "/api/2.0/mlflow/logged-models/search"),
    Call("PATCH", "/api/2.0/mlflow/experiments/search", {}),
    Call("PUT", "/api/2.0/mlflow/runs/search", {}),
    Call("POST", "/api/2.0/mlflow/runs/research", {}),
]


@pytest.mark.parametrize(
    "command", [("plan",), ("apply", "--yes"), ("drift",), ("explain", "experiments.a"), ("destroy", "--yes")]
)
@pytest.mark.parametrize("call", TRIES, ids=lambda call: f"{call.method} {call.path}")
def test_a_wire_that_writes_while_it_observes_is_stopped(call, command, shell, fake, misbehave):
    shell.manifest("experiments: {a: }\n")
    misbehave(call)
    result = shell(*command, code=1)
    assert "error: " in result.err
    assert "this is a bug" in result.err
    assert fake.requests == []


def test_the_refusal_says_what_was_tried(shell, fake, misbehave):
    shell.manifest("experiments: {a: }\n")
    misbehave(TRIES[0])
    result = shell("plan", code=1)
    check(
        result,
        "server",
        "a command that only reads tried POST /api/2.0/mlflow/experiments/create; nothing was sent",
        hint="this is a bug in the backend: please report it",
    )
    assert fake.requests == []


def test_a_wire_that_reads_more_than_usual_is_let_through(shell, fake, misbehave):
    shell.manifest("experiments: {a: }\n")
    misbehave(Call("GET", "/api/2.0/mlflow/experiments/get", query={"experiment_id": "0"}))
    assert "1 to create" in shell("plan").out
    assert fake.requests[0].path == "experiments/get"


def test_a_plan_made_by_a_misbehaving_wire_still_writes_only_in_an_apply(shell, fake, misbehave):
    shell.manifest("experiments: {a: }\n")
    shell("plan", "--out", "plan.json")
    misbehave(TRIES[0])
    shell("apply", "plan.json", "--yes", code=1)
    assert writes(fake) == []
    assert Server(fake).post("experiments/search", max_results=9)["experiments"][0]["name"] == "Default"
