"""The journal and the total time, as options of the commands that talk to a server."""

from __future__ import annotations

import json
import signal
import threading

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import writes
from tests.fakes.mlflow import Fault

MANIFEST = "experiments: {a: {tags: {t: '1'}}}\nruns: {r: {experiment: a, params: {p: x}}}\n"
CREATES = ("experiments/create", "runs/create")
COMMANDS = [("plan",), ("apply", "--yes"), ("destroy", "--yes"), ("explain", "experiments.a"), ("drift",)]


def lines(shell, name="journal.jsonl"):
    return [json.loads(line) for line in (shell.folder / name).read_text().splitlines()]


def test_an_apply_has_a_line_for_each_request_that_the_server_got(shell, fake):
    shell.apply(MANIFEST, "--journal", "journal.jsonl", "--parallel", "1")
    found = lines(shell)
    sent = [
        (one.method, one.path if one.path == "/version" else f"/api/2.0/mlflow/{one.path}") for one in fake.requests
    ]
    assert [(line["method"], line["path"]) for line in found] == sent
    owners = {line["path"].removeprefix("/api/2.0/mlflow/"): line["address"] for line in found}
    assert owners["experiments/search"] == ""
    assert owners["experiments/create"] == "experiments.a"
    assert owners["runs/create"] == owners["runs/log-batch"] == "runs.r"
    assert not any("body" in line for line in found)


def test_a_journal_is_added_to_by_each_command(shell):
    shell.apply(MANIFEST)
    counts = []
    for command in COMMANDS:
        shell(*command, "--journal", "journal.jsonl")
        counts.append(len(lines(shell)))
    assert counts == sorted(set(counts))


def test_bodies_are_what_the_server_got(shell, fake):
    shell.apply(MANIFEST, "--journal", "journal.jsonl", "--journal-bodies")
    got = [one.body for one in fake.requests if one.path == "runs/create"]
    assert [line["body"] for line in lines(shell) if line["path"].endswith("runs/create")] == got


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
def test_a_journal_that_cannot_be_written_is_told_before_anything_is_sent(command, shell, fake):
    shell.manifest(MANIFEST)
    result = shell(*command, "--journal", "no/such/folder/journal.jsonl", code=1)
    check(result, "cannot-write", "no/such/folder/journal.jsonl", "No such file or directory", hint="--journal")
    assert fake.requests == []


def test_bodies_without_a_journal_are_a_mistake(shell, fake):
    shell.manifest(MANIFEST)
    check(shell("plan", "--journal-bodies", code=64), "usage", "--journal FILE")
    assert fake.requests == []


def test_a_process_that_is_killed_leaves_whole_lines(shell, fake):
    arrived, free = threading.Event(), threading.Event()

    def fault(_, __, path):
        if path == "runs/create":
            arrived.set()
            free.wait(30)

    fake.fault = fault
    shell.manifest(MANIFEST)
    with shell.spawn("apply", "--yes", "--journal", "journal.jsonl") as process:
        assert arrived.wait(30)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        free.set()
    assert (shell.folder / "journal.jsonl").read_text().endswith("}\n")
    assert lines(shell)[-1]["path"].endswith("experiments/create")


# the total time


def busy(fake, **options):
    fake.fault = lambda *_: Fault(**options)


def test_a_server_that_stays_down_is_told_with_how_often_and_how_long_it_was_tried(shell, fake):
    busy(fake, status=503)
    shell.manifest(MANIFEST)
    result = shell("plan", "--timeout", "1s", "--journal", "journal.jsonl", code=1)
    check(result, "server", "failed with 503", f"tried {len(fake.requests)} times in ", hint="--timeout")
    assert len(fake.requests) > 2
    assert [line["attempt"] for line in lines(shell)] == list(range(1, len(fake.requests) + 1))


def test_a_server_that_asks_for_too_long_a_pause_is_told_at_once(shell, fake):
    busy(fake, status=429, retry_after="3600")
    shell.manifest(MANIFEST)
    result = shell("plan", "--timeout", "5m", code=1)
    check(result, "server", "429", "a pause of 3600 s", "--timeout leaves 300 s", hint="--timeout")
    assert len(fake.requests) == 1


def test_a_server_that_comes_back_in_time_is_only_slow(shell, fake):
    fake.fault = lambda number, *_: Fault(503) if number < 4 else None
    shell.manifest(MANIFEST)
    assert "2 to create" in shell("plan").out


def test_what_was_refused_for_being_too_much_is_made_once(shell, fake, server):
    refused = iter([True, True])
    fake.fault = lambda _, __, path: Fault(429) if path in CREATES and next(refused, False) else None
    shell.apply(MANIFEST)
    assert sorted(server.experiments()) == ["a"]
    assert len(server.runs()["r"]) == 1
    assert [one.path for one in writes(fake)].count("experiments/create") == 3


@pytest.mark.parametrize("text", ["soon", "0", "-5", "1d", "200h"])
def test_a_time_that_is_none_is_a_mistake(text, shell):
    check(shell("plan", f"--timeout={text}", code=64), "usage", "--timeout")
