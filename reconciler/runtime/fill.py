"""From a planned call to the request that is sent: ids, the moment, secrets and what others keep put in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from reconciler.core.address import Address
from reconciler.core.call import ID, Call, Reply, is_id
from reconciler.core.change import Secret
from reconciler.core.mark import is_mark
from reconciler.core.sensitive import secrets_in
from reconciler.runtime.errors import BadReply


class Missing(Exception):  # noqa: N818 - it reads `raise Missing(address)`
    """A call needs the id of a resource that has none."""


@dataclass(slots=True)
class Filler:
    """Fills the calls of one step.

    Attributes:
        ids: the server's ids that are known, also those of resources made in this apply.
        now: milliseconds since 1970.
        secret: from a template such as `${env.TOKEN}` to its text, which a filled call holds as a Secret.
        read: sends a request that only reads.
        sensitive: whether the call filled last holds a sensitive value.
    """

    own: Address
    ids: Mapping[Address, str]
    now: Callable[[], int]
    secret: Callable[[str], str]
    read: Callable[[Call], Reply]
    sensitive: bool = False

    def fill(self, call: Call) -> Call:
        """Raises Missing, RequestFailed, and whatever `secret` raises."""
        self.sensitive = False
        moment = self.now()
        path = call.path.replace(ID, quote(self._id(self.own), safe="")) if ID in call.path else call.path
        place = Call("GET", path, repeatable=True, address=self.own)
        body = call.body and {key: self._value(value, moment, place) for key, value in call.body.items()}
        self.sensitive = bool(secrets_in(body))
        return replace(call, path=path, body=body, address=self.own)

    def _value(self, value: Any, moment: int, place: Call) -> Any:
        match value:
            case {"$id": str(address), **rest} if not rest:
                return self._id(Address.parse(address))
            case {"$now": "ms", **rest} if not rest:
                return moment
            case {"$sensitive": str(template), **rest} if not rest:
                return Secret(self.secret(template), template)
            case {"$live": str(name), "but": str(but), "with": Mapping() as values, **rest} if not rest:
                there = _kept(self.read(place), name, place)
                kept = {key: text for key, text in there.items() if not (but and key.startswith(but))}
                return kept | {key: self._value(inner, moment, place) for key, inner in values.items()}
        return _each(value, lambda inner: self._value(inner, moment, place))

    def _id(self, address: Address) -> str:
        found = self.ids.get(address)
        if not found:
            raise Missing(f"the id of {address} is not known")
        return found


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    match value:
        case Mapping():
            return {key: change(inner) for key, inner in value.items()}
        case list() | tuple():
            return [change(inner) for inner in value]
    return value


def _kept(reply: Reply, name: str, place: Call) -> dict[str, str]:
    """The texts that `reply` shows under `name`. All may be somebody's secrets, but for marks. Raises BadReply."""
    found = reply.get(name, "") if isinstance(reply, dict) else ""
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(text, str | None) for text in found.values()):
        raise BadReply(place.method, place.path, f"it shows no texts under '{name}'")
    return {key: text or "" if is_mark(key) else Secret(text or "", "") for key, text in found.items()}


def new_id(reply: Any, path: tuple[str, ...]) -> str | None:
    """The id that `reply` has at `path`; None where there is none."""
    for key in path:
        reply = reply.get(key) if isinstance(reply, dict) else None
    text = str(reply) if isinstance(reply, int | str) and not isinstance(reply, bool) else ""
    return text if is_id(text) else None
