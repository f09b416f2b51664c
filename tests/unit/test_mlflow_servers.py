"""From what an MLflow server answers to what it is known to be, and what that forbids."""

import pytest

from reconciler.backends.mlflow import BACKEND, older, servers
from reconciler.backends.mlflow.api import Api
from reconciler.backends.mlflow.options import Options
from reconciler.core.call import Answer
from reconciler.core.target import from_environment
from reconciler.core.wire import Server

PAGE = Answer(404, text="<!doctype html>")
REFUSED = Answer(400, "INVALID_PARAMETER_VALUE", '{"error_code": ...}')
ABSENT = Answer(404, "RESOURCE_DOES_NOT_EXIST")
RUNS = ["runs.datasets", "runs.update_part"]
FOUND = Answer(200, text="{}")
ROUTES = ("experiments/delete-experiment-tag", "logged-models/search", "runs/log-inputs", "experiments/search")


def found(version, there=(), like=FOUND, there_is=REFUSED, prefix="/api/2.0/mlflow"):
    """What `probe` makes of a server that answers so, and the paths that it asked."""
    flow = servers.probe(Api(prefix))
    asked = list(next(flow))
    replies = [version]
    while True:
        try:
            batch = flow.send(replies)
        except StopIteration as stop:
            return stop.value, [call.path for call in asked]
        asked += batch
        replies = [like if call.body and "filter" in call.body else _answer(call, there, there_is) for call in batch]


def _answer(call, there, there_is):
    return there_is if call.path.endswith(tuple(there)) else PAGE


@pytest.mark.parametrize("text", ["3.17.2", "3.16.0\n", "4.0.0.dev0", "10.1.0rc1"])
def test_the_newest_lacks_nothing_and_is_asked_once(text):
    server, asked = found(Answer(200, text=text))
    assert (server, asked) == (Server(text.strip()), ["/version"])
    assert server.usual


@pytest.mark.parametrize(
    ("version", "lacks", "limits"),
    [
        ("3.15.0", [], {"experiments.tags": 5000}),
        ("3.2.0", [], {"experiments.tags": 5000}),
        ("3.1.4", ["experiments.remove_tag"], {"experiments.tags": 5000}),
        ("2.22.4", ["experiments.remove_tag", "logged_models"], {"experiments.tags": 5000}),
        ("2.16.2", ["experiments.remove_tag", "logged_models"], {"runs.tags": 5000}),
        ("2.9.2", ["experiments.remove_tag", "keys.colon", "logged_models"], {"runs.datasets.schema": 65_535}),
        ("2.3.0", ["experiments.remove_tag", "keys.colon", "logged_models", "runs.datasets"], {"runs.params": 500}),
    ],
)
def test_a_version_says_all(version, lacks, limits):
    server, asked = found(Answer(200, text=version))
    assert (server.version, sorted(server.lacks), asked) == (version, lacks, ["/version"])
    assert limits.items() <= server.limits.items()
    assert all(version in why for why in server.lacks.values())


@pytest.mark.parametrize(
    "version", [PAGE, Answer(200, text="<html>"), Answer(403, text="no"), Answer(302), Answer(200, text="7")]
)
def test_without_a_version_it_is_asked_what_it_can_do(version):
    server, asked = found(version, ["experiments/search"])
    assert [path.removeprefix("/api/2.0/mlflow/") for path in asked[1:]] == [*ROUTES, "experiments/search"]
    assert sorted(server.lacks) == ["experiments.remove_tag", "keys.colon", "logged_models", *RUNS]
    assert (server.version, server.limits["runs.params"]) == ("", 500)


def test_a_server_that_can_do_all_is_taken_for_the_newest():
    assert found(PAGE, ROUTES)[0] == Server()


def test_what_is_not_found_at_a_path_is_no_missing_path():
    assert found(PAGE, ROUTES, there_is=ABSENT)[0] == Server()


def test_a_search_without_like():
    server, _ = found(PAGE, ROUTES, REFUSED)
    assert server.lacks == {"tags.like": "the server's searches take no LIKE"}


def test_the_oldest_cannot_even_search():
    server, _ = found(PAGE, (), PAGE)
    assert "experiments.search" in server.lacks
    assert "tags.like" not in server.lacks
    assert server.limits["runs.params"] == 250


@pytest.mark.parametrize(
    ("prefix", "version"),
    [
        ("/api/2.0/preview/mlflow", "/version"),
        ("/team/a/api/2.0/mlflow", "/team/a/version"),
        ("/elsewhere", "/version"),
    ],
)
def test_the_version_stands_where_the_path_of_the_api_begins(prefix, version):
    assert found(PAGE, ROUTES, prefix=prefix)[1][0] == version


OLD = servers.of_version((2, 3), "2.3.2")


@pytest.mark.parametrize(
    ("kind", "path", "value", "why"),
    [
        ("experiments", ("tags", "a"), "x" * 5001, "has 5001 characters; MLflow 2.3.2 takes 5000"),
        ("experiments", ("description",), "x" * 5001, "has 5001 characters; MLflow 2.3.2 takes 5000"),
        ("runs", ("params", "a"), "x" * 501, "has 501 characters; MLflow 2.3.2 takes 500"),
        ("runs", ("tags", "a:b"), "x", "has a ':' in its key: MLflow 2.3.2 has no ':' in the keys"),
        ("runs", ("datasets", "d@1"), {"name": "d"}, "cannot be held: MLflow 2.3.2 has no datasets of runs"),
    ],
)
def test_what_an_older_server_cannot_hold(kind, path, value, why):
    problem = older.check(kind, OLD, path, value)
    assert (problem.path, problem.why[: len(why)]) == (path, why)
    assert older.check(kind, Server(), path, value) is None


def test_a_part_of_a_dataset_that_is_too_long():
    problem = older.check("runs", servers.of_version((2, 9), "2.9.2"), ("datasets", "d@1"), {"schema": "x" * 65_536})
    assert problem.why == "has 65536 characters; MLflow 2.9.2 takes 65535"


def test_a_server_without_a_version_is_called_so():
    problem = older.check("runs", servers.of_paths({servers.REMOVE_TAG}), ("tags", "a"), "x" * 20_000)
    assert problem is None
    problem = older.check("experiments", servers.of_paths({servers.REMOVE_TAG}), ("tags", "a"), "x" * 20_000)
    assert problem.why == "has 20000 characters; the server, which tells no version, takes 5000"


@pytest.mark.parametrize(("path", "value"), [(("tags", "a"), "x"), (("datasets", "a:b@1"), {"schema": "x"})])
def test_what_it_can_hold(path, value):
    assert older.check("runs", servers.of_version((2, 9), "2.9.2"), path, value) is None


def unmet(workspace, *replies):
    flow = servers.unmet(Api("/api/2.0/mlflow"), workspace)
    sent = iter([None, *replies])
    while True:
        try:
            flow.send(next(sent))
        except StopIteration as stop:
            return stop.value


def test_without_a_workspace_nothing_is_asked():
    assert unmet("") is None


def test_a_server_with_workspaces():
    assert unmet("team-a", [Answer(200, text='{"workspaces_enabled": true}')]) is None


@pytest.mark.parametrize("text", ['{"workspaces_enabled": false}', "{}", "[]", "<html>"])
@pytest.mark.parametrize("status", [200, 404])
def test_a_server_without_workspaces(status, text):
    problem = unmet("team-a", [Answer(status, text=text)])
    assert (problem.path, problem.code) == (("workspace",), "unsupported")
    assert problem.why == "is 'team-a', and the server has no workspaces"


def test_a_workspace_is_a_header_and_a_part_of_the_server():
    endpoint = BACKEND.endpoint(Options(url="http://h", headers={"X-A": "b"}, workspace="team-a"), {})
    assert endpoint.headers == {"X-A": "b", "X-MLFLOW-WORKSPACE": "team-a"}
    assert endpoint.part == "workspace team-a"


@pytest.mark.parametrize(("uri", "workspace"), [("http://h", "team-a"), ("sqlite:///m.db", None)])
def test_the_environment_names_the_workspace_of_the_server_that_it_names(uri, workspace):
    target = from_environment({"MLFLOW_TRACKING_URI": uri, "MLFLOW_WORKSPACE": "team-a"})
    assert target.value.get("workspace") == workspace


@pytest.mark.parametrize(("url", "name"), [("http://h", "Team A"), ("http://h", "-a"), ("sqlite:///m.db", "team-a")])
def test_what_no_workspace_can_be(url, name):
    with pytest.raises(ValueError, match="workspace"):
        Options(url=url, workspace=name)
