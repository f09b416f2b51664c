"""A checkout with a stack, the MLflow that it is for, and a forge on which the checkout is reviewed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.e2e.conftest import fake, server, url  # noqa: F401 - fixtures
from tests.e2e.tools import UNWANTED, Shell
from tests.reliability.cases import SEED
from tests.tally import ALL

HERE = Path(__file__).parent


@pytest.fixture
def shell(tmp_path, monkeypatch, url):  # noqa: F811 - the fixture
    """The checkout, in a folder of its own."""
    for name in UNWANTED:
        monkeypatch.delenv(name, raising=False)
    found = Shell(tmp_path / "checkout", monkeypatch)
    found.configure(url)
    return found


SAMPLE = 6


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each job starts several programs: without RECONCILER_TEST_ALL, a sample of those tests is enough."""
    jobs = [item for item in items if "runner" in getattr(item, "fixturenames", ()) and HERE in item.path.parents]
    if ALL or len(jobs) <= SAMPLE:
        return
    left_out = set(jobs) - set(random.Random(SEED).sample(jobs, SAMPLE))
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))
