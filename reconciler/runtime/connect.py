"""From a backend and an `Endpoint` to the client that speaks to it: over the network, or embedded on a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.wire import Backend, Endpoint, NoCredentials, NoExtra
from reconciler.runtime import embedded
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import MissingExtra, Unauthorized
from reconciler.runtime.http import Client
from reconciler.runtime.journal import Journal
from reconciler.runtime.line import Tell
from reconciler.runtime.retry import Retry
from reconciler.runtime.signing import Signing
from reconciler.runtime.transport import Reading


def connected(
    backend: Backend,
    options: Any,
    environ: Mapping[str, str],
    *,
    version: str,
    writable: bool,
    workers: int,
    timeout: float,
    journal: Journal | None,
    tell: Tell,
) -> Client:
    """A client that keeps to what `backend` says of its servers.

    Raises BadConnection, Unauthorized, MissingExtra, CannotOpen.
    """
    return Client(
        connection(_endpoint(backend, options, environ)),
        version=version,
        reading=Reading(backend.reads, backend.probes),
        writable=writable,
        connections=workers,
        retry=Retry(timeout, passing=backend.passing),
        journal=journal,
        rates=backend.rates,
        tell=tell,
    )


def _endpoint(backend: Backend, options: Any, environ: Mapping[str, str]) -> Endpoint:
    try:
        return backend.endpoint(options, environ)
    except NoCredentials as problem:
        kind = MissingExtra if isinstance(problem, NoExtra) else Unauthorized
        raise kind(str(problem), hint=problem.hint) from None


def connection(endpoint: Endpoint) -> Connection:
    """Raises BadConnection, MissingExtra, CannotOpen."""
    if endpoint.store:
        transport = embedded.transport(endpoint.store)
        return Connection(url=embedded.URL, transport=transport, name=embedded.shown(endpoint.store))
    return Connection(
        url=endpoint.url,
        headers=endpoint.headers,
        auth=endpoint.user,
        token=endpoint.token or None,
        verify=endpoint.verify,
        cert=endpoint.client_cert or None,
        part=endpoint.part,
        signing=Signing(endpoint.sign) if endpoint.sign else None,
        idempotency=endpoint.idempotency,
    )
