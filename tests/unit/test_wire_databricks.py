"""Databricks: paths, the requests that differ from MLflow's, what is asked of a workspace, and its lock."""

import pytest

from reconciler import registry
from reconciler.backends.databricks import BACKEND, probe
from reconciler.backends.databricks.names import fault, folder, held
from reconciler.core import lock as locks
from reconciler.core import mark as marks
from reconciler.core.call import Answer
from reconciler.core.change import Action, FieldChange, Secret
from reconciler.core.diff import mark_of
from reconciler.core.lock import Held
from reconciler.core.wire import CANNOT_REMOVE, Edit, Query, Server, Sought
from tests.lives import address, drive, entry, path, sent
from tests.lives import held as live_of

OPTIONS = BACKEND.options(host="https://x.example", token="t", name_prefix="/Workspace/Shared/ml/")
WIRES = BACKEND.wires(OPTIONS, Server())
WIRE, RUNS = WIRES["experiments"], WIRES["runs"]
FRAUD = "experiments.fraud"
NAME = "/Shared/ml/fraud"
MKDIRS = ("POST", "/api/2.0/workspace/mkdirs", {"path": "/Shared/ml"})


def change(field, after, before="x"):
    return FieldChange(path(field), before, after, Action.update, "manifest")


def made(**body):
    desired = entry(FRAUD, name=NAME, **body)
    calls = WIRE.create(desired, mark_of(desired), "ml")
    return desired, sent(calls), calls


def tags(request):
    return {pair["key"]: pair["value"] for pair in request[2]["tags"]}


class TestPaths:
    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("/Workspace/Users/a/x", "/Users/a/x"),
            ("/Users/a/x/", "/Users/a/x"),
            ("/Workspace/x//", "/x"),
            ("/Workspace", "/Workspace"),
            ("/Workspaces/x", "/Workspaces/x"),
            ("/x/Workspace/y", "/x/Workspace/y"),
            ("/", "/"),
            ("fraud", "fraud"),
        ],
    )
    def test_the_form_in_which_a_workspace_holds_them(self, written, kept):
        assert held(written) == kept
        assert held(kept) == kept

    @pytest.mark.parametrize(
        ("name", "whole"),
        [
            ("fraud", NAME),
            ("a/b", "/Shared/ml/a/b"),
            ("fraud/", NAME),
            ("/Workspace/Users/x", "/Users/x"),
            ("", ""),
        ],
    )
    def test_a_prefix_is_for_names_that_are_not_absolute(self, name, whole):
        assert WIRE.canonical(("name",), name) == whole
        assert WIRE.canonical(("tags", "name"), name) == name
        assert WIRES["logged_models"].canonical(("name",), name) == name

    def test_without_a_prefix_they_stay(self):
        wire = BACKEND.wires(BACKEND.options(), Server())["experiments"]
        assert wire.canonical(("name",), "fraud") == "fraud"
        assert wire.check(("name",), "fraud").code == "limit"
        assert wire.check(("name",), "/fraud") is None

    @pytest.mark.parametrize("name", ["fraud", "/", "/a//b", "/a/../b", "/a/.", "", "//"])
    def test_what_is_no_path_of_an_experiment(self, name):
        assert fault(name)
        assert WIRE.check(("name",), name)

    def test_folders(self):
        assert [folder(name) for name in ("/x", "/a/x", "/a/b/x")] == ["", "/a", "/a/b"]


class TestMaking:
    def test_the_folder_then_the_experiment(self):
        desired, requests, calls = made(description="d", artifact_location="dbfs:/x", tags={"a": "1"})
        mark = marks.write(mark_of(desired), "ml")["reconciler.ml"]
        pairs = {"a": "1", "mlflow.note.content": "d", "reconciler.ml": mark}
        assert requests[0] == MKDIRS
        assert tags(requests[1]) == pairs
        assert (requests[1][2]["name"], requests[1][2]["artifact_location"]) == (NAME, "dbfs:/x")
        assert len(requests) == 2
        assert [call.returns for call in calls] == [(), ("experiment_id",)]
        assert set(calls[1].fields) == set(desired.fields)

    def test_one_in_the_root_needs_no_folder(self):
        desired = entry(FRAUD, name="/fraud")
        assert [one[1] for one in sent(WIRE.create(desired, mark_of(desired), "ml"))] == ["experiments/create"]

    def test_a_secret_name_is_refused(self):
        """It cannot be compared: a secret stays as it is written."""
        no = WIRE.check(("name",), Secret("/Workspace/Shared/x", "${env.NAME}"))
        assert (no.path, no.code) == (("name",), "unsupported")
        assert "sensitive" in no.hint
        assert WIRE.check(("tags", "a"), Secret("x", "${env.NAME}")) is None

    @pytest.mark.parametrize("more", [19, 20])
    def test_twenty_tags_go_with_it_and_no_more(self, more):
        _, requests, _ = made(tags={f"t{number:02}": "x" for number in range(more)})
        assert len(requests[1][2]["tags"]) == 20
        later = [] if more == 19 else ["t19", "reconciler.ml"]
        assert [one[2]["key"] for one in requests[2:]] == later

    @pytest.mark.parametrize(("value", "later"), [("é" * 2_500, []), ("é" * 2_501, ["t", "reconciler.ml"])])
    def test_a_long_value_goes_after_it(self, value, later):
        _, requests, _ = made(tags={"t": value})
        assert [one[2]["key"] for one in requests[2:]] == later

    def test_the_mark_speaks_of_what_comes_later_in_the_end(self):
        desired, requests, calls = made(description="d" * 5_001, tags={"a": "1"})
        first = marks.read(tags(requests[1]), "ml")
        written = {key: digest for key, digest in mark_of(desired).keys.items() if key != ("description",)}
        assert (str(first.address), first.keys) == (FRAUD, written)
        assert requests[-1][2]["value"] == marks.write(mark_of(desired), "ml")["reconciler.ml"]
        assert [call.fields for call in calls[2:]] == [(("description",),), ()]
        assert ("description",) not in calls[1].fields

    def test_a_mark_of_many_parts_goes_after_it(self):
        _, requests, _ = made(tags={f"{number:0200}": "x" for number in range(60)})
        assert [one[2]["key"] for one in requests[-3:]] == [
            "reconciler.ml.2",
            "reconciler.ml.1",
            "reconciler.ml",
        ]
        assert len(requests[1][2]["tags"]) == 20
        first = tags(requests[1])
        assert list(first)[-1] == "reconciler.ml"
        keys = set(marks.read(first, "ml").keys)
        assert ("name",) in keys
        assert 15 < len(keys) <= 20
        assert {key[1] for key in keys - {("name",)}} <= set(first)


class TestChanging:
    def test_a_new_name_has_its_folder_first(self):
        calls = WIRE.update(Edit(live_of(entry(FRAUD)), (change("name", "/Shared/ml/cards"),), {}))
        assert [one[1] for one in sent(calls)] == ["/api/2.0/workspace/mkdirs", "experiments/update"]

    def test_a_tag_has_none(self):
        calls = WIRE.update(Edit(live_of(entry(FRAUD)), (change("tags.a", "1"),), {}))
        assert [one[1] for one in sent(calls)] == ["experiments/set-experiment-tag"]

    def test_what_a_workspace_cannot_remove(self):
        server = Server(lacks={"experiments.remove_tag": "it cannot"})
        wire = BACKEND.wires(OPTIONS, server)["experiments"]
        for field in ("tags.a", "description"):
            no = wire.forbids(change(field, None))
            assert (no.code, no.why) == (CANNOT_REMOVE, "it cannot")
            assert WIRE.forbids(change(field, None)) is None
        assert wire.forbids(change("tags.a", "1")) is None
        assert wire.forbids(change("name", None)) is None
        (call,) = wire.update(Edit(live_of(entry(FRAUD)), (), {"reconciler.ml": None}))
        assert call.body["value"] == ""


class TestFinding:
    def item(self, name, stage="active", **marked):
        pairs = [
            {"key": "mlflow.ownerId", "value": "1"},
            *marked.get("tags", ()),
            {"key": "mlflow.ownerId", "value": "1"},
        ]
        return {"experiment_id": "7", "name": name, "lifecycle_stage": stage, "tags": pairs}

    def test_pages_and_order_are_those_of_the_documentation(self):
        asked, _ = drive(WIRE.observe(Query("ml", ())), [{}])
        ((_, _, body),) = asked[0]
        assert (body["max_results"], body["order_by"]) == (3_000, ["name ASC"])

    def test_many_names_are_looked_for_in_a_list_of_all(self):
        names = [f"/Users/a/n{number}" for number in range(9)]
        sought = tuple(Sought(address(FRAUD), name) for name in names)
        asked, _ = drive(WIRE.observe(Query("ml", sought)), [{}], [{}])
        ((_, route, body),) = asked[1]
        assert (route, "filter" in body) == ("experiments/search", False)

    def test_the_name_of_what_is_in_the_trash_is_masked(self):
        mark = {"key": "reconciler.ml", "value": '{"v":1,"address":"experiments.fraud","keys":{}}'}
        item = self.item("/Users/a/Trash/fraud", "deleted", tags=[mark])
        sought = (Sought(address(FRAUD), NAME),)
        asked, lives = drive(WIRE.observe(Query("ml", sought)), [{"experiments": [item]}], [None])
        assert [(live.deleted, live.masked) for live in lives] == [(True, {("name",)})]
        assert asked[1] == [("GET", "experiments/get-by-name", {"experiment_name": NAME})]

    def test_what_is_in_the_trash_holds_no_name(self):
        sought = (Sought(address(FRAUD), NAME),)
        _, lives = drive(WIRE.observe(Query("ml", sought)), [{}], [{"experiment": self.item(NAME, "deleted")}])
        assert lives == []

    def test_by_its_id_it_is_found_all_the_same(self):
        sought = (Sought(address(FRAUD), "", "7"),)
        _, lives = drive(WIRE.observe(Query("ml", sought)), [{}], [{"experiment": self.item("/x", "deleted")}])
        assert [(live.id, live.deleted, live.masked) for live in lives] == [("7", True, {("name",)})]

    def test_the_owner_may_be_there_twice(self):
        sought = (Sought(address(FRAUD), NAME),)
        _, (live,) = drive(WIRE.observe(Query("ml", sought)), [{}], [{"experiment": self.item(NAME)}])
        assert live.fields == {("name",): NAME, ("artifact_location",): ""}
        assert live.masked == frozenset()

    def test_what_a_notebook_has_can_only_be_shared(self):
        tags = [{"key": "mlflow.experimentType", "value": "NOTEBOOK"}]
        sought = (Sought(address(FRAUD), NAME),)
        _, (live,) = drive(WIRE.observe(Query("ml", sought)), [{}], [{"experiment": self.item(NAME, tags=tags)}])
        assert ("tags", "mlflow.experimentType") not in live.fields
        for desired in (entry(FRAUD), None):
            no = WIRES["experiments"].spares(live, desired)
            assert (no.code, "existing: true" in no.hint) == ("notebook", True)
        assert WIRE.spares(live, entry(FRAUD, existing=True)) is None
        both = {"experiments": [self.item(NAME, tags=tags), {**self.item("/x"), "experiment_id": "8"}]}
        _, lives = drive(WIRE.survey(Query("ml", ()), ""), [both])
        assert [live.id for live in lives] == ["8"]

    def test_logged_models_come_in_pages_of_fifty(self):
        asked, _ = drive(WIRES["logged_models"].observe(Query("ml", (), ("7",))), [{}])
        assert asked[0][0][2]["max_results"] == 50


class TestRuns:
    def update(self, *changes, mark=None):
        return sent(RUNS.update(Edit(live_of(entry("runs.base", experiment="fraud")), changes, mark or {})))

    def test_what_is_short_goes_in_one_batch(self):
        changes = change("params.p", "x" * 250), change("tags.t", "é" * 250), change("tags.u", "z")
        (batch,) = self.update(*changes, mark={"reconciler.ml": "short"})
        assert batch[1] == "runs/log-batch"
        assert [pair["key"] for pair in batch[2]["tags"]] == ["t", "u", "reconciler.ml"]

    def test_what_is_long_goes_alone_and_the_mark_last(self):
        changes = change("params.p", "x" * 251), change("tags.t", "x" * 251), change("tags.u", "z")
        found = self.update(*changes, mark={"reconciler.ml": "head", "reconciler.ml.1": "x" * 251})
        assert [(one[1], one[2].get("key")) for one in found] == [
            ("runs/log-batch", None),
            ("runs/log-parameter", "p"),
            ("runs/set-tag", "t"),
            ("runs/set-tag", "reconciler.ml"),
            ("runs/set-tag", "reconciler.ml.1"),
        ]
        assert [pair["key"] for pair in found[0][2]["tags"]] == ["u"]

    def test_only_long_ones_need_no_batch(self):
        calls = RUNS.update(Edit(live_of(entry("runs.base", experiment="fraud")), (change("tags.t", "x" * 251),), {}))
        assert [(one[1], one[2]["key"]) for one in sent(calls)] == [("runs/set-tag", "t")]
        assert calls[0].fields == (("tags", "t"),)

    def test_limits(self):
        assert RUNS.check(("params", "p"), "x" * 501).code == "limit"
        assert RUNS.check(("params", "p"), "x" * 500) is None
        assert RUNS.check(("tags", "t"), "x" * 65_536) is None
        assert RUNS.check(("metrics", "é" * 126), 1).code == "limit"
        assert RUNS.check(("metrics", "../x"), 1).code == "limit"


@pytest.mark.parametrize(
    ("status", "code", "can"),
    [
        (400, "INVALID_PARAMETER_VALUE", True),
        (404, "RESOURCE_DOES_NOT_EXIST", True),
        (200, "", True),
        (404, "ENDPOINT_NOT_FOUND", False),
        (404, "", False),
        (405, "", False),
        (501, "NOT_IMPLEMENTED", False),
        (403, "PERMISSION_DENIED", False),
    ],
)
def test_what_a_workspace_is_asked(status, code, can):
    (asked,), server = drive(probe(OPTIONS), [Answer(status, code), Answer(200)])
    assert asked[0] == ("POST", "experiments/delete-experiment-tag", {})
    assert asked[1][1] == "experiments/search"
    assert BACKEND.probes == ("/experiments/delete-experiment-tag",)
    assert server.usual == can


@pytest.mark.parametrize(("status", "lacks"), [(200, set()), (400, {"tags.like"}), (403, set()), (404, set())])
def test_whether_experiments_can_be_searched_by_their_tags(status, lacks):
    _, server = drive(probe(OPTIONS), [Answer(400), Answer(status)])
    assert set(server.lacks) == lacks


class TestLock:
    WIRE = BACKEND.lock(OPTIONS)

    def test_it_is_looked_up_where_the_documents_say(self):
        held = Held("0" * 32, "me", "here", since=1, until=2)
        pairs = [{"key": key, "value": value} for key, value in locks.tags(held).items()]
        asked, found = drive(self.WIRE.read("ml"), [{"registered_model_databricks": {"name": "x", "tags": pairs}}])
        assert asked == [[("GET", "databricks/registered-models/get", {"name": "reconciler.ml.lock"})]]
        assert found == held

    def test_nobody_has_it(self):
        assert drive(self.WIRE.read("ml"), [None])[1] is None

    def test_both_words_for_a_name_that_is_taken_will_do(self):
        call = self.WIRE.take("ml", Held("0" * 32, since=1, until=2))
        assert {"ALREADY_EXISTS", "RESOURCE_ALREADY_EXISTS"} <= set(call.absorbs)


def test_it_is_one_of_the_backends():
    assert registry.backends()["databricks"] is BACKEND
