"""The tenant service's wires: the exact requests of each change, how pages are read, and what the mark vouches for."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from reconciler.backends.tenant import BACKEND, points
from reconciler.backends.tenant.options import Options, endpoint
from reconciler.core import mark as marks
from reconciler.core.call import ID, Unfit
from reconciler.core.change import Action, FieldChange
from reconciler.core.diff import mark_of
from reconciler.core.mark import Mark, digest
from reconciler.core.wire import CANNOT_REMOVE, Edit, Endpoint, Query, Server, Sought
from tests.lives import address, entry, found, held, owned, path

OPTIONS = {"url": "https://acme.test", "tenant": "acme-corp"}
WIRES = BACKEND.wires(Options.model_validate(OPTIONS), Server())
EXPERIMENTS, RUNS = WIRES["experiments"], WIRES["runs"]
RUN = f"experiments/runs/{ID}"
LOSS = ("metrics", "loss")


def sent(calls):
    return [(call.method, call.path.removeprefix("/api/v1/"), call.body) for call in calls]


def change(field, after, before=None, reason="manifest"):
    return FieldChange(path(field), before, after, Action.update, reason)


def created(wire, name, **body):
    desired = entry(name, **body)
    return wire.create(desired, mark_of(desired), "ml")


def mark_text(mark):
    return marks.write(mark, "ml")["reconciler.ml"]


def series(count, **more):
    return [{"step": step, "value": step / 2, **more} for step in range(count)]


class Lists:
    """Drives a flow against lists whose contents may change between two requests."""

    def __init__(self, pages, total=True, cap=1000):
        self.pages, self.total, self.cap = pages, total, cap
        self.asked = []

    def answer(self, call):
        query = dict(call.query)
        limit, offset = int(query.pop("limit")), int(query.pop("offset"))
        self.asked.append((call.path.removeprefix("/api/v1/"), query, limit, offset))
        found = self.pages(query, len(self.asked))
        page = {"items": found[offset : offset + min(limit, self.cap)]}
        return page | ({"total": len(found)} if self.total else {})

    def drive(self, flow):
        replies = None
        while True:
            try:
                calls = flow.send(replies)
            except StopIteration as stop:
                return stop.value
            assert all(call.repeatable and call.method == "GET" for call in calls)
            replies = [self.answer(call) for call in calls]


def experiment(number, name="", **more):
    return {"id": str(number), "name": name or f"e{number}", "tags": {}, **more}


class TestTarget:
    def test_all_that_a_request_needs(self):
        options = Options.model_validate(OPTIONS | {"token": "t", "headers": {"X-Team": "a", "X-Tenant-ID": "other"}})
        assert endpoint(options, {"TENANT_TOKEN": "e"}) == Endpoint(
            url="https://acme.test",
            part="tenant acme-corp",
            headers={"X-Team": "a", "X-Tenant-ID": "acme-corp"},
            token="t",
            idempotency="X-Idempotency-Key",
        )

    def test_the_environment_gives_what_the_target_does_not_say(self):
        environ = {"TENANT_TOKEN": "e", "MLFLOW_TRACKING_INSECURE_TLS": "1", "MLFLOW_TRACKING_CLIENT_CERT_PATH": "c"}
        found = endpoint(Options.model_validate(OPTIONS), environ)
        assert (found.token, found.verify, found.client_cert) == ("e", False, "c")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"url": "sqlite:///x.db"},
            {"url": "acme.test"},
            {"tenant": ""},
            {"tenant": "a b"},
            {"tenant": "é"},
            {"tenant": "a\r\nX: y"},
            {"prefix": "api"},
            {"username": "x"},
        ],
    )
    def test_what_it_cannot_be(self, wrong):
        with pytest.raises(ValidationError):
            Options.model_validate(OPTIONS | wrong)


class TestLists:
    def test_the_largest_page_of_both_stages_at_once(self):
        lists = Lists(lambda query, _: [])
        assert lists.drive(EXPERIMENTS.observe(Query("ml"))) == []
        stages = [{"lifecycle_stage": stage} for stage in ("deleted", "active")]
        assert lists.asked == [("experiments", stage, 1000, 0) for stage in stages]

    @pytest.mark.parametrize(("total", "requests"), [(True, 3), (False, 5)])
    def test_each_page_begins_with_the_last_item_of_the_one_before(self, total, requests):
        every = [experiment(number) for number in range(7)]
        lists = Lists(lambda query, _: every if query["lifecycle_stage"] == "active" else [], total, cap=3)
        sought = tuple(Sought(address(f"experiments.e{number}"), f"e{number}") for number in range(7))
        found = lists.drive(EXPERIMENTS.observe(Query("ml", sought)))
        assert [live.id for live in found] == [str(number) for number in range(7)]
        offsets = [offset for _, query, _, offset in lists.asked if query["lifecycle_stage"] == "active"]
        assert offsets == [0, 2, 4, 6, 6][: len(offsets)]
        assert len(offsets) in (requests, requests - 1)

    def test_what_is_put_in_front_meanwhile_skips_nothing(self):
        every = [experiment(number) for number in range(6)]

        def pages(query, count):
            new = [experiment(100 + number) for number in range(count // 2)]
            return [*new, *every] if query["lifecycle_stage"] == "active" else []

        lists = Lists(pages, cap=4)
        sought = tuple(Sought(address(f"experiments.e{number}"), f"e{number}") for number in range(6))
        assert {live.id for live in lists.drive(EXPERIMENTS.observe(Query("ml", sought)))} >= {str(n) for n in range(6)}

    @pytest.mark.parametrize("gone", [1, 4])
    def test_where_something_went_the_list_is_read_anew(self, gone):
        every = [experiment(number) for number in range(8)]

        def pages(query, _):
            asked = sum(one[1] == query for one in lists.asked)
            left = every if asked == 1 else every[gone:]
            return left if query["lifecycle_stage"] == "active" else []

        lists = Lists(pages, cap=4)
        sought = tuple(Sought(address(f"experiments.e{number}"), f"e{number}") for number in range(8))
        found = lists.drive(EXPERIMENTS.observe(Query("ml", sought)))
        assert {live.id for live in found} == {str(number) for number in range(gone, 8)}
        offsets = [offset for _, query, _, offset in lists.asked if query["lifecycle_stage"] == "active"]
        assert offsets[:3] == [0, 3, 0]

    def test_a_list_that_never_stands_still_is_given_up(self):
        def pages(query, count):
            return [experiment(f"{count}-{number}") for number in range(9)]

        with pytest.raises(Unfit, match="changes faster than it can be read: it was begun 5 times"):
            Lists(pages, cap=3).drive(EXPERIMENTS.observe(Query("ml")))

    def test_pages_without_an_end_are_given_up(self):
        class Endless(Lists):
            def answer(self, call):
                return {"experiments": [experiment(number) for number in range(1000)], "total": 10**9}

        with pytest.raises(Unfit, match="its pages have no end: 100 had nothing new"):
            Endless(None).drive(EXPERIMENTS.observe(Query("ml")))

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            ({"items": [{"id": "1", "name": "a"}]}, "tags: field required"),
            ({"items": [{"id": "1", "tags": {}}]}, "name: field required"),
            ({"items": [{"id": "../x", "name": "a", "tags": {}}]}, "id: is not an id"),
            ({"items": [{"id": "1", "name": "a", "tags": {}, "lifecycle_stage": "purging"}]}, "lifecycle_stage"),
            ({"nothing": []}, "experiments: field required"),
            ({}, "experiments: field required"),
        ],
    )
    def test_another_reply_is_none(self, reply, words):
        flow = EXPERIMENTS.observe(Query("ml"))
        next(flow)
        with pytest.raises(Unfit) as caught:
            flow.send([reply, reply])
        assert words in str(caught.value)


class TestExperiments:
    def test_found_by_mark_by_id_or_by_name_and_no_others(self):
        mark = marks.write(Mark(address("experiments.own")), "ml")
        theirs = marks.write(Mark(address("experiments.x")), "ops")
        every = [
            experiment(1, "renamed", tags={**mark, "team": "risk", "matih.tenant_id": "acme", "mlflow.x": "y"}),
            experiment(2, "fraud", tags=None, description="d", artifact_location="s3://b"),
            experiment(4, "nobody's", tags=theirs, lifecycle_stage="active"),
        ]
        gone = [experiment(3, "third", tags=theirs, lifecycle_stage="deleted")]
        lists = Lists(lambda query, _: every if query["lifecycle_stage"] == "active" else gone)
        sought = (Sought(address("experiments.a"), "fraud"), Sought(address("experiments.b"), "other", id="3"))
        one, two, three = lists.drive(EXPERIMENTS.observe(Query("ml", sought)))
        assert (one.address, one.id, one.damage) == (address("experiments.own"), "1", "")
        assert one.fields == {("name",): "renamed", ("tags", "team"): "risk"}
        assert (two.address, two.mark) == (address("experiments.a"), None)
        assert two.fields == {("name",): "fraud", ("description",): "d", ("artifact_location",): "s3://b"}
        assert (three.address, three.deleted, list(three.others)) == (address("experiments.b"), True, ["ops"])

    @pytest.mark.parametrize("said", [{}, {"lifecycle_stage": None}, {"lifecycle_stage": "deleted"}])
    def test_what_is_archived_is_told_by_its_list(self, said):
        gone = [experiment(1, "fraud", **said)]
        lists = Lists(lambda query, _: gone if query["lifecycle_stage"] == "deleted" else [])
        (live,) = lists.drive(EXPERIMENTS.observe(Query("ml", (Sought(address("experiments.a"), "fraud"),))))
        assert live.deleted

    def test_what_is_restored_while_the_lists_are_read_is_active(self):
        lists = Lists(lambda _, __: [experiment(1, "fraud")])
        (live,) = lists.drive(EXPERIMENTS.observe(Query("ml", (Sought(address("experiments.a"), "fraud"),))))
        assert not live.deleted

    @pytest.mark.parametrize("wire", [EXPERIMENTS, RUNS])
    def test_a_list_that_shows_what_was_not_asked_for_is_refused(self, wire):
        """A service that knows nothing of the stage would show all in both lists."""
        lists = Lists(lambda _, __: [experiment(1, lifecycle_stage="active")])
        with pytest.raises(Unfit, match="of the experiments that are deleted it shows one that is active"):
            lists.drive(wire.observe(Query("ml")))

    def test_create(self):
        (call,) = created(EXPERIMENTS, "experiments.fraud", description="d", tags={"team": "risk"})
        mark = mark_text(mark_of(entry("experiments.fraud", description="d", tags={"team": "risk"})))
        body = {"name": "fraud", "description": "d", "tags": {"team": "risk", "reconciler.ml": mark}}
        assert sent([call]) == [("POST", "experiments", body)]
        assert (call.returns, call.repeatable) == (("id",), False)
        assert call.fields == (("description",), ("name",), ("tags", "team"))

    def test_an_update_sends_all_tags_that_are_there_then_but_for_the_services_own(self):
        live = held(entry("experiments.fraud"))
        changes = (change("name", "new"), change("description", None, "d"), change("tags.a", "2", "1"))
        (call,) = EXPERIMENTS.update(Edit(live, changes, {"reconciler.ml": "m", "reconciler.ml.1": None}))
        tags = {"$live": "tags", "but": "matih.", "with": {"a": "2", "reconciler.ml": "m", "reconciler.ml.1": ""}}
        body = {"name": "new", "description": "", "tags": tags}
        assert sent([call]) == [("PATCH", f"experiments/{ID}", body)]
        assert call.repeatable

    def test_an_update_without_tags_sends_none(self):
        live = held(entry("experiments.fraud"))
        (call,) = EXPERIMENTS.update(Edit(live, (change("name", "new"),), {}))
        assert call.body == {"name": "new"}
        assert EXPERIMENTS.update(Edit(live, (), {})) == []

    def test_archive_and_restore(self):
        live = held(entry("experiments.fraud"))
        (away,), (back,) = EXPERIMENTS.delete(live), EXPERIMENTS.restore(live)
        assert sent([away, back]) == [
            ("DELETE", f"experiments/{ID}", None),
            ("POST", f"experiments/{ID}/restore", None),
        ]
        assert (away.repeatable, away.absorbs, back.repeatable) == (True, ("404",), False)

    def test_what_cannot_be_removed(self):
        assert EXPERIMENTS.forbids(change("tags.a", None, "1")).code == CANNOT_REMOVE
        assert EXPERIMENTS.forbids(change("tags.a", "2", "1")) is None
        assert EXPERIMENTS.forbids(change("description", None, "d")) is None


class TestRuns:
    def test_create_fills_and_ends(self):
        body = {"experiment": "fraud", "description": "d", "params": {"depth": 6}, "metrics": {"auc": 0.9}}
        calls = created(RUNS, "runs.r", tags={"a": "1"}, status="KILLED", **body)
        mark = mark_of(entry("runs.r", tags={"a": "1"}, status="KILLED", **body))
        first = {"a": "1", "reconciler.ml": mark_text(mark.without("metrics"))}
        batch = {
            "tags": [{"key": "reconciler.ml", "value": mark_text(mark)}],
            "metrics": [{"key": "auc", "value": 0.9, "step": 0}],
            "params": [{"key": "depth", "value": "6"}],
        }
        made = {"experiment_id": {"$id": "experiments.fraud"}, "name": "r", "description": "d", "tags": first}
        assert sent(calls) == [
            ("POST", "experiments/runs", made),
            ("POST", f"{RUN}/log-batch", batch),
            ("POST", f"{RUN}/end", None),
        ]
        assert [call.repeatable for call in calls] == [False, False, False]
        assert calls[2].query == {"status": "killed"}
        assert [call.returns for call in calls] == [("run_id",), (), ()]

    def test_a_run_that_goes_on_is_not_ended(self):
        (call,) = created(RUNS, "runs.r", experiment="fraud", status="RUNNING")
        assert call.path == "/api/v1/experiments/runs"

    def test_what_has_no_points_may_be_repeated(self):
        _, call = created(RUNS, "runs.r", experiment="fraud", params={"depth": 6})
        assert (call.body, call.repeatable) == ({"params": [{"key": "depth", "value": "6"}]}, True)

    def test_points_of_one_moment_go_together(self):
        at = {"timestamp": "2026-01-31T09:00:00Z"}
        metrics = {
            "loss": [{"value": 1, **at}, {"value": 2, **at}, {"step": 1, "value": 3, **at}, {"step": 2, "value": 4}],
            "auc": [{"value": 5, **at}],
        }
        calls = created(RUNS, "runs.r", experiment="fraud", metrics=metrics)
        timed = [call.body for call in calls if call.path.endswith("log-metrics")]
        when = 1_769_850_000_000
        assert timed == [
            {"metrics": {"auc": 5.0, "loss": 1.0}, "step": 0, "timestamp": when},
            {"metrics": {"loss": 2.0}, "step": 0, "timestamp": when},
            {"metrics": {"loss": 3.0}, "step": 1, "timestamp": when},
        ]
        assert all(call.repeatable for call in calls[1:4])
        assert calls[4].body["metrics"] == [{"key": "loss", "value": 4.0, "step": 2}]

    def test_each_request_with_points_says_how_far_it_came(self):
        wanted = series(2100)
        calls = created(RUNS, "runs.r", experiment="fraud", metrics={"loss": wanted}, params={"a": "1"})[1:]
        counts = [len(call.body["metrics"]) for call in calls]
        assert counts == [999, 999, 102]
        far = [json.loads(call.body["tags"][0]["value"])["keys"]["metrics/loss"] for call in calls]
        assert far == [digest(wanted[:999]), digest(wanted[:1998]), digest(wanted)]
        assert all(len(call.body["tags"]) == 1 for call in calls)

    def test_an_update_adds_the_points_that_are_missing(self):
        before, after = series(2), series(4)
        live = owned("runs.r", {"metrics.loss": before}, {"metrics.loss": before}, parent="1")
        (call,) = RUNS.update(Edit(live, (change("metrics.loss", after, before),), {"reconciler.ml": "m"}))
        assert [entry["step"] for entry in call.body["metrics"]] == [2, 3]
        assert call.body["tags"] == [{"key": "reconciler.ml", "value": "m"}]

    def test_parts_of_the_mark_that_were_written_in_between_are_written_again(self):
        """A mark of several parts shifts when a key comes in."""
        applied = {f"params.{number:04}{'x' * 100}": "1" for number in range(100)}
        live = owned("runs.r", applied, applied, parent="1")
        final = {max(live.mark_tags): "last"}
        calls = RUNS.update(Edit(live, (change("metrics.loss", series(2000)),), final))
        *between, last = ({tag["key"]: tag["value"] for tag in call.body["tags"]} for call in calls)
        assert all(len(tags) >= len(live.mark_tags) for tags in between)
        assert last == {**live.mark_tags, **final}

    def test_only_the_mark(self):
        live = held(entry("runs.r", experiment="fraud"))
        (call,) = RUNS.update(Edit(live, (), {"reconciler.ml": None}))
        assert sent([call]) == [("POST", f"{RUN}/log-batch", {"tags": [{"key": "reconciler.ml", "value": ""}]})]
        assert RUNS.update(Edit(live, (), {})) == []

    def test_a_status_ends_it(self):
        live = held(entry("runs.r", experiment="fraud"))
        (call,) = RUNS.update(Edit(live, (change("status", "FAILED", "RUNNING"),), {}))
        assert (call.path, call.query, call.fields) == (
            f"/api/v1/{RUN}/end",
            {"status": "failed"},
            (("status",),),
        )

    def test_read(self):
        mark = marks.write(Mark(address("runs.r")), "ml")
        run = {
            "run_id": "r1",
            "name": "r",
            "description": "d",
            "status": "finished",
            "params": {"depth": "6"},
            "metrics": {"auc": 1},
            "tags": {**mark, "a": "1"},
        }
        bare = {"run_id": "r2", "tags": mark}
        other = {"run_id": "r3", "tags": {"a": "1"}}

        def pages(query, _):
            if query == {"lifecycle_stage": "deleted"}:
                return [experiment("e2")]
            return [run, other] if query == {"experiment_id": "e1"} else [bare]

        lists = Lists(pages)
        one, two = lists.drive(RUNS.observe(Query("ml", parents=("e1", "e2"))))
        assert {(path, limit) for path, _, limit, _ in lists.asked} == {("experiments", 1000), ("experiments/runs", 50)}
        assert one.fields == {
            ("experiment",): "e1",
            ("name",): "r",
            ("status",): "FINISHED",
            ("description",): "d",
            ("params", "depth"): "6",
            ("metrics", "auc"): 1.0,
            ("tags", "a"): "1",
        }
        assert (one.address, one.id, one.parent, one.deleted) == (address("runs.r"), "r1", "e1", False)
        assert (two.parent, two.deleted) == ("e2", True)
        assert two.fields == {("experiment",): "e2", ("name",): "", ("status",): ""}

    def test_none_is_restored_by_itself(self):
        live = found("runs.r", {})
        assert RUNS.restore(live) == RUNS.delete(live) == []
        assert RUNS.cannot(Action.restore) == "a run is archived and comes back with its experiment"
        assert RUNS.cannot(Action.delete) == RUNS.cannot(Action.replace) != RUNS.cannot(Action.restore)

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            (change("tags.a", None, "1"), CANNOT_REMOVE),
            (change("description", None, "d"), CANNOT_REMOVE),
            (change("description", "e", "d"), "unsupported"),
            (change("name", "e", "d"), "unsupported"),
            (change("status", "RUNNING", "FINISHED"), "unsupported"),
            (change("status", "FAILED", "FINISHED"), None),
            (change("tags.a", "2", "1"), None),
            (change("params.a", "2"), None),
            (change("metrics.a", 1.0, 2.0), None),
            (change("metrics.a", 1.0, 2.0, "drift"), "unsupported"),
            (change("metrics.a", 1.0, None, "drift"), None),
            (change("metrics.a", series(2), 0.5), "unsupported"),
            (change("metrics.a", series(2), series(1)), None),
            (change("metrics.a", None, 0.5), None),
        ],
    )
    def test_what_is_forbidden(self, changed, code):
        found = RUNS.forbids(changed)
        assert (found.code if found else None) == code


class TestSeries:
    @pytest.mark.parametrize("count", [0, 1, 3, 5])
    def test_the_mark_vouches_for_the_first_points(self, count):
        assert points.vouched(series(5), digest(series(count))) == count

    def test_else_it_is_not_known_how_many_are_there(self):
        assert points.vouched(series(5), digest(series(6))) is None
        assert points.vouched(series(5), "") is None

    def test_of_points_of_both_sorts_it_says_first_that_there_are_none(self):
        """Those with a time are written by a request that cannot write the mark."""
        timed = {"value": 9.0, "timestamp": "2026-01-31T09:00:00Z"}
        metrics = {"loss": [timed, *series(1)], "auc": series(2), "lift": [timed]}
        made, *_ = created(RUNS, "runs.r", experiment="fraud", metrics=metrics)
        keys = json.loads(made.body["tags"]["reconciler.ml"])["keys"]
        assert {name: key for name, key in keys.items() if "metrics" in name} == {"metrics/loss": digest([])}
        assert self.settled([], metrics["loss"]) is None
        live = held(entry("runs.r", experiment="fraud"))
        mark = mark_text(mark_of(entry("runs.r", experiment="fraud", metrics=metrics)))
        changes = [change(f"metrics.{name}", value) for name, value in metrics.items()]
        first, *_, last = RUNS.update(Edit(live, tuple(changes), {"reconciler.ml": mark}))
        assert json.loads(first.body["tags"][0]["value"])["keys"]["metrics/loss"] == digest([])
        assert last.body["tags"] == [{"key": "reconciler.ml", "value": mark}]
        assert (first.repeatable, last.repeatable) == (True, False)

    def settled(self, applied, declared, latest=0.5):
        live = owned("runs.r", {"metrics.loss": latest}, {"metrics.loss": applied})
        return points.settle(live, {LOSS: declared}).fields.get(LOSS)

    def test_what_it_vouches_for_is_there(self):
        assert self.settled(series(3), series(3)) == series(3)
        assert self.settled(series(2), series(3)) == series(2)
        assert self.settled(0.5, 0.5) == 0.5

    def test_what_it_does_not_is_unknown(self):
        assert self.settled(series(2)[::-1], series(3)) == 0.5

    def test_what_may_be_written_again_is_written_again(self):
        timed = series(3, timestamp="2026-01-31T09:00:00Z")
        assert self.settled(timed[::-1], timed) is None

    def test_without_a_mark_nothing_is_vouched_for(self):
        live = found("runs.r", {"metrics.loss": 0.5})
        assert points.settle(live, {LOSS: series(2)}).fields[LOSS] == 0.5

    def test_what_is_not_there_is_not_vouched_for(self):
        live = owned("runs.r", {}, {"metrics.loss": series(2)})
        assert points.settle(live, {LOSS: series(2)}).fields == {}

    def test_progress_counts_what_has_a_time_as_written(self):
        timed = {"value": 9.0, "timestamp": "2026-01-31T09:00:00Z"}
        wanted = [timed, *series(2), timed, *series(1)]
        mark = Mark(address("runs.r"))
        far = [points.progressed(mark, {LOSS: (wanted, 0)}, {LOSS: count}).keys[LOSS] for count in range(4)]
        assert far == [digest(wanted[:count]) for count in (1, 2, 4, 5)]
        assert points.progressed(mark, {LOSS: (series(2), 0)}, {}).keys == {}


class TestLimits:
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ("s3://bucket/path", ""),
            ("s3://bucket#x", "is not a location that MLflow takes"),
            ("gs://bucket", "is not on S3"),
            ("/data", "is not on S3"),
        ],
    )
    def test_where_artifacts_go(self, value, words):
        found = EXPERIMENTS.check(("artifact_location",), value)
        assert words in (found.why if found else "")
        assert bool(found) == bool(words)

    def test_what_is_right_is_not_refused(self):
        assert EXPERIMENTS.check(("name",), "n" * 255) is None
        assert EXPERIMENTS.check(("description",), "d" * 1000) is None
        assert RUNS.check(("metrics", "loss"), series(3)) is None
        assert RUNS.check(("status",), "RUNNING") is None
