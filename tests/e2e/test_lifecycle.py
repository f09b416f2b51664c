"""Resources from their making to their end: renamed, moved, deleted, restored, kept, protected, made anew."""

from __future__ import annotations

import json

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import sending

STACK = """\
experiments:
  fraud: {tags: {team: risk}}
runs:
  base: {experiment: fraud, params: {depth: 6}, status: FINISHED}
  more: {experiment: fraud}
logged_models:
  xgb: {experiment: fraud, source_run: base, params: {depth: 6}}
"""


def without(key):
    return "".join(line for line in STACK.splitlines(keepends=True) if not line.startswith(f"  {key}:"))


class TestRename:
    def test_a_new_name_renames_in_place(self, shell, server, fake):
        shell.apply(STACK)
        shell.manifest(STACK.replace("{tags", "{name: cards, tags"))
        assert 'name: "fraud" -> "cards"' in shell("plan").out
        with sending(fake) as sent:
            shell("apply", "--yes")
        assert sent.paths == ["experiments/update", "experiments/set-experiment-tag"]
        assert {name: one["experiment_id"] for name, one in server.experiments().items()} == {"cards": "1"}
        assert "No changes" in shell("plan").out

    def test_a_run_is_renamed_in_place(self, shell, server):
        shell.apply(STACK)
        before = server.run("base")["run_id"]
        shell.apply(STACK.replace("base: {", "base: {name: baseline, "))
        assert server.run("baseline")["run_id"] == before
        assert "No changes" in shell("plan").out

    def test_a_logged_model_cannot_be_renamed(self, shell, fake):
        shell.apply(STACK)
        shell.manifest(STACK.replace("xgb: {", "xgb: {name: lgbm, "))
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=1)
        check(result, "fixed-field", '"xgb" to "lgbm"', "cannot be renamed", hint="--replace logged_models.xgb")
        assert sent.paths == []

    def test_a_name_that_was_changed_on_the_server_is_changed_back(self, shell, server):
        shell.apply(STACK)
        server.post("experiments/update", experiment_id="1", new_name="theirs")
        assert 'name: "theirs" -> "fraud"' in shell("plan").out
        shell("apply", "--yes")
        assert list(server.experiments()) == ["fraud"]

    def test_another_key_for_the_same_name_is_a_move(self, shell, server, fake):
        """The new key takes the experiment over; with its name it has kept its identity on the server."""
        shell.apply("experiments:\n  fraud: {name: cards, tags: {team: risk}}\nruns: {r: {experiment: fraud}}\n")
        run = server.run("r")["run_id"]
        shell.manifest("experiments:\n  cards: {name: cards, tags: {team: risk}}\nruns: {r: {experiment: cards}}\n")
        assert "moved from experiments.fraud" in shell("plan").out
        with sending(fake) as sent:
            shell("apply", "--yes")
        assert set(sent.paths) <= {"experiments/set-experiment-tag", "runs/log-batch"}
        assert server.experiment("cards")["experiment_id"] == "1"
        assert server.run("r")["run_id"] == run
        assert "No changes" in shell("plan").out

    def test_a_name_moves_on_to_another_entry_in_one_apply(self, shell, server):
        shell.apply("experiments:\n  a: {name: one}\n")
        shell.apply("experiments:\n  a: {name: two}\n  b: {name: one}\n")
        assert {name: one["experiment_id"] for name, one in server.experiments().items()} == {"two": "1", "one": "2"}
        shell.apply("experiments:\n  a: {name: three}\n  b: {name: two}\n  c: {name: one}\n")
        found = {name: one["experiment_id"] for name, one in server.experiments().items()}
        assert found == {"three": "1", "two": "2", "one": "3"}

    def test_two_names_that_change_places_are_a_cycle(self, shell, fake):
        shell.apply("experiments:\n  a: {name: one}\n  b: {name: two}\n")
        shell.manifest("experiments:\n  a: {name: two}\n  b: {name: one}\n")
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=1)
        check(result, "cycle", "experiments.a", "experiments.b", hint="two applies")
        assert sent.paths == []


class TestRestore:
    def test_a_deleted_experiment_is_restored_with_its_runs(self, shell, server):
        """Also one that was dropped and deleted before: MLflow brings it back, and it is deleted again."""
        shell.apply(STACK)
        ids = {name: server.run(name)["run_id"] for name in ("base", "more")}
        shell.apply(without("more"))
        assert server.run("more")["lifecycle_stage"] == "deleted"
        server.post("experiments/delete", experiment_id="1")
        plan = shell("plan").out
        assert "↺ experiments.fraud  it is deleted on the server" in plan
        assert "- runs.more" in plan
        shell("apply", "--yes")
        assert server.experiment("fraud")["lifecycle_stage"] == "active"
        assert {name: server.run(name)["run_id"] for name in ids} == ids
        stages = {name: server.run(name)["lifecycle_stage"] for name in ids}
        assert stages == {"base": "active", "more": "deleted"}
        assert "No changes" in shell("plan").out

    def test_a_change_is_made_after_the_restoring(self, shell, server):
        shell.apply(STACK)
        server.post("experiments/delete", experiment_id="1")
        shell.apply(STACK.replace("risk", "ml"))
        found = server.experiment("fraud")
        assert (found["tags"]["team"], found["lifecycle_stage"]) == ("ml", "active")

    def test_a_run_deleted_on_the_server_is_restored(self, shell, server):
        shell.apply(STACK)
        run = server.run("base")["run_id"]
        server.post("runs/delete", run_id=run)
        assert "↺ runs.base" in shell("plan").out
        shell("apply", "--yes")
        assert server.run("base")["run_id"] == run
        assert server.run("base")["lifecycle_stage"] == "active"
        assert "No changes" in shell("plan").out

    def test_what_was_destroyed_comes_back_with_its_ids(self, shell, server):
        shell.apply(STACK)
        run = server.run("base")["run_id"]
        shell("destroy", "--yes")
        assert server.models() == {}
        shell("apply", "--yes")
        assert server.experiment("fraud")["experiment_id"] == "1"
        assert server.run("base")["run_id"] == run
        assert server.model("xgb")["source_run_id"] == run
        assert "No changes" in shell("plan").out

    def test_somebodys_deleted_experiment_of_the_name_is_restored_and_adopted(self, shell, server):
        server.post("experiments/create", name="fraud")
        server.post("experiments/delete", experiment_id="1")
        shell.apply("experiments: {fraud: }\n")
        assert server.experiment("fraud")["lifecycle_stage"] == "active"
        assert "No changes" in shell("plan").out

    def test_a_deleted_logged_model_is_made_anew(self, shell, server):
        shell.apply(STACK)
        before = server.model("xgb")["model_id"]
        server("DELETE", f"logged-models/{before}")
        assert "+ logged_models.xgb" in shell("plan").out
        shell("apply", "--yes")
        assert server.model("xgb")["model_id"] != before


class TestKeepAndProtect:
    def test_on_remove_keep_takes_off_only_the_mark(self, shell, server, fake):
        shell.apply("experiments:\n  a: {on_remove: keep, tags: {t: x}}\n  b:\n")
        shell.manifest("experiments:\n  b:\n")
        assert "on_remove: keep; only the mark is removed" in shell("plan").out
        with sending(fake) as sent:
            shell("apply", "--yes")
        assert [(one.path, one.body["key"]) for one in sent.requests] == [
            ("experiments/delete-experiment-tag", "reconciler.ml")
        ]
        found = server.experiment("a")
        assert (found["lifecycle_stage"], found["tags"]) == ("active", {"t": "x"})
        assert "No changes" in shell("plan").out

    def test_on_remove_keep_holds_for_runs_and_models_and_in_a_destroy(self, shell, server):
        shell.apply(
            "experiments:\n  a: {on_remove: keep}\nruns:\n  r: {experiment: a, on_remove: keep}\n"
            "logged_models:\n  m: {experiment: a, on_remove: keep}\n"
        )
        shell("destroy", "--yes")
        assert server.experiment("a")["lifecycle_stage"] == "active"
        assert server.run("r")["lifecycle_stage"] == "active"
        assert "reconciler.ml" not in {**server.experiment("a")["tags"], **server.run("r")["tags"]}
        assert server.model("m")["tags"] == {}

    def test_what_is_kept_cannot_live_in_what_is_deleted(self, shell, fake):
        shell.apply("experiments:\n  a:\n  b:\nruns:\n  r: {experiment: a, on_remove: keep}\n")
        shell.manifest("experiments:\n  b:\n")
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=1)
        check(result, "kept-in-deleted", "experiments.a", "runs.r lives in it", hint="keep the experiment")
        assert sent.paths == []

    @pytest.mark.parametrize("kind", ["experiments", "runs", "logged_models"])
    def test_dropping_the_entry_does_not_get_round_prevent_destroy(self, kind, shell, fake):
        own = "{experiment: a, prevent_destroy: true}"
        text = "experiments:\n  a:\n  b:\n" + (
            "  x: {prevent_destroy: true}\n" if kind == "experiments" else f"{kind}:\n  x: {own}\n"
        )
        shell.apply(text)
        shell.manifest("experiments:\n  a:\n  b:\n")
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=1)
            check(result, "prevent-destroy", f"{kind}.x cannot be deleted", hint="prevent_destroy: false")
            shell("destroy", "--yes", code=1)
        assert sent.paths == []

    def test_prevent_destroy_can_be_lifted_first(self, shell, server):
        shell.apply("experiments:\n  a: {prevent_destroy: true}\n  b:\n")
        shell.apply("experiments:\n  a: {prevent_destroy: false}\n  b:\n")
        shell.apply("experiments:\n  b:\n")
        assert server.experiment("a")["lifecycle_stage"] == "deleted"

    def test_prevent_destroy_forbids_a_replacement(self, shell, fake):
        shell.apply("experiments:\n  a:\nruns:\n  r: {experiment: a, prevent_destroy: true}\n")
        with sending(fake) as sent:
            result = shell("apply", "--yes", "--replace", "runs.r", code=1)
        check(result, "prevent-destroy", "manifests/main.yaml:4:3", "runs.r cannot be replaced", hint="prevent_destroy")
        assert sent.paths == []


class TestWrittenOnce:
    """Params and datasets: what can be done is said, nothing is half done."""

    def test_a_changed_param_names_the_way_out(self, shell, fake):
        shell.apply(STACK)
        shell.manifest(STACK.replace("params: {depth: 6}, status", "params: {depth: 7}, status"))
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=1)
        check(
            result,
            "fixed-field",
            "manifests/main.yaml:4:38",
            'runs.base: params.depth cannot change from "6" to "7": params are written once',
            hint="reconciler plan --replace runs.base",
        )
        assert sent.paths == []

    def test_a_removed_param_names_the_way_out(self, shell, fake):
        shell.apply(STACK)
        shell.manifest(STACK.replace("params: {depth: 6}, status", "status"))
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=1)
        check(
            result,
            "fixed-field",
            "manifests/main.yaml:4:3",
            'params.depth cannot change from "6" to nothing',
            hint="--replace runs.base",
        )
        assert sent.paths == []

    def test_a_models_param_names_the_way_out(self, shell):
        shell.apply(STACK)
        shell.manifest(STACK.replace("params: {depth: 6}}", "params: {depth: 7}}"))
        result = shell("apply", "--yes", code=1)
        check(result, "fixed-field", "logged_models.xgb: params.depth", hint="--replace logged_models.xgb")

    @pytest.mark.parametrize("text", ["depth: 6, rate: 0.1", "rate: 0.1, depth: 6"])
    def test_an_added_param_is_written(self, text, shell, server):
        shell.apply(STACK)
        shell.apply(STACK.replace("{depth: 6}", f"{{{text}}}"))
        assert server.run("base")["params"] == {"depth": "6", "rate": "0.1"}
        assert server.model("xgb")["params"] == {"depth": "6", "rate": "0.1"}
        assert "No changes" in shell("plan").out

    def test_a_run_cannot_move_to_another_experiment(self, shell, fake):
        shell.apply(STACK)
        moved = STACK.replace("more: {experiment: fraud}", "more: {experiment: churn}")
        shell.manifest(moved.replace("runs:", "  churn:\nruns:"))
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=1)
        check(
            result,
            "fixed-field",
            "runs.more: experiment",
            "cannot move to another experiment",
            hint="--replace runs.more",
        )
        assert sent.paths == []
        shell("apply", "--yes", "--replace", "runs.more")
        assert "No changes" in shell("plan").out


class TestReplace:
    def test_a_replaced_run_takes_its_model_along(self, shell, server):
        """The model names its source run by id, and that cannot change: both are given."""
        shell.apply(STACK)
        run, model = server.run("base")["run_id"], server.model("xgb")["model_id"]
        changed = STACK.replace("{depth: 6}", "{depth: 7}")
        shell.manifest(changed)
        replace = ("--replace", "runs.base", "--replace", "logged_models.xgb")
        plan = shell("plan", *replace).out
        assert "-/+ runs.base" in plan
        assert "-/+ logged_models.xgb" in plan
        assert 'params.depth: "6" -> "7"' in plan
        assert "2 to replace" in plan
        shell("apply", "--yes", *replace)
        old, new = sorted(server.runs()["base"], key=lambda one: one["lifecycle_stage"] == "active")
        assert (old["run_id"], old["lifecycle_stage"], old["params"]) == (run, "deleted", {"depth": "6"})
        assert (new["lifecycle_stage"], new["params"]) == ("active", {"depth": "7"})
        made = server.model("xgb")
        assert made["model_id"] != model
        assert made["source_run_id"] == new["run_id"]
        assert "No changes" in shell("plan").out

    def test_a_replaced_run_alone_would_leave_its_model_pointing_at_the_old_one(self, shell, fake):
        shell.apply(STACK)
        with sending(fake) as sent:
            result = shell("apply", "--yes", "--replace", "runs.base", code=1)
        check(result, "fixed-field", "logged_models.xgb: source_run", hint="--replace logged_models.xgb")
        assert sent.paths == []

    def test_an_experiment_is_never_replaced(self, shell, fake):
        shell.apply(STACK)
        with sending(fake) as sent:
            result = shell("apply", "--yes", "--replace", "experiments.fraud", code=1)
        assert "an experiment is never replaced: its runs hang on its id" in result.err
        assert sent.paths == []

    def test_a_replacement_can_be_saved(self, shell, server):
        shell.apply(STACK)
        shell("plan", "--replace", "runs.more", "--out", "plan.json")
        shell("apply", "plan.json", "--yes")
        assert len(server.runs()["more"]) == 2
        assert "No changes" in shell("plan").out


class TestDestroy:
    def test_all_goes(self, shell, server):
        shell.apply(STACK)
        result = shell("destroy", "--yes")
        assert "experiments.fraud  destroy; all its runs go with it" in result.out
        assert "4 to delete, 0 unchanged" in result.out
        assert server.experiment("fraud")["lifecycle_stage"] == "deleted"
        assert {one["lifecycle_stage"] for runs in server.runs().values() for one in runs} == {"deleted"}
        assert server.models() == {}
        assert "No changes" in shell("destroy", "--yes").out

    def test_only_some_go(self, shell, server):
        shell.apply(STACK)
        result = shell("destroy", "--yes", "--only", "runs.*")
        assert "2 to delete" in result.out
        assert "Left out by the selection: 2." in result.out
        assert server.experiment("fraud")["lifecycle_stage"] == "active"
        assert server.run("base")["lifecycle_stage"] == "deleted"
        assert len(server.models()) == 1

    def test_what_an_experiment_holds_goes_with_it(self, shell, server):
        shell.apply(STACK)
        result = shell("destroy", "--yes", "--only", "experiments.fraud")
        assert "4 to delete" in result.out
        assert server.models() == {}

    def test_broken_manifests_do_not_keep_a_stack_from_going(self, shell, server):
        shell.apply(STACK)
        shell.manifest("experiments: [broken\n")
        shell("destroy", "--yes")
        assert server.experiment("fraud")["lifecycle_stage"] == "deleted"


class TestSelection:
    TEXT = "experiments:\n  a: {tags: {t: '1'}}\n  b: {tags: {t: '1'}}\nruns:\n  r: {experiment: a, tags: {t: '1'}}\n"

    def test_only_takes_what_is_needed_along(self, shell, server):
        shell.manifest(self.TEXT)
        result = shell("apply", "--yes", "--only", "runs.r")
        assert "2 to create" in result.out
        assert "Left out by the selection: 1." in result.out
        assert list(server.experiments()) == ["a"]
        assert "1 to create" in shell("plan").out

    def test_exclude(self, shell, server):
        shell.manifest(self.TEXT)
        result = shell("apply", "--yes", "--exclude", "runs.*", "--exclude", "*.b")
        assert "1 to create" in result.out
        assert "Left out by the selection: 2." in result.out
        assert list(server.experiments()) == ["a"]

    def test_no_delete_leaves_deletions_out_and_counts_them(self, shell, server):
        shell.apply(self.TEXT)
        shell.manifest(self.TEXT.replace("  b: {tags: {t: '1'}}\n", "").replace("'1'", "'2'"))
        result = shell("apply", "--yes", "--no-delete")
        assert "2 to update" in result.out
        assert "Left out by the selection: 1." in result.out
        assert server.experiment("b")["lifecycle_stage"] == "active"
        assert server.experiment("a")["tags"]["t"] == "2"

    def test_items_of_a_for_each_are_selected_by_their_address(self, shell, server):
        shell.manifest("experiments:\n  churn:\n    for_each: [eu, us]\n    name: churn-${each.key}\n")
        shell("apply", "--yes", "--only", "experiments.churn[eu]")
        assert list(server.experiments()) == ["churn-eu"]
        shell("apply", "--yes", "--only", "experiments.churn*")
        assert sorted(server.experiments()) == ["churn-eu", "churn-us"]


class TestSafety:
    def many(self, count):
        return "experiments:\n" + "".join(f"  e{number}:\n" for number in range(count))

    def test_too_large_a_share_is_refused(self, shell, fake):
        shell.apply(self.many(20))
        shell.manifest(self.many(13))
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=5)
        check(
            result,
            "safety-threshold",
            "the plan deletes 35.0 % of what the stack owns (7 of 20)",
            "safety.max_delete_percent is 30",
            hint="--allow-delete 7",
        )
        assert sent.paths == []

    def test_just_the_share_is_not(self, shell):
        shell.apply(self.many(20))
        assert "6 to delete" in shell.apply(self.many(14)).out

    def test_the_share_is_configured(self, shell, url):
        shell.configure(url, more="safety: {max_delete_percent: 0}\n")
        shell.apply(self.many(20))
        check(shell.apply(self.many(19), code=5), "safety-threshold", "5.0 %", "(1 of 20)", hint="--allow-delete 1")
        shell.configure(url, more="safety: {max_delete_percent: 100}\n")
        assert "19 to delete" in shell.apply(self.many(1)).out

    def test_a_small_stack_has_no_share(self, shell):
        shell.apply(self.many(9))
        assert "8 to delete" in shell.apply(self.many(1)).out

    @pytest.mark.parametrize("number", ["6", "8", "0", "-1"])
    def test_the_wrong_number_is_refused(self, number, shell, fake):
        shell.apply(self.many(20))
        shell.manifest(self.many(13))
        with sending(fake) as sent:
            result = shell("apply", "--yes", "--allow-delete", number, code=5)
        check(
            result, "safety-threshold", "deletions in the plan is 7", f"--allow-delete says {number}", hint="the number"
        )
        assert sent.paths == []

    def test_the_right_number_answers(self, shell, server):
        shell.apply(self.many(20))
        shell.manifest("experiments: {}\n")
        shell("apply", "--yes", "--allow-delete", "20")
        assert {one["lifecycle_stage"] for one in server.experiments().values()} == {"deleted"}

    def test_a_number_without_deletions_is_refused(self, shell):
        shell.manifest(self.many(1))
        check(
            shell("apply", "--yes", "--allow-delete", "1", code=5),
            "safety-threshold",
            "deletions in the plan is 0",
            hint="number",
        )


def test_explain_tells_the_three_values_the_reason_and_the_request(shell, server):
    shell.apply(STACK)
    server.tag("fraud", team="theirs")
    text = shell("explain", "experiments.fraud", "tags.team").out
    for words in (
        "manifests/main.yaml:2:18",
        "id 1, active, owned by this stack",
        'manifest:     "risk"',
        'server:       "theirs"',
        "last applied: what the manifest says",
        "changed on the server",
        "POST /api/2.0/mlflow/experiments/set-experiment-tag",
    ):
        assert words in text
    assert json.loads(shell("plan", "--format", "json").out)["summary"]["update"] == 1
