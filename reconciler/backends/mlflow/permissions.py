"""Permissions of experiments on an MLflow server with users (`--app-name basic-auth`): grants, each of one user.

MLflow keeps them in a role that each user has alone, and adds those of other roles, which are never touched here.
Source: MLflow 3.17.2, `mlflow/server/auth`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from reconciler.backends.mlflow.api import ABSENT, TAKEN, Api
from reconciler.backends.mlflow.replies import Role, Roles, TheUser, User, Users, read
from reconciler.backends.permitted import USER, Access
from reconciler.core.address import Address
from reconciler.core.call import NO_ROUTE, Call, Flow, id_of
from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.resource import Live

LEVELS = ("READ", "USE", "EDIT", "MANAGE", "DENY")
_USUAL = re.compile(r"/api/2\.0/(preview/)?mlflow$")


@dataclass(frozen=True, slots=True)
class Grants:
    """`workspace`: the one whose roles count."""

    api: Api
    workspace: str = "default"
    managing: ClassVar[str] = "MANAGE"
    absent: ClassVar[str] = "the server has no users; MLflow has them where it is started with --app-name basic-auth"

    def check(self, principal: str, level: Value) -> tuple[str, str] | None:
        if not principal.removeprefix(USER) or not principal.startswith(USER):
            return "names no user, and MLflow gives rights to users alone", "write user:NAME"
        if level not in LEVELS:
            return f"cannot be '{level}'", f"it can be {', '.join(LEVELS)}"
        return None

    def same(self, principal: str) -> str:
        """MLflow takes Bob and bob for two."""
        return principal

    def read(self, ids: Sequence[str]) -> Flow[Mapping[str, Access]]:
        """All users with their own grants; those of others only an administrator sees there, else the roles show them.

        Who has no role yet may not see any, and manages nothing.
        """
        everybody, ourselves = self.api.get("users/list", {}, (NO_ROUTE,)), self._current()
        listed, current = yield [everybody, ourselves]
        if listed is None or current is None:
            return {}
        users, caller = read(listed, Users, everybody).users, read(current, TheUser, ourselves).user
        known = next((user for user in users if user["id"] == caller["id"]), caller)
        roles = [role for user in users for role in user.get("roles") or ()]
        if not caller.get("is_admin") and known.get("roles"):
            api = self._later
            call = api.get("roles/list", {"workspace": self.workspace})
            (reply,) = yield [call]
            roles = read(reply, Roles, call).roles
        return _by_experiment(ids, users, roles)

    def grant(self, address: Address, levels: Mapping[Path, Value]) -> list[Call]:
        return [self._grant(address, path, level) for path, level in sorted(levels.items())]

    def change(self, live: Live, changes: Sequence[FieldChange]) -> list[Call]:
        """A grant that is there cannot be changed by its user's name, so that it is revoked before."""
        calls = []
        for change in changes:
            if change.before is not None:
                calls.append(self._revoke(live.address, change.path))
            if change.after is not None:
                calls.append(self._grant(live.address, change.path, change.after))
        return calls

    def caller(self) -> Flow[tuple[str, ...]]:
        """Who we are; nobody where the server has no users."""
        call = self._current()
        (reply,) = yield [call]
        return (f"{USER}{read(reply, TheUser, call).user['username']}",) if reply is not None else ()

    def _grant(self, address: Address, path: Path, level: Value) -> Call:
        # it is there already where the reply was lost, and with MANAGE for whoever makes the experiment
        api, body = self._later, {**_about(address, path), "permission": level}
        return api.post("users/permissions/grant", body, (path,), TAKEN)

    def _revoke(self, address: Address, path: Path) -> Call:
        api = self._later
        return api.post("users/permissions/revoke", _about(address, path), (path,), ABSENT)

    def _current(self) -> Call:
        return self.api.get("users/current", {}, (NO_ROUTE,))

    @property
    def _later(self) -> Api:
        """What came with the third version of the API."""
        return Api(_USUAL.sub("/api/3.0/mlflow", self.api.prefix))


def _about(address: Address, path: Path) -> dict[str, object]:
    return {"username": path[1].removeprefix(USER), "resource_type": "experiment", "resource_id": id_of(address)}


def _by_experiment(ids: Sequence[str], users: Iterable[User], roles: Iterable[Role]) -> dict[str, Access]:
    """The grants of each experiment, by the users whose own role has them."""
    own = {f"__user_{user['id']}__": f"{USER}{user['username']}" for user in users}
    direct: dict[str, dict[str, str]] = {number: {} for number in ids}
    for name, number, level in _grants(roles):
        if name in own and number in direct:
            direct[number][own[name]] = level
    return {number: Access(levels) for number, levels in direct.items()}


def _grants(roles: Iterable[Role]) -> Iterator[tuple[str, str, str]]:
    """Role, experiment and level."""
    for role in roles:
        for grant in role.get("permissions") or ():
            if grant["resource_type"] == "experiment":
                yield role["name"], grant["resource_pattern"], grant["permission"]
