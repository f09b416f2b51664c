"""Whatever strikes any request of an apply in a Databricks workspace, the next one ends it: all is there once."""

from __future__ import annotations

import os

import pytest

from tests.e2e.workspaces import FAULTS, FOLDER, FakeDatabricks, settled, somebody

LONG = "x" * 300
MANIFEST = f"""\
experiments:
  fraud: {{description: {"d" * 5_001}, tags: {{team: risk, tier: gold}}}}
runs:
  base: {{experiment: fraud, status: FINISHED, params: {{depth: 6, notes: {LONG}}}, metrics: {{auc: 0.9}}}}
logged_models:
  xgb: {{experiment: fraud, source_run: base, status: READY}}
"""
EDITED = (
    MANIFEST.replace("fraud: {d", "fraud: {name: cards, d")
    .replace("gold", "silver")
    .replace("depth: 6", "depth: 6, eta: 1")
)
REQUESTS = 36
"""More than either apply sends."""
EVERY = [(number, name) for number in range(REQUESTS) for name in FAULTS]
CASES = EVERY if os.environ.get("RECONCILER_TEST_ALL") else EVERY[::11]


@pytest.fixture
def fake():
    return FakeDatabricks()


@pytest.mark.parametrize(("number", "name"), CASES)
def test_an_apply_that_was_struck_is_ended_by_the_next(number, name, fake, url, plain):
    shell, server = settled(plain, url), somebody(fake)
    for text in (MANIFEST, EDITED):
        start = len(fake.requests)
        fake.fault = lambda count, method, path, at=start + number: FAULTS[name] if count == at else None
        shell.apply(text, "--timeout", "3", code=None)
        fake.fault = None
        if "lock-held" in shell("apply", "--yes", code=None).err:
            shell("unlock", "--yes")
            shell("apply", "--yes")
        assert "3 unchanged" in shell("plan").out
    assert list(server.experiments()) == [f"{FOLDER}/cards"]
    held = server.experiment(f"{FOLDER}/cards")["tags"]
    assert (held["tier"], len(held["mlflow.note.content"])) == ("silver", 5_001)
    assert server.run("base")["params"] == {"depth": "6", "eta": "1", "notes": LONG}
    assert server.model("xgb")["status"] == "LOGGED_MODEL_READY"


def test_tags_of_an_apply_that_was_struck_are_the_stacks(fake, url, plain):
    """Those of the request that made the experiment: the mark that came with it speaks of them."""
    shell, server = settled(plain, url), somebody(fake)
    fake.untags = True
    fake.fault = lambda _, __, path: FAULTS["refused"] if path.endswith("set-experiment-tag") else None
    shell.apply(f"experiments: {{fraud: {{tags: {{{', '.join(f't{n:02}: v' for n in range(25))}}}}}}}\n", code=4)
    fake.fault = None
    shell.apply("experiments: {fraud: {tags: {t01: v}}}\n")
    tags = server.experiment(f"{FOLDER}/fraud")["tags"]
    assert [key for key in tags if key.startswith("t")] == ["t01"]
