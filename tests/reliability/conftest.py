"""The worlds in which things fail, how many cases are tried, and the counts of what was tried."""

from __future__ import annotations

import importlib.util
import random
from collections import Counter

import pytest

from tests.reliability import worlds
from tests.reliability.cases import ALL, SEED

_TALLY = pytest.StashKey[Counter[str]]()


def pytest_configure(config):
    config.stash.setdefault(_TALLY, Counter())


def pytest_terminal_summary(terminalreporter, config):
    """What was tried and what came of it, for whoever wants to quote it."""
    tally = config.stash[_TALLY]
    if tally:
        terminalreporter.section(f"reliability, seed {SEED}{'' if ALL else ', a sample'}")
        for what, count in sorted(tally.items()):
            terminalreporter.line(f"{count:6,}  {what}")


@pytest.fixture(scope="session")
def tally(request):
    return request.config.stash[_TALLY]


@pytest.fixture
def chance(request):
    """The same choices for the same test and seed."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def fake(tmp_path_factory):
    with worlds.on_fake(tmp_path_factory.mktemp("fake")) as found:
        yield found


@pytest.fixture(scope="session")
def proxied(tmp_path_factory):
    with worlds.on_proxied_fake(tmp_path_factory.mktemp("proxied")) as found:
        yield found


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("mlflow is not installed")
    with worlds.on_real(tmp_path_factory.mktemp("real")) as found:
        yield found
