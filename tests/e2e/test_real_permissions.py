"""Permissions on a real MLflow server with users: set, changed, taken away, put back, and nobody locked out."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.findings import check
from tests.servers import guarded_mlflow

pytestmark = pytest.mark.real
ADMIN, PASSWORD = "admin", "opensesame-4711"
USERS = ("alice", "bob", "carol")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    pytest.importorskip("mlflow")
    pytest.importorskip("flask_wtf")
    with guarded_mlflow(tmp_path_factory.mktemp("users"), ADMIN, PASSWORD) as url:
        for name in USERS:
            body = {"username": name, "password": PASSWORD}
            made = httpx.post(f"{url}/api/2.0/mlflow/users/create", json=body, auth=(ADMIN, PASSWORD))
            assert made.status_code == 200, made.text
        yield url


@pytest.fixture
def shell(plain, real):
    return plain


def levels(url, number):
    """What users were granted of an experiment."""
    users = httpx.get(f"{url}/api/2.0/mlflow/users/list", auth=(ADMIN, PASSWORD)).json()["users"]
    return {
        user["username"]: grant["permission"]
        for user in users
        for role in user["roles"]
        for grant in role["permissions"]
        if grant["resource_pattern"] == number
    }


def change(url, verb, name, number, **more):
    body = {"username": name, "resource_type": "experiment", "resource_id": number, **more}
    found = httpx.post(f"{url}/api/3.0/mlflow/users/permissions/{verb}", json=body, auth=(ADMIN, PASSWORD))
    assert found.status_code == 200, found.text


def ident(url, name):
    query = {"experiment_name": name}
    found = httpx.get(f"{url}/api/2.0/mlflow/experiments/get-by-name", params=query, auth=(ADMIN, PASSWORD))
    return found.json()["experiment"]["experiment_id"]


def manifest(name, **entries):
    lines = "".join(f"\n      user:{user}: {level}" for user, level in entries.items())
    return f"experiments:\n  {name}:\n    permissions:{lines or ' {}'}\n"


@pytest.mark.parametrize("user", [ADMIN, "alice"])
def test_a_whole_life(user, shell, real):
    """Of an administrator, and of somebody who manages what she makes and nothing else."""
    name = f"of-{user}"
    shell.configure(real.replace("//", f"//{user}:{PASSWORD}@"), name=f"stack-{user}")
    shell.apply(manifest(name, bob="EDIT", carol="READ"))
    number = ident(real, name)
    assert levels(real, number) == {user: "MANAGE", "bob": "EDIT", "carol": "READ"}
    assert "No changes" in shell("plan").out

    change(real, "revoke", "bob", number)
    change(real, "revoke", "carol", number)
    change(real, "grant", "carol", number, permission="MANAGE")
    assert "1 changed, 1 missing" in shell("drift", code=3).out
    shell("apply", "--yes")
    assert levels(real, number) == {user: "MANAGE", "bob": "EDIT", "carol": "READ"}

    shell.apply(manifest(name, bob="USE"))
    assert levels(real, number) == {user: "MANAGE", "bob": "USE"}
    change(real, "grant", "carol", number, permission="DENY")
    shell.apply(manifest(name))
    assert levels(real, number) == {user: "MANAGE", "carol": "DENY"}
    shell("destroy", "--yes")
    shell.apply(manifest(name, bob="READ"))
    assert levels(real, number) == {user: "MANAGE", "carol": "DENY", "bob": "READ"}


def test_nobody_locks_itself_out(shell, real):
    shell.configure(real.replace("//", f"//bob:{PASSWORD}@"), name="of-bob")
    shell.manifest(manifest("bobs", bob="READ"))
    check(shell("plan", code=1), "lock-out", "user:bob", "main.yaml:4:7")
    shell.apply(manifest("bobs", bob="MANAGE", alice="MANAGE"))
    number = ident(real, "bobs")
    shell.manifest(manifest("bobs", alice="MANAGE"))
    check(shell("apply", "--yes", code=1), "lock-out", "user:bob", "main.yaml:3:5")
    assert levels(real, number) == {"bob": "MANAGE", "alice": "MANAGE"}


def test_a_user_that_is_not_there_is_named_by_the_server(shell, real):
    shell.configure(real.replace("//", f"//{ADMIN}:{PASSWORD}@"), name="nobody")
    result = shell.apply(manifest("lonely", nobody="READ"), code=4)
    assert "User with username=nobody not found" in result.out + result.err
