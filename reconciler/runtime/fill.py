"""From a planned call to the request that is sent: ids, the moment and sensitive values put in their places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from reconciler.core.address import Address
from reconciler.core.call import ID, Call, is_id
from reconciler.core.change import Secret
from reconciler.core.resource import Fields
from reconciler.core.sensitive import secrets_in


class Missing(Exception):  # noqa: N818 - it reads `raise Missing(address)`
    """A call needs the id of a resource that has none."""


@dataclass(slots=True)
class Filler:
    """Fills the calls of one step.

    Attributes:
        ids: the server's ids that are known, also those of resources made in this apply.
        now: milliseconds since 1970.
        secret: from a template such as `${env.TOKEN}` to its text, which a filled call holds as a Secret.
        held: what the server holds of those resources whose calls are written onto it.
        sensitive: whether the call filled last holds a sensitive value.
    """

    own: Address
    ids: Mapping[Address, str]
    now: Callable[[], int]
    secret: Callable[[str], str]
    held: Mapping[Address, Fields] = field(default_factory=dict)
    sensitive: bool = False

    def fill(self, call: Call) -> Call:
        """Raises Missing, and whatever `secret` raises."""
        self.sensitive = False
        moment = self.now()
        path = call.path.replace(ID, quote(self._id(self.own), safe="")) if ID in call.path else call.path
        body = None if call.body is None else {key: self._value(value, moment) for key, value in call.body.items()}
        self.sensitive = bool(secrets_in(body))
        return replace(call, path=path, body=body, address=self.own)

    def _value(self, value: Any, moment: int) -> Any:
        match value:
            case {"$id": str(address), **rest} if not rest:
                return self._id(Address.parse(address))
            case {"$now": "ms", **rest} if not rest:
                return moment
            case {"$sensitive": str(template), **rest} if not rest:
                return Secret(self.secret(template), template)
            case Mapping():
                return self._map(value, moment)
            case list() | tuple():
                return [self._value(inner, moment) for inner in value]
        return value

    def _map(self, value: Mapping[str, Any], moment: int) -> dict[str, Any]:
        """`value` filled; written onto what is there where it says so."""
        match value:
            case {"$live": Mapping() as fields, **rest} if not rest and len(fields) == 1:
                ((name, changes),) = fields.items()
                return {**self._there(name), **self._map(changes, moment)}
        return {key: self._value(inner, moment) for key, inner in value.items()}

    def _there(self, name: str) -> dict[str, Any]:
        """The map that the server holds in a field of the step's own resource."""
        if self.own not in self.held:
            raise Missing(f"what the server holds of {self.own} is not known")
        return {path[1]: value for path, value in self.held[self.own].items() if path[0] == name and len(path) > 1}

    def _id(self, address: Address) -> str:
        found = self.ids.get(address)
        if not found:
            raise Missing(f"the id of {address} is not known")
        return found


def new_id(reply: Any, path: tuple[str, ...]) -> str | None:
    """The id that `reply` has at `path`; None where there is none."""
    for key in path:
        reply = reply.get(key) if isinstance(reply, dict) else None
    text = str(reply) if isinstance(reply, int | str) and not isinstance(reply, bool) else ""
    return text if is_id(text) else None
