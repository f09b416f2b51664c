"""A folder with a stack, a server, and a shell that runs commands as a person would."""

from __future__ import annotations

import pytest

from tests.e2e.tools import Server, Shell, isolate
from tests.fakes.mlflow import FakeMlflow


@pytest.fixture
def fake():
    return FakeMlflow()


@pytest.fixture
def url(fake):
    with fake.serve() as base:
        yield base


@pytest.fixture
def server(fake):
    return Server(fake)


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """A shell in an empty folder."""
    isolate(monkeypatch)
    return Shell(tmp_path, monkeypatch)


@pytest.fixture
def shell(plain, url):
    """A shell in a folder with a configured stack on the fake server."""
    plain.configure(url)
    return plain


@pytest.fixture
def other(shell, url):
    """The shell of another stack on the same server."""
    return shell.stack("ops", url)
