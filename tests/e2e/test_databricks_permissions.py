"""Who may do what with an experiment of a workspace: its own entries as declared, and nothing else."""

from __future__ import annotations

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import sending, writes
from tests.e2e.workspaces import FakeDatabricks, settled, somebody
from tests.fakes.databricks import USER
from tests.fakes.mlflow import Fault

PERMITTED = "/api/2.0/permissions/experiments/"
ADA = f"user:{USER}"


@pytest.fixture
def fake():
    return FakeDatabricks()


@pytest.fixture
def url(fake):
    with fake.serve() as base:
        yield base


@pytest.fixture
def shell(plain, url):
    return settled(plain, url)


@pytest.fixture
def node(fake):
    """What the workspace has of the only experiment, as `direct` entries: by kind and name."""
    return Node(fake)


class Node:
    def __init__(self, fake):
        self.fake = fake

    @property
    def entries(self):
        """But for that of who made it."""
        (found,) = self.fake._state.experiments.values()
        return {f"{kind}:{name}": level for (kind, name), level in found.direct.items() if name != USER}

    def set(self, name, level, kind="user_name"):
        (found,) = self.fake._state.experiments.values()
        if level:
            found.direct[kind, name] = level
        else:
            del found.direct[kind, name]


def manifest(more="", **levels):
    entries = "".join(f"\n      {name.replace('__', ':')}: {level}" for name, level in levels.items())
    return f"experiments:\n  fraud:\n    permissions:{entries}{more}\n"


BOTH = manifest(user__bob="CAN_EDIT", group__all="CAN_READ")


def permitting(sent):
    return [(one.method, one.body["access_control_list"]) for one in sent.requests if one.path.startswith(PERMITTED)]


def test_they_are_written_after_the_experiment_is_made_and_then_there_is_nothing_to_do(shell, fake, node):
    with sending(fake) as sent:
        shell.apply(BOTH)
    assert permitting(sent) == [
        (
            "PATCH",
            [
                {"group_name": "all", "permission_level": "CAN_READ"},
                {"user_name": "bob", "permission_level": "CAN_EDIT"},
            ],
        )
    ]
    assert node.entries == {"user_name:bob": "CAN_EDIT", "group_name:all": "CAN_READ"}
    before = len(fake.requests)
    assert "No changes" in shell("plan").out
    assert len(fake.requests) - before == 4


def test_a_level_is_changed_without_touching_another_entry(shell, fake, node):
    shell.apply(BOTH)
    node.set("eve", "CAN_MANAGE")
    with sending(fake) as sent:
        shell.apply(BOTH.replace("CAN_EDIT", "CAN_MANAGE"))
    assert permitting(sent) == [("PATCH", [{"user_name": "bob", "permission_level": "CAN_MANAGE"}])]
    assert node.entries == {"user_name:bob": "CAN_MANAGE", "group_name:all": "CAN_READ", "user_name:eve": "CAN_MANAGE"}


def test_an_entry_goes_and_all_others_are_written_as_they_are(shell, fake, node):
    shell.apply(BOTH)
    node.set("0a1b", "CAN_EDIT", "service_principal_name")
    with sending(fake) as sent:
        shell.apply(manifest(group__all="CAN_EDIT"))
    ((method, entries),) = permitting(sent)
    assert method == "PUT"
    assert {"user_name": USER, "permission_level": "CAN_MANAGE"} in entries
    assert node.entries == {"group_name:all": "CAN_EDIT", "service_principal_name:0a1b": "CAN_EDIT"}
    assert "No changes" in shell("plan").out
    shell.apply("experiments: {fraud: }\n")
    assert node.entries == {"service_principal_name:0a1b": "CAN_EDIT"}


@pytest.mark.parametrize("level", ["CAN_READ", ""])
def test_taking_one_away_is_stale_once_somebody_has_changed_another(level, shell, fake, node):
    shell.apply(BOTH)
    node.set("eve", "CAN_EDIT")
    shell.manifest(manifest(group__all="CAN_READ"))
    shell("plan", "--out", "plan.json")
    node.set("eve", level)
    before = writes(fake)
    check(shell("apply", "plan.json", "--yes", code=5), "stale-plan", "user:eve")
    assert writes(fake) == before


def test_drift_is_found_and_put_back(shell, node):
    shell.apply(BOTH)
    node.set("bob", "CAN_READ")
    node.set("all", "", "group_name")
    assert "1 changed, 1 missing" in shell("drift", code=3).out
    shell("apply", "--yes")
    assert node.entries == {"user_name:bob": "CAN_EDIT", "group_name:all": "CAN_READ"}


def test_case_makes_no_difference(shell, fake, node):
    shell.apply(manifest(user__Bob="CAN_EDIT"))
    assert node.entries == {"user_name:bob": "CAN_EDIT"}
    assert "No changes" in shell("plan").out
    assert "No drift" in shell("drift").out
    with sending(fake) as sent:
        shell.apply(manifest(user__BOB="CAN_EDIT"))
    assert permitting(sent) == []
    shell("apply", "--yes")
    assert node.entries == {"user_name:bob": "CAN_EDIT"}


def test_what_is_inherited_is_nobodys(shell, fake, node):
    """Of an experiment at home its owner manages it by its folder."""
    shell.apply(f"experiments:\n  fraud:\n    name: /Users/{USER}/fraud\n    permissions: {{'user:bob': CAN_READ}}\n")
    assert node.entries == {"user_name:bob": "CAN_READ"}
    assert "No changes" in shell("plan").out
    shell.apply(f"experiments:\n  fraud:\n    name: /Users/{USER}/fraud\n    permissions: {{'{ADA}': CAN_MANAGE}}\n")
    with sending(fake) as sent:
        shell.apply(f"experiments:\n  fraud:\n    name: /Users/{USER}/fraud\n")
    assert [method for method, _ in permitting(sent)] == ["PUT"]


def test_who_applies_does_not_lock_itself_out(shell, fake):
    own = f"\n      {ADA}: CAN_MANAGE"
    shell.apply(manifest(own, user__bob="CAN_EDIT"))
    before = writes(fake)
    for text in (manifest(own.replace("MANAGE", "READ"), user__bob="CAN_EDIT"), manifest(user__bob="CAN_EDIT")):
        shell.manifest(text)
        check(shell("apply", "--yes", code=1), "lock-out", ADA, "main.yaml", hint="CAN_MANAGE")
    assert writes(fake) == before


def test_who_makes_an_experiment_does_not_lock_itself_out(shell, fake):
    shell.manifest(manifest(f"\n      {ADA.upper().replace('USER:', 'user:')}: CAN_READ"))
    check(shell("plan", code=1), "lock-out", "main.yaml:4:7")
    assert writes(fake) == []


def test_a_lost_reply_does_no_harm(shell, fake, node):
    lost = set()

    def fault(_number, method, path):
        if method in ("PATCH", "PUT") and path.startswith(PERMITTED) and method not in lost:
            lost.add(method)
            return Fault.lost()
        return None

    fake.fault = fault
    shell.apply(BOTH)
    shell.apply(manifest(group__all="CAN_EDIT"))
    assert lost == {"PATCH", "PUT"}
    assert node.entries == {"group_name:all": "CAN_EDIT"}


def test_they_come_back_with_an_experiment_from_the_trash(shell, fake, node):
    shell.apply(BOTH)
    somebody(fake).post("experiments/delete", experiment_id=next(iter(map(str, fake._state.experiments))))
    shell("apply", "--yes")
    assert node.entries == {"user_name:bob": "CAN_EDIT", "group_name:all": "CAN_READ"}
    assert "No changes" in shell("plan").out


@pytest.mark.parametrize(
    ("entry", "words"),
    [("user:bob: EDIT", "cannot be 'EDIT'"), ("bob: CAN_READ", "names nobody"), ("'group:': CAN_READ", "names nobody")],
)
def test_what_a_workspace_does_not_know_is_refused_without_asking(entry, words, shell, fake):
    shell.manifest(f"experiments:\n  fraud:\n    permissions:\n      {entry}\n")
    check(shell("validate", code=1), "bad-value", words, "main.yaml:4:7")
    assert fake.requests == []


def test_who_may_not_see_the_permissions_is_told_so(shell, fake):
    shell.apply(BOTH)
    (found,) = fake._state.experiments.values()
    found.direct.clear()
    check(shell("plan", code=6), "credentials", "does not have Manage permission")


def test_what_was_not_granted_is_no_drift(shell, fake, node):
    fake.fault = lambda _, method, __: Fault(400, {"error_code": "BAD_REQUEST"}) if method == "PATCH" else None
    shell.apply(BOTH, code=4)
    fake.fault = None
    assert "No drift" in shell("drift").out
    plan = shell("plan").out
    assert plan.count("manifest changed") == 2
    assert "changed on the server" not in plan
    shell("apply", "--yes")
    assert node.entries == {"user_name:bob": "CAN_EDIT", "group_name:all": "CAN_READ"}
    assert "No changes" in shell("plan").out
