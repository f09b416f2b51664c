"""A server with 400 experiments made by hand comes under Git, with the commands of docs/adopting.md."""

from __future__ import annotations

import json
import os
import re
from collections import Counter

import httpx
import pytest

from tests.e2e.test_import import strip, written
from tests.e2e.tools import Server, sending
from tests.fakes.mlflow import FakeMlflow
from tests.handmade import EXPERIMENTS, fill, poster
from tests.servers import real_mlflow

TEAMS = {
    "risk": ("--name", "risk/*"),
    "search": ("--name", "Search_*"),
    "growth": ("--filter", "tags.Team = 'growth'"),
    "others": (),
}
LONG = 60
EVERY = {"experiments": EXPERIMENTS - 21, "runs": 60, "logged_models": 20}
"""What is active and nobody's: 20 experiments are deleted, one is another stack's."""


def adopt(shell):
    """From nothing to no changes. Gives the manifests, by team and file, without ids."""
    for team, chosen in TEAMS.items():
        assert "Imported: " in shell("import", *chosen, "--out", f"manifests/{team}").out
    assert "Valid: 459 resources in 379 files." in shell("validate").err
    plan = json.loads(shell("plan", "--format", "json", "--out", "plan.json").out)
    assert plan["summary"] == {**dict.fromkeys(plan["summary"], 0), "adopt": 459}
    assert Counter(step["address"].partition(".")[0] for step in plan["steps"]) == EVERY
    found = {team: written(shell.folder / "manifests" / team) for team in TEAMS}
    assert "Apply complete: 459 done." in shell("apply", "plan.json", "--yes", "--quiet").out
    assert "No changes" in shell("plan", "--detailed-exitcode").out
    assert "No drift" in shell("drift").out
    return found


def copied(shell, other, free):
    """What is imported from a server that was made of the manifests of `shell`; `free` takes the marks off."""
    for file in (shell.folder / "manifests").rglob("*.yaml"):
        if file.name != "reconciler.yaml":
            other.write(file.relative_to(shell.folder).as_posix(), file.read_text(encoding="utf-8"))
    assert "Apply complete: 459 done." in other("apply", "--yes", "--quiet").out
    assert "No changes" in other("plan").out
    free()
    for team in TEAMS:
        for file in (other.folder / "manifests" / team).iterdir():
            file.unlink()
    for team, chosen in TEAMS.items():
        other("import", *chosen, "--out", f"manifests/{team}")
    return {team: written(other.folder / "manifests" / team) for team in TEAMS}


def test_a_server_made_by_hand_is_adopted_and_copied(shell, server, fake):
    fill(server.post)
    with sending(fake) as sent:
        first = adopt(shell)
    assert len(sent.requests) == 459  # the marks, and nothing else
    assert {key: len(files) for key, files in first.items()} == {"risk": 122, "search": 122, "growth": 99, "others": 36}
    elsewhere = FakeMlflow()
    with elsewhere.serve() as url:
        there = Server(elsewhere)
        other = shell.stack("copy", url)

        def free():
            for route in strip(there.post, "copy"):
                there("DELETE", route)

        assert copied(shell, other, free) == first


def test_keys_are_readable_and_names_that_are_alike_are_told_apart(shell, server):
    fill(server.post)
    shell("import", "--kind", "experiments", "--out", "all.yaml")
    text = (shell.folder / "all.yaml").read_text(encoding="utf-8")
    named = dict(re.findall(r"^  (\S+):\n    name: (.*)$", text, re.MULTILINE))
    odd = {key: name for key, name in named.items() if re.search(r"[^a-z0-9 ]", name)}
    assert {key: name for key, name in odd.items() if len(name) < LONG} == {
        "Churn-EU-2": "Churn (EU)",
        "Churn-EU-3": "Churn - EU",
        "churn-eu-4": "churn (eu)",
        "Kreditwürdigkeit-Österreich": "Kreditwürdigkeit Österreich",
        "the-final-one": '"the \\"final\\" one"',
        "scratch-do-not-delete-please": '"$${scratch}: do not delete # please"',
        "Users/ada-example.com/My-notebook": '"/Users/ada@example.com/My notebook"',
        "Модель-оттока": "Модель оттока",
        "推薦システム-2024": "推薦システム 2024",
        "café-2": '"cafe\\u0301"',
    }


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("RECONCILER_TEST_ALL"), reason="two servers and 800 experiments")
def test_a_real_server_made_by_hand_is_adopted_and_copied(shell, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        real_mlflow(tmp_path / "one") as url,
        real_mlflow(tmp_path / "two") as elsewhere,
        httpx.Client(timeout=60) as browser,
    ):
        fill(poster(url, browser))
        shell.configure(url)
        first = adopt(shell)
        other = shell.stack("copy", elsewhere)

        def free():
            for route in strip(poster(elsewhere, browser), "copy"):
                assert browser.delete(f"{elsewhere}/api/2.0/mlflow/{route}").status_code == httpx.codes.OK

        assert copied(shell, other, free) == first
