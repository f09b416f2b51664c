"""An MLflow server with users: who may see and grant what, on the fake and on a real one."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.contract.api import Json, refusal, unique
from tests.fakes.mlflow.users import ADMIN, PASSWORD, FakeMlflowWithUsers
from tests.servers import guarded_mlflow

NAMES = ("alice", "Bob", "carol", "dan")
RIGHTS, TRACKING = "/api/3.0/mlflow", "/api/2.0/mlflow"


@dataclass
class Users:
    """What each user sends."""

    client: httpx.Client

    def send(self, user: str, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        auth = httpx.BasicAuth(user, PASSWORD)
        return self.client.request(method, path, auth=auth, json=body, params=query or None)

    def made(self, user: str, **more: Any) -> str:
        found = self.send(user, "POST", f"{TRACKING}/experiments/create", {"name": unique(), **more})
        assert found.status_code == 200, found.text
        return str(found.json()["experiment_id"])

    def change(self, verb: str, by: str, user: str, number: str, **more: str) -> httpx.Response:
        body = {"username": user, "resource_type": "experiment", "resource_id": number, **more}
        return self.send(by, "POST", f"{RIGHTS}/users/permissions/{verb}", body)

    def grant(self, by: str, user: str, number: str, level: str) -> httpx.Response:
        return self.change("grant", by, user, number, permission=level)

    def listed(self, by: str) -> dict[str, Json]:
        found = self.send(by, "GET", f"{TRACKING}/users/list")
        assert found.status_code == 200, found.text
        return {user["username"]: user for user in found.json()["users"]}


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.real)])
def users(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    if request.param == "fake":
        transport = FakeMlflowWithUsers(*NAMES).transport()
        with httpx.Client(base_url="http://fake", transport=transport) as client:
            yield Users(client)
        return
    if any(importlib.util.find_spec(name) is None for name in ("mlflow", "flask_wtf")):
        pytest.skip("mlflow is not installed, or not with what its users need")
    with (
        guarded_mlflow(tmp_path_factory.mktemp("users"), ADMIN, PASSWORD) as url,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as client,
    ):
        found = Users(client)
        for name in NAMES:
            body = {"username": name, "password": PASSWORD}
            assert found.send(ADMIN, "POST", f"{TRACKING}/users/create", body).status_code == 200
        yield found


def grants(user: Json) -> dict[str, str]:
    """The experiments of which a user's own role has a grant."""
    return {
        grant["resource_pattern"]: grant["permission"]
        for role in user["roles"]
        if role["name"] == f"__user_{user['id']}__"
        for grant in role["permissions"]
        if grant["resource_type"] == "experiment"
    }


def denied(response: httpx.Response) -> bool:
    return (response.status_code, response.text) == (403, "Permission denied")


def test_everybody_is_told_who_they_are(users):
    for name, admin in ((ADMIN, True), ("Bob", False)):
        found = users.send(name, "GET", f"{TRACKING}/users/current").json()["user"]
        assert (found["username"], found["is_admin"]) == (name, admin)


def test_everybody_is_told_what_they_were_granted(users):
    number = users.made("alice")
    found = users.send("alice", "GET", f"{RIGHTS}/users/current/permissions").json()
    assert found["is_admin"] is False
    (grant,) = [one for one in found["permissions"] if one["resource_pattern"] == number]
    assert (grant["resource_type"], grant["permission"]) == ("experiment", "MANAGE")


def test_whoever_makes_an_experiment_manages_it(users):
    for name in (ADMIN, "alice"):
        number = users.made(name)
        assert grants(users.listed(ADMIN)[name])[number] == "MANAGE"


def test_a_grant_is_made_once_and_cannot_be_changed(users):
    number = users.made(ADMIN)
    assert users.grant(ADMIN, "alice", number, "EDIT").json() == {}
    for level in ("EDIT", "READ"):
        refusal(users.grant(ADMIN, "alice", number, level), 400, "RESOURCE_ALREADY_EXISTS")
    assert grants(users.listed(ADMIN)["alice"])[number] == "EDIT"


def test_an_administrator_changes_a_grant_by_its_id(users):
    number = users.made("alice")
    users.grant("alice", "Bob", number, "EDIT")

    def change(by, ident, level):
        body = {"role_permission_id": ident, "permission": level}
        return users.send(by, "PATCH", f"{RIGHTS}/roles/permissions/update", body)

    (ident,) = [
        grant["id"]
        for role in users.listed(ADMIN)["Bob"]["roles"]
        for grant in role["permissions"]
        if grant["resource_pattern"] == number
    ]
    for _ in range(2):
        assert change(ADMIN, ident, "DENY").json()["role_permission"]["permission"] == "DENY"
    assert grants(users.listed(ADMIN)["Bob"])[number] == "DENY"
    assert denied(change("alice", ident, "READ"))
    refusal(change(ADMIN, ident, "NOPE"), 400, "INVALID_PARAMETER_VALUE")
    refusal(change(ADMIN, 10**6, "READ"), 404, "RESOURCE_DOES_NOT_EXIST")


def test_a_grant_is_revoked_once(users):
    number = users.made(ADMIN)
    users.grant(ADMIN, "alice", number, "DENY")
    assert users.change("revoke", ADMIN, "alice", number).json() == {}
    refusal(users.change("revoke", ADMIN, "alice", number), 404, "RESOURCE_DOES_NOT_EXIST")
    assert number not in grants(users.listed(ADMIN)["alice"])


@pytest.mark.parametrize("name", ["bob", "nobody"])
def test_a_user_that_is_not_there_gets_nothing_and_case_counts(name, users):
    number = users.made(ADMIN)
    refusal(users.grant(ADMIN, name, number, "READ"), 404, "RESOURCE_DOES_NOT_EXIST")
    refusal(users.change("revoke", ADMIN, name, number), 404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize("level", ["CAN_EDIT", "NO_PERMISSIONS"])
def test_a_level_that_is_none_is_refused(level, users):
    refusal(users.grant(ADMIN, "alice", users.made(ADMIN), level), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("level", ["READ", "USE", "EDIT", "MANAGE", "DENY"])
def test_every_level_is_taken_and_shown(level, users):
    number = users.made(ADMIN)
    users.grant(ADMIN, "alice", number, level)
    assert grants(users.listed(ADMIN)["alice"])[number] == level


def test_only_who_manages_an_experiment_grants_and_revokes(users):
    number = users.made("alice")
    users.grant("alice", "Bob", number, "EDIT")
    for verb in ("grant", "revoke"):
        assert denied(users.change(verb, "Bob", "carol", number, permission="READ"))
    users.grant("alice", "carol", number, "MANAGE")
    assert users.change("revoke", "carol", "alice", number).json() == {}
    assert denied(users.grant("alice", "alice", number, "READ"))


def test_who_may_only_edit_writes_tags_and_does_not_delete(users):
    number = users.made("alice")
    users.grant("alice", "Bob", number, "EDIT")
    tag: Callable[[str], httpx.Response] = lambda user: users.send(  # noqa: E731
        user,
        "POST",
        f"{TRACKING}/experiments/set-experiment-tag",
        {"experiment_id": number, "key": "a", "value": "b"},
    )
    assert tag("Bob").status_code == 200
    assert denied(tag("carol"))
    assert denied(users.send("Bob", "POST", f"{TRACKING}/experiments/delete", {"experiment_id": number}))


def test_only_an_administrator_sees_the_roles_of_others_among_the_users(users):
    number = users.made("alice")
    assert grants(users.listed("alice")["alice"])[number] == "MANAGE"
    users.made("Bob")
    found = users.listed("Bob")
    assert set(found) >= {ADMIN, *NAMES}
    assert found["alice"]["roles"] == []
    assert found["Bob"]["roles"]


def test_who_has_a_role_sees_all_of_them_in_the_workspace_and_nobody_else_does(users):
    number = users.made("alice")
    found = users.send("alice", "GET", f"{RIGHTS}/roles/list", workspace="default").json()["roles"]
    ident = users.listed("alice")["alice"]["id"]
    (own,) = [role for role in found if role["name"] == f"__user_{ident}__"]
    assert (number, "MANAGE") in [(grant["resource_pattern"], grant["permission"]) for grant in own["permissions"]]
    assert denied(users.send("alice", "GET", f"{RIGHTS}/roles/list"))
    assert denied(users.send("dan", "GET", f"{RIGHTS}/roles/list", workspace="default"))


def test_grants_outlive_deleting_and_restoring(users):
    number = users.made("alice")
    users.grant("alice", "Bob", number, "READ")
    for verb in ("delete", "restore"):
        users.send("alice", "POST", f"{TRACKING}/experiments/{verb}", {"experiment_id": number})
        found = users.listed(ADMIN)
        assert (grants(found["alice"])[number], grants(found["Bob"])[number]) == ("MANAGE", "READ")


def test_wrong_credentials(users):
    for auth in (None, ("alice", "wrong"), ("nobody", PASSWORD)):
        found = users.client.get(f"{TRACKING}/users/current", auth=auth)
        assert (found.status_code, found.headers["www-authenticate"]) == (401, 'Basic realm="mlflow"')
