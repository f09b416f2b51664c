"""The tenant service: a stack's whole life there, what it cannot do, and what goes wrong on the way."""

from __future__ import annotations

import json

import pytest

from tests.e2e.findings import check
from tests.e2e.tenants import TENANT, TOKEN, ask, configure, experiment, own, paths, points, run, writes
from tests.fakes.tenant import FakeTenant, Fault

STACK = """\
experiments:
  fraud: {description: Card fraud, tags: {team: risk, tier: gold}}
runs:
  base:
    experiment: fraud
    description: The first one
    status: FINISHED
    params: {depth: 6}
    tags: {model: xgboost}
    metrics: {auc: 0.9, loss: [{value: 0.7}, {step: 1, value: 0.5}]}
"""
EXPERIMENT = STACK[: STACK.index("runs:")]
APPLY = [
    "POST experiments",
    "POST experiments/runs",
    "POST experiments/runs/*/log-batch",
    "POST experiments/runs/*/end",
]


@pytest.fixture
def fake():
    return FakeTenant(token=TOKEN)


@pytest.fixture
def shell(plain, url):
    configure(plain, url)
    return plain


def settled(shell, *stays):
    """Nothing is left to do; `stays`: what cannot be removed."""
    plan = json.loads(shell("plan", "--format", "json").out)
    assert plan["steps"] == []
    assert [".".join([one["address"], *one["path"]]) for one in plan["cannot_remove"]] == list(stays)


class TestApply:
    def test_all_is_there_and_the_next_plan_is_empty(self, shell, fake):
        shell.apply(STACK)
        assert paths(fake) == APPLY
        found, made = experiment(fake, "fraud"), run(fake, "base")
        assert (found.description, own(found.tags)) == ("Card fraud", {"team": "risk", "tier": "gold"})
        assert (made.experiment, made.description, made.status) == (found, "The first one", "finished")
        assert (made.params, own(made.tags)) == ({"depth": "6"}, {"model": "xgboost"})
        assert points(fake, "base", "loss") == [(0, 0.7), (1, 0.5)]
        assert made.shown()["metrics"] == {"auc": 0.9, "loss": 0.5}
        settled(shell)

    def test_every_request_names_tenant_and_bearer_and_each_write_has_a_key_of_its_own(self, shell, fake):
        shell.apply(STACK)
        assert {one.headers["x-tenant-id"] for one in fake.requests} == {TENANT}
        assert {one.headers["authorization"] for one in fake.requests} == {f"Bearer {TOKEN}"}
        keys = [one.headers["x-idempotency-key"] for one in writes(fake)]
        assert len(set(keys)) == len(keys) == 4
        assert not [one for one in fake.requests if one.method == "GET" and "x-idempotency-key" in one.headers]

    def test_the_plan_says_that_there_is_no_lock(self, shell):
        shell.manifest(STACK)
        assert "No lock: the backend 'tenant' has none." in shell("plan").out

    def test_what_is_there_by_that_name_is_adopted(self, shell, fake):
        ask(fake, "POST", "experiments", {"name": "fraud", "tags": {"tier": "gold", "theirs": "1"}})
        shell.apply(EXPERIMENT)
        assert own(experiment(fake, "fraud").tags) == {"team": "risk", "tier": "gold", "theirs": "1"}
        settled(shell)

    def test_tags_of_somebody_elses_experiment(self, shell, fake):
        ask(fake, "POST", "experiments", {"name": "fraud", "description": "theirs", "tags": {"a": "1"}})
        shell.apply("experiments: {fraud: {existing: true, tags: {team: risk}}}")
        assert own(experiment(fake, "fraud").tags) == {"a": "1", "team": "risk"}
        shell.apply("experiments: {}", "--allow-delete", "0")
        assert own(experiment(fake, "fraud").tags) == {"a": "1", "team": "risk"}
        settled(shell, "experiments.fraud.tags.team")


@pytest.mark.parametrize("tags", ["merge", "replace"])
class TestChange:
    """Whatever a PATCH does with a map of tags."""

    @pytest.fixture(autouse=True)
    def applied(self, shell, fake, tags):
        fake.tags = tags
        shell.apply(STACK)

    def test_edit(self, shell, fake):
        ask(
            fake,
            "PATCH",
            f"experiments/{experiment(fake, 'fraud').id}",
            {"tags": {**experiment(fake, "fraud").tags, "theirs": "1"}},
        )
        before = len(writes(fake))
        shell.apply(
            STACK.replace("Card fraud", "Cards")
            .replace("tier: gold", "tier: silver, new: '1'")
            .replace("xgboost", "lgbm")
            .replace("depth: 6", "depth: 6, eta: 0.1")
            .replace("{step: 1, value: 0.5}", "{step: 1, value: 0.5}, {step: 2, value: 0.4}")
            .replace("auc: 0.9", "auc: 0.95")
        )
        assert sorted(paths(fake, before)) == ["PATCH experiments/*", "POST experiments/runs/*/log-batch"]
        found, made = experiment(fake, "fraud"), run(fake, "base")
        assert (found.description, own(found.tags)) == (
            "Cards",
            {"team": "risk", "tier": "silver", "new": "1", "theirs": "1"},
        )
        assert found.tags["matih.tenant_id"] == TENANT
        assert (made.params, own(made.tags)) == ({"depth": "6", "eta": "0.1"}, {"model": "lgbm"})
        assert points(fake, "base", "loss") == [(0, 0.7), (1, 0.5), (2, 0.4)]
        assert made.shown()["metrics"]["auc"] == 0.95
        settled(shell)

    def test_a_tag_that_is_dropped_stays_and_the_plan_says_so(self, shell, fake):
        shell.manifest(STACK.replace(", tier: gold", "").replace("    tags: {model: xgboost}\n", ""))
        told = shell("plan").out
        assert "experiments.fraud  tags.tier  cannot remove: the service has no request that removes a tag" in told
        assert "runs.base  tags.model  cannot remove" in told
        assert "manifests/main.yaml" in told
        shell("apply", "--yes")
        assert experiment(fake, "fraud").tags["tier"] == "gold"
        settled(shell, "experiments.fraud.tags.tier", "runs.base.tags.model")
        shell.apply(STACK)
        settled(shell)

    def test_a_description_can_be_taken_off_an_experiment_but_not_off_a_run(self, shell, fake):
        shell.apply(STACK.replace("description: Card fraud, ", "").replace("    description: The first one\n", ""))
        assert not experiment(fake, "fraud").description
        settled(shell, "runs.base.description")

    def test_rename_in_place(self, shell, fake):
        before = experiment(fake, "fraud").id
        shell.apply(STACK.replace("{description", "{name: cards, description"))
        assert experiment(fake, "cards").id == before
        settled(shell)

    def test_a_move_to_another_key_is_seen_by_the_name(self, shell, fake):
        before = experiment(fake, "fraud").id
        shell.apply(
            STACK.replace("  fraud:", "  cards:")
            .replace("{description", "{name: fraud, description")
            .replace("experiment: fraud", "experiment: cards")
        )
        assert experiment(fake, "fraud").id == before
        settled(shell)

    def test_drift_is_told_and_set_right(self, shell, fake):
        found = experiment(fake, "fraud")
        ask(fake, "PATCH", f"experiments/{found.id}", {"tags": {**found.tags, "tier": "tin"}, "description": "other"})
        log = {"tags": [{"key": "model", "value": "other"}]}
        ask(fake, "POST", f"experiments/runs/{run(fake, 'base').id}/log-batch", log)
        told = shell("drift", code=3).out
        for words in ("tags.tier", '"tin"', "description", "tags.model"):
            assert words in told
        shell("apply", "--yes")
        assert (own(found.tags)["tier"], found.description) == ("gold", "Card fraud")
        assert own(run(fake, "base").tags) == {"model": "xgboost"}
        assert "No drift" in shell("drift").out
        settled(shell)

    def test_delete_and_restore(self, shell, fake):
        found, made = experiment(fake, "fraud"), run(fake, "base")
        shell.apply("experiments: {}", "--allow-delete", "1")
        assert found.stage == "deleted"
        settled(shell)
        shell.apply(STACK)
        assert (found.stage, experiment(fake, "fraud"), run(fake, "base")) == ("active", found, made)
        settled(shell)

    def test_runs_that_are_hidden_while_their_experiment_is_archived_are_not_made_again(self, shell, fake):
        fake.hides = True
        shell.apply("experiments: {}", "--allow-delete", "1")
        shell.manifest(STACK)
        told = shell("plan", code=1)
        check(told, "maybe-hidden", "runs.base cannot be made while experiments.fraud is restored", hint="--only")
        assert "main.yaml:4:3" in told.err
        shell("apply", "--yes", "--only", "experiments.fraud")
        settled(shell)
        assert len(fake.tenant(TENANT).runs) == 1

    def test_a_run_that_is_dropped_stays(self, shell, fake):
        shell.manifest(EXPERIMENT)
        told = shell("plan").out
        assert "runs.base  cannot remove: the service has no request that deletes a run" in told
        assert "Cannot be removed: 1." in told
        before = len(writes(fake))
        shell("apply", "--yes")
        assert paths(fake, before) == []
        settled(shell, "runs.base")

    def test_an_experiment_that_somebody_archived_is_restored_with_its_runs(self, shell, fake):
        found, made = experiment(fake, "fraud"), run(fake, "base")
        ask(fake, "DELETE", f"experiments/{found.id}")
        assert "experiments.fraud" in shell("drift", code=3).out
        before = len(writes(fake))
        shell("apply", "--yes")
        assert paths(fake, before) == ["POST experiments/*/restore"]
        assert (found.stage, run(fake, "base")) == ("active", made)
        settled(shell)

    def test_destroy_shows_what_cannot_be_removed(self, shell, fake):
        told = shell("destroy", "--yes").out
        assert "runs.base  cannot remove" in told
        assert experiment(fake, "fraud").stage == "deleted"
        assert "No changes" in shell("destroy", "--yes").out

    def test_what_is_kept_loses_its_mark(self, shell, fake):
        shell.apply(
            STACK.replace("{description", "{on_remove: keep, description").replace(
                "    experiment: fraud", "    on_remove: keep\n    experiment: fraud"
            )
        )
        shell.apply("experiments: {}")
        assert experiment(fake, "fraud").stage == "active"
        assert experiment(fake, "fraud").tags["reconciler.ml"] == run(fake, "base").tags["reconciler.ml"] == ""
        settled(shell)


class TestWhatItCannotDo:
    @pytest.mark.parametrize(
        ("old", "new", "place", "words"),
        [
            ("status: FINISHED", "start_time: 2026-01-31", "7:5", "start_time cannot be set"),
            ("status: FINISHED", "end_time: 2026-01-31", "7:5", "end_time cannot be set"),
            ("status: FINISHED", "status: SCHEDULED", "7:5", "status cannot be SCHEDULED"),
            ("status: FINISHED", "datasets: [{name: a, digest: b, source_type: s3, source: s}]", "7:16", "no place"),
            ("auc: 0.9", "auc: .nan", "10:15", "is no finite number"),
            ("auc: 0.9", "auc: [{value: .inf}]", "10:15", "is no finite number"),
            ("{description", "{artifact_location: /data, description", "2:11", "is not on S3"),
            (
                "{description",
                "{permissions: {ada: READ}, description",
                "2:11",
                "the backend 'tenant' has no permissions",
            ),
            ("team: risk", "matih.team: risk", "2:43", "begins with 'matih.'"),
            ("team: risk", "$id: experiments.fraud", "2:43", "has the key '$id', which has a meaning of its own"),
            ("Card fraud", "'" + "d" * 1001 + "'", "2:11", "has 1001 characters; the service takes 1000"),
            ("Card fraud", "''", "2:11", "is empty"),
            (
                "{description",
                "{name: " + "n" * 256 + ", description",
                "2:11",
                "has 256 characters; the service takes 255",
            ),
            ("tier: gold", "tier: " + "g" * 5001, "2:55", "has 5001 characters; the service takes 5000"),
        ],
    )
    def test_it_is_said_with_its_place_before_anything_is_sent(self, old, new, place, words, shell, fake):
        shell.manifest(STACK.replace(old, new, 1))
        result = shell("plan", code=1)
        assert words in result.err
        assert f"main.yaml:{place}: error" in result.err
        assert fake.requests == []

    def test_logged_models(self, shell, fake):
        shell.manifest(f"{STACK}logged_models:\n  xgb: {{experiment: fraud}}\n")
        result = shell("plan", code=1)
        assert "logged_models.xgb: the backend 'tenant' has no logged_models [unsupported]" in result.err
        assert "main.yaml:12:3" in result.err

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("base:\n", "base:\n    name: other\n", "name cannot change"),
            ("The first one", "Another one", "description cannot change"),
            ("FINISHED", "RUNNING", "status cannot become RUNNING"),
            ("{value: 0.7}", "{value: 0.6}", "metrics.loss cannot be written"),
        ],
    )
    def test_a_change_of_a_run_that_has_no_request(self, old, new, words, shell, fake):
        shell.apply(STACK)
        before = len(writes(fake))
        shell.manifest(STACK.replace(old, new))
        result = shell("apply", "--yes", code=1)
        check(result, "unsupported", words)
        assert paths(fake, before) == []

    def test_a_run_cannot_be_made_anew(self, shell):
        shell.apply(STACK)
        told = shell("plan", "--replace", "runs.base", code=1).err
        assert "runs.base: it cannot be replaced: the service has no request that deletes a run [unsupported]" in told

    def test_a_run_whose_experiment_is_archived_is_not_moved_to_another(self, shell, fake):
        shell.apply("experiments: {a: {}}\nruns: {r: {experiment: a}}\n")
        shell.apply("experiments: {z: {}}\n", "--allow-delete", "1")
        other = "experiments: {b: {}, z: {}}\nruns: {r: {experiment: b}}\n"
        shell.manifest(other)
        told = shell("plan", code=1).err
        assert (
            "runs.r: it cannot be restored: a run is archived and comes back with its experiment [unsupported]" in told
        )
        assert "put it back, or declare it under another key" in told
        assert "--replace" not in told
        told = shell("plan", "--replace", "runs.r", code=1).err
        assert "runs.r: it cannot be replaced: the service has no request that deletes a run [unsupported]" in told
        assert "hint: declare it under another key: a new one is made, and this one left as it is" in told
        shell.apply(other.replace("r:", "r2:"))
        assert {(one.name, one.experiment.name) for one in fake.tenant(TENANT).runs.values()} == {
            ("r", "a"),
            ("r2", "b"),
        }
        settled(shell)

    def test_a_metric_that_somebody_went_on_with(self, shell, fake):
        shell.apply(STACK)
        body = {"metrics": {"auc": 0.5}, "step": 9}
        ask(fake, "POST", f"experiments/runs/{run(fake, 'base').id}/log-metrics", body)
        check(shell("plan", code=1), "unsupported", "metrics.auc has another value from elsewhere")


class TestSeries:
    def test_points_with_a_time_go_one_by_one_and_may_be_written_again(self, shell, fake):
        point = "{step: %d, value: %s, timestamp: 2026-01-31T09:00:0%dZ}"
        series = ", ".join(point % (step, 1 - step / 10, step) for step in range(3))
        shell.apply(STACK.replace("{value: 0.7}, {step: 1, value: 0.5}", series))
        assert paths(fake).count("POST experiments/runs/*/log-metrics") == 3
        assert points(fake, "base", "loss") == [(0, 1.0), (1, 0.9), (2, 0.8)]
        settled(shell)
        shell.apply(STACK.replace("{value: 0.7}, {step: 1, value: 0.5}", series.replace("0.9", "0.91")))
        assert sorted(points(fake, "base", "loss")) == [(0, 1.0), (1, 0.9), (1, 0.91), (2, 0.8)]
        settled(shell)

    def test_a_long_series_that_breaks_off_goes_on_where_it_stopped(self, shell, fake):
        series = ", ".join(f"{{step: {step}, value: {step}.5}}" for step in range(2500))
        text = STACK.replace("{value: 0.7}, {step: 1, value: 0.5}", series)
        batches = iter([None, Fault(400, {"error": {"code": "MATIH-ML-4000", "message": "no"}})])
        fake.fault = lambda number, method, path: next(batches, None) if path.endswith("/log-batch") else None
        shell.apply(text, code=4)
        assert 0 < len(points(fake, "base", "loss")) < 1000
        shell("apply", "--yes")
        assert points(fake, "base", "loss") == [(step, step + 0.5) for step in range(2500)]
        settled(shell)


def strike(fake, path, fault):
    """Break the first write like `path`; what is left to strike."""
    waiting = [path]

    def hook(number, method, route):
        struck = waiting and method != "GET" and paths(fake)[-1] == path
        return fault if struck and waiting.pop() else None

    fake.fault = hook
    return waiting


class TestLostReplies:
    @pytest.mark.parametrize("idempotent", [True, False])
    @pytest.mark.parametrize("path", APPLY)
    def test_what_was_done_is_not_done_twice(self, path, idempotent, shell, fake):
        fake.idempotent = idempotent
        waiting = strike(fake, path, Fault.lost())
        shell.apply(STACK, "--timeout", "5")
        assert waiting == []
        made = run(fake, "base")
        assert (made.status, made.params, len(made.points["loss"]), len(made.points["auc"])) == (
            "finished",
            {"depth": "6"},
            2,
            1,
        )
        assert len(fake.tenant(TENANT).experiments) == 1
        settled(shell)

    @pytest.mark.parametrize("idempotent", [True, False])
    @pytest.mark.parametrize("which", [1, 2, 3])
    def test_of_a_long_series_no_point_is_written_twice(self, which, idempotent, shell, fake):
        """It takes three requests."""
        fake.idempotent = idempotent
        sent = []

        def hook(number, method, route):
            struck = route.endswith("log-batch")
            sent.extend([route] * struck)
            return Fault.lost() if struck and len(sent) == which else None

        fake.fault = hook
        series = ", ".join(f"{{step: {step}, value: {step}.5}}" for step in range(2500))
        shell.apply(STACK.replace("{value: 0.7}, {step: 1, value: 0.5}", series), "--timeout", "5")
        assert len(sent) == 3
        assert points(fake, "base", "loss") == [(step, step + 0.5) for step in range(2500)]
        settled(shell)

    @pytest.mark.parametrize("path", APPLY)
    def test_what_was_not_done_is_sent_again(self, path, shell, fake):
        strike(fake, path, Fault(502, "<html>"))
        shell.apply(STACK, "--timeout", "5")
        assert paths(fake).count(path) == 2
        assert len(run(fake, "base").points["loss"]) == 2
        settled(shell)

    @pytest.mark.parametrize("idempotent", [True, False])
    @pytest.mark.parametrize("path", ["PATCH experiments/*", "DELETE experiments/*", "POST experiments/*/restore"])
    def test_what_changes_an_experiment(self, path, idempotent, shell, fake):
        fake.idempotent = idempotent
        shell.apply(STACK)
        found = experiment(fake, "fraud")
        if path.endswith("restore"):
            ask(fake, "DELETE", f"experiments/{found.id}")
        waiting = strike(fake, path, Fault.lost())
        if path.startswith("DELETE"):
            shell.apply("experiments: {}", "--allow-delete", "1", "--timeout", "5")
            assert found.stage == "deleted"
        else:
            shell.apply(STACK.replace("gold", "silver"), "--timeout", "5")
            assert (found.stage, found.tags["tier"]) == ("active", "silver")
        assert waiting == []


class TestServer:
    @pytest.mark.parametrize("token", ["wrong", ""])
    def test_wrong_credentials(self, token, shell, fake, url):
        configure(shell, url, token=token)
        shell.manifest(STACK)
        result = shell("plan", code=6)
        assert "refused access with 401" in result.err
        assert "Authentication required" in result.err
        assert TOKEN not in result.err

    def test_the_token_comes_from_the_environment(self, shell, url, monkeypatch):
        configure(shell, url, token="")
        monkeypatch.setenv("TENANT_TOKEN", TOKEN)
        shell.apply(STACK)
        settled(shell)

    def test_two_tenants_do_not_see_each_other(self, shell, fake, url):
        shell.apply(STACK)
        configure(shell, url, "globex")
        assert "2 to create" in shell("plan").out
        shell("apply", "--yes")
        settled(shell)
        assert experiment(fake, "fraud", "globex") is not experiment(fake, "fraud")
        shell("destroy", "--yes")
        assert (experiment(fake, "fraud", "globex").stage, experiment(fake, "fraud").stage) == ("deleted", "active")

    def test_a_plan_for_one_tenant_is_refused_for_another(self, shell, fake, url):
        shell.manifest(STACK)
        assert f"(tenant, {url} (tenant {TENANT}))" in shell("plan", "--out", "p.json").out
        configure(shell, url, "globex")
        check(shell("apply", "p.json", "--yes", code=5), "foreign-plan", f"for the server {url} (tenant {TENANT})")

    def test_a_quota_of_two_requests_a_second_is_kept_to(self, shell, fake):
        fake.quota = 2
        fake.clear()
        shell.apply(STACK)
        assert fake.refused > 0
        assert run(fake, "base").status == "finished"

    def test_many_pages_that_do_not_say_how_many_there_are(self, shell, fake):
        fake.page_cap, fake.totals = 3, False
        for number in range(10):
            ask(fake, "POST", "experiments", {"name": f"other-{number}"})
        names = [f"r{number}" for number in range(8)]
        shell.apply(EXPERIMENT + "runs:\n" + "".join(f"  {name}: {{experiment: fraud}}\n" for name in names))
        for number in range(10, 20):
            ask(fake, "POST", "experiments", {"name": f"other-{number}"})
        settled(shell)

    def test_a_wrong_prefix_is_no_empty_service(self, shell, url):
        shell.write(
            "manifests/reconciler.yaml",
            f"stack: ml\ntargets: {{t: {{backend: tenant, url: '{url}/nothing', tenant: a}}}}\n",
        )
        shell.manifest(STACK)
        assert "answers, but not as a tracking server" in shell("plan", code=1).err

    @pytest.mark.parametrize("tags", ["merge", "replace"])
    def test_a_saved_plan_takes_no_tag_away_that_somebody_has_set_since(self, tags, shell, fake):
        fake.tags = tags
        shell.apply(STACK)
        shell.manifest(STACK.replace("gold", "silver"))
        shell("plan", "--out", "p.json")
        found = experiment(fake, "fraud")
        ask(fake, "PATCH", f"experiments/{found.id}", {"tags": {**found.tags, "theirs": "1"}})
        shell("apply", "p.json", "--yes")
        assert own(found.tags) == {"team": "risk", "tier": "silver", "theirs": "1"}

    def test_what_is_set_while_an_apply_goes_on_is_not_taken_away(self, shell, fake):
        """A tag, and the mark of another stack."""
        shell.apply("experiments: {a: {tags: {x: '1'}}, b: {tags: {x: '1'}}}")
        second, mark = experiment(fake, "b"), '{"v":1,"address":"experiments.b","existing":true,"keys":{}}'

        def hook(number, method, route):
            if method == "PATCH":
                second.tags |= {"owner": "ops", "reconciler.ops": mark}

        fake.fault = hook
        shell.apply("experiments: {a: {tags: {x: '2'}}, b: {tags: {x: '2'}}}", "--parallel", "1")
        assert own(second.tags) == {"x": "2", "owner": "ops"}
        assert second.tags["reconciler.ops"] == mark
        assert all("matih." not in json.dumps(one.body) for one in writes(fake))


class TestSecrets:
    CANARY = "hunter2-very-secret"

    @pytest.fixture(autouse=True)
    def applied(self, shell, fake, url, monkeypatch):
        configure(shell, url, more="sensitive: [tags.token]")
        monkeypatch.setenv("TOK", self.CANARY)
        shell.apply("experiments: {fraud: {tags: {token: '${env.TOK}', a: x}}}")
        experiment(fake, "fraud").tags["theirs"] = f"of-others-{self.CANARY}"
        shell.manifest("experiments: {fraud: {tags: {token: '${env.TOK}', a: y}}}")

    @pytest.mark.parametrize("changed", ["edited", "deleted", "secret"])
    def test_no_plan_and_no_journal_shows_what_is_written_back(self, changed, shell, fake, monkeypatch):
        deleted = ("--allow-delete", "1") if changed == "deleted" else ()
        if deleted:
            shell.manifest("experiments: {}")
        if changed == "secret":
            monkeypatch.setenv("TOK", "another")
        many = ("plan", *deleted, "--format")
        shown = [shell(*many, how).out for how in ("text", "json", "markdown", "html")]
        shown.append(shell("explain", "experiments.fraud").out)
        shell(*many, "text", "--out", "p.json")
        shown.append(shell("apply", "p.json", "--yes", "--journal", "j", "--journal-bodies").out)
        shown += [(shell.folder / name).read_text() for name in ("p.json", "j")]
        assert all(self.CANARY not in text for text in shown)
        tags = {"token": "another" if changed == "secret" else self.CANARY, "theirs": f"of-others-{self.CANARY}"}
        assert own(experiment(fake, "fraud").tags) == tags | {"a": "x" if deleted else "y"}

    def test_no_error_shows_it(self, shell, fake):
        told = {"error": {"code": "BAD", "message": f"bad tags token={self.CANARY} theirs=of-others"}}
        fake.fault = lambda number, method, route: Fault(400, told) if method == "PATCH" else None
        result = shell("apply", "--yes", "--journal", "j", code=4)
        for text in (result.out, result.err, (shell.folder / "j").read_text()):
            assert self.CANARY not in text
            assert "of-others" not in text
        assert "400 BAD (the server's words are left out" in result.out


class TestImport:
    def test_what_nobody_owns_is_imported_and_adopted(self, shell, fake):
        shell.apply(STACK)
        experiment(fake, "fraud").tags.pop("reconciler.ml")
        run(fake, "base").tags.pop("reconciler.ml")
        (shell.folder / "manifests/main.yaml").unlink()
        found = shell("import")
        assert found.out == "Imported: 1 experiment, 1 run into 1 file.\n"
        text = (shell.folder / "manifests/fraud.yaml").read_text(encoding="utf-8")
        assert text == (
            "experiments:\n  fraud:\n    description: Card fraud\n"
            "    artifact_location: s3://matih-acme-corp/fraud\n    tags:\n      team: risk\n      tier: gold\n"
            f"runs:\n  fraud/base:\n    experiment: fraud\n    name: base\n    id: {run(fake, 'base').id}\n"
            "    description: The first one\n    status: FINISHED\n    params:\n      depth: 6\n"
            "    metrics:\n      auc: 0.9\n      loss: 0.5\n    tags:\n      model: xgboost\n"
        )
        steps = json.loads(shell("plan", "--format", "json").out)["steps"]
        assert [step["action"] for step in steps] == ["adopt", "adopt"]
        shell("apply", "--yes")
        settled(shell)
        assert len(fake.tenant(TENANT).runs) == 1

    def test_there_is_no_filter_and_there_are_no_logged_models(self, shell):
        check(shell("import", "--filter", "x", code=1), "unsupported", "the backend 'tenant' has no filters")
        check(shell("import", "--kind", "logged_models", code=1), "unsupported", "cannot list all logged_models")
