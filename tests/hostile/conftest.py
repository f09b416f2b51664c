"""A stack on a fake server that all cases share, empty at the start of each."""

from __future__ import annotations

import itertools
import uuid

import pytest

from tests.e2e.tools import Shell, isolate
from tests.fakes.mlflow import FakeMlflow


@pytest.fixture(scope="module")
def served():
    fake = FakeMlflow()
    with fake.serve() as url:
        yield fake, url


@pytest.fixture
def fake(served, monkeypatch):
    """Gives ids in order instead of by chance, so that a case can name them."""
    count = itertools.count(1)
    monkeypatch.setattr("tests.fakes.mlflow.state.uuid.uuid4", lambda: uuid.UUID(int=next(count)))
    served[0].clear()
    return served[0]


@pytest.fixture
def url(served):
    return served[1]


@pytest.fixture
def shell(tmp_path, monkeypatch, url, fake):
    isolate(monkeypatch)
    monkeypatch.setenv("TOKEN", "s3cret-canary")
    monkeypatch.setenv("COLUMNS", "120")
    found = Shell(tmp_path, monkeypatch)
    found.configure(url, more=MORE)
    return found


@pytest.fixture
def update(request):
    return request.config.getoption("--update-golden")


MORE = """variables: {env: dev, none: '', unset: }
"""
