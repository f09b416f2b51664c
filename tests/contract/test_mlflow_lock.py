"""The requests of the stack's lock, and the lock itself, on the server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from reconciler.backends import databricks
from reconciler.backends.mlflow import BACKEND
from reconciler.core import lock
from reconciler.core.diagnostics import Failed
from reconciler.core.lock import Held, LockWire
from reconciler.runtime.connection import Connection
from reconciler.runtime.http import Client
from reconciler.runtime.lock import Clock, drive, hold, ourselves
from reconciler.runtime.locking import LENGTH
from reconciler.runtime.retry import Retry
from reconciler.runtime.unlock import unlock
from tests.contract.api import Api, pairs, unique
from tests.locks import WIRE

EAGER = Clock(wait=lambda event, seconds: event.wait(seconds / 20))


def signs(server: httpx.Client) -> bool:
    return "authorization" in server.headers


@pytest.fixture(scope="module")
def wire(server: httpx.Client) -> LockWire:
    return databricks.BACKEND.lock(None) if signs(server) else WIRE


@pytest.fixture(scope="module")
def client(server: httpx.Client) -> Client:
    """It is not closed, since the transport is the other client's."""
    headers = {"Authorization": server.headers["authorization"]} if signs(server) else {}
    connection = Connection(str(server.base_url), headers, transport=server._transport)
    return Client(connection, version="0", writable=True, retry=Retry(passing=BACKEND.passing))


@pytest.fixture
def stack() -> str:
    return unique("stack")


def now() -> int:
    return Clock().now()


def read(wire: LockWire, client: Client, stack: str) -> Held | None:
    return drive(wire.read(stack), client.send)


def test_take_read_renew_retire_forget(wire, client, stack):
    """One takes it, others are told so; what is renewed is read; what is retired frees the name."""
    held = ourselves(now())
    assert read(wire, client, stack) is None
    assert client.send(wire.take(stack, held)) is not None
    assert client.send(wire.take(stack, ourselves(now()))) is None
    assert read(wire, client, stack) == held
    longer, longest = replace(held, until=held.until + 1), replace(held, until=held.until + 2)
    assert client.send(wire.renew(stack, longest, 0)) is not None
    assert read(wire, client, stack) == longest
    assert client.send(wire.renew(stack, longer, 1)) is not None
    assert read(wire, client, stack) == longest
    assert client.send(wire.retire(stack, held.token)) is not None
    assert read(wire, client, stack) is None
    assert drive(wire.retired(stack), client.send) == [longest]
    for _ in range(2):
        client.send(wire.forget(stack, held.token))
    assert drive(wire.retired(stack), client.send) == []


def test_what_is_not_there_can_be_neither_renewed_nor_retired(wire, client, stack):
    held = ourselves(now())
    assert client.send(wire.renew(stack, held, 0)) is None
    assert client.send(wire.retire(stack, held.token)) is None


def test_a_token_is_retired_once(wire, client, stack):
    """While the retired one is there, nothing moves another one to its name."""
    first, second = ourselves(now()), ourselves(now())
    client.send(wire.take(stack, first))
    client.send(wire.retire(stack, first.token))
    client.send(wire.take(stack, second))
    assert client.send(wire.retire(stack, first.token)) is None
    assert read(wire, client, stack) == second


def test_a_lock_without_tags_is_held_by_somebody_unknown(wire, client, api: Api, stack):
    api.post("registered-models/create", {"name": lock.name(stack)})
    assert read(wire, client, stack) == Held()
    with pytest.raises(Failed, match="somebody unknown"), hold(wire, stack, client.send):
        pytest.fail("it is held")
    assert unlock(wire, stack, client.send, lambda _: None).held == Held()
    assert drive(wire.retired(stack), client.send) == []


def test_names_of_people_are_kept(wire, client, api: Api, stack):
    held = replace(ourselves(now()), who="Zoë Müller 🚀", where="a" * 300)
    client.send(wire.take(stack, held))
    assert read(wire, client, stack) == replace(held, where="a" * lock.TEXT)


def test_damaged_tags_crash_nothing(wire, client, api: Api, stack):
    tags = pairs({"lock.token": "ab" * 16, "lock.since": "", f"lock.until.{'ab' * 16}": "soon", "x": "y"})
    api.post("registered-models/create", {"name": lock.name(stack), "tags": tags})
    assert read(wire, client, stack) == Held("ab" * 16)


@pytest.mark.parametrize("expired", [False, True])
def test_eight_at_once_hold_it_one_after_the_other(wire, client, stack, expired):
    if expired:
        client.send(wire.take(stack, ourselves(now() - 2 * LENGTH)))
    inside: list[str] = []
    seen: list[int] = []

    def take(_: int) -> None:
        with hold(wire, stack, client.send, wait=120, clock=EAGER) as held:
            inside.append(held.held.token)
            seen.append(len(inside))
            held.renew()
            assert held.standing
            inside.remove(held.held.token)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(8)))
    assert seen == [1] * 8
    assert read(wire, client, stack) is None
    assert len(drive(wire.retired(stack), client.send)) == expired
