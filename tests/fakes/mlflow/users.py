"""The fake with users, as `mlflow server --app-name basic-auth`: who sends a request, and what each may do."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.fakes.transport import Reply

from .errors import ApiError, absent, invalid, missing
from .server import FakeMlflow
from .wire import Json

ADMIN, PASSWORD = "admin", "opensesame-4711"
LEVELS = ("READ", "USE", "EDIT", "MANAGE", "DENY")
_NEEDED = {
    "experiments/update": ("EDIT", "MANAGE"),
    "experiments/set-experiment-tag": ("EDIT", "MANAGE"),
    "experiments/delete-experiment-tag": ("EDIT", "MANAGE"),
    "experiments/delete": ("MANAGE",),
    "experiments/restore": ("MANAGE",),
}
"""The levels that a request about an experiment needs; who has none may read."""
_TRACKING, _RIGHTS = "/api/2.0/mlflow/", "/api/3.0/mlflow/"
DENIED: Reply = (403, "Permission denied", {"Content-Type": "text/html; charset=utf-8"})


class Grants(dict[tuple[str, str], str]):
    """Levels by the type and the id of what they are about; each that is made has an id of its own."""

    numbers = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[tuple[str, str], int] = {}

    def __setitem__(self, key: tuple[str, str], level: str) -> None:
        if key not in self:
            self.ids[key] = next(self.numbers)
        super().__setitem__(key, level)


@dataclass
class Role:
    id: int
    name: str
    grants: Grants = field(default_factory=Grants)

    def show(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "description": None,
            "workspace": "default",
            "permissions": [self.shown(key) for key in self.grants],
        }

    def shown(self, key: tuple[str, str]) -> Json:
        return {
            "id": self.grants.ids[key],
            "role_id": self.id,
            "resource_type": key[0],
            "resource_pattern": key[1],
            "permission": self.grants[key],
        }


@dataclass
class User:
    id: int
    name: str
    is_admin: bool = False
    roles: list[Role] = field(default_factory=list)

    def show(self) -> Json:
        return {"id": self.id, "username": self.name, "is_admin": self.is_admin}

    def level(self, number: str) -> str:
        levels = [level for role in self.roles for (_, pattern), level in role.grants.items() if pattern == number]
        return max(levels, key=LEVELS.index, default="READ")


def _held(user: User) -> Json:
    """What a user was granted by all roles."""
    found = [
        {**role.shown(key), "role_name": role.name, "workspace": "default"}
        for role in user.roles
        for key in role.grants
    ]
    return {"is_admin": user.is_admin, "permissions": found}


def _check(level: str) -> None:
    if level not in LEVELS:
        raise invalid(f"Invalid permission '{level}'. Valid permissions are: {LEVELS}")


class FakeMlflowWithUsers(FakeMlflow):
    """`names`: the users beside the administrator; all have one password."""

    def __init__(self, *names: str) -> None:
        self._names = (ADMIN, *names)
        super().__init__()

    def _empty(self) -> None:
        super()._empty()
        self.users = {name: User(number, name, name == ADMIN) for number, name in enumerate(self._names, 1)}
        self._role_ids = 0

    def levels(self, number: str) -> dict[str, str]:
        """What users have been granted of an experiment itself."""
        return {
            user.name: role.grants["experiment", number]
            for user in self.users.values()
            for role in user.roles
            if role.name == f"__user_{user.id}__" and ("experiment", number) in role.grants
        }

    def grant(self, user: str, number: str, level: str, role: str = "") -> None:
        """What somebody else does; with a `role` it is not the user's own."""
        found = self.users[user]
        self._role(found, role or f"__user_{found.id}__").grants["experiment", number] = level

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        caller = self._caller(headers.get("authorization", ""))
        if caller is None:
            return 401, "You are not authenticated.", {"WWW-Authenticate": 'Basic realm="mlflow"'}
        try:
            with self._lock:
                return self._ours(method, path, query, body or {}, caller) or self._passed(
                    (method, path, query, body, headers), caller
                )
        except ApiError as error:
            return error.status, error.body

    def _passed(self, request: tuple[str, str, dict[str, str], Any, Mapping[str, str]], caller: User) -> Reply:
        """What the server does without users, for those who may; whoever makes an experiment manages it."""
        route = request[1].removeprefix(_TRACKING)
        needed = _NEEDED.get(route)
        if needed and not caller.is_admin and caller.level(str(request[3]["experiment_id"])) not in needed:
            return DENIED
        reply = super().answer(*request)
        if route == "experiments/create" and reply[0] == 200:
            self.grant(caller.name, reply[1]["experiment_id"], "MANAGE")  # type: ignore[index]
        return reply

    def _ours(self, method: str, path: str, query: Mapping[str, str], body: Json, caller: User) -> Reply | None:
        """What a server without users has not."""
        handlers: Mapping[tuple[str, str], Callable[[], Reply]] = {
            ("GET", f"{_TRACKING}users/current"): lambda: (200, {"user": caller.show(), "is_basic_auth": True}),
            ("GET", f"{_TRACKING}users/list"): lambda: (200, {"users": [*self._listed(caller)]}),
            ("GET", f"{_RIGHTS}users/current/permissions"): lambda: (200, _held(caller)),
            ("GET", f"{_RIGHTS}roles/list"): lambda: self._roles(query, caller),
            ("POST", f"{_RIGHTS}users/permissions/grant"): lambda: self._change(
                body, caller, body.get("permission", "")
            ),
            ("POST", f"{_RIGHTS}users/permissions/revoke"): lambda: self._change(body, caller, None),
            ("PATCH", f"{_RIGHTS}roles/permissions/update"): lambda: self._update(body, caller),
        }
        return handlers[method, path]() if (method, path) in handlers else None

    def _roles(self, query: Mapping[str, str], caller: User) -> Reply:
        if not (caller.is_admin or (query.get("workspace") and caller.roles)):
            return DENIED
        return 200, {"roles": [role.show() for user in self.users.values() for role in user.roles]}

    def _update(self, body: Json, caller: User) -> Reply:
        if not caller.is_admin:
            return DENIED
        level, number = body["permission"], body["role_permission_id"]
        _check(level)
        for role in (role for user in self.users.values() for role in user.roles):
            for key in role.grants:
                if role.grants.ids[key] == number:
                    role.grants[key] = level
                    return 200, {"role_permission": role.shown(key)}
        raise absent(f"Role permission with id={number} not found")

    def _change(self, body: Json, caller: User, level: str | None) -> Reply:
        for name in ("username", "resource_type", "resource_id"):
            if name not in body:
                raise missing(name)
        number = body["resource_id"]
        if not (caller.is_admin or caller.level(number) == "MANAGE"):
            return DENIED
        user = self.users.get(body["username"])
        if user is None:
            raise absent(f"User with username={body['username']} not found")
        if level is not None:
            _check(level)
        grants, key = self._role(user, f"__user_{user.id}__").grants, (body["resource_type"], number)
        words = f"Permission for user={user.name} on resource_type={key[0]}, resource_id={number}"
        if level is None:
            if grants.pop(key, None) is None:
                raise absent(f"{words} not found.")
        elif key in grants:
            raise ApiError("RESOURCE_ALREADY_EXISTS", f"{words} already exists.")
        else:
            grants[key] = level
        return 200, {}

    def _listed(self, caller: User) -> Iterator[Json]:
        """The roles of others are shown to administrators only."""
        for user in self.users.values():
            seen = caller.is_admin or user is caller
            yield {**user.show(), "roles": [role.show() for role in user.roles] if seen else []}

    def _role(self, user: User, name: str) -> Role:
        found = next((role for role in user.roles if role.name == name), None)
        if found is None:
            self._role_ids += 1
            found = Role(self._role_ids, name)
            user.roles.append(found)
        return found

    def _caller(self, authorization: str) -> User | None:
        try:
            name, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        except ValueError:
            return None
        return self.users.get(name) if password == PASSWORD else None
