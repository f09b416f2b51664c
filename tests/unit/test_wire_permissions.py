"""Permissions as each backend has them: the exact requests, and how replies are read."""

from dataclasses import replace

import pytest

from reconciler.backends.databricks.permissions import Entries
from reconciler.backends.mlflow.api import ABSENT, TAKEN, Api
from reconciler.backends.mlflow.permissions import Grants
from reconciler.backends.permitted import Access
from reconciler.core.call import NO_ROUTE
from reconciler.core.change import Action, FieldChange
from tests.lives import address, drive, found

FRAUD = "experiments.fraud"
AT = address(FRAUD)
GRANTS, ENTRIES = Grants(Api("/api/2.0/mlflow")), Entries()
RIGHTS = "/api/3.0/mlflow/users/permissions"


def change(name, before, after):
    return FieldChange(("permissions", name), before, after, Action.update, "manifest")


def user(number, name, **more):
    return {"id": number, "username": name, "is_admin": False, **more}


def role(name, *grants):
    return {"name": name, "permissions": [dict(zip(SHAPE, grant, strict=True)) for grant in grants]}


SHAPE = ("id", "resource_type", "resource_pattern", "permission")
OTHERS = [(8, "experiment", "*", "READ"), (9, "registered_model", "5", "READ")]
OWN = role("__user_2__", (7, "experiment", "5", "EDIT"), *OTHERS)
SHARED = role("readers", (10, "experiment", "5", "READ"))


# MLflow


def granted(*replies):
    asked, access = drive(GRANTS.read(["5", "6"]), *replies)
    return [[path for _, path, _ in batch] for batch in asked], access


def test_an_administrator_reads_all_grants_in_two_requests():
    users = {"users": [user(1, "admin", is_admin=True), user(2, "ada", roles=[OWN, SHARED])]}
    asked, access = granted([users, {"user": user(1, "admin", is_admin=True)}])
    assert asked == [["users/list", "users/current"]]
    admins = ["user:admin"]
    assert access == {"5": Access({"user:ada": "EDIT"}, admins, {"user:ada": 7}), "6": Access({}, admins)}


def test_others_read_the_roles_of_the_workspace():
    mine, none = role("__user_1__", (11, "experiment", "6", "MANAGE")), {"name": "empty"}
    users = {"users": [user(1, "me", roles=[mine]), user(2, "ada"), user(3, "admin", is_admin=True)]}
    asked, access = granted([users, {"user": user(1, "me")}], [{"roles": [mine, OWN, SHARED, none]}])
    assert asked == [["users/list", "users/current"], ["/api/3.0/mlflow/roles/list"]]
    admins = ["user:admin"]
    assert access == {"5": Access({"user:ada": "EDIT"}, admins), "6": Access({"user:me": "MANAGE"}, admins)}


def test_who_has_no_role_asks_for_none():
    asked, access = granted([{"users": [user(2, "ada")]}, {"user": user(1, "me")}])
    assert (len(asked), access) == (1, {"5": Access({}, []), "6": Access({}, [])})


@pytest.mark.parametrize("replies", [[None, None], [{"users": []}, None], [None, {"user": user(1, "me")}]])
def test_a_server_without_users_tells_nothing(replies):
    assert granted(replies)[1] == {}


def test_the_caller_is_the_user_or_nobody():
    me, rights = {"user": user(1, "me")}, {"is_admin": False, "permissions": []}
    asked, name = drive(GRANTS.caller(), [me, rights])
    assert [path for _, path, _ in asked[0]] == ["users/current", "/api/3.0/mlflow/users/current/permissions"]
    assert name == ("user:me",)
    for replies in ([None, None], [me, None], [None, rights]):
        assert drive(GRANTS.caller(), replies)[1] == ()
    assert {call.absorbs for call in next(GRANTS.caller())} == {(NO_ROUTE,)}


def test_a_grant_names_user_experiment_and_level():
    (first, second) = GRANTS.grant(AT, {("permissions", "user:b"): "READ", ("permissions", "user:a:b"): "EDIT"})
    assert (first.method, first.path, first.repeatable) == ("POST", f"{RIGHTS}/grant", True)
    body = {"username": "a:b", "resource_type": "experiment", "resource_id": {"$id": FRAUD}, "permission": "EDIT"}
    assert first.body == body
    assert first.fields == (("permissions", "user:a:b"),)
    assert second.body["username"] == "b"


@pytest.mark.parametrize(
    ("before", "after", "verbs"),
    [(None, "READ", ["grant"]), ("READ", "EDIT", ["revoke", "grant"]), ("READ", None, ["revoke"])],
)
def test_a_grant_that_is_there_is_revoked_before(before, after, verbs):
    calls = GRANTS.change(found(FRAUD, {}), [change("user:ada", before, after)])
    assert [call.path for call in calls] == [f"{RIGHTS}/{verb}" for verb in verbs]
    absorbed = {"grant": TAKEN, "revoke": ABSENT}
    assert [call.absorbs for call in calls] == [absorbed[verb] for verb in verbs]


def test_an_administrator_changes_it_by_its_id():
    live = replace(found(FRAUD, {}), facts={("permissions", "user:ada"): 7})
    (call,) = GRANTS.change(live, [change("user:ada", "READ", "EDIT")])
    assert (call.method, call.path, call.repeatable) == ("PATCH", "/api/3.0/mlflow/roles/permissions/update", True)
    assert (call.body, call.fields) == (
        {"role_permission_id": 7, "permission": "EDIT"},
        (("permissions", "user:ada"),),
    )
    (call,) = GRANTS.change(live, [change("user:ada", "READ", None)])
    assert call.path == f"{RIGHTS}/revoke"


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("/api/2.0/preview/mlflow", "/api/3.0/mlflow"),
        ("/tracking/api/2.0/mlflow", "/tracking/api/3.0/mlflow"),
        ("/ours", "/ours"),
    ],
)
def test_the_later_version_of_the_api_stands_beside_the_prefix(prefix, path):
    (call,) = Grants(Api(prefix)).grant(AT, {("permissions", "user:b"): "READ"})
    assert call.path == f"{path}/users/permissions/grant"


@pytest.mark.parametrize("wrong", ["user:", "group:all", "ada", "service_principal:x"])
def test_mlflow_knows_users_alone(wrong):
    assert GRANTS.check("user:ada", "READ") is None
    assert GRANTS.check(wrong, "READ")[1] == "write user:NAME"


# Databricks


def entry(level, *, inherited=False, **name):
    return {**name, "display_name": "x", "all_permissions": [{"permission_level": level, "inherited": inherited}]}


def permitted(*entries):
    reply = {"object_id": "/experiments/5", "access_control_list": list(entries)}
    asked, access = drive(ENTRIES.read(["5", "6"]), [reply, None])
    assert [path for _, path, _ in asked[0]] == [f"/api/2.0/permissions/experiments/{number}" for number in "56"]
    return access


def test_own_entries_are_told_from_inherited_ones():
    access = permitted(
        entry("CAN_READ", user_name="ada"),
        entry("CAN_EDIT", group_name="all"),
        entry("CAN_MANAGE", service_principal_name="0a1b"),
        entry("CAN_MANAGE", inherited=True, group_name="admins"),
        entry("CAN_READ", inherited=True, group_name="guests"),
    )
    own = {"user:ada": "CAN_READ", "group:all": "CAN_EDIT", "service_principal:0a1b": "CAN_MANAGE"}
    assert access == {"5": Access(own, ["group:admins"])}


def test_the_highest_of_several_levels_counts_and_one_that_is_new_most():
    both = [{"permission_level": level} for level in ("CAN_EDIT", "CAN_READ")]
    new = [{"permission_level": level} for level in ("CAN_MANAGE", "IS_OWNER")]
    access = permitted(
        {"user_name": "ada", "all_permissions": both},
        {"user_name": "bob", "all_permissions": new},
        {"user_name": "eve"},
    )
    assert access["5"].direct == {"user:ada": "CAN_EDIT", "user:bob": "IS_OWNER"}


def test_no_list_is_an_empty_one():
    assert drive(ENTRIES.read(["5"]), [{"object_id": "/experiments/5"}])[1] == {"5": Access({}, [])}


def test_an_own_entry_of_a_new_kind_would_be_lost_by_writing_them_all():
    robot = {"display_name": "robot", "all_permissions": [{"permission_level": "CAN_READ"}]}
    ada = {"user_name": "ada", "all_permissions": [{"permission_level": "CAN_READ"}]}
    found = permitted(robot, ada)["5"]
    assert found.direct == {"user:ada": "CAN_READ"}
    assert found.notes == {"user:ada": found.stuck}
    assert "neither user, group nor service principal" in found.stuck
    strange = {"display_name": "robot", "all_permissions": [{"permission_level": "CAN_READ", "inherited": True}]}
    assert permitted(strange) == {"5": Access({}, [])}


def test_the_caller_is_a_user_or_a_service_principal_and_in_groups():
    reply = {"userName": "me", "groups": [{"display": "us", "value": "1"}, {"value": "2"}]}
    assert drive(ENTRIES.caller(), [reply])[1] == ("user:me", "service_principal:me", "group:us")
    assert drive(ENTRIES.caller(), [{"userName": "me"}])[1] == ("user:me", "service_principal:me")


def test_what_is_only_written_is_merged():
    (call,) = ENTRIES.change(found(FRAUD, {}), [change("user:b", None, "CAN_READ"), change("group:a", "x", "CAN_EDIT")])
    assert (call.method, call.path, call.repeatable) == ("PATCH", "/api/2.0/permissions/experiments/{id}", True)
    assert call.body["access_control_list"] == [
        {"group_name": "a", "permission_level": "CAN_EDIT"},
        {"user_name": "b", "permission_level": "CAN_READ"},
    ]
    assert call.fields == (("permissions", "group:a"), ("permissions", "user:b"))


def test_where_one_goes_all_others_are_written():
    live = found(FRAUD, {"name": "fraud", "permissions.user:me": "CAN_MANAGE", "permissions.user:b": "CAN_READ"})
    (call,) = ENTRIES.change(live, [change("user:b", "CAN_READ", None), change("group:a", None, "CAN_EDIT")])
    assert call.method == "PUT"
    assert call.body["access_control_list"] == [
        {"group_name": "a", "permission_level": "CAN_EDIT"},
        {"user_name": "me", "permission_level": "CAN_MANAGE"},
    ]
    assert call.fields == (("permissions", "group:a"), ("permissions", "user:b"))


@pytest.mark.parametrize("name", ["user:a", "group:a", "service_principal:a"])
def test_databricks_knows_three_kinds(name):
    assert ENTRIES.check(name, "CAN_READ") is None
    assert "CAN_EDIT" in ENTRIES.check(name, "READ")[1]
    assert ENTRIES.check(name[:-1], "CAN_READ")[0] == "names nobody"
    assert ENTRIES.same(name.upper()) == name
