"""From an `Endpoint` to a `Connection`: over the network, or to the embedded server on a store."""

from __future__ import annotations

from reconciler.core.wire import Endpoint
from reconciler.runtime import embedded
from reconciler.runtime.connection import Connection


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
    )
