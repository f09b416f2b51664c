"""What a stack leaves alone in a workspace: experiments of its other targets, and those of notebooks."""

from __future__ import annotations

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import writes
from tests.e2e.workspaces import FOLDER, HOME, TOKEN, FakeDatabricks, configure, settled, somebody
from tests.fakes.mlflow import Fault

STACK = "experiments: {fraud: {tags: {team: risk}}, churn: {}}\nruns: {base: {experiment: fraud}}\n"


@pytest.fixture
def fake():
    return FakeDatabricks()


@pytest.fixture
def server(fake):
    return somebody(fake)


@pytest.fixture
def shell(plain, url):
    return settled(plain, url)


class TestTwoTargets:
    @pytest.fixture
    def shell(self, shell, url):
        """One stack with two targets in one workspace, applied to the first."""
        one = f"backend: databricks, host: '{url}', token: {TOKEN}, name_prefix:"
        targets = f"  prod: {{{one} /Shared/prod, default: true}}\n  dev: {{{one} /Shared/dev}}\n"
        shell.write("manifests/reconciler.yaml", f"stack: ml\ntargets:\n{targets}")
        shell.apply(STACK)
        return shell

    @pytest.mark.parametrize(
        "command", [("plan",), ("apply", "--yes"), ("destroy", "--yes"), ("apply", "--yes", "--only", "experiments.*")]
    )
    def test_neither_takes_what_the_other_made(self, shell, fake, server, command):
        before, there = writes(fake), server.experiments()
        result = shell(*command, "--target", "dev", code=5)
        check(result, "outside-prefix", "'/Shared/prod/fraud'", "'/Shared/dev'", hint="a stack of its own")
        assert writes(fake) == before
        assert server.experiments() == there
        assert "3 unchanged" in shell("plan").out

    def test_nor_what_is_in_the_trash(self, shell, fake, server):
        shell("destroy", "--yes")
        before = writes(fake)
        check(shell("apply", "--yes", "--target", "dev", code=5), "outside-prefix", hint="a stack of its own")
        assert writes(fake) == before
        shell("apply", "--yes")
        assert sorted(server.experiments()) == ["/Shared/prod/churn", "/Shared/prod/fraud"]


class TestOneTarget:
    def test_what_somebody_moved_out_of_the_folder_comes_back(self, shell, server):
        shell.apply("experiments: {fraud: {}, more: {name: cards}}\n")
        for number, name in enumerate((f"{FOLDER}/fraud", f"{FOLDER}/cards")):
            found = server.experiment(name)["experiment_id"]
            server.post("experiments/update", experiment_id=found, new_name=f"{HOME}/x{number}")
        shell("apply", "--yes")
        assert sorted(server.experiments()) == [f"{FOLDER}/cards", f"{FOLDER}/fraud"]

    def test_and_is_deleted_where_it_is(self, shell, server):
        shell.apply("experiments: {fraud: {}}\n")
        found = server.experiment(f"{FOLDER}/fraud")["experiment_id"]
        server.post("experiments/update", experiment_id=found, new_name=f"{HOME}/x")
        shell("destroy", "--yes")
        assert [one["lifecycle_stage"] for one in server.experiments().values()] == ["deleted"]

    def test_a_name_may_become_an_absolute_path_and_change_as_one(self, shell, server):
        shell.apply("experiments: {fraud: {}}\n")
        for name in (f"{HOME}/a", f"{HOME}/b"):
            shell.apply(f"experiments: {{fraud: {{name: {name}}}}}\n")
        assert list(server.experiments()) == [f"{HOME}/b"]
        shell.manifest("experiments: {fraud: {tags: {team: risk}}}\n")
        check(shell("plan", code=5), "outside-prefix", f"'{HOME}/b'", hint="absolute path, or rename it")
        found = server.experiment(f"{HOME}/b")["experiment_id"]
        server.post("experiments/update", experiment_id=found, new_name=f"{FOLDER}/fraud")
        shell("apply", "--yes")
        assert "1 unchanged" in shell("plan").out

    def test_without_a_prefix_all_is_the_stacks(self, shell, url, server):
        configure(shell, url, prefix="")
        shell.apply(f"experiments: {{fraud: {{name: {HOME}/a}}}}\n")
        shell.apply(f"experiments: {{fraud: {{name: {FOLDER}/b}}}}\n")
        shell("destroy", "--yes")
        assert [one["lifecycle_stage"] for one in server.experiments().values()] == ["deleted"]

    def test_what_is_shared_may_lie_anywhere(self, shell, server):
        server.post("experiments/create", name=f"{HOME}/theirs")
        shell.apply(f"experiments: {{fraud: {{name: {HOME}/theirs, existing: true, tags: {{a: b}}}}, z: {{}}}}\n")
        shell.apply("experiments: {z: {}}\n")
        assert f"{HOME}/theirs" in server.experiments()

    def test_what_is_imported_from_the_folder_is_named_in_it(self, shell, server):
        shell.apply("experiments: {folder: {}}\n")
        for name in (f"{FOLDER}/fraud", f"{FOLDER}/a b", f"{HOME}/c"):
            server.post("experiments/create", name=name)
        shell("import", "--out", "manifests/all.yaml")
        texts = ("  a-b:\n    name: a b\n", "  fraud: {}\n", f"  {HOME[1:].replace('@', '-')}/c:\n    name: ")
        for text in texts:
            assert text in (shell.folder / "manifests/all.yaml").read_text()
        assert "3 to adopt" in shell("plan").out


class TestNotebooks:
    @pytest.fixture
    def notebook(self, fake, server):
        number = server.post("experiments/create", name=f"{HOME}/nb")["experiment_id"]
        fake._state.node(number).kind = "NOTEBOOK"
        return f"{HOME}/nb"

    def test_theirs_is_not_adopted_but_may_be_shared(self, shell, fake, server, notebook):
        before = writes(fake)
        result = shell.apply(f"experiments: {{nb: {{name: {notebook}}}}}\n", code=5)
        check(result, "notebook", "experiments.nb", "that of a notebook", hint="existing: true")
        assert writes(fake) == before
        shared = f"experiments: {{z: {{}}, nb: {{name: {notebook}, existing: true, tags: {{a: b}}}}}}\n"
        shell.apply(shared)
        assert server.experiment(notebook)["tags"]["a"] == "b"
        assert "2 unchanged" in shell("plan").out
        fake.untags = True
        shell.apply("experiments: {z: {}}\n")
        assert "a" not in server.experiment(notebook)["tags"]

    def test_one_that_an_earlier_version_adopted_is_not_deleted(self, shell, fake, server, notebook):
        (node,) = fake._state.experiments.values()
        node.kind = "MLFLOW_EXPERIMENT"
        shell.apply(f"experiments: {{nb: {{name: {notebook}}}}}\n")
        node.kind = "NOTEBOOK"
        check(shell("destroy", "--yes", code=5), "notebook", hint="existing: true")
        assert server.experiment(notebook)["lifecycle_stage"] == "active"


def test_two_workspaces_of_one_host_are_not_mistaken_for_each_other(shell, url):
    def choose(number):
        configure(shell, url, f"token: {TOKEN}, workspace_id: '{number}'")

    choose(1)
    shell.manifest(STACK)
    shell("plan", "--out", "plan.json")
    assert f"{url} (workspace 1)" in shell("show", "plan.json").out
    choose(2)
    check(shell("apply", "plan.json", "--yes", code=5), "foreign-plan", "(workspace 1)", "(workspace 2)")
    choose(1)
    shell("apply", "plan.json", "--yes")


def test_a_sensitive_name_is_refused(shell, url, monkeypatch):
    configure(shell, url, f"token: {TOKEN}, sensitive: [name]")
    monkeypatch.setenv("NAME", "/Workspace/Shared/secret")
    shell.manifest("experiments: {x: {name: '${env.NAME}'}}\n")
    result = shell("validate", code=1)
    check(result, "unsupported", "experiments.x: name cannot be sensitive", hint="out of the target's 'sensitive'")
    assert "Shared/secret" not in result.err


def test_a_workspace_that_has_no_room_for_a_request_is_asked_again(shell, fake):
    busy = Fault(400, {"error_code": "BAD_REQUEST", "message": "RPC token bucket limit has been exceeded."})
    struck = []

    def fault(_, __, path):
        struck.extend([path] * path.endswith("experiments/create"))
        return busy if struck and len(struck) == 1 and path.endswith("experiments/create") else None

    fake.fault = fault
    shell.apply("experiments: {fraud: {}}\n")
    assert len(struck) == 2


def test_one_entry_of_an_unknown_kind_forbids_only_to_take_one_away(shell, fake):
    """A request that takes one away writes all others, and could not write that one."""
    two = "experiments: {fraud: {permissions: {'user:bob': CAN_EDIT, 'group:all': CAN_READ}}}\n"
    shell.apply(two)
    (node,) = fake._state.experiments.values()
    node.direct["bot_name", "q"] = "CAN_READ"
    assert "No changes" in shell("plan").out
    shell.apply(two.replace("CAN_EDIT", "CAN_MANAGE"))
    assert node.direct["user_name", "bob"] == "CAN_MANAGE"
    shell.manifest("experiments: {fraud: {permissions: {'group:all': CAN_READ}}}\n")
    check(shell("apply", "--yes", code=1), "unsupported", "user:bob", "cannot be taken away", hint="by hand")
    assert ("bot_name", "q") in node.direct
