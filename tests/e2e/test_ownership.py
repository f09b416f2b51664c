"""A stack touches what it owns and nothing else: foreign tags, other stacks, adopted and shared experiments."""

from __future__ import annotations

import json

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import sending

SHARED = "experiments:\n  shared:\n    existing: true\n    name: common\n    tags: {TAGS}\n"


def shared(tags):
    return SHARED.replace("{TAGS}", tags)


def test_foreign_tags_outlive_every_change_of_ours(shell, server):
    """Of experiments, runs and logged models; also with keys that look like ours or the server's."""
    text = """\
experiments:
  fraud: {description: cards, tags: {team: risk, tier: gold}}
runs:
  base: {experiment: fraud, tags: {kind: xgb}}
logged_models:
  xgb: {experiment: fraud, tags: {stage: candidate}}
"""
    shell.apply(text)
    server.tag("fraud", their="a", their__team="b", mlflow__user="c", reconciler="d")
    run, model = server.run("base")["run_id"], server.model("xgb")["model_id"]
    server.post("runs/set-tag", run_id=run, key="their", value="e")
    server("PATCH", f"logged-models/{model}/tags", tags=[{"key": "their", "value": "f"}])
    assert "No changes" in shell("plan").out

    def kept():
        tags = server.experiments()["fraud"]["tags"]
        assert (tags["their"], tags["their.team"], tags["mlflow.user"], tags["reconciler"]) == ("a", "b", "c", "d")
        assert server.run("base")["tags"]["their"] == "e"

    shell.apply(text.replace("risk", "ml").replace("xgb}", "lgbm}").replace("candidate", "prod"))
    kept()
    assert server.model("xgb")["tags"]["their"] == "f"
    shell.apply(
        "experiments: {fraud: }\nruns: {base: {experiment: fraud}}\nlogged_models: {xgb: {experiment: fraud}}\n"
    )
    kept()
    assert server.model("xgb")["tags"]["their"] == "f"
    assert set(server.model("xgb")["tags"]) == {"their", "reconciler.ml"}
    assert "team" not in server.experiment("fraud")["tags"]
    shell("destroy", "--yes")
    kept()
    shell.apply(text)
    kept()


def test_what_nobody_declared_is_never_touched(shell, server):
    made = server.post("experiments/create", name="legacy", tags=[{"key": "a", "value": "b"}])["experiment_id"]
    server.post("runs/create", experiment_id=made, run_name="old", tags=[])
    shell.apply("experiments: {fraud: }\n")
    before = server.experiment("legacy"), server.run("old")
    shell("destroy", "--yes")
    assert (server.experiment("legacy"), server.run("old")) == before


def test_two_stacks_manage_disjoint_keys_of_one_experiment(shell, other, server):
    server.post("experiments/create", name="common", tags=[{"key": "their", "value": "x"}])
    shell.apply(shared("{ml_a: '1', ml_b: '2'}"))
    other.apply(shared("{ops_a: '1'}"))
    assert "No changes" in shell("plan").out
    assert "No changes" in other("plan").out
    shell.apply(shared("{ml_a: 'one'}"))
    tags = server.experiment("common")["tags"]
    assert {key: value for key, value in tags.items() if not key.startswith("reconciler.")} == {
        "their": "x",
        "ml_a": "one",
        "ops_a": "1",
    }
    assert "No changes" in other("plan").out
    result = shell.apply("")
    assert "what this stack set on it is taken off" in result.out
    tags = server.experiment("common")["tags"]
    assert {key for key in tags if not key.startswith("reconciler.")} == {"their", "ops_a"}
    assert {key for key in tags if key.startswith("reconciler.")} == {"reconciler.ops"}
    assert "No changes" in other("plan").out
    other("destroy", "--yes")
    found = server.experiment("common")
    assert (found["tags"], found["lifecycle_stage"]) == ({"their": "x"}, "active")


def test_a_shared_key_of_two_stacks_is_an_error(shell, other, server, fake):
    server.post("experiments/create", name="common")
    other.apply(shared("{team: ops}"))
    shell.manifest(shared("{team: ml, own: x}"))
    with sending(fake) as sent:
        result = shell("apply", "--yes", code=5)
    check(
        result,
        "key-of-another-stack",
        "manifests/main.yaml:5:12",
        "experiments.shared: tags.team is managed by the stack 'ops'",
        hint="drop the key",
    )
    assert "tags.own" not in result.err
    assert sent.paths == []
    assert server.experiment("common")["tags"]["team"] == "ops"


def test_a_key_of_the_owner_is_an_error_for_a_guest_and_the_other_way_round(shell, other, server):
    other.apply("experiments: {common: {tags: {team: ops}}}\n")
    shell.manifest(shared("{team: ml}"))
    check(shell("apply", "--yes", code=5), "key-of-another-stack", "stack 'ops'", hint="drop the key")
    shell.apply(shared("{guest: ml}"))
    other.manifest("experiments: {common: {tags: {team: ops, guest: ops}}}\n")
    check(other("apply", "--yes", code=5), "key-of-another-stack", "stack 'ml'", hint="drop the key")
    assert server.experiment("common")["tags"]["guest"] == "ml"


def test_a_name_that_another_stack_owns_is_an_error(shell, other, server, fake):
    other.apply("experiments: {fraud: {tags: {team: ops}}}\n")
    shell.manifest("experiments:\n  cards: {name: fraud, tags: {team: ml}}\n")
    with sending(fake) as sent:
        result = shell("apply", "--yes", code=5)
    check(
        result,
        "owned-by-another-stack",
        "manifests/main.yaml:2:3",
        "experiments.cards: 'fraud' (id 1) is owned by the stack 'ops'",
        hint="existing: true",
    )
    assert sent.paths == []


def test_a_rename_onto_a_name_of_somebody_else_is_an_error(shell, server, fake):
    shell.apply("experiments: {fraud: }\n")
    server.post("experiments/create", name="taken")
    shell.manifest("experiments:\n  fraud: {name: taken}\n")
    with sending(fake) as sent:
        result = shell("apply", "--yes", code=1)
    check(result, "name-taken", "manifests/main.yaml:2:11", "'taken'", "does not own", hint="another name")
    assert sent.paths == []


def test_a_stack_whose_name_begins_with_ours_is_another_one(shell, url, server):
    """Marks are found by their keys: reconciler.ml is not reconciler.ml-prod."""
    longer = shell.stack("ml-prod", url)
    shell.apply("experiments: {a: {tags: {t: x}}}\n")
    longer.apply("experiments: {b: {tags: {t: x}}}\n")
    assert "No changes" in shell("plan").out
    assert "experiments.b" not in shell("destroy", "--yes").out
    assert server.experiment("b")["lifecycle_stage"] == "active"


def test_a_destroyed_stack_leaves_the_other_stack_alone(shell, other, server):
    shell.apply("experiments: {a: }\nruns: {r: {experiment: a}}\n")
    other.apply("experiments: {b: }\nruns: {r: {experiment: b}}\n")
    shell("destroy", "--yes")
    assert "No changes" in other("plan").out
    assert server.experiment("a")["lifecycle_stage"] == "deleted"


class TestAdoption:
    """An experiment of the declared name that no stack owns is taken over."""

    MANIFEST = "experiments: {fraud: {description: cards, tags: {team: risk}}}\n"

    def make(self, server, **tags):
        pairs = [{"key": key.replace("__", "."), "value": value} for key, value in tags.items()]
        server.post("experiments/create", name="fraud", tags=pairs)

    def test_equal_values_write_only_the_mark(self, shell, server, fake):
        self.make(server, team="risk", mlflow__note__content="cards", theirs="x")
        shell.manifest(self.MANIFEST)
        plan = shell("plan").out
        assert "⊕ experiments.fraud  found by its name; no stack owns it" in plan
        assert "tags.team" not in plan
        assert "1 to adopt, 0 unchanged" in plan
        plan = shell("plan", "--verbose").out
        assert 'tags.team: "risk"' in plan
        assert "already so on the server" in plan
        with sending(fake) as sent:
            shell("apply", "--yes")
        assert [(one.path, one.body["key"]) for one in sent.requests] == [
            ("experiments/set-experiment-tag", "reconciler.ml")
        ]
        assert server.experiment("fraud")["tags"]["theirs"] == "x"
        assert "No changes" in shell("plan").out

    def test_a_differing_value_is_overwritten_with_the_reason_conflict(self, shell, server):
        self.make(server, team="ops", mlflow__note__content="cards")
        shell.manifest(self.MANIFEST)
        plan = shell("plan").out
        assert "~ experiments.fraud  found by its name; no stack owns it" in plan
        line = next(line for line in plan.splitlines() if "tags.team" in line)
        assert '"ops" -> "risk"' in line
        assert "the server has a value that this stack did not write" in line
        shell("apply", "--yes")
        assert server.experiment("fraud")["tags"]["team"] == "risk"

    def test_a_conflict_can_be_refused(self, shell, server, fake):
        self.make(server, team="ops")
        shell.manifest(self.MANIFEST)
        with sending(fake) as sent:
            result = shell("apply", "--yes", "--on-conflict", "fail", code=5)
        check(
            result,
            "conflict",
            "manifests/main.yaml:1:50",
            'experiments.fraud: tags.team was changed on the server to "ops"',
            hint="--on-conflict",
        )
        assert sent.paths == []
        assert server.experiment("fraud")["tags"] == {"team": "ops"}

    def test_the_runs_of_an_adopted_experiment_stay_somebody_elses(self, shell, server):
        self.make(server)
        run = server.post("runs/create", experiment_id="1", run_name="base", tags=[])["run"]["info"]["run_id"]
        shell.apply(f"{self.MANIFEST}runs: {{base: {{experiment: fraud}}}}\n")
        assert len(server.runs()["base"]) == 2
        shell.apply(self.MANIFEST)
        stages = {one["run_id"]: one["lifecycle_stage"] for one in server.runs()["base"]}
        assert stages.pop(run) == "active"
        assert list(stages.values()) == ["deleted"]

    def test_an_artifact_location_that_differs_is_an_error(self, shell, server, fake):
        server.post("experiments/create", name="fraud", artifact_location="s3://ours/there")
        shell.manifest("experiments:\n  fraud: {artifact_location: 's3://ours/here'}\n")
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=1)
        check(
            result,
            "fixed-field",
            "manifests/main.yaml:2:11",
            'from "s3://ours/there" to "s3://ours/here"',
            "an experiment's artifacts cannot be moved",
            hint="write the server's value",
        )
        assert sent.paths == []

    def test_an_equal_artifact_location_is_none(self, shell, server):
        server.post("experiments/create", name="fraud", artifact_location="s3://ours/there")
        shell.apply("experiments:\n  fraud: {artifact_location: 's3://ours/there'}\n")
        assert "No changes" in shell("plan").out


@pytest.mark.parametrize("stage", ["absent", "deleted"])
def test_existing_of_what_is_not_there_is_an_error(stage, shell, server, fake):
    if stage == "deleted":
        server.post("experiments/create", name="common")
        server.post("experiments/delete", experiment_id="1")
    shell.manifest(shared("{a: b}"))
    with sending(fake) as sent:
        result = shell("apply", "--yes", code=1)
    words = "'common' is deleted" if stage == "deleted" else "'common' is not on the server"
    check(result, "not-existing", "manifests/main.yaml:3:5", words, hint="")
    assert sent.paths == []


def test_existing_survives_a_destroy_with_its_own_values(shell, server):
    server.post("experiments/create", name="common", tags=[{"key": "their", "value": "x"}])
    shell.apply(shared("{ours: y}") + "  own: {tags: {t: x}}\n")
    result = shell("destroy", "--yes")
    assert "~ experiments.shared" in result.out
    assert "- experiments.own" in result.out
    found = server.experiment("common")
    assert (found["lifecycle_stage"], found["tags"]) == ("active", {"their": "x"})
    assert server.experiment("own")["lifecycle_stage"] == "deleted"


def test_default_tags_are_not_put_onto_somebody_elses_experiment(shell, server, url):
    shell.configure(url, more="defaults: {tags: {managed-by: us}}\n")
    server.post("experiments/create", name="common")
    shell.apply(shared("{ours: y}") + "  own:\n")
    assert "managed-by" not in server.experiment("common")["tags"]
    assert server.experiment("own")["tags"]["managed-by"] == "us"


class TestReasons:
    """The three-way difference, case by case, as the plan tells it."""

    TEXT = "experiments: {fraud: {tags: {team: risk}}}\n"

    @pytest.fixture(autouse=True)
    def applied(self, shell):
        shell.apply(self.TEXT)

    def change(self, shell):
        plan = json.loads(shell("plan", "--format", "json").out)
        (step,) = plan["steps"]
        (change,) = [one for one in step["changes"] if one["path"] == ["tags", "team"]]
        return step["action"], change["before"], change["after"], change["reason"]

    def test_the_manifest_changed(self, shell):
        shell.manifest(self.TEXT.replace("risk", "ml"))
        assert self.change(shell) == ("update", "risk", "ml", "manifest")
        assert "manifest changed" in shell("plan").out

    def test_the_server_changed(self, shell, server):
        server.tag("fraud", team="theirs")
        assert self.change(shell) == ("update", "theirs", "risk", "drift")
        assert "changed on the server" in shell("plan").out

    def test_the_tag_was_removed_on_the_server(self, shell, server):
        server.post("experiments/delete-experiment-tag", experiment_id="1", key="team")
        assert self.change(shell) == ("update", None, "risk", "drift")

    def test_both_changed(self, shell, server):
        server.tag("fraud", team="theirs")
        shell.manifest(self.TEXT.replace("risk", "ml"))
        assert self.change(shell) == ("update", "theirs", "ml", "conflict")
        assert "the server has a value that this stack did not write" in shell("plan").out

    def test_both_changed_to_the_same_value(self, shell, server, fake):
        server.tag("fraud", team="ml")
        shell.manifest(self.TEXT.replace("risk", "ml"))
        assert self.change(shell) == ("adopt", "ml", "ml", "adopt")
        with sending(fake) as sent:
            shell("apply", "--yes", "--on-conflict", "fail")
        assert [one.body["key"] for one in sent.requests] == ["reconciler.ml"]

    def test_removed_here(self, shell, server):
        shell.manifest("experiments: {fraud: }\n")
        assert self.change(shell) == ("update", "risk", None, "manifest")
        assert "removed from the manifest" in shell("plan").out
        shell("apply", "--yes")
        assert "team" not in server.experiment("fraud")["tags"]

    def test_removed_here_and_changed_there(self, shell, server, fake):
        server.tag("fraud", team="theirs")
        shell.manifest("experiments: {fraud: }\n")
        assert self.change(shell) == ("update", "theirs", None, "conflict")
        with sending(fake) as sent:
            shell("apply", "--yes", "--on-conflict", "fail", code=5)
        assert sent.paths == []
        shell("apply", "--yes")
        assert "team" not in server.experiment("fraud")["tags"]

    def test_removed_here_and_there(self, shell, server, fake):
        server.post("experiments/delete-experiment-tag", experiment_id="1", key="team")
        shell.manifest("experiments: {fraud: }\n")
        assert self.change(shell) == ("adopt", None, None, "manifest")
        with sending(fake) as sent:
            shell("apply", "--yes")
        assert [one.path for one in sent.requests] == ["experiments/set-experiment-tag"]
        assert "No changes" in shell("plan").out

    def test_not_declared_by_us_is_left_alone(self, shell, server):
        server.tag("fraud", other="x")
        assert "No changes" in shell("plan").out
        shell.manifest(self.TEXT.replace("risk", "ml"))
        shell("apply", "--yes")
        assert server.experiment("fraud")["tags"]["other"] == "x"


class TestTakingOverAndLettingGo:
    """An entry that becomes `existing: true`, or is it no longer."""

    def test_what_was_ours_can_be_made_somebody_elses(self, shell, server):
        shell.apply("experiments:\n  shared: {name: common, tags: {t: x, u: y}}\n")
        shell.apply(shared("{t: x}"))
        assert "No changes" in shell("plan").out
        assert "u" not in server.experiment("common")["tags"]
        shell("destroy", "--yes")
        found = server.experiment("common")
        assert (found["lifecycle_stage"], found["tags"]) == ("active", {})

    def test_what_was_somebody_elses_can_be_made_ours(self, shell, server):
        server.post("experiments/create", name="common", tags=[{"key": "their", "value": "x"}])
        shell.apply(shared("{t: x}"))
        shell.apply("experiments:\n  shared: {name: common, tags: {t: x}}\n")
        assert "No changes" in shell("plan").out
        shell("destroy", "--yes")
        found = server.experiment("common")
        assert (found["lifecycle_stage"], found["tags"]["their"]) == ("deleted", "x")

    def test_an_owner_who_lets_go_leaves_the_guests_keys(self, shell, other, server):
        other.apply("experiments: {common: {on_remove: keep, tags: {team: ops}}}\n")
        shell.apply(shared("{guest: ml}"))
        other("destroy", "--yes")
        tags = server.experiment("common")["tags"]
        assert (tags["team"], tags["guest"]) == ("ops", "ml")
        assert "reconciler.ops" not in tags
        assert "No changes" in shell("plan").out

    def test_an_owner_cannot_delete_what_a_guest_manages(self, shell, other):
        other.apply("experiments: {common: {tags: {team: ops}}}\n")
        shell.apply(shared("{guest: ml}"))
        check(other("destroy", "--yes", code=5), "shared", "cannot be deleted: the stack 'ml'", hint="on_remove: keep")
        assert "No changes" in shell("plan").out
