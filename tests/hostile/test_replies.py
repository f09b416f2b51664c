"""A hostile reply ends in words, or in what is right: nothing is written on its account, nothing goes on for ever."""

from __future__ import annotations

import copy
import itertools
import os
import random
import uuid

import pytest

from tests.e2e.tools import Shell, isolate, writes
from tests.fakes.mlflow import FakeMlflow
from tests.hostile.corpus import HERE, cases, check, told
from tests.hostile.server import Hostile, serve

BEFORE = """experiments: {fraud: {tags: {team: risk}}}
runs: {base: {experiment: fraud, metrics: {loss: [{step: 0, value: 0.7}]}}}
logged_models: {xgb: {experiment: fraud}}
"""
AFTER = """experiments: {fraud: {tags: {team: ml}}, churn: {}}
runs:
  base: {experiment: fraud, metrics: {loss: [{step: 0, value: 0.7}, {step: 1, value: 0.5}]}}
  fresh: {experiment: churn, metrics: {auc: 0.9}}
logged_models: {xgb: {experiment: fraud, tags: {stage: gold}}, new: {experiment: fraud}}
"""
EVERY = cases("replies", ".http")
SAMPLE = len(EVERY) if os.environ.get("RECONCILER_TEST_ALL") else 60
REFUSED = {1, 5, 6}
"""The exit codes after which nothing was written."""


@pytest.fixture(scope="module")
def before():
    """What the server holds after an apply of BEFORE: made once, by the first test that needs it."""
    return {}


@pytest.fixture
def world(tmp_path, monkeypatch, before):
    """Runs a command of a stack with something to do, on a server with one hostile reply."""
    isolate(monkeypatch)
    ids = itertools.count(1)
    monkeypatch.setattr("tests.fakes.mlflow.state.uuid.uuid4", lambda: uuid.UUID(int=next(ids)))
    monkeypatch.setattr("reconciler.runtime.once.BRIEF", 0.1)
    fake, shell = FakeMlflow(), Shell(tmp_path, monkeypatch)
    if not before:
        with serve(fake, Hostile()) as url:
            shell.configure(url)
            shell.apply(BEFORE, "--parallel", "1")
        before["state"] = fake._state
    fake._state, fake._requests = copy.deepcopy(before["state"]), []
    ids = itertools.count(100)

    def run(hostile, *arguments, user=""):
        with serve(fake, hostile) as url:
            shell.configure(url.replace("//", f"//{user}"))
            shell.manifest(AFTER)
            return shell(*arguments, "--timeout", "1", code=None)

    run.fake = fake
    return run


def written(fake):
    """What was written, but for the lock."""
    return [one.path for one in writes(fake) if not one.path.startswith("registered-models/")]


@pytest.mark.parametrize("case", sorted(random.Random(1).sample(EVERY, SAMPLE)))
def test_a_hostile_reply(case, world, update):
    hostile = Hostile.read(HERE / f"replies/{case}.http")
    result = world(hostile, "apply", "--yes", "--parallel", "1")
    assert 0 < hostile.asked < 150
    if case.startswith("reads/") and result.code in REFUSED:
        assert written(world.fake) == []
    check("replies", case, told(result, "manifests/main.yaml"), update=update)


@pytest.mark.parametrize("command", ["plan", "drift", "destroy --yes", "explain experiments.fraud", "unlock"])
@pytest.mark.parametrize("case", ["experiments-object", "html-with-200", "page-token-the-same", "another-service"])
def test_every_command_that_reads(command, case, world):
    hostile = Hostile.read(HERE / f"replies/reads/{case}.http")
    result = world(hostile, *command.split())
    if command != "unlock":  # it asks for the lock, and for nothing else
        assert result.code in REFUSED
    assert written(world.fake) == []


def test_a_reply_that_comes_slowly(world):
    hostile = Hostile.read(HERE / "replies/reads/chunked.http")
    hostile.slowly = True
    assert world(hostile, "plan").code == 0


def test_a_plan_with_half_a_character_can_be_saved_and_not_applied(world):
    """It is no UTF-8, and MLflow would refuse it."""
    hostile = Hostile.read(HERE / "replies/reads/tags-value-surrogate.http")
    assert world(hostile, "plan", "--out", "plan.json", "--format", "json=same.json").code == 0
    result = world(hostile, "apply", "plan.json", "--yes")
    assert result.code == 1
    assert "[bad-plan-file]" in result.err
    assert written(world.fake) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_credentials_do_not_follow_a_redirect(status, world):
    elsewhere = Hostile("POST experiments/search", b"HTTP/1.1 200 OK\n\n{}")
    with serve(FakeMlflow(), elsewhere) as other:
        answer = f"HTTP/1.1 {status} Go\nLocation: {other}/api/2.0/mlflow/experiments/search\n\n"
        hostile = Hostile("POST experiments/search", answer.encode())
        result = world(hostile, "plan", user="ada:pa55@")
    assert result.code == 1
    assert "[not-tracking]" in result.err
    assert all("Authorization" in headers for headers in hostile.headers)
    assert elsewhere.asked == 0


def test_a_server_that_is_busy_for_ever_is_not_asked_for_ever(world):
    hostile = Hostile("POST experiments/search", b"HTTP/1.1 429 Too Many Requests\nRetry-After: 0\n\n")
    result = world(hostile, "apply", "--yes")
    assert result.code == 1
    assert "[server]" in result.err
    assert 1 < hostile.asked < 150
    assert written(world.fake) == []
