"""One session-wide server per parameter: the fake inside the process, and a real one over HTTP."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import httpx
import pytest

from tests.contract.api import Api
from tests.fakes.mlflow import FakeMlflow
from tests.servers import real_mlflow


@pytest.fixture(scope="session", params=["fake", pytest.param("real", marks=pytest.mark.real)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client whose base is the root of the server."""
    if request.param == "fake":
        with httpx.Client(base_url="http://fake", transport=FakeMlflow().transport()) as client:
            yield client
        return
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("mlflow is not installed")
    with (
        real_mlflow(tmp_path_factory.mktemp("mlflow")) as url,
        # Its SQLite makes a writer wait up to 20 s for the others.
        httpx.Client(base_url=url, timeout=60, trust_env=False) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def api(server: httpx.Client) -> Api:
    """The tracking API of that server."""
    return Api(server)
