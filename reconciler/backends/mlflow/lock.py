"""The stack's lock on MLflow: a registered model with a fixed name, which only one can create, and one can rename."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.backends.mlflow.api import ABSENT, TAKEN, Api, pairs
from reconciler.backends.mlflow.replies import (
    RegisteredModel,
    RegisteredModelPage,
    TheRegisteredModel,
    from_pairs,
    read,
)
from reconciler.core import lock
from reconciler.core.call import Call, Flow
from reconciler.core.lock import Held

_LOOKS = 3
"""How often a lock is read at most that says nothing of its holder."""
_PAGE = "1000"
"""The largest page of registered models; what it does not hold is found the next time."""


@dataclass(frozen=True, slots=True)
class RegistryLock:
    """Creating and renaming are one statement on a column that is unique; on a store of files they are not (3.17.2)."""

    api: Api

    def take(self, stack: str, held: Held) -> Call:
        body = {
            "name": lock.name(stack),
            "description": f"The lock of the stack '{stack}': an apply is under way. To release it: reconciler unlock",
            "tags": pairs(lock.tags(held)),
        }
        # a lock that goes in that moment makes the server look for it in vain (3.17.2)
        call = self.api.once("registered-models/create", body, (*TAKEN, *ABSENT))
        return replace(call, returns=("registered_model", "name"))

    def read(self, stack: str) -> Flow[Held | None]:
        """A lock that goes in that moment may show no tags, which the server reads last (3.17.2): it is read again."""
        found = yield from self.look(stack)
        for _ in range(_LOOKS - 1):
            if found != Held():
                break
            found = yield from self.look(stack)
        return found

    def look(self, stack: str) -> Flow[Held | None]:
        call = self.api.get("registered-models/get", {"name": lock.name(stack)}, ABSENT)
        (reply,) = yield [call]
        return None if reply is None else held_by(read(reply, TheRegisteredModel, call).registered_model)

    def renew(self, stack: str, held: Held, number: int) -> Call:
        ((key, value),) = lock.until(held, number).items()
        body = {"name": lock.name(stack), "key": key, "value": value}
        return self.api.once("registered-models/set-tag", body, ABSENT)

    def retire(self, stack: str, token: str) -> Call:
        body = {"name": lock.name(stack), "new_name": lock.retired_name(stack, token)}
        return self.api.once("registered-models/rename", body, (*TAKEN, *ABSENT))

    def retired(self, stack: str) -> Flow[list[Held]]:
        query = {"filter": f"name LIKE '{lock.retired_name(stack, '%')}'", "max_results": _PAGE}
        call = self.api.get("registered-models/search", query)
        (reply,) = yield [call]
        found = read(reply, RegisteredModelPage, call).registered_models or ()
        return [replace(held_by(one), token=lock.token_in(stack, one.get("name") or "")) for one in found]

    def forget(self, stack: str, token: str) -> Call:
        return self.api.delete(
            "registered-models/delete", absorbs=ABSENT, body={"name": lock.retired_name(stack, token)}
        )


def held_by(model: RegisteredModel) -> Held:
    return lock.read(from_pairs(model.get("tags")))
