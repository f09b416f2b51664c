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
from reconciler.backends.mlflow.replies import Grant, Role, Roles, TheUser, User, Users, read
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
    absent: ClassVar[str] = "the server has no users, or does not tell their permissions, as MLflow 3.1 and older"

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
        return _by_experiment(ids, users, roles, changeable=bool(caller.get("is_admin")))

    def grant(self, address: Address, levels: Mapping[Path, Value]) -> list[Call]:
        return [self._grant(address, path, level) for path, level in sorted(levels.items())]

    def change(self, live: Live, changes: Sequence[FieldChange]) -> list[Call]:
        """An administrator changes a grant by its id. Who is none has to revoke it before another level is granted."""
        return [call for change in changes for call in self._changed(live, change)]

    def _changed(self, live: Live, change: FieldChange) -> Iterator[Call]:
        ident = live.facts.get(change.path)
        if ident is not None and change.after is not None:
            api, body = self._later, {"role_permission_id": ident, "permission": change.after}
            yield api.patch("roles/permissions/update", body, (change.path,))
            return
        if change.before is not None:
            yield self._revoke(live.address, change.path)
        if change.after is not None:
            yield self._grant(live.address, change.path, change.after)

    def caller(self) -> Flow[tuple[str, ...]]:
        """Who we are; nobody where the server has no users, or is too old to be asked for their permissions."""
        ourselves, api = self._current(), self._later
        current, held = yield [ourselves, api.get("users/current/permissions", {}, (NO_ROUTE,))]
        if current is None or held is None:
            return ()
        return (f"{USER}{read(current, TheUser, ourselves).user['username']}",)

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


def _by_experiment(
    ids: Sequence[str], users: Sequence[User], roles: Iterable[Role], *, changeable: bool
) -> dict[str, Access]:
    """The grants of each experiment, by the users whose own role has them; administrators manage all.

    `changeable`: the ids of the grants are of use.
    """
    own = {f"__user_{user['id']}__": f"{USER}{user['username']}" for user in users}
    admins = [f"{USER}{user['username']}" for user in users if user.get("is_admin")]
    found: dict[str, dict[str, Grant]] = {number: {} for number in ids}
    for name, grant in _grants(roles):
        if name in own and grant["resource_pattern"] in found:
            found[grant["resource_pattern"]][own[name]] = grant
    return {
        number: Access(
            {name: grant["permission"] for name, grant in grants.items()},
            admins,
            {name: grant["id"] for name, grant in grants.items()} if changeable else {},
        )
        for number, grants in found.items()
    }


def _grants(roles: Iterable[Role]) -> Iterator[tuple[str, Grant]]:
    """The grants of experiments, with the role of each."""
    for role in roles:
        for grant in role.get("permissions") or ():
            if grant["resource_type"] == "experiment":
                yield role["name"], grant
