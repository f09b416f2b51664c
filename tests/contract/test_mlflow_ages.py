"""What older servers are and lack, on the fakes of them and, where everything is tested, on the real ones."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from reconciler.backends.mlflow.api import beginning
from tests.contract.api import PREFIX, Api, assert_page, refusal, unique
from tests.environments import RELEASES, python_with
from tests.fakes.mlflow import FakeMlflow
from tests.fakes.mlflow.ages import V1_30, V1_30_PREVIEW, V2_9, V2_22, V3_1, Age
from tests.servers import old_mlflow
from tests.tally import ALL

INVALID = "INVALID_PARAMETER_VALUE"
AGES = dict(zip(RELEASES, (V1_30, V2_9, V2_22, V3_1), strict=True))
REAL = pytest.mark.skipif(not ALL, reason="an environment of its own: only where everything is tested")
PARAMS = [(kind, version) for version in AGES for kind in ("fake", "real")]


@pytest.fixture(
    scope="module",
    params=[pytest.param(one, marks=[pytest.mark.real, REAL] if one[0] == "real" else ()) for one in PARAMS],
    ids="-".join,
)
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Age]]:
    kind, version = request.param
    if kind == "fake":
        with httpx.Client(base_url="http://fake", transport=FakeMlflow(age=AGES[version]).transport()) as client:
            yield Api(client), AGES[version]
        return
    with (
        old_mlflow(tmp_path_factory.mktemp("old"), python_with(version)) as url,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as client,
    ):
        yield Api(client), AGES[version]


def test_the_version(old: tuple[Api, Age]) -> None:
    """GET /version is younger than 2.0."""
    api, age = old
    response = api.client.get("/version")
    if age.version:
        assert response.text == age.version
    else:
        assert_page(response, 404)


@pytest.mark.parametrize(
    "path", ["experiments/search", "experiments/delete-experiment-tag", "logged-models/search", "runs/log-inputs"]
)
def test_a_post_that_names_nothing_tells_whether_there_is_such_a_path(old: tuple[Api, Age], path: str) -> None:
    """It is refused in JSON where there is, with an HTML 404 where there is not."""
    api, age = old
    if path.startswith(age.lacks):
        assert_page(api.send("POST", path, {}), 404)
    else:
        refusal(api.send("POST", path, {}), 400, INVALID)


def test_experiments_are_listed_only_before_two(old: tuple[Api, Age]) -> None:
    """experiments/list went when experiments/search came, deleted ones and their tags included."""
    api, age = old
    if not age.lists:
        assert_page(api.send("GET", "experiments/list"), 404)
        return
    ident = api.experiment(tags=[{"key": "a", "value": "1"}])
    api.post("experiments/delete", {"experiment_id": ident})
    found = api.get("experiments/list", view_type="ALL", max_results=50_000)["experiments"]
    (one,) = [one for one in found if one["experiment_id"] == ident]
    assert (one["lifecycle_stage"], one["tags"]) == ("deleted", [{"key": "a", "value": "1"}])
    page = api.get("experiments/list", view_type="ALL", max_results=1)
    rest = api.get("experiments/list", view_type="ALL", max_results=50_000, page_token=page["next_page_token"])
    assert [one["experiment_id"] for one in page["experiments"] + rest["experiments"]] == [
        one["experiment_id"] for one in found
    ]


def test_a_mark_is_found_by_its_key(old: tuple[Api, Age]) -> None:
    """LIKE on a tag's key in backticks, of deleted experiments too."""
    api, _ = old
    key = unique("reconciler.s")
    ident = api.experiment(tags=[{"key": key, "value": "{}"}])
    run = api.run(ident, tags=[{"key": key, "value": "{}"}])
    api.post("experiments/delete", {"experiment_id": ident})
    body = {"filter": f"tags.`{key}` LIKE '%'", "view_type": "ALL", "order_by": ["experiment_id ASC"]}
    found = api.post("experiments/search", {**body, "max_results": 50_000})["experiments"]
    assert [one["experiment_id"] for one in found] == [ident]
    body = {"experiment_ids": [ident], "filter": body["filter"], "run_view_type": "ALL", "max_results": 50_000}
    assert [one["info"]["run_id"] for one in api.post("runs/search", body)["runs"]] == [run]


def test_names_are_found_by_their_beginning(old: tuple[Api, Age]) -> None:
    api, _ = old
    names = [f"{unique('Start')} a.b-c_d{end}" for end in ("+1", "+2", "")]
    for name in names:
        api.experiment(name=name)
        body = {"filter": beginning([name]), "view_type": "ALL", "max_results": 50_000}
        assert [one["name"] for one in api.post("experiments/search", body)["experiments"]] == [name]


def test_whether_a_tag_is_there_is_not_asked_before_3_11(old: tuple[Api, Age]) -> None:
    api, _ = old
    body = {"filter": "tags.`reconciler.s` IS NOT NULL", "max_results": 1}
    assert api.send("POST", "experiments/search", body).status_code == 400


@pytest.mark.parametrize("what", ["experiments", "runs"])
def test_long_tags(old: tuple[Api, Age], what: str) -> None:
    """What is longer than the limit of its time is refused, until MLflow began to cut the values of runs."""
    api, age = old
    route, body = _tagging(api, what)
    longest = age.longest.get((what, "tags"))
    if longest is None:
        return
    api.post(route, {**body, "key": "k", "value": "v" * longest})
    refusal(api.send("POST", route, {**body, "key": "k", "value": "v" * (longest + 1)}), 400, INVALID)


def test_long_params(old: tuple[Api, Age]) -> None:
    """The longest param was 500 characters before 2.8."""
    api, age = old
    longest = age.longest.get(("runs", "params"))
    if longest is None:
        return
    body = {"run_id": api.run(), "params": [{"key": "p", "value": "v" * longest}]}
    api.post("runs/log-batch", body)
    body["params"] = [{"key": "q", "value": "v" * (longest + 1)}]
    refusal(api.send("POST", "runs/log-batch", body), 400, INVALID)


@pytest.mark.parametrize("what", ["experiments", "runs"])
def test_colons_in_keys(old: tuple[Api, Age], what: str) -> None:
    """A key with a colon is refused before 2.16."""
    api, age = old
    route, body = _tagging(api, what)
    response = api.send("POST", route, {**body, "key": "a:b", "value": "v"})
    if age.colons:
        assert response.status_code == 200
    else:
        refusal(response, 400, INVALID)


def test_an_update_of_a_part_of_a_run(old: tuple[Api, Age]) -> None:
    """Before 2.3 it resets status and end time, if it does not name them."""
    api, age = old
    run = api.run()
    api.post("runs/update", {"run_id": run, "status": "FINISHED", "end_time": 1_700_000_000_000})
    api.post("runs/update", {"run_id": run, "run_name": "renamed"})
    info = api.shown_run(run)["info"]
    expected = ("FINISHED", 1_700_000_000_000) if age.partial else ("RUNNING", 0)
    assert (info["run_name"], info["status"], info.get("end_time", 0)) == ("renamed", *expected)


def test_the_name_of_a_workspace_is_passed_over(old: tuple[Api, Age]) -> None:
    """The header of a workspace changes nothing."""
    api, _ = old
    name = unique()
    headers = {"X-MLFLOW-WORKSPACE": "team-a"}
    response = api.client.post(f"{PREFIX}experiments/create", json={"name": name}, headers=headers)
    assert response.status_code == 200
    assert api.get("experiments/get-by-name", experiment_name=name)["experiment"]["name"] == name


def test_an_empty_tag_is_kept(old: tuple[Api, Age]) -> None:
    """A tag that cannot be removed can be emptied."""
    api, _ = old
    ident = api.experiment(tags=[{"key": "a", "value": "1"}])
    api.tag_experiment(ident, "a", "")
    assert api.experiment_tags(ident) == {"a": ""}


def test_the_lock_needs_names_that_are_unique(old: tuple[Api, Age]) -> None:
    """A registered model cannot be made twice, nor be renamed onto another."""
    api, _ = old
    name, other = unique("reconciler.lock"), unique("reconciler.lock")
    api.post("registered-models/create", {"name": name, "tags": [{"key": "lock.x", "value": "1"}]})
    api.post("registered-models/create", {"name": other})
    api.refuses("registered-models/create", {"name": name}, 400, "RESOURCE_ALREADY_EXISTS")
    api.refuses("registered-models/rename", {"name": name, "new_name": other}, 400, "RESOURCE_ALREADY_EXISTS")
    api.post("registered-models/set-tag", {"name": name, "key": "lock.x", "value": "2"})
    assert api.get("registered-models/get", name=name)["registered_model"]["tags"] == [{"key": "lock.x", "value": "2"}]
    api.ok("DELETE", "registered-models/delete", {"name": other})
    api.post("registered-models/rename", {"name": name, "new_name": other})
    found = api.get("registered-models/search", filter=f"name LIKE '{other}%'", max_results=1000)
    assert [one["name"] for one in found["registered_models"]] == [other]


def test_the_preview_prefix_of_1_30_has_no_search() -> None:
    """What 1.30 learned last it has below the new prefix alone."""
    fake = FakeMlflow(prefix="/api/2.0/preview/mlflow", age=V1_30_PREVIEW)
    with httpx.Client(base_url="http://fake/api/2.0/preview/mlflow/", transport=fake.transport()) as client:
        _check_preview(client)


@pytest.mark.real
@REAL
def test_the_real_preview_prefix_of_1_30_has_no_search(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        old_mlflow(tmp_path_factory.mktemp("old"), python_with("1.30.1")) as url,
        httpx.Client(base_url=f"{url}/api/2.0/preview/mlflow/", timeout=60, trust_env=False) as client,
    ):
        _check_preview(client)


def _check_preview(client: httpx.Client) -> None:
    assert_page(client.post("experiments/search", json={}), 404)
    assert_page(client.get("experiments/get-by-name", params={"experiment_name": "Default"}), 404)
    assert client.post("experiments/create", json={"name": unique()}).status_code == 200
    assert len(client.get("experiments/list").json()["experiments"]) == 2


def _tagging(api: Api, what: str) -> tuple[str, dict[str, str]]:
    if what == "runs":
        return "runs/set-tag", {"run_id": api.run()}
    return "experiments/set-experiment-tag", {"experiment_id": api.experiment()}
