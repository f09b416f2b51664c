"""The stack's lock around an apply: who waits, who is refused, and that it is let go however the apply ends."""

import json
import signal
import threading
import time

import pytest

from tests.e2e.tools import sending
from tests.fakes.mlflow import Fault

STACK = "experiments: {fraud: {tags: {team: ml}}}\n"
EDITED = "experiments: {fraud: {tags: {team: risk}}}\n"
LOCK = "reconciler.ml.lock"
CREATE = "registered-models/create"
SET_TAG = "experiments/set-experiment-tag"
FORBIDDEN = Fault(403, {"error_code": "PERMISSION_DENIED", "message": "not yours"})


@pytest.fixture
def stranger(server):
    """Somebody else holds the lock of the stack."""
    token = "0123456789abcdef" * 2
    times = {"lock.since": "2026-11-21T09:00:00Z", f"lock.until.{token}": "2999-01-01T00:00:00Z"}
    tags = {"lock.token": token, "lock.who": "alice", "lock.where": "build-7, process 4211", **times}
    server.post(CREATE, name=LOCK, tags=[{"key": key, "value": value} for key, value in tags.items()])
    return token


def test_the_lock_is_there_while_the_apply_writes_and_gone_afterwards(shell, fake):
    seen = []
    fake.fault = lambda _, __, path: (
        seen.append(LOCK in fake._state.registered) if path == "experiments/create" else None
    )
    shell.apply(STACK)
    assert seen == [True]
    assert not fake._state.registered


def test_with_nothing_to_do_no_lock_is_taken(shell, fake):
    shell.apply(STACK)
    before = len(fake.requests)
    shell("apply", "--yes")
    assert not [one for one in fake.requests[before:] if one.path.startswith("registered-models/")]


def test_who_holds_it_is_named_and_nothing_is_written(shell, fake, stranger):
    with sending(fake) as sent:
        refused = shell.apply(STACK, code=5)
    assert (
        "error: the stack 'ml' is locked: held by alice on build-7, process 4211, since 2026-11-21 09:00:00 UTC"
        in refused.err
    )
    assert "[lock-held]" in refused.err
    assert f"reconciler unlock {stranger}" in refused.err
    assert "warning" not in refused.err
    assert sent.paths == []


def test_a_plan_warns_that_somebody_is_at_work(shell, stranger):
    shell.manifest(STACK)
    plan = shell("plan")
    assert "warning: the stack 'ml' is locked: held by alice" in plan.err
    assert "1 to create" in plan.out


def test_a_lock_that_is_let_go_in_time_is_waited_for(shell, fake, server, stranger):
    """The holder is done at the second look of the one who waits."""
    looks = []

    def fault(_, __, path):
        looks.extend([path] if path == CREATE else [])
        if len(looks) == 2 and LOCK in fake._state.registered:
            del fake._state.registered[LOCK]

    fake.fault = fault
    applied = shell.apply(STACK, "--lock-timeout", "30s")
    assert "Waiting for the stack's lock, held by alice" in applied.err
    assert "1 done" in applied.out


def test_without_the_lock_it_does_not_ask_for_it(shell, fake, stranger):
    applied = shell.apply(STACK, "--no-lock")
    assert "No lock: --no-lock." in applied.out
    assert not [one for one in fake.requests if one.path.startswith("registered-models/")]


def test_an_account_that_may_not_is_told_in_the_plan_and_refused_by_apply(shell, fake):
    fake.fault = lambda _, __, path: FORBIDDEN if path.startswith("registered-models/") else None
    shell.manifest(STACK)
    assert "No lock: " in shell("plan").out
    words = "this account may not see whether it can take one"
    assert json.loads(shell("plan", "--format", "json").out)["no_lock"] == words
    with sending(fake) as sent:
        refused = shell("apply", "--yes", code=5)
    assert "[no-lock]" in refused.err
    assert "--no-lock" in refused.err
    assert sent.paths == []
    shell("apply", "--yes", "--no-lock")


def test_a_change_meanwhile_is_planned_again_where_nobody_was_asked(shell, fake, server):
    """What was shown first is not what happens: the second plan is."""
    shell.apply(STACK)

    def meddle(_, __, path):
        if path == CREATE:
            fake.fault = None
            server.tag("fraud", team="meddled")

    fake.fault = meddle
    applied = shell.apply(EDITED)
    assert "The server has changed since; planning again." in applied.err
    assert 'tags.team: "meddled" -> "risk"' in applied.out
    assert server.experiment("fraud")["tags"]["team"] == "risk"


@pytest.mark.parametrize("arguments", [["--format", "json"], []])
def test_a_change_meanwhile_is_refused_where_a_plan_was_shown_to_somebody(arguments, shell, fake, server):
    shell.apply(STACK)

    def meddle(_, __, path):
        if path == CREATE:
            fake.fault = None
            server.tag("fraud", team="meddled")

    fake.fault = meddle
    shell.manifest(EDITED)
    yes = ["--yes"] if arguments else []
    refused = shell("apply", *yes, *arguments, answer="y", code=5)
    assert "[stale-plan]" in refused.err
    assert server.experiment("fraud")["tags"]["team"] == "meddled"
    assert not fake._state.registered


def test_somebody_who_never_stops_meddling_ends_it(shell, fake, server):
    shell.apply(STACK)
    count = iter(range(100))
    fake.fault = lambda _, __, path: server.tag("fraud", team=f"m{next(count)}") if path == CREATE else None
    refused = shell.apply(EDITED, code=5)
    assert refused.err.count("planning again") == 2


def test_a_failing_apply_lets_it_go(shell, fake):
    fake.fault = lambda _, __, path: (
        Fault(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}) if path == "experiments/create" else None
    )
    shell.apply(STACK, code=4)
    assert not fake._state.registered


UNHEARD = pytest.mark.skipif(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, reason="nohup: it is not heard here")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=UNHEARD)])
def test_an_apply_that_is_stopped_lets_it_go_and_reports(sign, shell, fake, server):
    under_way, go_on = threading.Event(), threading.Event()

    def hold(_, __, path):
        if path == "experiments/create":
            under_way.set()
            go_on.wait(20)

    fake.fault = hold
    shell.manifest("experiments: {a: {}, b: {}, c: {}}\n")
    with shell.spawn("apply", "--yes", "--parallel", "1") as process:
        assert under_way.wait(20)
        process.send_signal(sign)
        assert "Stopping" in _until(process.stderr, "Stopping")
        go_on.set()
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "1 done, 0 failed, 2 not attempted" in out
    assert len(server.experiments()) == 1
    assert not fake._state.registered


def test_stopped_while_it_waits_it_has_written_nothing(shell, fake, stranger):
    shell.manifest(STACK)
    with shell.spawn("apply", "--yes", "--lock-timeout", "5m") as process:
        assert "Waiting" in _until(process.stderr, "Waiting")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "nothing was written" in err
    assert list(fake._state.registered) == [LOCK]


def _until(stream, word):
    for line in stream:
        if word in line:
            return line
    return ""


def test_a_server_without_a_registry_is_asked_once_and_told(shell, fake):
    fake.fault = lambda _, __, path: Fault(404, "<html>") if path.startswith("registered-models/") else None
    shell.manifest(STACK)
    assert "No lock: this server has no model registry." in shell("plan").out
    assert len([one for one in fake.requests if one.path.startswith("registered-models/")]) == 1


def test_a_lock_that_is_over_before_the_first_request_refuses_the_apply(shell, fake, monkeypatch):
    """Such as on a machine that slept: its time is over before anything was sent."""
    slept = [0]
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + slept[0])

    def sleep(_, __, path):
        if path.endswith("/search") and fake._state.registered:
            slept[0] = 400 * 10**9

    fake.fault = sleep
    with sending(fake) as sent:
        refused = shell.apply(STACK, code=5)
    assert "the stack's lock was lost before it was started" in refused.out
    assert sent.paths == []


def test_a_saved_plan_of_another_stack_is_refused_even_if_it_is_empty(shell, other):
    shell.apply(STACK)
    shell("plan", "--out", "plan.json")
    plan = (shell.folder / "plan.json").read_text()
    other.write("plan.json", plan)
    assert "[foreign-plan]" in other("apply", "--yes", "plan.json", code=5).err
