"""Texts that the server takes in ways one would not guess: locations, empty parts of datasets, keys in paths."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.backends.mlflow.api import encoded
from tests.contract.api import Api, assert_page, mapping, unique

INVALID = "INVALID_PARAMETER_VALUE"
KEPT = [
    *(
        "s3://b#",
        "s3://b;x",
        "s3://b/a;x",
        "s3://b/a b",
        "s3://b?",
        "s3://b/a?q=1",
        "s3://b?x=a%2fb",
        "s3://b/%2e%2e/x",
    ),
    *("/a;", "/a;x/b", "/a/../b", "/a/./b", "/a//b/", "//host/x", "///x", "/a b", "/ ", "/\n", "/a\n#"),
    *("file:/x", "file:///", "file://localhost/x", "file://./x", "file://127.0.0.1.evil/x"),
    *("C:/x", "C:\\x", "x:", "s3:", "s3:\n//b", " s3://b", "databricks", "databricks:/x", "a+b-c.1:/x", "RUNS:/x"),
    *("mlflow-artifacts:/x", "mlflow-artifacts:x", "dbfs:/x", "models:/x", "abfs://f@a/x", "wasbs://c@a.blob/x"),
    *("sqlite:/x", "mysql+pymysql:/x", "postgresql:/x", "mssql://h"),
]


@pytest.mark.parametrize("location", KEPT, ids=ascii)
def test_locations_that_are_kept(api: Api, location: str) -> None:
    """What is absolute is kept to the character, and takes runs and logged models."""
    ident = api.experiment(artifact_location=location)
    assert api.shown_experiment(ident)["artifact_location"] == location
    assert api.run(ident)
    assert api.model(ident)


@pytest.mark.parametrize(
    "location",
    ["file:x", "file:", "file://", "file://localhost", "FILE:x", "FILE:///x", "a_b:/x", "é:/x", "1x:/a", "..", "%2e"],
)
def test_locations_that_are_taken_as_a_relative_path(api: Api, location: str) -> None:
    """What is not absolute comes back below the working directory: `file` in capitals, a scheme that is none."""
    found = api.shown_experiment(api.experiment(artifact_location=location))["artifact_location"]
    assert found.startswith("file:///" if location.lower().startswith("file:") else "/")
    assert found != location


@pytest.mark.parametrize(
    "location",
    [
        *("s3://b#x", "/a;x", "ftp://x/;y", "/a\t;x", "/a?..", "s3://b?x=..", "s3://b?x=%2e%2e", "s3://b?x=%252e%252e"),
        *("s3://b/x;y?z=..", "s3://b?.%09.", "mysqlx:/a", "mysql+a+b:/x", "HTTP://x", "http:x", "runs:x"),
    ],
)
def test_locations_that_are_refused(api: Api, location: str) -> None:
    """No fragment, no parameters, no step up in a query, however often it is encoded."""
    api.refuses("experiments/create", {"name": unique(), "artifact_location": location}, 400, INVALID)


@pytest.mark.parametrize(
    "scheme", ["ftp", "sftp", "hdfs", "HDFS", "viewfs", "r2", "b2", "abfss", "mlflow-artifacts", "MLFLOW-ARTIFACTS"]
)
def test_locations_on_hosts_that_the_operator_has_to_allow(api: Api, scheme: str) -> None:
    """Schemes by which the server would speak to any host are refused, unless its settings name it."""
    api.refuses("experiments/create", {"name": unique(), "artifact_location": f"{scheme}://b@h/x"}, 400, INVALID)


@pytest.mark.parametrize("location", ["s3://[", "s3://\u2100/"])
def test_locations_that_cannot_be_parsed_are_a_page(api: Api, location: str) -> None:
    """A location that is no URL breaks the server."""
    assert_page(api.send("POST", "experiments/create", {"name": unique(), "artifact_location": location}), 500)


def test_file_on_another_host_is_an_internal_error(api: Api) -> None:
    """A file on another host is an error of its own."""
    body = {"name": unique(), "artifact_location": "file://host/x"}
    api.refuses("experiments/create", body, 500, "INTERNAL_ERROR")


@pytest.mark.parametrize(
    ("location", "inside"),
    [("s3://b/a?q=1", "s3://b/a/{}/artifacts?q=1"), ("file:/x", "file:///x/{}/artifacts"), ("x:", "x:{}/artifacts")],
)
def test_runs_keep_their_artifacts_below_the_location(api: Api, location: str, inside: str) -> None:
    """The run's folder goes behind the path of the location, before its query."""
    run = api.run(api.experiment(artifact_location=location))
    assert api.shown_run(run)["info"]["artifact_uri"] == inside.format(run)


def dataset_of(api: Api, **parts: str) -> dict[str, Any]:
    """A dataset with `parts` as it is shown."""
    run = api.run()
    dataset = {"name": "n", "digest": "d", "source_type": "t", "source": "s", **parts}
    api.post("runs/log-inputs", {"run_id": run, "datasets": [{"dataset": dataset, "tags": []}]})
    (shown,) = api.shown_run(run)["inputs"]["dataset_inputs"]
    found: dict[str, Any] = shown["dataset"]
    return found


@pytest.mark.parametrize("part", ["schema", "profile"])
def test_an_empty_schema_or_profile_is_lost(api: Api, part: str) -> None:
    """An empty schema or profile is taken and never shown."""
    assert part not in dataset_of(api, **{part: ""})
    assert dataset_of(api, **{part: " "})[part] == " "


@pytest.mark.parametrize("part", ["name", "digest", "source_type", "source"])
def test_other_parts_of_a_dataset_may_be_empty(api: Api, part: str) -> None:
    """The other parts may be empty."""
    assert dataset_of(api, **{part: ""})[part] == ""


@pytest.mark.parametrize(
    "key",
    [
        *("a\n", "a\r", "\x85a", " a ", "%41", "%2F", "%252F", "a;b", "a?b#c", "\\", "é", "e\u0301", "..."),
        *("\xa0", "\u2028", "\u202e", "\ufeff", "👩‍🔬", "\U0010ffff"),
    ],
    ids=ascii,
)
def test_odd_keys_of_logged_models_can_be_deleted(api: Api, key: str) -> None:
    """A key is one segment of the path, decoded once."""
    model = api.model(tags=[{"key": key, "value": "v"}])
    api.ok("DELETE", f"logged-models/{model}/tags/{encoded(key)}")
    assert api.model_tags(model) == {}


@pytest.mark.parametrize("key", ["a\nb", "\na"])
def test_a_line_end_inside_of_a_path_leads_nowhere(api: Api, key: str) -> None:
    """The server in front of the application answers, with JSON that has no code."""
    model = api.model(tags=[{"key": key, "value": "v"}])
    response = api.send("DELETE", f"logged-models/{model}/tags/{encoded(key)}")
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(("method", "path"), [("DELETE", "logged-models/m/tags//a"), ("POST", "runs///search")])
def test_several_slashes_are_redirected(api: Api, method: str, path: str) -> None:
    """Several slashes at once redirect to the path with one."""
    assert_page(api.send(method, path, {}), 308)


@pytest.mark.parametrize("pair", [("A", "a"), ("ß", "ss"), ("a", "a "), ("ﬁ", "fi"), ("\u212b", "\u00c5")])
def test_keys_are_the_same_only_if_every_character_is(api: Api, pair: tuple[str, str]) -> None:
    """Nothing is trimmed, folded or normalised."""
    tags = [{"key": key, "value": key} for key in pair]
    wanted = {key: key for key in pair}
    assert api.experiment_tags(api.experiment(tags=tags)) == wanted
    assert wanted.items() <= api.run_data(api.run(tags=tags), "tags").items()
    assert mapping(api.shown_model(api.model(params=tags))["data"]["params"]) == wanted
