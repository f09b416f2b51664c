"""Whatever strikes any request of an apply on the tenant service, the next one ends it: all is there once."""

from __future__ import annotations

import os

import pytest

from tests.e2e.tenants import TENANT, TOKEN, configure, experiment, points, run
from tests.fakes.tenant import FakeTenant, Fault

MANIFEST = """\
experiments:
  fraud: {description: Card fraud, tags: {team: risk, tier: gold}}
runs:
  base:
    experiment: fraud
    status: FINISHED
    params: {depth: 6}
    metrics:
      auc: 0.9
      loss: [{value: 0.7}, {step: 1, value: 0.5, timestamp: 2026-01-31T09:00:00Z}, {step: 2, value: 0.4}]
"""
POINT = "{step: 1, value: 2, timestamp: 2026-01-31T09:00:00Z}"
EDITED = (
    MANIFEST.replace("{description: Card", "{name: cards, description: Card")
    .replace("gold", "silver")
    .replace("depth: 6", "depth: 6, eta: 0.1")
    .replace("value: 0.4}", "value: 0.4}, {step: 3, value: 0.3}")
    .replace("auc: 0.9", f"auc: 0.9\n      lift: [{POINT}, {{value: 3}}]")
)
FAULTS = {
    "lost": Fault.lost(),
    "refused": Fault(400, {"error": {"code": "MATIH-ML-4000", "message": "no"}}),
    "failed": Fault(500, {"error": {"code": "MATIH-ML-5000", "message": "no"}}),
    "page": Fault(502, "<html>"),
    "login": Fault(200, "<html>"),
}
REQUESTS = 30
"""More than either apply sends."""
EVERY = [(number, name, known) for number in range(REQUESTS) for name in FAULTS for known in (True, False)]
CASES = EVERY if os.environ.get("RECONCILER_TEST_ALL") else EVERY[::11]


@pytest.fixture
def fake():
    return FakeTenant(token=TOKEN)


@pytest.mark.parametrize(("number", "name", "known"), CASES)
def test_an_apply_that_was_struck_is_ended_by_the_next(number, name, known, fake, url, plain):
    """`known`: the service knows a request again by its idempotency key."""
    shell = plain
    configure(shell, url)
    fake.idempotent = known
    for text in (MANIFEST, EDITED):
        start = len(fake.requests)
        fake.fault = lambda count, method, path, at=start + number: FAULTS[name] if count == at else None
        shell.apply(text, "--timeout", "3", code=None)
        fake.fault = None
        shell("apply", "--yes")
        assert "No changes" in shell("plan").out
    found, made = experiment(fake, "cards"), run(fake, "base")
    assert (len(fake.tenant(TENANT).experiments), found.tags["tier"]) == (1, "silver")
    assert (made.status, made.params) == ("finished", {"depth": "6", "eta": "0.1"})
    assert sorted(points(fake, "base", "loss")) == [(0, 0.7), (1, 0.5), (2, 0.4), (3, 0.3)]
    assert (points(fake, "base", "auc"), points(fake, "base", "lift")) == ([(0, 0.9)], [(1, 2.0), (0, 3.0)])
