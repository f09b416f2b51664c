"""Whatever fails at whichever request of an apply: plan and apply converge; nothing is lost, doubled or touched."""

from __future__ import annotations

import pytest

from tests.faults import Fault
from tests.reliability.cases import ALL, Weather, each, run, some

KINDS = pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
LASTING = (Fault.error_503, Fault.reset_after_commit, Fault.error_500_after_commit, Fault.html, Fault.refused)
REAL = 150


def test_the_apply_does_all_that_an_apply_can_do(fake):
    writes = [seen for seen in fake.requests if seen.writes]
    assert len(writes) >= 40
    plan = fake_plan(fake)
    for action in ("create", "adopt", "restore", "update", "replace", "delete"):
        assert f"to {action}" in plan


def fake_plan(world):
    from tests.reliability.worlds import REPLACE

    world.reset()
    return world.shell("plan", *REPLACE).out.splitlines()[-1]


@KINDS
def test_a_request_fails_once(fault, fake, chance, tally):
    cases = each(fault, fake)
    run(fake, cases if ALL else some(chance, cases, fake), tally, "fake, a request fails once")


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.name)
def test_a_request_fails_whenever_it_is_sent(fault, fake, chance, tally):
    cases = each(fault, fake, "always")
    run(fake, cases if ALL else some(chance, cases, fake), tally, "fake, a request always fails")


def test_the_server_goes_down(fake, chance, tally):
    cases = each(Fault.refused, fake, "from then on")
    run(fake, cases if ALL else some(chance, cases, fake), tally, "fake, the server goes down")


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_network_on_which_anything_may_fail(parallel, fake, chance, tally):
    often = [chance.choice([3, 10, 30]) for _ in range(100 if ALL else 2)]
    cases = [Weather(chance.randrange(2**32), one, parallel) for one in often]
    run(fake, cases, tally, f"fake, a bad network, {parallel} at once")


@KINDS
def test_on_the_network(fault, proxied, chance, tally):
    cases = each(fault, proxied)
    run(proxied, chance.sample(cases, 3 if ALL else 1), tally, "fake behind a proxy")


@pytest.mark.real
def test_on_a_real_server(real, chance, tally):
    cases = [case for fault in Fault for case in each(fault, real)]
    cases += [case for fault in LASTING for case in each(fault, real, "always")]
    run(real, chance.sample(cases, REAL if ALL else 2), tally, "real server behind a proxy")
