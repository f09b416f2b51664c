"""Who may do what with an experiment, on an MLflow server with users: what is declared, and nothing else."""

from __future__ import annotations

import base64
import json

import pytest

from reconciler import Session
from tests.e2e.findings import check
from tests.e2e.tools import sending, writes
from tests.fakes.mlflow import FakeMlflow, Fault
from tests.fakes.mlflow.users import ADMIN, PASSWORD, FakeMlflowWithUsers

GRANT, REVOKE = "/api/3.0/mlflow/users/permissions/grant", "/api/3.0/mlflow/users/permissions/revoke"
UPDATE = "/api/3.0/mlflow/roles/permissions/update"

SEARCHES = ("experiments/search", "runs/search", "logged-models/search")


def manifest(**levels):
    entries = "".join(f"\n      user:{name}: {level}" for name, level in levels.items())
    return f"experiments:\n  fraud:\n    tags: {{team: ml}}\n    permissions:{entries or ' {}'}\n"


def sign_in(shell, url, user=ADMIN, **options):
    shell.configure(url.replace("//", f"//{user}:{PASSWORD}@"), **options)


@pytest.fixture
def fake():
    return FakeMlflowWithUsers("alice", "bob", "carol")


@pytest.fixture
def signed(shell, url):
    sign_in(shell, url)
    return shell


def levels(fake):
    """What users were granted of the only experiment, but for the administrator who made it."""
    return {name: level for name, level in fake.levels("1").items() if name != ADMIN}


def test_they_are_written_after_the_experiment_is_made_and_then_there_is_nothing_to_do(signed, fake):
    with sending(fake) as sent:
        result = signed.apply(manifest(alice="EDIT", bob="DENY"))
    assert "permissions.'user:alice'" in result.out
    assert sent.paths == ["experiments/create", GRANT, GRANT, "experiments/set-experiment-tag"]
    assert levels(fake) == {"alice": "EDIT", "bob": "DENY"}
    before = len(fake.requests)
    assert "No changes" in signed("plan").out
    assert {one.path for one in fake.requests[before:]} == {*SEARCHES, "users/list", "users/current"}
    assert len(fake.requests) - before == 5


def test_without_permissions_nothing_is_asked_about_them(signed, fake):
    signed.apply("experiments: {fraud: {tags: {team: ml}}}\n")
    signed.apply("experiments: {fraud: {tags: {team: risk}}}\n")
    assert "No changes" in signed("plan").out
    assert not [one.path for one in fake.requests if "users" in one.path or "roles" in one.path]


def test_a_level_changes_an_entry_goes_and_the_others_stay(signed, fake):
    signed.apply(manifest(alice="EDIT", bob="READ"))
    fake.grant("carol", "1", "MANAGE")
    fake.grant("alice", "1", "READ", role="readers")
    with sending(fake) as sent:
        signed.apply(manifest(alice="USE"))
    assert sent.paths == [UPDATE, REVOKE, "experiments/set-experiment-tag"]
    assert levels(fake) == {"alice": "USE", "carol": "MANAGE"}
    assert fake.users["alice"].roles[1].grants == {("experiment", "1"): "READ"}
    assert "No changes" in signed("plan").out
    signed.apply("experiments: {fraud: {tags: {team: ml}}}\n")
    assert levels(fake) == {"carol": "MANAGE"}


def test_drift_is_found_and_put_back(signed, fake):
    signed.apply(manifest(alice="EDIT", bob="READ"))
    fake.grant("alice", "1", "READ")
    del fake.users["bob"].roles[0].grants["experiment", "1"]
    found = signed("drift", code=3).out
    assert "permissions.'user:alice'" in found
    assert "permissions.'user:bob'" in found
    assert signed("plan").out.count("changed on the server") == 2
    signed("apply", "--yes")
    assert levels(fake) == {"alice": "EDIT", "bob": "READ"}


def test_what_is_there_already_is_taken_over(signed, fake, server):
    number = Asked(fake).made("fraud")
    fake.grant("alice", number, "EDIT")
    fake.grant("bob", number, "EDIT")
    with sending(fake) as sent:
        signed.apply("experiments:\n  fraud:\n    permissions: {'user:alice': EDIT}\n")
    assert sent.paths == ["experiments/set-experiment-tag"]
    signed.apply("experiments:\n  fraud:\n")
    assert fake.levels(number) == {ADMIN: "MANAGE", "bob": "EDIT"}


class Asked:
    """What somebody else does."""

    def __init__(self, fake):
        self.fake = fake

    def made(self, name):
        header = "Basic " + base64.b64encode(f"{ADMIN}:{PASSWORD}".encode()).decode()
        path = "/api/2.0/mlflow/experiments/create"
        _, reply = self.fake.answer("POST", path, {}, {"name": name}, {"authorization": header})
        return reply["experiment_id"]


def test_a_grant_whose_reply_was_lost_is_there_once(signed, fake):
    lost = []

    def fault(number, method, path):
        if path == GRANT and not lost:
            lost.append(number)
            return Fault.lost()
        return None

    fake.fault = fault
    signed.apply(manifest(alice="EDIT"))
    assert levels(fake) == {"alice": "EDIT"}


def test_an_apply_that_broke_off_between_making_and_granting_is_finished_by_the_next(signed, fake):
    fake.fault = lambda _number, _method, path: Fault(400, {"error_code": "X"}) if path == GRANT else None
    signed.apply(manifest(alice="EDIT"), code=4)
    assert levels(fake) == {}
    fake.fault = None
    signed("apply", "--yes")
    assert levels(fake) == {"alice": "EDIT"}


def test_who_applies_does_not_lock_itself_out(shell, url, fake):
    sign_in(shell, url, "alice")
    made = "experiments:\n  fraud:\n    permissions: {'user:alice': MANAGE, 'user:bob': EDIT}\n"
    shell.apply(made)
    assert fake.levels("1") == {"alice": "MANAGE", "bob": "EDIT"}
    before = writes(fake)
    for text, place in ((made.replace("MANAGE", "EDIT"), "3:19"), (made.replace("'user:alice': MANAGE, ", ""), "3:5")):
        shell.manifest(text)
        for command in (("plan",), ("apply", "--yes")):
            check(shell(*command, code=1), "lock-out", "user:alice", f"main.yaml:{place}", hint="MANAGE")
    assert writes(fake) == before
    shell.apply(made.replace("EDIT", "READ"))
    assert fake.levels("1") == {"alice": "MANAGE", "bob": "READ"}


def test_an_administrator_cannot_be_locked_out(signed, fake):
    signed.apply(manifest(admin="MANAGE", alice="READ"))
    signed.apply(manifest(alice="READ"))
    assert fake.levels("1") == {"alice": "READ"}
    assert "No changes" in signed("plan").out


def test_a_grant_that_was_made_anew_is_not_changed(signed, fake):
    signed.apply(manifest(alice="EDIT"))
    signed.manifest(manifest(alice="USE"))
    signed("plan", "--out", "plan.json")
    del fake.users["alice"].roles[0].grants["experiment", "1"]
    fake.grant("alice", "1", "EDIT")
    before = writes(fake)
    check(signed("apply", "plan.json", "--yes", code=5), "stale-plan")
    assert writes(fake) == before


def test_who_makes_an_experiment_does_not_lock_itself_out(shell, url, fake):
    sign_in(shell, url, "alice")
    shell.manifest(manifest(alice="EDIT"))
    check(shell("plan", code=1), "lock-out", "user:alice", "main.yaml:5:7")
    assert writes(fake) == []


def test_a_plan_is_stale_once_an_entry_has_changed(signed, fake):
    signed.apply(manifest(alice="EDIT", bob="READ"))
    signed.manifest(manifest(alice="USE"))
    signed("plan", "--out", "plan.json")
    fake.grant("alice", "1", "MANAGE")
    before = writes(fake)
    check(signed("apply", "plan.json", "--yes", code=5), "stale-plan", "user:alice", "MANAGE")
    assert writes(fake) == before


def test_a_server_without_users_says_so_while_planning(shell, monkeypatch):
    plain = FakeMlflow()
    with plain.serve() as base:
        shell.configure(base)
        shell.manifest(manifest(alice="EDIT"))
        check(shell("plan", code=1), "unsupported", "user:alice", "no users", "main.yaml:5:7")
        assert writes(plain) == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("user:alice: CAN_EDIT", "cannot be 'CAN_EDIT'"),
        ("group:all: READ", "names no user"),
        ("'user:': READ", "names no user"),
        ("alice: READ", "names no user"),
    ],
)
def test_what_mlflow_does_not_know_is_refused_without_asking(entry, words, shell, fake):
    shell.manifest(f"experiments:\n  fraud:\n    permissions:\n      {entry}\n")
    check(shell("validate", code=1), "bad-value", words, "main.yaml:4:7")


def test_users_that_differ_in_case_alone_are_refused(shell):
    shell.manifest(manifest(alice="EDIT", Alice="READ"))
    found = shell("validate", code=1).err
    assert "main.yaml:4:5: error: permissions has 'user:alice' and 'user:Alice', which are the same to" in found


def test_of_an_experiment_of_somebody_else_only_what_is_declared_is_managed(signed, fake, server):
    number = Asked(fake).made("common")
    fake.grant("bob", number, "EDIT")
    shared = "experiments:\n  shared: {existing: true, name: common, permissions: {'user:alice': READ}}\n"
    signed.apply(shared)
    assert fake.levels(number) == {ADMIN: "MANAGE", "alice": "READ", "bob": "EDIT"}
    plan = json.loads(signed("plan", "--format", "json").out)
    assert plan["steps"] == []
    signed.apply("experiments: {}\n")
    assert fake.levels(number) == {ADMIN: "MANAGE", "bob": "EDIT"}


def test_who_has_no_role_yet_can_plan_and_make_an_experiment(shell, url, fake):
    """Such a user may not see any roles, and manages nothing."""
    sign_in(shell, url, "carol")
    number = Asked(fake).made("common")
    fake.grant("bob", number, "EDIT")
    shell.manifest("experiments:\n  common: {permissions: {'user:bob': READ}}\n")
    assert "permissions.'user:bob'" in shell("plan").out
    shell.apply("experiments:\n  own: {permissions: {'user:bob': READ}}\n")
    assert fake.levels("2") == {"carol": "MANAGE", "bob": "READ"}


def test_what_was_asked_once_is_known(signed, fake):
    signed.manifest(manifest(alice="EDIT"))
    session = Session(signed.folder / "manifests")
    assert [len(session.plan().steps) for _ in range(2)] == [1, 1]
    assert [one.path for one in fake.requests if "current" in one.path] == [
        "users/current",
        "/api/3.0/mlflow/users/current/permissions",
    ]


def test_where_an_experiment_is_there_a_server_without_users_says_so_too(shell):
    plain = FakeMlflow()
    with plain.serve() as base:
        shell.configure(base)
        shell.apply("experiments: {fraud: {tags: {team: ml}}}\n")
        shell.manifest(manifest(alice="EDIT"))
        check(shell("plan", code=1), "unsupported", "user:alice", "no users", "main.yaml:5:7")
