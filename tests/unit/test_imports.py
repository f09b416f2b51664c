"""What of a server's resources becomes which entry, and what is left out."""

import pytest

from reconciler import registry
from reconciler.core.imports import Importer, Wanted
from reconciler.core.mark import Mark
from reconciler.core.sensitive import Sensitive
from reconciler.core.stack import Stack
from reconciler.core.wire import Query, Server, Sought, Wire
from tests.lives import KINDS, WIRES, address, entry, found, owned
from tests.world import declare

EVERY = tuple(WIRES)
BACKENDS = registry.backends()


def importer(kinds=EVERY, desired=(), tags=None, sensitive=(), wires=WIRES, **more):
    stack = Stack("ml", "local", "mlflow", KINDS, wires, Sensitive(sensitive))
    return Importer(stack, Wanted(kinds, **more), {one.address: one for one in desired}, tags or {})


def imported(lives, *arguments, **more):
    one = importer(*arguments, **more)
    return one.imported([live for live in lives if one.keep(live)])


def bodies(result):
    return {str(one.address): one.body for one in result.entries}


def experiment(name, number="1", **more):
    return found(f"experiments.?{number}", {"name": name, **more.pop("fields", {})}, number, **more)


def run(name, number="r", parent="1", **fields):
    return found(f"runs.?{number}", {"name": name, "experiment": parent, **fields}, number, parent=parent)


def model(name, number="m", parent="1", **fields):
    return found(f"logged_models.?{number}", {"name": name, "experiment": parent, **fields}, number, parent=parent)


def test_what_nobody_has_to_write_is_left_out():
    fields = {"artifact_location": "mlflow-artifacts:/1/", "description": "", "tags.team": "x", "tags.tier": "gold"}
    result = imported([experiment("e", fields=fields), run("r", status="RUNNING")], tags={"team": "x"})
    assert bodies(result) == {
        "experiments.e": {"tags": {"tier": "gold"}},
        "runs.e/r": {"experiment": "e", "name": "r", "id": "r"},
    }
    assert result.untagged == 1
    assert result.left_out == {}
    assert bodies(imported([experiment("e", fields={"artifact_location": ""})])) == {"experiments.e": {}}


def test_what_has_to_be_written_is():
    fields = {"artifact_location": "s3://b/x", "description": "d", "tags.team": "y"}
    cards = {"name": "cards", "digest": "a", "source_type": "s3", "source": "s"}
    lives = [
        experiment("a b", fields=fields),
        run(
            "r",
            status="FINISHED",
            **{"metrics.auc": 0.5, "datasets.cards@a": cards, "start_time": "2026-01-31T09:00:00Z"},
        ),
        model("m", status="READY", source_run="r"),
    ]
    result = imported(lives, tags={"team": "x"})
    assert bodies(result) == {
        "experiments.a-b": {
            "name": "a b",
            "description": "d",
            "artifact_location": "s3://b/x",
            "tags": {"team": "y"},
        },
        "runs.a-b/r": {
            "experiment": "a-b",
            "name": "r",
            "id": "r",
            "status": "FINISHED",
            "start_time": "2026-01-31T09:00:00Z",
            "metrics": {"auc": 0.5},
            "datasets": [cards],
        },
        "logged_models.a-b/m": {
            "experiment": "a-b",
            "name": "m",
            "id": "m",
            "source_run": "a-b/r",
            "status": "READY",
        },
    }
    assert [one.home for one in result.entries] == ["a-b"] * 3
    assert all(one.new for one in result.entries)


def test_what_a_manifest_cannot_say_is_told():
    fields = {"tags.token": "s", "tags.bad\0": "x", f"tags.{'é' * 900}": "x", "artifact_location": "http://x/y"}
    lives = [experiment("e", fields=fields), model("m", status="UNSPECIFIED", source_run="gone")]
    first, second = imported(lives, sensitive=("tags.token",)).entries
    assert first.body == {}
    assert [note.partition(": it ")[2] for note in first.notes] == [
        "is not a location that MLflow takes",
        "has a NUL character, which not every database holds",
        "is sensitive; declare it with ${env.NAME}, or not at all",
        "has a name that is too long for the mark",
    ]
    assert second.notes == (
        "source_run is left out: it names 'gone', which is not imported",
        "status is left out: it is 'UNSPECIFIED', which no manifest can say",
    )


def test_a_series_that_may_go_on_is_left_out():
    metrics = {"metrics.auc": 0.5, "metrics.loss": 0.1}
    lives = [experiment("e"), run("a", "1", status="RUNNING", **metrics), run("b", "2", **metrics)]
    _, going, other = imported(lives).entries
    assert "metrics" not in going.body
    assert going.notes == ("metrics are left out: more may be logged, and an apply would log these again",)
    assert (other.body["metrics"], other.notes) == ({"auc": 0.5, "loss": 0.1}, ())


def test_what_others_own_is_not_read_and_what_is_ours_or_declared_is_no_entry():
    other = Mark(address("experiments.x"))
    lives = [
        experiment("theirs", "1", others={"ops": other}),
        experiment("shared", "2", others={"ops": Mark(address("experiments.x"), existing=True)}),
        owned("experiments.own", {"name": "ours"}, {}, id="3"),
        experiment("broken", "4", damage="is not JSON"),
        experiment("declared", "5"),
        run("r", "r3", "3"),
        run("r", "r5", "5"),
    ]
    result = imported(
        lives, desired=[entry("experiments.mine", name="declared"), entry("runs.r5", experiment="fraud", id="r9")]
    )
    assert result.left_out == {"of other stacks": 1, "of this stack": 2, "declared already": 1}
    assert list(bodies(result)) == ["experiments.shared", "runs.mine/r", "runs.own/r"]
    assert [one.new for one in result.entries] == [True, False, False]


def test_a_declared_run_is_known_by_its_id():
    result = imported([experiment("e"), run("r", "r9")], desired=[entry("runs.base", experiment="fraud", id="r9")])
    assert result.left_out == {"declared already": 1}
    assert list(bodies(result)) == ["experiments.e"]


def test_without_experiments_those_of_the_runs_are_shared():
    lives = [
        experiment("e", "1"),
        experiment("a b", "2"),
        experiment("empty", "3"),
        run("x", "r1", "1"),
        run("y", "r2", "2"),
    ]
    result = imported(lives, ("runs",))
    assert bodies(result) == {
        "experiments.a-b": {"name": "a b", "existing": "true"},
        "experiments.e": {"existing": "true"},
        "runs.a-b/y": {"experiment": "a-b", "name": "y", "id": "r2"},
        "runs.e/x": {"experiment": "e", "name": "x", "id": "r1"},
    }
    assert list(bodies(imported(lives, ("runs",), names=("y",)))) == ["experiments.a-b", "runs.a-b/y"]
    assert list(bodies(imported(lives, names=("e*",)))) == ["experiments.e", "experiments.empty", "runs.e/x"]


def test_an_experiment_without_a_name_is_left_out_with_all_in_it():
    result = imported([experiment(""), run("r")])
    assert result.entries == ()
    assert result.left_out == {"with a name that fits nowhere": 2}
    assert [(one.code, one.summary) for one in result.problems] == [
        ("not-imported", "'' (id 1, one of the experiments) cannot be declared: its name is empty")
    ]


def test_keys_do_not_depend_on_ids():
    def keys(*numbers):
        lives = [experiment("e")]
        for number, start in zip(numbers, ("2026-01-02", "2026-01-01", "2026-01-01"), strict=True):
            lives.append(run("r", number, start_time=f"{start}T00:00:00Z", **{"params.n": f"{len(lives)}"}))
        result = imported(lives)
        return [(one.address.name, one.body["params"]["n"]) for one in result.entries[1:]]

    assert keys("a", "b", "c") == keys("c", "a", "b") == [("e/r", "2"), ("e/r-2", "3"), ("e/r-3", "1")]


def test_what_cannot_be_declared_does_not_number_keys():
    odd = model("m", "a", **{"params.x/y": "1", "params.b": "2"})
    result = imported([experiment("e"), odd, model("m", "b", **{"params.a": "9"})])
    assert [(one.address.name, one.body.get("params")) for one in result.entries[1:]] == [
        ("e/m", {"a": "9"}),
        ("e/m-2", {"b": "2"}),
    ]


@pytest.mark.parametrize("kind", EVERY)
def test_what_a_backend_does_not_offer(kind):
    class Bare(Wire):
        pass

    assert importer((kind,)).refusals(BACKENDS["mlflow"]) == []
    (refused,) = importer((kind,), wires={}).refusals(BACKENDS["mlflow"])
    assert (refused.code, refused.summary) == ("unsupported", f"the backend 'mlflow' cannot list all {kind}")
    assert len(importer((kind,), wires={kind: Bare()}).refusals(BACKENDS["mlflow"])) == 1
    (refused,) = importer((kind,), filter="x").refusals(BACKENDS["tenant"])
    assert refused.summary == "the backend 'tenant' has no filters"


def test_who_has_a_name_that_is_a_key_keeps_it():
    lives = [experiment("Churn (EU)"), experiment("Churn-EU", "2"), experiment("Churn!", "3")]
    assert bodies(imported(lives)) == {
        "experiments.Churn": {"name": "Churn!"},
        "experiments.Churn-EU-2": {"name": "Churn (EU)"},
        "experiments.Churn-EU": {},
    }


def test_a_name_is_said_as_short_as_its_wire_takes_it():
    wires = BACKENDS["databricks"].wires(
        BACKENDS["databricks"].options.model_validate({"name_prefix": "/Shared/ml"}), Server()
    )
    lives = [experiment("/Shared/ml/a"), experiment("/Shared/ml/b c", "2"), experiment("/Shared/d", "3")]
    assert bodies(imported(lives, ("experiments",), wires=wires)) == {
        "experiments.Shared/d": {"name": "/Shared/d"},
        "experiments.a": {},
        "experiments.b-c": {"name": "b c"},
    }
    inside = bodies(imported([*lives, run("r", parent="2"), run("s", parent="1")], ("runs",), wires=wires))
    assert inside["experiments.a"] == {"existing": "true"}
    assert inside["experiments.b-c"] == {"name": "b c", "existing": "true"}


def test_what_may_be_there_without_the_mark():
    marked, unmarked = Sought(address("runs.a"), "", "1"), Sought(address("runs.b"), "", "2", marked=False)
    query = Query("ml", (marked, unmarked))
    assert query.unmarked([]) == [unmarked]
    assert query.unmarked([found("runs.?2", {}, "2")]) == []
    assert query.unmarked([found("runs.b", {}, "3")]) == []


def test_an_id_is_declared_once_and_is_one():
    with pytest.raises(Exception, match=r"has the id .1., as runs\.a has"):
        declare({"experiments": {"e": {}}, "runs": {k: {"experiment": "e", "id": "1"} for k in ("a", "b")}})
    with pytest.raises(Exception, match="is not an id as tracking servers give them"):
        declare({"experiments": {"e": {}}, "runs": {"a": {"experiment": "e", "id": "it's"}}})
    same = {"experiment": "e", "id": "1"}
    assert len(declare({"experiments": {"e": {}}, "runs": {"a": same}, "logged_models": {"a": same}})) == 3
