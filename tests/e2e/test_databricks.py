"""A stack in a Databricks workspace: its whole life, paths as names, the trash, what cannot be removed, and limits."""

from __future__ import annotations

import json

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import Shell, sending
from tests.e2e.workspaces import FOLDER, HOME, FakeDatabricks, configure, settled, somebody

STACK = """\
experiments:
  fraud: {tags: {team: risk}}
runs:
  base: {experiment: fraud, params: {depth: 6}, metrics: {loss: [{step: 0, value: 0.5}]}, status: FINISHED}
  more: {experiment: fraud}
logged_models:
  xgb: {experiment: fraud, source_run: base, params: {depth: 6}, status: READY}
"""
FRAUD = f"{FOLDER}/fraud"
EMPTY = "No changes"


@pytest.fixture
def fake():
    return FakeDatabricks()


@pytest.fixture
def server(fake):
    return somebody(fake)


@pytest.fixture
def shell(plain, url):
    return settled(plain, url)


def ident(server, name=FRAUD):
    return server.experiment(name)["experiment_id"]


class TestLife:
    def test_from_the_first_apply_to_the_second_coming(self, shell, server):
        shell.apply(STACK)
        assert "4 unchanged" in shell("plan").out
        first = ident(server)
        assert server.model("xgb")["status"] == "LOGGED_MODEL_READY"
        assert server.run("base")["params"] == {"depth": "6"}
        assert server.points("base", "loss") == [(0, 0.5)]

        shell.apply(STACK.replace("risk", "fraud").replace("more: {", "more: {name: m, "))
        assert server.experiment(FRAUD)["tags"]["team"] == "fraud"
        assert server.run("m")
        assert "4 unchanged" in shell("plan").out

        shell.apply(STACK.replace("  more: {experiment: fraud}\n", ""))
        assert server.run("m")["lifecycle_stage"] == "deleted"
        shell.apply(STACK)
        assert server.run("more")["lifecycle_stage"] == "active"

        shell("destroy", "--yes")
        assert [one["lifecycle_stage"] for one in server.experiments().values()] == ["deleted"]
        shell.apply(STACK)
        assert ident(server) == first
        assert "4 unchanged" in shell("plan").out

    def test_drift_is_found_and_taken_back(self, shell, server):
        shell.apply(STACK)
        assert "No drift" in shell("drift").out
        server.tag(FRAUD, team="theirs")
        assert 'tags.team: "risk" -> "theirs"' in shell("drift", code=3).out
        shell("apply", "--yes")
        assert server.experiment(FRAUD)["tags"]["team"] == "risk"

    def test_what_the_workspace_adds_is_no_drift(self, shell, server):
        """It has the owner's id twice among the tags, and a tag that follows the path."""
        shell.apply(STACK)
        server.post("experiments/update", experiment_id=ident(server), new_name=f"{FOLDER}/theirs")
        assert f'name: "{FOLDER}/theirs" -> "{FRAUD}"' in shell("plan").out
        shell("apply", "--yes")
        assert "4 unchanged" in shell("plan").out

    @pytest.mark.parametrize("taken", ["RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"])
    def test_the_lock_holds_whatever_the_error_is_called(self, shell, fake, server, taken):
        fake._state.taken = taken
        server.post("registered-models/create", name="reconciler.ml.lock")
        check(shell.apply(STACK, code=5), "lock-held")

    def test_without_a_registry_the_plan_says_that_there_is_no_lock(self, shell, fake):
        fake.registry = False
        shell.manifest(STACK)
        assert "No lock: this server has no model registry" in shell("plan").out
        check(shell("apply", "--yes", code=5), "no-lock")
        shell("apply", "--yes", "--no-lock")
        assert "4 unchanged" in shell("plan").out

    def test_nothing_is_sent_to_what_others_have(self, shell, fake, server):
        """Neither in the folder of the stack nor elsewhere, from the first apply to destroy."""
        fake._state.make_folders(FOLDER)
        theirs = [
            server.post("experiments/create", name=name, tags=[{"key": "team", "value": "ops"}])["experiment_id"]
            for name in (f"{FOLDER}/other", f"{HOME}/fraud", f"{HOME}/gone")
        ]
        server.post("experiments/delete", experiment_id=theirs[2])
        runs = [server.post("runs/create", experiment_id=theirs[0])["run"]["info"]["run_id"]]
        before = [server("GET", "experiments/get", experiment_id=one) for one in theirs]
        shell.apply(STACK)
        shell.apply(STACK.replace("fraud: {tags", "fraud: {name: cards, tags"))
        shell("destroy", "--yes")
        assert [server("GET", "experiments/get", experiment_id=one) for one in theirs] == before
        told = json.dumps([[one.path, one.body, one.query] for one in fake.requests])
        assert not [one for one in (*theirs, *runs) if one in told]

    def test_a_workspace_that_does_not_search_by_tags_is_read_as_a_whole(self, shell, fake, server):
        fake.filters_tags = False
        fake._state.make_folders(FOLDER)
        server.post("experiments/create", name=f"{FOLDER}/other")
        shell.apply(STACK)
        assert "4 unchanged" in shell("plan").out
        server.post("experiments/delete", experiment_id=ident(server))
        shell.apply(STACK.replace("risk", "fraud"))
        assert server.experiment(FRAUD)["tags"]["team"] == "fraud"
        shell("destroy", "--yes")
        assert "No changes" in shell("destroy", "--yes").out

    def test_reading_commands_only_read(self, shell, fake):
        """One request is a question: it names nothing."""
        shell.apply(STACK)
        shell.manifest(STACK.replace("risk", "fraud"))
        before = len(fake.requests)
        for command in ("plan", "drift", "validate"):
            shell(command)
        shell("plan", "--out", "plan.json")
        shell("show", "plan.json")
        sent = [one for one in fake.requests[before:] if one.method != "GET"]
        assert {one.path for one in sent if not one.path.endswith("/search")} == {"experiments/delete-experiment-tag"}
        assert [one.body for one in sent if not one.path.endswith("/search")] == [{}, {}]

    def test_two_stacks_in_one_workspace(self, shell, url, tmp_path, monkeypatch, server):
        shell.apply(STACK)
        other = Shell(tmp_path / "ops", monkeypatch)
        configure(other, url, name="ops")
        check(other.apply("experiments:\n  fraud:\n", code=5), "owned-by-another-stack", "the stack 'ml'")
        other.apply("experiments:\n  fraud: {existing: true, tags: {tier: gold}}\n")
        check(shell("destroy", "--yes", code=5), "shared", "the stack 'ops'")
        assert "4 unchanged" in shell("plan").out


class TestPaths:
    @pytest.mark.parametrize(
        "name", ["fraud", FRAUD, f"/Workspace{FRAUD}", f"{FRAUD}/", f"/Workspace{FRAUD}/", f"'{FRAUD}'"]
    )
    def test_one_experiment_by_many_names(self, shell, server, name):
        shell.apply("experiments:\n  fraud:\n")
        first = ident(server)
        with sending(server.fake) as sent:
            shell.apply(f"experiments:\n  fraud: {{name: {name}}}\n")
        assert sent.paths == []
        assert (list(server.experiments()), ident(server)) == ([FRAUD], first)

    def test_two_entries_with_one_path(self, shell):
        shell.manifest(f"experiments:\n  a: {{name: fraud}}\n  b: {{name: /Workspace{FRAUD}/}}\n")
        check(shell("plan", code=1), "name-taken", FRAUD)

    def test_an_experiment_that_is_there_is_adopted_by_any_of_its_names(self, shell, fake, server):
        fake._state.make_folders(FOLDER)
        made = server.post("experiments/create", name=FRAUD)["experiment_id"]
        shell.apply(f"experiments:\n  fraud: {{name: /Workspace{FRAUD}}}\n")
        assert ident(server) == made
        assert "1 unchanged" in shell("plan").out

    def test_an_absolute_name_is_left_where_it_is(self, shell, server):
        shell.apply(f"experiments:\n  fraud: {{name: {HOME}/a/b/fraud}}\n")
        assert list(server.experiments()) == [f"{HOME}/a/b/fraud"]

    def test_the_folder_is_made_for_a_new_name_too(self, shell, server):
        shell.apply("experiments:\n  fraud:\n")
        with sending(server.fake) as sent:
            shell.apply("experiments:\n  fraud: {name: deep/down/fraud}\n")
        assert sent.paths[:2] == ["/api/2.0/workspace/mkdirs", "experiments/update"]
        assert list(server.experiments()) == [f"{FOLDER}/deep/down/fraud"]

    def test_a_prefix_may_be_written_as_the_workspace_shows_it(self, shell, url, server):
        configure(shell, url, prefix=f"/Workspace{FOLDER}/")
        shell.apply("experiments:\n  fraud:\n")
        assert list(server.experiments()) == [FRAUD]

    def test_without_a_prefix_a_name_has_to_be_a_path(self, shell, url, fake):
        configure(shell, url, prefix="")
        shell.manifest("experiments:\n  fraud:\n")
        check(shell("plan", code=1), "limit", "experiments.fraud: name", "absolute path", hint="name_prefix")
        assert fake.requests == []

    @pytest.mark.parametrize("prefix", ["ml", "/Shared//ml", "/Shared/../ml"])
    def test_a_prefix_has_to_be_a_path(self, shell, url, prefix):
        configure(shell, url, prefix=prefix)
        check(shell("plan", code=1), "bad-value", "name_prefix", hint="")

    def test_a_name_that_somebody_elses_deleted_experiment_had_is_free(self, shell, fake, server):
        fake._state.make_folders(FOLDER)
        gone = server.post("experiments/create", name=FRAUD)["experiment_id"]
        server.post("experiments/delete", experiment_id=gone)
        shell.apply("experiments:\n  fraud:\n")
        assert ident(server) != gone
        assert "1 unchanged" in shell("plan").out

    def test_many_names_are_listed(self, shell, fake, server):
        fake._state.make_folders(FOLDER)
        for number in range(12):
            server.post("experiments/create", name=f"{FOLDER}/e{number}")
        gone = server.post("experiments/create", name=f"{FOLDER}/gone")["experiment_id"]
        server.post("experiments/delete", experiment_id=gone)
        names = "".join(f"  e{number}:\n" for number in range(12))
        shell.manifest(f"experiments:\n{names}  gone:\n")
        assert "12 to adopt, 1 to create" in shell("plan").out
        assert len(fake.requests) < 12


class TestTrash:
    def test_what_somebody_deleted_is_restored_by_its_id(self, shell, fake, server):
        """In the trash it has another name, and that is no difference."""
        shell.apply(STACK)
        first = ident(server)
        server.post("experiments/delete", experiment_id=first)
        assert list(server.experiments()) == [f"{HOME}/Trash/fraud"]
        plan = shell("plan").out
        assert "it is deleted on the server" in plan
        assert "name:" not in plan
        with sending(fake) as sent:
            shell("apply", "--yes")
        assert sent.paths == ["experiments/restore"]
        assert ident(server) == first
        assert "4 unchanged" in shell("plan").out

    def test_a_plan_of_it_can_be_saved_and_applied(self, shell, server):
        shell.apply("experiments:\n  fraud:\n")
        server.post("experiments/delete", experiment_id=ident(server))
        shell("plan", "--out", "plan.json")
        shell("apply", "plan.json", "--yes")
        assert list(server.experiments()) == [FRAUD]

    def test_it_comes_back_with_another_name(self, shell, fake, server):
        shell.apply("experiments:\n  fraud:\n")
        server.post("experiments/delete", experiment_id=ident(server))
        with sending(fake) as sent:
            shell.apply("experiments:\n  fraud: {name: cards}\n", "--on-conflict", "fail")
        assert sent.paths[:3] == ["experiments/restore", "/api/2.0/workspace/mkdirs", "experiments/update"]
        assert list(server.experiments()) == [f"{FOLDER}/cards"]
        assert "1 unchanged" in shell("plan").out

    def test_one_whose_folder_is_gone_is_not_taken_for_restored(self, shell, fake, server):
        """A guess of the fake: that a workspace refuses it, and with which code."""
        shell.apply("experiments:\n  fraud: {tags: {team: risk}}\n")
        server.post("experiments/delete", experiment_id=ident(server))
        fake._state.folders.discard(FOLDER)
        assert "it was restored without an error, and is deleted" in shell("apply", "--yes", code=4).out

    def test_it_is_drift_as_a_whole(self, shell, server):
        shell.apply("experiments:\n  fraud:\n")
        server.post("experiments/delete", experiment_id=ident(server))
        found = shell("drift", code=3).out
        assert "1 deleted" in found
        assert "Trash" not in found

    def test_a_path_that_somebody_else_took_meanwhile(self, shell, fake, server):
        shell.apply("experiments:\n  fraud:\n")
        server.post("experiments/delete", experiment_id=ident(server))
        other = server.post("experiments/create", name=FRAUD)["experiment_id"]
        result = shell("plan", code=1)
        check(result, "name-taken", f"id {other}", "this stack does not own")

    def test_dropped_and_declared_again(self, shell, server):
        shell.apply("experiments:\n  fraud:\n  cards:\n")
        first = ident(server)
        shell.apply("experiments:\n  cards:\n")
        assert "1 unchanged" in shell("plan").out
        shell.apply("experiments:\n  cards:\n  fraud:\n")
        assert ident(server) == first

    def test_the_name_that_somebody_gave_it_before_comes_back_with_it(self, shell, server):
        """The trash does not show it: the next plan takes it back."""
        shell.apply("experiments:\n  fraud:\n")
        first = ident(server)
        server.post("experiments/update", experiment_id=first, new_name=f"{FOLDER}/theirs")
        server.post("experiments/delete", experiment_id=first)
        shell("apply", "--yes")
        assert ident(server, f"{FOLDER}/theirs") == first
        shell("apply", "--yes")
        assert ident(server) == first
        assert "1 unchanged" in shell("plan").out


class TestWhatCannotBeRemoved:
    TWO = "experiments:\n  fraud: {tags: {team: risk, tier: gold}}\n"
    ONE = "experiments:\n  fraud: {tags: {team: risk}}\n"

    def test_a_tag_that_stays_is_told_with_its_place_at_every_plan(self, shell, fake, server):
        shell.apply(self.TWO)
        shell.manifest(self.ONE)
        plan = shell("plan")
        assert "experiments.fraud  tags.tier  cannot remove: " in plan.out
        assert "manifests/main.yaml:2:" in plan.out
        with sending(fake) as sent:
            shell("apply", "--yes")
        assert "experiments/delete-experiment-tag" not in sent.paths
        again = shell("plan").out
        assert "No changes" in again
        assert "cannot remove" in again
        (stay,) = json.loads(shell("plan", "--format", "json").out)["cannot_remove"]
        assert (stay["address"], stay["path"]) == ("experiments.fraud", ["tags", "tier"])
        assert server.experiment(FRAUD)["tags"]["tier"] == "gold"

    def test_a_workspace_that_can_is_asked_once_and_does(self, shell, fake, server):
        fake.untags = True
        shell.apply(self.TWO)
        shell.manifest(self.ONE)
        before = len(fake.requests)
        shell("plan")
        asked = [one for one in fake.requests[before:] if one.path == "experiments/delete-experiment-tag"]
        assert [one.body for one in asked] == [{}]
        shell("apply", "--yes")
        assert "tier" not in server.experiment(FRAUD)["tags"]
        assert "1 unchanged" in shell("plan").out

    def test_backends_tells_what_the_workspace_cannot_do(self, shell, fake):
        shell.manifest(self.ONE)
        said = shell("backends", "--target", "prod").out
        assert "removes a tag" in said
        fake.untags, fake.filters_tags = True, False
        assert "does not search experiments by their tags" in shell("backends", "--target", "prod").out

    def test_a_plan_with_nothing_to_do_asks_nothing(self, shell, fake):
        shell.apply(self.ONE)
        before = len(fake.requests)
        shell("plan")
        assert {one.path for one in fake.requests[before:] if one.method == "POST"} == {
            "experiments/search",
            "runs/search",
            "logged-models/search",
        }

    def test_a_mark_that_has_to_go_is_emptied(self, shell, server):
        shell.apply("experiments:\n  fraud: {on_remove: keep}\n  cards:\n")
        shell.apply("experiments:\n  cards:\n")
        assert server.experiment(FRAUD)["tags"]["reconciler.ml"] == ""
        assert server.experiment(FRAUD)["lifecycle_stage"] == "active"
        assert "1 unchanged" in shell("plan").out
        shell.apply("experiments:\n  cards:\n  fraud: {tags: {team: risk}}\n")
        assert "2 unchanged" in shell("plan").out

    def test_what_a_guest_set_stays_with_the_owner(self, shell, fake, server):
        fake._state.make_folders(FOLDER)
        server.post("experiments/create", name=FRAUD)
        shell.apply("experiments:\n  fraud: {existing: true, tags: {tier: gold}}\n  cards:\n")
        shell.apply("experiments:\n  cards:\n")
        again = shell("plan").out
        assert "No changes" in again
        assert "experiments.fraud  tags.tier  cannot remove: " in again
        assert server.experiment(FRAUD)["tags"]["tier"] == "gold"


class TestLimits:
    def test_more_than_one_create_takes(self, shell, fake, server):
        tags = {**{f"t{number:02}": "x" for number in range(30)}, "long": "y" * 5_001, "even": "é" * 2_500}
        manifest = json.dumps({"experiments": {"fraud": {"description": "z" * 60_000, "tags": tags}}})
        with sending(fake) as sent:
            shell.apply(manifest)
        create = next(one for one in sent.requests if one.path == "experiments/create")
        assert len(create.body["tags"]) == 20
        assert sent.requests[-1].body["key"] == "reconciler.ml"
        held = server.experiment(FRAUD)["tags"]
        assert {key: held[key] for key in tags} == tags
        assert len(held["mlflow.note.content"]) == 60_000
        assert "1 unchanged" in shell("plan").out

    def test_more_than_a_batch_takes(self, shell, fake, server):
        run = {"experiment": "fraud", "params": {"p": "x" * 500, "q": "x" * 250}, "tags": {"t": "y" * 65_536, "u": "z"}}
        shell.apply(json.dumps({"experiments": {"fraud": None}, "runs": {"r": run}}))
        shell.apply(json.dumps({"experiments": {"fraud": None}, "runs": {"r": {**run, "tags": {"t": "w" * 251}}}}))
        held = server.run("r")
        assert (held["params"], held["tags"]["t"]) == (run["params"], "w" * 251)
        assert "2 unchanged" in shell("plan").out
        alone = [one.path for one in fake.requests if one.path in {"runs/log-parameter", "runs/set-tag"}]
        assert alone[0] == "runs/log-parameter"

    @pytest.mark.parametrize(
        ("section", "body", "field"),
        [
            ("experiments", {"tags": {"t": "é" * 32_769}}, "tags.t"),
            ("experiments", {"description": "x" * 65_537}, "description"),
            ("experiments", {"tags": {"é" * 126: "x"}}, "tags"),
            ("experiments", {"name": "/Shared//x"}, "name"),
            ("experiments", {"name": "a/../x"}, "name"),
            ("experiments", {"name": f"/{'x' * 500}"}, "name"),
            ("runs", {"experiment": "e", "params": {"p": "é" * 251}}, "params.p"),
            ("runs", {"experiment": "e", "params": {"é" * 126: "x"}}, "params"),
            ("runs", {"experiment": "e", "tags": {"t": "x" * 65_537}}, "tags.t"),
            ("runs", {"experiment": "e", "metrics": {"é" * 126: 1}}, "metrics"),
            ("logged_models", {"experiment": "e", "name": "a/b"}, "name"),
        ],
    )
    def test_what_a_workspace_cannot_hold_is_found_before_anything_is_sent(self, shell, fake, section, body, field):
        manifest = {"experiments": {"e": None}}
        manifest.setdefault(section, {})["x"] = body
        shell.manifest(json.dumps(manifest))
        check(shell("plan", code=1), "limit", f"{section}.x: {field}")
        assert fake.requests == []

    def test_many_pages(self, shell, fake):
        """3,000 experiments and 50 logged models are the most that one may ask for."""
        models = {f"m{number}": {"experiment": "e"} for number in range(51)}
        shell.apply(json.dumps({"experiments": {"e": None}, "logged_models": models}))
        before = len(fake.requests)
        assert "52 unchanged" in shell("plan").out
        pages = [one for one in fake.requests[before:] if one.path == "logged-models/search"]
        assert [one.body["max_results"] for one in pages] == [50, 50]
