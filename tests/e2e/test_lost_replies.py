"""A reply that is lost after the work was done: each thing is there once, and the apply goes on."""

import pytest

from tests.e2e.tools import sending
from tests.fakes.mlflow import Fault

STACK = """
experiments:
  fraud: {tags: {team: ml}}
runs:
  base: {experiment: fraud, params: {depth: "6"}, metrics: {auc: 0.9}}
logged_models:
  scorer: {experiment: fraud, source_run: base, params: {kind: xgb}}
"""
MORE = STACK.replace("kind: xgb", "kind: xgb, depth: '6'")
CREATES = ["experiments/create", "runs/create", "logged-models"]
HTML = Fault(200, "<html>Please log in</html>")
AFTER = [Fault.lost()]
INSTEAD = [
    Fault(500, {"error_code": "INTERNAL_ERROR", "message": "x"}),
    Fault(502, "<html>"),
    Fault(504, ""),
    HTML,
    Fault(200, {}),
]


@pytest.fixture
def once(fake):
    """Break the first request to a path, whatever else is sent."""

    def arrange(path, fault):
        waiting = [fault]
        fake.fault = lambda _, __, route: waiting.pop() if waiting and route == path else None

    return arrange


@pytest.mark.parametrize("path", CREATES)
def test_what_was_made_is_found_by_its_mark_and_not_made_again(path, shell, fake, server, once):
    once(path, Fault.lost())
    with sending(fake) as sent:
        shell.apply(STACK)
    assert sent.paths.count(path) == 1
    assert (len(server.experiments()), len(server.runs()["base"]), len(server.models()["scorer"])) == (1, 1, 1)
    assert "No changes" in shell("plan").out


@pytest.mark.parametrize("fault", INSTEAD, ids=lambda fault: f"{fault.status}-{str(fault.body)[:6]}")
@pytest.mark.parametrize("path", CREATES)
def test_what_was_not_made_is_sent_again(path, fault, shell, fake, server, once):
    once(path, fault)
    with sending(fake) as sent:
        shell.apply(STACK, "--timeout", "2")
    assert sent.paths.count(path) == 2
    assert (len(server.runs()["base"]), len(server.models()["scorer"])) == (1, 1)
    assert "No changes" in shell("plan").out


def test_params_of_a_model_that_were_logged_are_not_logged_again(shell, fake, server, once):
    shell.apply(STACK)
    (path,) = [f"logged-models/{server.model('scorer')['model_id']}/params"]
    once(path, Fault.lost())
    with sending(fake) as sent:
        shell.apply(MORE)
    assert sent.paths.count(path) == 1
    assert server.model("scorer")["params"] == {"kind": "xgb", "depth": "6"}
    assert "No changes" in shell("plan").out


def test_params_of_a_model_that_were_not_logged_are_sent_again(shell, fake, server, once):
    shell.apply(STACK)
    path = f"logged-models/{server.model('scorer')['model_id']}/params"
    once(path, Fault(502, "<html>"))
    shell.apply(MORE)
    assert server.model("scorer")["params"] == {"kind": "xgb", "depth": "6"}


def test_where_the_server_is_gone_the_next_apply_finds_what_was_made(shell, fake, server):
    """The reply is lost, and nobody can be asked: the apply says what it does not know; planning again finds it."""
    broken = []

    def fault(_, __, path):
        broken.extend([path] if path == "runs/create" or broken else [])
        return (Fault.lost() if len(broken) == 1 else Fault(503, "")) if broken else None

    fake.fault = fault
    failed = shell.apply(STACK, "--timeout", "0.2", code=4)
    assert "whether it was carried out is not known" in failed.out
    fake.fault = None
    shell("unlock", "--yes")
    plan = shell("plan").out
    assert "+ runs.base" not in plan
    shell("apply", "--yes")
    assert len(server.runs()["base"]) == 1
