"""What a stack leaves alone in a workspace: experiments of its other targets, and those of notebooks."""

from __future__ import annotations

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import UNWANTED, Shell, writes
from tests.e2e.workspaces import FOLDER, HOME, TOKEN, FakeDatabricks, configure, forget, somebody

STACK = "experiments: {fraud: {tags: {team: risk}}, churn: {}}\nruns: {base: {experiment: fraud}}\n"


@pytest.fixture
def fake():
    return FakeDatabricks()


@pytest.fixture
def server(fake):
    return somebody(fake)


@pytest.fixture
def shell(tmp_path, monkeypatch, url):
    for name in UNWANTED:
        monkeypatch.delenv(name, raising=False)
    forget(monkeypatch)
    found = Shell(tmp_path, monkeypatch)
    configure(found, url)
    return found


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
        assert list(server.experiments()) == ["/Shared/prod/fraud", "/Shared/prod/churn"]


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
