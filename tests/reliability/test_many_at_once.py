"""Eight processes apply one stack at once: one wins or they queue, nothing is there twice, losers name the holder."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.fakes.mlflow import FakeMlflow
from tests.reliability.cases import ALL
from tests.reliability.crowd import api, configure, crowd
from tests.reliability.seen import look
from tests.servers import real_mlflow

MANY = 8
MANIFEST = """
experiments:
  shared: {{name: shared, description: round {n}, tags: {{round: "{n}"}}}}
  e{n}: {{}}
runs:
  r{n}: {{experiment: shared, params: {{n: "{n}"}}, metrics: {{auc: 0.5}}}}
logged_models:
  m{n}: {{experiment: shared, source_run: r{n}, params: {{n: "{n}"}}}}
"""
KINDS = ("experiments", "runs", "logged_models")


def write(folder, number):
    """Each round makes one of each kind, edits the one that all share, and deletes what the last round made."""
    (folder / "main.yaml").write_text(MANIFEST.format(n=number), encoding="utf-8")


def owners(server):
    """How often each address is there, over all kinds."""
    return Counter(
        f"{kind} {one['name']}" for kind in KINDS for one in server.kinds[kind].values() if one["stage"] == "active"
    )


def check(server, number):
    found = owners(server)
    wanted = {"experiments shared", f"experiments e{number}", f"runs r{number}", f"logged_models m{number}"}
    assert found == Counter(wanted), f"round {number}: {found}"
    assert server.ours("experiments", "ml").keys() == {"experiments.shared", f"experiments.e{number}"}
    assert not server.kinds["registered_models"], "somebody left the lock"


def rounds(url, folder, count, tally, what):
    """Every other round those who come too late wait for the lock instead of ending."""
    stack = configure(folder / "stack", url, "ml")
    with crowd() as together, api(url) as server:
        for number in range(count):
            write(stack, number)
            waits = ("--lock-timeout", "2m") if number % 2 else ()
            ended = together(*[(stack, ("apply", "--yes", *waits))] * MANY)
            losers = [one for one in ended if one.code == 5]
            assert {one.code for one in ended} <= {0, 5}, f"round {number}: {[(one.code, one.err) for one in ended]}"
            assert not (waits and losers), losers[0].err
            pids = {str(one.pid) for one in ended}
            for one in losers:
                holder = re.search(r"is locked: held by .*, process (\d+), since .* \[lock-held\]", one.err)
                assert holder, one.err
                assert holder[1] in pids - {str(one.pid)}
            check(look(server), number)
            tally[f"{what}: processes"] += MANY
            tally[f"{what}: refused, and named the holder"] += len(losers)
            tally[f"{what}: waited for the lock"] += sum("Waiting for the stack's lock" in one.err for one in ended)
            tally[f"{what}: found it done"] += sum(one.code == 0 and "No changes" in one.out for one in ended)
            tally[f"{what}: rounds without a duplicate"] += 1


def test_on_the_fake(tmp_path, tally):
    with FakeMlflow().serve() as url:
        rounds(url, tmp_path, 20 if ALL else 2, tally, "many at once, fake")


@pytest.mark.real
def test_on_a_real_server(tmp_path, tally):
    (tmp_path / "server").mkdir()
    with real_mlflow(tmp_path / "server") as url:
        rounds(url, tmp_path, 100 if ALL else 2, tally, "many at once, real server")
