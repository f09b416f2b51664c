"""The imitation of the tenant service does what the service's documents say, and what they leave open by choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.contract.api import unique
from tests.fakes.tenant import FakeTenant, Fault

EXPERIMENTS, RUNS = "experiments", "experiments/runs"


@dataclass
class Api:
    """One tenant's client."""

    client: httpx.Client
    tenant: str = "acme-corp"
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: Any = None, **query: str | int) -> httpx.Response:
        headers = {"X-Tenant-ID": self.tenant, **self.headers}
        return self.client.request(method, f"/api/v1/{path}", json=body, params=query or None, headers=headers)

    def __call__(self, method: str, path: str, body: Any = None, **query: str | int) -> Any:
        response = self.send(method, path, body, **query)
        assert response.status_code == (201 if method == "POST" and path in {EXPERIMENTS, RUNS} else 200), response.text
        return response.json()

    def refuses(self, expected: int, method: str, path: str, body: Any = None, **query: str | int) -> str:
        """The message of the error that was expected."""
        response = self.send(method, path, body, **query)
        assert response.status_code == expected, response.text
        found = response.json()["error"]
        assert set(found) == {"code", "message", "details"}
        assert found["code"].startswith("MATIH-")
        return str(found["message"])

    def experiment(self, **more: Any) -> str:
        return str(self("POST", EXPERIMENTS, {"name": unique(), **more})["id"])

    def run(self, experiment: str = "", **more: Any) -> str:
        body = {"experiment_id": experiment or self.experiment(), "name": "r", **more}
        return str(self("POST", RUNS, body)["run_id"])

    def log(self, run: str, **lists: Any) -> None:
        self("POST", f"{RUNS}/{run}/log-batch", lists)


@pytest.fixture
def fake() -> FakeTenant:
    return FakeTenant()


@pytest.fixture
def api(fake: FakeTenant) -> Iterator[Api]:
    with fake.serve() as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield Api(client)


def test_create_and_get(api: Api) -> None:
    """An experiment has its tags as a map with the server's own among them, and ISO times."""
    made = api("POST", EXPERIMENTS, {"name": "a", "description": "d", "tags": {"team": "risk"}})
    assert made == api("GET", f"{EXPERIMENTS}/{made['id']}")
    assert made["tags"] == {"team": "risk", "matih.tenant_id": "acme-corp"}
    assert (made["name"], made["description"], made["lifecycle_stage"]) == ("a", "d", "active")
    assert made["artifact_location"].startswith("s3://")
    assert made["created_at"].endswith("Z")


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "n" * 256},
        {"name": 5},
        {},
        {"name": "a", "description": "d" * 1001},
        {"name": "a", "artifact_location": "/tmp"},
        {"name": "a", "tags": {"k": 5}},
        {"name": "a", "tags": [{"key": "k", "value": "v"}]},
        [],
        None,
    ],
)
def test_what_an_experiment_cannot_be(api: Api, body: Any) -> None:
    """Names have 1 to 255 characters, descriptions at most 1,000; artifacts are on S3; tags are a map of texts."""
    api.refuses(422, "POST", EXPERIMENTS, body)


def test_a_name_is_taken(api: Api) -> None:
    """Also that of an archived experiment."""
    first, second = api.experiment(name="a"), api.experiment(name="b")
    api("DELETE", f"{EXPERIMENTS}/{first}")
    api.refuses(409, "POST", EXPERIMENTS, {"name": "a"})
    api.refuses(409, "PATCH", f"{EXPERIMENTS}/{second}", {"name": "a"})


@pytest.mark.parametrize(("tags", "left"), [("merge", {"a", "b", "c"}), ("replace", {"b", "c"})])
def test_patch(api: Api, fake: FakeTenant, tags: Any, left: set[str]) -> None:
    """Fields that are not sent stay. Whether tags are merged or replaced is open; the server's own is always there."""
    fake.tags = tags
    number = api.experiment(description="d", tags={"a": "1", "b": "2"})
    found = api("PATCH", f"{EXPERIMENTS}/{number}", {"name": "new", "tags": {"b": "3", "c": "4"}})
    assert (found["name"], found["description"], found["tags"]["b"]) == ("new", "d", "3")
    assert set(found["tags"]) == {*left, "matih.tenant_id"}
    assert api("PATCH", f"{EXPERIMENTS}/{number}", {"description": "e"})["tags"] == found["tags"]


def test_archive_and_restore(api: Api, fake: FakeTenant) -> None:
    """An archived experiment is listed as deleted, and cannot be changed; its runs may be hidden."""
    number = api.experiment()
    run = api.run(number)
    api("DELETE", f"{EXPERIMENTS}/{number}")
    api.refuses(404, "DELETE", f"{EXPERIMENTS}/{number}")
    api.refuses(409, "PATCH", f"{EXPERIMENTS}/{number}", {"name": "x"})
    api.refuses(409, "POST", RUNS, {"experiment_id": number, "name": "r"})
    api.refuses(409, "POST", f"{RUNS}/{run}/log-params", {"params": {}})
    assert api("GET", EXPERIMENTS)["experiments"] == []
    (found,) = api("GET", EXPERIMENTS, lifecycle_stage="deleted")["experiments"]
    assert (found["id"], found["lifecycle_stage"]) == (number, "deleted")
    assert [one["run_id"] for one in api("GET", RUNS, experiment_id=number)["runs"]] == [run]
    fake.hides = True
    assert api("GET", RUNS, experiment_id=number)["runs"] == []
    assert api("POST", f"{EXPERIMENTS}/{number}/restore")["lifecycle_stage"] == "active"
    api.refuses(409, "POST", f"{EXPERIMENTS}/{number}/restore")


def test_pages(api: Api, fake: FakeTenant) -> None:
    """By limit (1 to 1000, by default 100, of runs 50) and offset; how many there are may be told or not."""
    numbers = [api.experiment() for _ in range(101)]
    page = api("GET", EXPERIMENTS)
    assert (len(page["experiments"]), page["total"]) == (100, 101)
    rest = api("GET", EXPERIMENTS, limit=1000, offset=100)["experiments"]
    assert [one["id"] for one in (*page["experiments"], *rest)] == numbers[::-1]
    for _ in range(51):
        api.run(numbers[0])
    assert len(api("GET", RUNS, experiment_id=numbers[0])["runs"]) == 50
    for query in ({"limit": 0}, {"limit": 1001}, {"offset": -1}, {"limit": "x"}):
        api.refuses(422, "GET", EXPERIMENTS, **query)
    fake.page_cap, fake.totals = 2, False
    page = api("GET", EXPERIMENTS, limit=10)
    assert (len(page.pop("experiments")), page) == (2, {})


def test_a_run(api: Api) -> None:
    """A run begins as running, and shows params as text, the latest value of each metric, and its tags."""
    number = api.experiment()
    made = api("POST", RUNS, {"experiment_id": number, "name": "r", "description": "d", "tags": {"t": "1"}})
    run = made["run_id"]
    assert (made["status"], made["params"], made["metrics"], made["tags"]) == ("running", {}, {}, {"t": "1"})
    api("POST", f"{RUNS}/{run}/log-params", {"params": {"depth": 6}})
    api("POST", f"{RUNS}/{run}/log-metrics", {"metrics": {"loss": 0.5}, "step": 2, "timestamp": 1_707_723_600_000})
    points = [{"key": "loss", "value": 0.7, "step": 1}, {"key": "auc", "value": 1}]
    pair = [{"key": "k", "value": "v"}]
    api.log(run, metrics=points, params=pair, tags=pair)
    found = api("GET", f"{RUNS}/{run}")
    assert (found["params"], found["tags"]) == ({"depth": "6", "k": "v"}, {"t": "1", "k": "v"})
    assert (found["metrics"], found["description"]) == ({"loss": 0.5, "auc": 1.0}, "d")
    ended = api("POST", f"{RUNS}/{run}/end", status="failed")
    assert set(ended) == {"message", "run_id", "status", "duration_seconds"}
    assert (ended["run_id"], ended["status"]) == (run, "failed")
    assert [one["run_id"] for one in api("GET", RUNS, status="failed")["runs"]] == [run]
    assert api("GET", RUNS, status="running")["runs"] == []


def test_what_a_run_refuses(api: Api) -> None:
    """A param is written once; a status is one of three; a batch has MLflow's limits; a number is finite."""
    run = api.run()
    batch = f"{RUNS}/{run}/log-batch"
    pair = {"key": "k", "value": "v"}
    api.log(run, params=[pair])
    api.log(run, params=[pair])
    api.refuses(409, "POST", batch, {"params": [{"key": "k", "value": "other"}]})
    api.refuses(422, "POST", f"{RUNS}/{run}/end", status="FINISHED")
    point = {"key": "m", "value": 1, "step": 0}
    for body in (
        {"metrics": [point] * 1001},
        {"params": [pair] * 101},
        {"tags": [pair] * 101},
        {"metrics": [point] * 950, "tags": [pair] * 60},
        {"metrics": [{"key": "m", "value": "NaN"}]},
        {"tags": [{"key": "k" * 251, "value": "v"}]},
        {"tags": ["x"]},
        {"tags": {"k": "v"}},
    ):
        api.refuses(422, "POST", batch, body)
    api.refuses(422, "POST", RUNS, {"experiment_id": api.experiment(), "name": ""})
    api.refuses(404, "POST", RUNS, {"experiment_id": "nothing", "name": "r"})
    api.refuses(404, "POST", f"{RUNS}/nothing/log-batch", {})
    api.refuses(404, "GET", f"{EXPERIMENTS}/nothing")


def test_a_point_with_its_time_is_held_once(api: Api, fake: FakeTenant) -> None:
    """As in the MLflow below the service; one without a time gets the time of each request."""
    run = api.run()
    for _ in range(2):
        api("POST", f"{RUNS}/{run}/log-metrics", {"metrics": {"loss": 0.5}, "step": 2, "timestamp": 5})
    assert fake.tenant("acme-corp").runs[run].points == {"loss": [(2, 5, 0.5)]}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", f"{RUNS}/{{run}}", 405),
        ("PATCH", f"{RUNS}/{{run}}", 405),
        ("DELETE", f"{EXPERIMENTS}/{{experiment}}/tags/k", 404),
        ("DELETE", f"{RUNS}/{{run}}/tags/k", 404),
        ("POST", "logged-models", 404),
        ("POST", "experiments/search", 405),
    ],
)
def test_what_has_no_endpoint(api: Api, method: str, path: str, status: int) -> None:
    """Nothing deletes or changes a run, or deletes a tag; there are no logged models. The framework answers that."""
    number = api.experiment()
    response = api.send(method, path.format(experiment=number, run=api.run(number)), {})
    assert (response.status_code, set(response.json())) == (status, {"detail"})


def test_another_prefix(api: Api) -> None:
    assert api.client.get("/api/v2/experiments").json() == {"detail": "Not Found"}


def test_tenants_are_apart(api: Api) -> None:
    """A tenant sees nothing of another one, not even by id, and names are its own."""
    number = api.experiment(name="a")
    other = Api(api.client, "globex")
    assert other("GET", EXPERIMENTS)["experiments"] == []
    other.refuses(404, "GET", f"{EXPERIMENTS}/{number}")
    other.refuses(404, "POST", RUNS, {"experiment_id": number, "name": "r"})
    assert other.experiment(name="a") != number
    assert api.client.get("/api/v1/experiments").json()["error"]["code"].startswith("MATIH-IAM-")
    assert api.client.get("/api/v1/experiments").status_code == 400


def test_token(api: Api, fake: FakeTenant) -> None:
    """Without the bearer token all is a 401."""
    fake.token = "secret"
    api.refuses(401, "GET", EXPERIMENTS)
    api.headers["Authorization"] = "Bearer wrong"
    api.refuses(401, "POST", EXPERIMENTS, {"name": "a"})
    api.headers["Authorization"] = "Bearer secret"
    assert api.experiment()


def test_idempotency_key(api: Api, fake: FakeTenant) -> None:
    """The same key with the same request gives the first answer, and nothing is done twice."""
    api.headers["X-Idempotency-Key"] = "k1"
    first = api("POST", EXPERIMENTS, {"name": "a"})
    assert api("POST", EXPERIMENTS, {"name": "a"}) == first
    api.refuses(409, "POST", EXPERIMENTS, {"name": "b"})
    assert len(api("GET", EXPERIMENTS)["experiments"]) == 1
    assert Api(api.client, "globex", api.headers).experiment(name="a") != first["id"]
    api.headers["X-Idempotency-Key"] = "k2"
    api.refuses(409, "POST", EXPERIMENTS, {"name": "a"})
    fake.idempotent = False
    api.headers["X-Idempotency-Key"] = "k1"
    api.refuses(409, "POST", EXPERIMENTS, {"name": "a"})


def test_request_id(api: Api) -> None:
    """Each answer names its request, by the id that came with it or by a new one."""
    assert api.send("GET", "nothing").headers["x-request-id"]
    api.headers["X-Request-ID"] = "r-1"
    assert api.send("GET", EXPERIMENTS).headers["x-request-id"] == "r-1"


def test_quota(api: Api, fake: FakeTenant) -> None:
    """Over the quota there is a 429 with the service's own body and Retry-After."""
    fake.quota = 0.001
    fake.clear()
    api.experiment()
    api.refuses(429, "GET", EXPERIMENTS)
    assert int(api.send("GET", EXPERIMENTS).headers["retry-after"]) > 100


def test_record_and_faults(api: Api, fake: FakeTenant) -> None:
    """What is sent is recorded with query and headers; a fault answers in place of the service, or loses its reply."""
    faults = {0: Fault(503, {"error": {"code": "MATIH-GW-5030", "message": "busy"}}), 1: Fault.lost()}
    fake.fault = lambda number, method, path: faults.get(number)
    assert api.send("POST", EXPERIMENTS, {"name": "a"}).status_code == 503
    with pytest.raises(httpx.RemoteProtocolError):
        api.send("POST", EXPERIMENTS, {"name": "a"})
    assert [one["name"] for one in api("GET", EXPERIMENTS, limit=7)["experiments"]] == ["a"]
    assert [tuple(one) for one in fake.requests[1:]] == [
        ("POST", EXPERIMENTS, {"name": "a"}),
        ("GET", EXPERIMENTS, None),
    ]
    assert fake.requests[2].query == {"limit": "7"}
    assert fake.requests[2].headers["x-tenant-id"] == "acme-corp"
