"""Each fault is what it says, as a client sees it, and what the server got is what is recorded."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.fakes.mlflow import FakeMlflow
from tests.faults import Ending, Fault, FaultyTransport, Relay, proxy

ROUTE = "/api/2.0/mlflow/experiments/create"
PATIENCE, NO_PATIENCE = 30, 0.3
SEEN = {
    Ending.down: httpx.ReadError,
    Ending.reset: httpx.ReadError,
    Ending.silence: httpx.ReadTimeout,
    Ending.half: httpx.RemoteProtocolError,
}
AFTER = {
    *("reset_after_commit", "timeout_after_commit", "truncated", "garbled", "html"),
    *(f"error_{status}_after_commit" for status in (500, 502, 503, 504)),
}


@pytest.fixture
def fake():
    return FakeMlflow()


@pytest.fixture
def between(fake):
    with proxy("http://fake", fake.transport()) as found:
        yield found


@pytest.fixture
def client(between):
    with httpx.Client(base_url=between.url, trust_env=False, verify=False) as found:
        yield found


def create(client, name="one", timeout=PATIENCE):
    return client.post(ROUTE, json={"name": name}, timeout=timeout)


def strike(relay, fault, number=0):
    relay.fault = lambda seen: fault if seen.number == number else None


def test_every_kind_is_a_kind_of_its_own():
    assert len({fault.value for fault in Fault}) == len(Fault) == len(Fault.__members__)
    assert {fault.name for fault in Fault if fault.after_commit} == AFTER


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
def test_a_fault_is_what_it_says(fault, fake, between, client):
    strike(between.relay, fault)
    patience = NO_PATIENCE if fault.value.ending is Ending.silence else PATIENCE
    answer(lambda: create(client, timeout=patience), fault)
    between.relay.rest()
    (seen,) = between.relay.requests
    assert (seen.fault, seen.forwarded, seen.writes) == (fault, fault.after_commit, True)
    assert [list(request) for request in fake.requests] == [
        ["POST", "experiments/create", {"name": "one"}] for _ in range(fault.after_commit)
    ]
    assert (seen.status, seen.reply) == ((200, {"experiment_id": "1"}) if fault.after_commit else (None, None))


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
def test_a_fault_is_the_same_without_a_socket(fault, fake):
    relay = Relay(fake.transport())
    strike(relay, fault)
    with httpx.Client(base_url="http://fake", transport=FaultyTransport(relay)) as client:
        answer(lambda: create(client), fault, {**SEEN, Ending.down: httpx.ConnectError})
        assert relay.requests[0].forwarded == fault.after_commit == bool(fake.requests)
        assert create(client, "two").status_code == 200


def answer(send, fault, seen=SEEN):
    """Send, and see that what comes back is that of the fault."""
    kind = fault.value
    if kind.ending is not Ending.reply:
        with pytest.raises(httpx.TransportError) as caught:
            send()
        assert type(caught.value) is seen[kind.ending]
        return
    response = send()
    assert response.status_code == (kind.status or 200)
    assert response.headers.get("retry-after", "") == kind.later
    assert response.headers["content-type"].startswith("text/html") == kind.page
    assert is_json(response) == (not kind.page and not kind.broken)


def is_json(response):
    try:
        json.loads(response.content)
    except ValueError:
        return False
    return True


def test_what_meets_no_fault_passes_on_one_connection_and_is_recorded(fake, between, client):
    first, second = create(client), create(client)
    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json()["error_code"] == "RESOURCE_ALREADY_EXISTS"
    assert port(first) == port(second)
    found = client.get("/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "one"})
    assert found.json()["experiment"]["name"] == "one"
    assert [(seen.number, seen.status, seen.writes) for seen in between.relay.requests] == [
        (0, 200, True),
        (1, 400, True),
        (2, 200, False),
    ]
    assert between.relay.requests[0].what == between.relay.requests[1].what != between.relay.requests[2].what


def port(response):
    return response.extensions["network_stream"].get_extra_info("client_addr")[1]


def test_a_path_reaches_the_server_as_it_was_sent(fake, between, client):
    client.delete("/api/2.0/mlflow/logged-models/m-1/tags/a%2Eb%20%C3%A9")
    assert between.relay.requests[0].path == "logged-models/m-1/tags/a%2Eb%20%C3%A9"
    assert fake.requests[0].path == "logged-models/m-1/tags/a.b é"


def test_a_server_that_is_down_refuses_until_it_is_up_again(between, client):
    assert create(client).status_code == 200
    strike(between.relay, Fault.refused, number=1)
    with pytest.raises(httpx.ReadError):
        create(client, "two")
    for _ in range(2):
        with pytest.raises(httpx.ConnectError):
            create(client, "two")
    between.up()
    assert create(client, "two").json() == {"experiment_id": "2"}


def test_what_is_called_before_can_keep_a_request_from_the_server_and_what_is_called_after_cannot(
    fake, between, client
):
    order = []
    between.relay.before = lambda seen: order.append(("before", seen.number, len(fake.requests))) or seen.number != 1
    between.relay.after = lambda seen: order.append(("after", seen.number, len(fake.requests)))
    assert create(client).status_code == 200
    with pytest.raises(httpx.ReadError):
        create(client, "two")
    assert order == [("before", 0, 0), ("after", 0, 1), ("before", 1, 1)]
    between.relay.clear()
    assert create(client, "two").status_code == 200
    assert [seen.number for seen in between.relay.requests] == [0]


def test_in_front_of_a_server_on_the_network(fake):
    with (
        fake.serve() as url,
        proxy(url) as between,
        httpx.Client(base_url=between.url, trust_env=False, verify=False) as client,
    ):
        strike(between.relay, Fault.error_502_after_commit)
        assert create(client).status_code == 502
        assert create(client).status_code == 400
        assert [seen.status for seen in between.relay.requests] == [200, 400]
