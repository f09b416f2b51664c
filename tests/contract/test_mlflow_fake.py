"""What the fake has beyond the server's own behaviour: its transports, its record, its faults and its options."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.contract.api import Api, assert_page, pairs, unique
from tests.fakes.mlflow import FakeMlflow, Fault

SEARCH = "experiments/search"
CREATE = "experiments/create"


@pytest.fixture(params=["in-process", "http"])
def connected(request: pytest.FixtureRequest) -> Iterator[tuple[FakeMlflow, Api]]:
    """A fresh fake, and a client that reaches it in one of the two ways."""
    fake = FakeMlflow()
    if request.param == "in-process":
        with httpx.Client(base_url="http://fake", transport=fake.transport()) as client:
            yield fake, Api(client)
    else:
        with fake.serve() as url, httpx.Client(base_url=url, trust_env=False) as client:
            yield fake, Api(client)


Connected = tuple[FakeMlflow, Api]


def test_both_ways_answer_alike(connected: Connected) -> None:
    """Bodies, queries, encoded paths, pages and plain text arrive the same by either transport."""
    _, api = connected
    name = unique("é /?&")
    api.post(CREATE, {"name": name, "tags": pairs({"k": "é"})})
    assert api.get("experiments/get-by-name", experiment_name=name)["experiment"]["tags"] == pairs({"k": "é"})
    model = api.model(tags=pairs({"n@ é?": "1", "a/b": "1"}))
    api.ok("DELETE", f"logged-models/{model}/tags/n%40%20%C3%A9%3F")
    assert_page(api.send("DELETE", f"logged-models/{model}/tags/a%2Fb"), 404)
    assert api.client.get("/health").text == "OK"
    assert api.client.get("/version").text == "3.17.2"
    assert api.send_text(CREATE, "{}", "text/plain").status_code == 400


def test_record(connected: Connected) -> None:
    """Every request is recorded, refused ones too, until the fake is cleared with all it holds."""
    fake, api = connected
    api.post(CREATE, {"name": "a"})
    api.send("POST", CREATE, {"name": "a"})
    api.send("GET", "experiments/get", query={"experiment_id": "0"})
    assert [(found.method, found.path) for found in fake.requests] == [
        ("POST", CREATE),
        ("POST", CREATE),
        ("GET", "experiments/get"),
    ]
    method, path, body = fake.requests[0]
    assert (method, path, body) == ("POST", CREATE, {"name": "a"})
    fake.clear()
    assert fake.requests == []
    assert [one["name"] for one in api.post(SEARCH, {"max_results": 9})["experiments"]] == ["Default"]


def test_answer_in_place_of_the_server(connected: Connected) -> None:
    """A fault may answer in place of the server, as JSON or as text, and nothing is done."""
    fake, api = connected
    faults = {0: Fault(503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "busy"}), 1: Fault(502, "bad gateway")}
    fake.fault = lambda number, method, path: faults.get(number)
    api.refuses(CREATE, {"name": "a"}, 503, "TEMPORARILY_UNAVAILABLE")
    assert_page(api.send("POST", CREATE, {"name": "a"}), 502)
    api.post(CREATE, {"name": "a"})


def test_lost_reply(connected: Connected) -> None:
    """A fault may lose the reply after the work was done; the next request goes through."""
    fake, api = connected
    fake.fault = lambda number, method, path: Fault.lost() if path == CREATE else None
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        api.send("POST", CREATE, {"name": "a"})
    assert api.get("experiments/get-by-name", experiment_name="a")


def test_many_at_once(connected: Connected) -> None:
    """Of many concurrent creates of one name one wins, and all are recorded."""
    fake, api = connected
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: api.send("POST", CREATE, {"name": "a"}).status_code, range(60)))
    assert sorted(replies) == [200] + [400] * 59
    assert len(fake.requests) == 60


def test_auth() -> None:
    """With credentials set, all but /health is a 401 as HTML without them."""
    with httpx.Client(base_url="http://fake", transport=FakeMlflow(auth=("me", "secret")).transport()) as client:
        api = Api(client)
        response = api.send("POST", SEARCH, {"max_results": 1})
        assert_page(response, 401)
        assert response.headers["www-authenticate"] == 'Basic realm="mlflow"'
        assert client.get("/version").status_code == 401
        assert client.get("/health").status_code == 200
        client.auth = httpx.BasicAuth("me", "wrong")
        assert_page(api.send("POST", SEARCH, {"max_results": 1}), 401)
        client.auth = httpx.BasicAuth("me", "secret")
        assert api.post(SEARCH, {"max_results": 1})


def test_page_cap() -> None:
    """With a cap, a page is shorter than asked for, and its token leads to the rest."""
    with httpx.Client(base_url="http://fake", transport=FakeMlflow(page_cap=2).transport()) as client:
        api = Api(client)
        for _ in range(3):
            api.experiment()
        first = api.post(SEARCH, {"max_results": 50_000})
        second = api.post(SEARCH, {"max_results": 50_000, "page_token": first["next_page_token"]})
        assert [len(page["experiments"]) for page in (first, second)] == [2, 2]
        assert "next_page_token" not in second


def test_prefix() -> None:
    """The API can stand under another prefix, and then only there."""
    fake = FakeMlflow(prefix="/proxy/api/2.0/mlflow")
    body = {"max_results": 1}
    assert fake.handle("POST", "/proxy/api/2.0/mlflow/experiments/search", {}, body)[0] == 200
    assert fake.handle("POST", "/api/2.0/mlflow/experiments/search", {}, body)[0] == 404


def test_quota(connected: Connected) -> None:
    """Over its quota the fake refuses with 429, says when to come again, and does nothing."""
    fake, api = connected
    fake.quota = 0.001
    fake.clear()
    api.post(CREATE, {"name": "a"})
    response = api.send("POST", CREATE, {"name": "b"})
    assert (response.status_code, int(response.headers["retry-after"]) > 100, fake.refused) == (429, True, 1)
    fake.quota = 0
    assert {one["name"] for one in api.post(SEARCH, {"max_results": 9})["experiments"]} == {"Default", "a"}
