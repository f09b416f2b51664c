"""Large manifests are read while the server answers: no request more, and nothing said otherwise."""

from __future__ import annotations

import pytest

from reconciler.inputs import LARGE
from tests.e2e.tools import writes

LONG = "x" * 1000
STACK = "experiments:\n" + "".join(f"  e{number}: {{tags: {{a: {LONG}}}}}\n" for number in range(LARGE // 1000 + 1))


def test_a_plan_takes_as_many_requests_as_of_a_small_one(shell, fake):
    shell.manifest(STACK)
    shell("apply", "--yes", "-q")
    before = len(fake.requests)
    shell("plan", "--detailed-exitcode")
    sent = [request.path for request in fake.requests[before:]]
    assert sent[0] == "experiments/search"
    assert sorted(sent[1:]) == ["logged-models/search", "runs/search"]


def test_what_is_wrong_is_told_as_ever(shell, fake):
    shell.manifest(STACK + "  wrong: {tag: {}}\n")
    result = shell("plan", code=1)
    assert "tag is not known [unknown-key]" in result.err
    assert writes(fake) == []
    assert len(fake.requests) <= 1


def test_a_server_that_is_not_there_is_told_once(shell):
    shell.manifest(STACK)
    shell.configure("http://127.0.0.1:9")
    result = shell("plan", "--timeout", "1", code=1)
    assert result.err.count("cannot be reached") == 1


@pytest.mark.parametrize("wrong", ["  wrong: {tag: {}}\n", "  wrong: [\n"])
def test_manifests_come_before_the_server(shell, wrong):
    shell.manifest(STACK + wrong)
    shell.configure("http://127.0.0.1:9")
    result = shell("plan", code=1)
    assert "cannot be reached" not in result.err


def test_a_destroy_needs_no_manifest_that_can_be_read(shell, fake):
    shell.apply("experiments: {a: {}}\n")
    (shell.folder / "manifests/main.yaml").write_bytes(b"# \xff\n")
    assert "1 done" in shell("destroy", "--yes").out
