"""The worlds in which things fail."""

from __future__ import annotations

import importlib.util
import random

import pytest

from tests.reliability import worlds
from tests.reliability.cases import SEED


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
