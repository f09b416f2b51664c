"""One session-wide server per parameter: the fakes inside the process, and a real one over HTTP."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.api import Api
from tests.fakes.databricks import HOME, TOKEN, FakeDatabricks
from tests.fakes.mlflow import FakeMlflow
from tests.servers import real_mlflow

SHARED = ("test_mlflow_runs", "test_mlflow_metrics", "test_mlflow_models", "test_mlflow_lock")
"""Their requests are the same on Databricks, and the fake workspace answers them with the parts of the fake MLflow."""
OTHERWISE = (
    "test_create_and_get",  # another location
    "test_create_refuses",  # an experiment has to be named
    "test_create_loses_an_experiment_behind_a_bad_tag",
    "test_name_from_the_tag",
    "test_finalize_goes_by_the_body",  # the path is enough
    "test_params_go_by_the_path",
    "test_search_page_size",  # 50
)
"""What of it MLflow does in another way."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        module = metafunc.module.__name__.rpartition(".")[2]
        too = ["databricks"] if module in SHARED and metafunc.function.__name__ not in OTHERWISE else []
        params: list[Any] = ["fake", *too, pytest.param("real", marks=pytest.mark.real)]
        metafunc.parametrize("server", params, indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client whose base is the root of the server."""
    if request.param == "fake":
        with httpx.Client(base_url="http://fake", transport=FakeMlflow().transport()) as client:
            yield client
        return
    if request.param == "databricks":
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url="http://fake", transport=FakeDatabricks().transport(), headers=bearer) as client:
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
    return Api(server, folder=f"{HOME}/" if "authorization" in server.headers else "")
