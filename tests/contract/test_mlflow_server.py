"""What the server does with any request: routes, bodies, types, error formats."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.api import PREFIX, Api, assert_page, refusal, unique

INVALID = "INVALID_PARAMETER_VALUE"


def test_version_is_text(server: httpx.Client) -> None:
    """GET /version answers the bare version, typed as HTML."""
    response = server.get("/version")
    assert (response.status_code, response.text) == (200, "3.17.2")
    assert response.headers["content-type"].startswith("text/html")


def test_the_server_tells_whether_it_has_workspaces(server: httpx.Client) -> None:
    """GET server-info has it beside other things, below the path of a later API."""
    response = server.get("/api/3.0/mlflow/server-info")
    assert (response.status_code, response.json()["workspaces_enabled"]) == (200, False)


@pytest.mark.parametrize("path", [f"{PREFIX}experiments/get?experiment_id=0", "/version"])
@pytest.mark.parametrize("workspace", ["default", "team-a"])
def test_without_workspaces_all_is_refused_that_names_one(server: httpx.Client, path: str, workspace: str) -> None:
    """Also the default one, by what stands in front of the application; the application alone passes over it."""
    refusal(server.get(path, headers={"X-MLFLOW-WORKSPACE": workspace}), 500, "FEATURE_DISABLED")


def test_health_is_ok(server: httpx.Client) -> None:
    """GET /health answers OK as plain text."""
    response = server.get("/health")
    assert (response.status_code, response.text) == (200, "OK")
    assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/version", "/health"])
def test_plain_routes_refuse_post(server: httpx.Client, path: str) -> None:
    """The plain routes answer another method with an HTML 405."""
    assert_page(server.post(path), 405)


@pytest.mark.parametrize("path", ["experiments/nope", "experiments/search/", "experiments/list", "nope"])
def test_unknown_route_is_html(api: Api, path: str) -> None:
    """An unknown route, also one with a trailing slash, is an HTML 404."""
    assert_page(api.send("POST", path, {}), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "experiments/create"),
        ("DELETE", "experiments/delete-experiment-tag"),
        ("POST", "registered-models/delete"),
        ("PUT", "logged-models/m-1"),
        ("POST", "logged-models/restore"),
    ],
)
def test_wrong_method_is_html(api: Api, method: str, path: str) -> None:
    """A known route with another method is an HTML 405; there is no restore of logged models."""
    assert_page(api.send(method, path, {}), 405)


def test_error_has_four_parts(api: Api) -> None:
    """An error is JSON with a code, a message, an SQL state and a class."""
    body = api.send("POST", "experiments/create", {}).json()
    assert set(body) == {"error_code", "message", "sqlstate", "error_class"}


def test_content_type_is_required(api: Api) -> None:
    """A POST whose content type is not JSON is refused."""
    refusal(api.send_text("experiments/create", '{"name": "x"}', "text/plain"), 400, INVALID)


def test_content_type_may_have_a_charset(api: Api) -> None:
    """A charset after the content type does no harm."""
    response = api.send_text("experiments/create", f'{{"name": "{unique()}"}}', "application/json; charset=utf-8")
    assert response.status_code == 200


def test_malformed_json_counts_as_empty(api: Api) -> None:
    """A body that is no JSON is read as an empty one."""
    message = refusal(api.send_text("experiments/create", "{bad"), 400, INVALID)
    assert "'name'" in message


@pytest.mark.parametrize("body", ["[]", "5"])
def test_body_that_is_no_object_is_html(api: Api, body: str) -> None:
    """JSON that is not an object is an HTML 500."""
    assert_page(api.send_text("experiments/create", body), 500)


def test_unknown_fields_are_ignored(api: Api) -> None:
    """A field that the endpoint does not know changes nothing."""
    assert api.experiment(color="blue")


def test_camel_case_is_understood(api: Api) -> None:
    """Fields may be spelled as in JSON protobuf."""
    ident = api.experiment(artifactLocation="s3://b/camel")
    assert api.shown_experiment(ident)["artifact_location"] == "s3://b/camel"


def test_two_spellings_are_refused(api: Api) -> None:
    """One field in both spellings is refused."""
    api.refuses("experiments/search", {"max_results": 1, "maxResults": 1}, 400, INVALID)


@pytest.mark.parametrize("name", [5, ["a"], {"a": 1}, True])
def test_wrong_type_at_the_top_is_refused(api: Api, name: object) -> None:
    """A wrong type in a field of the request itself is refused."""
    api.refuses("experiments/create", {"name": name}, 400, INVALID)


def test_integer_id_is_refused(api: Api) -> None:
    """An experiment id must be sent as text."""
    body = {"experiment_id": int(api.experiment()), "key": "k", "value": "v"}
    api.refuses("experiments/set-experiment-tag", body, 400, INVALID)


def test_wrong_type_in_a_list_drops_the_rest_silently(api: Api) -> None:
    """A number among the tags is stored as '' and every later tag is lost, with a 200."""
    tags = [{"key": "a", "value": "1"}, {"key": "b", "value": 5}, {"key": "c", "value": "3"}]
    assert api.experiment_tags(api.experiment(tags=tags)) == {"a": "1", "b": ""}


def test_wrong_type_in_a_list_drops_later_fields_too(api: Api) -> None:
    """Fields that stand after the bad list in the body are lost: here the name."""
    body = {"tags": [{"key": "b", "value": 5}], "name": unique()}
    api.refuses("experiments/create", body, 400, INVALID)


def test_text_among_objects_becomes_an_empty_object(api: Api) -> None:
    """A string in a list of tags counts as a tag with neither key nor value."""
    assert api.model_tags(api.model(tags=["abc"])) == {"": ""}


def test_null_in_a_list_drops_the_rest(api: Api) -> None:
    """A null among the tags leaves an empty tag and ends the reading of the request."""
    assert api.model_tags(api.model(tags=[{"key": "a", "value": "1"}, None])) == {"a": "1", "": ""}


def test_null_counts_as_absent(api: Api) -> None:
    """A field that is null is not set."""
    assert "tags" not in api.shown_experiment(api.experiment(tags=None))


def test_number_as_text_is_understood(api: Api) -> None:
    """A number may be sent as text where a number is expected."""
    assert len(api.post("experiments/search", {"max_results": "1"})["experiments"]) == 1


def test_lone_surrogate_is_refused(api: Api) -> None:
    """Text that is no Unicode counts as a wrong type."""
    refusal(api.send_text("experiments/create", '{"name": "a\\ud800b"}'), 400, INVALID)
