"""Experiments on MLflow: the exact requests of each change, and how they are found."""

import pytest

from reconciler.core import mark as marks
from reconciler.core.change import Action, FieldChange, Secret
from reconciler.core.diff import mark_of
from reconciler.core.wire import Edit, Query, Sought
from tests.lives import WIRES, address, drive, entry, held, path, remove_tag, sent, set_tag

WIRE = WIRES["experiments"]
FRAUD = "experiments.fraud"
MARK = '{"v":1,"address":"experiments.fraud","keys":{}}'
SEARCH = {
    "filter": "tags.`reconciler.ml` IS NOT NULL",
    "view_type": "ALL",
    "order_by": ["experiment_id ASC"],
    "max_results": 50_000,
}


def change(field, after, before="x"):
    return FieldChange(path(field), before, after, Action.update, "manifest")


def edit(*changes, mark=None):
    return Edit(held(entry(FRAUD)), changes, mark or {})


def item(number, name, stage="active", **tags):
    """An experiment as the server shows it; in keys of tags `__` stands for a dot."""
    pairs = [{"key": key.replace("__", "."), "value": value} for key, value in tags.items()]
    return {
        "experiment_id": number,
        "name": name,
        "lifecycle_stage": stage,
        "tags": pairs,
        "artifact_location": "s3://x",
    }


def wanted(*names):
    return tuple(Sought(address(f"experiments.{name}"), name) for name in names)


def observed(sought, *replies):
    asked, lives = drive(WIRE.observe(Query("ml", sought)), *replies)
    return asked, {str(live.address): live for live in lives}


def test_making_one_is_one_request_with_its_mark():
    desired = entry(FRAUD, name="fraud-v3", description="d", artifact_location="s3://a", tags={"b": "1", "a": "2"})
    mark = marks.write(mark_of(desired), "ml")["reconciler.ml"]
    (call,) = WIRE.create(desired, mark_of(desired), "ml")
    tags = [("a", "2"), ("b", "1"), ("mlflow.note.content", "d"), ("reconciler.ml", mark)]
    assert sent([call]) == [
        (
            "POST",
            "experiments/create",
            {
                "name": "fraud-v3",
                "artifact_location": "s3://a",
                "tags": [{"key": key, "value": value} for key, value in tags],
            },
        )
    ]
    assert set(call.fields) == set(desired.fields)
    assert (call.returns, call.repeatable) == (("experiment_id",), False)


def test_making_a_plain_one_leaves_the_location_to_the_server():
    (call,) = WIRE.create(entry(FRAUD), mark_of(entry(FRAUD)), "ml")
    assert call.body.keys() == {"name", "tags"}


def test_an_edit_renames_first_then_sets_then_removes_then_marks():
    calls = WIRE.update(
        edit(
            change("tags.gone", None),
            change("tags.b", "1"),
            change("description", "d"),
            change("name", "new"),
            mark={"reconciler.ml": MARK, "reconciler.ml.1": None},
        )
    )
    assert sent(calls) == [
        ("POST", "experiments/update", {"experiment_id": {"$id": FRAUD}, "new_name": "new"}),
        set_tag(FRAUD, "b", "1"),
        set_tag(FRAUD, "mlflow.note.content", "d"),
        remove_tag(FRAUD, "gone"),
        set_tag(FRAUD, "reconciler.ml", MARK),
        remove_tag(FRAUD, "reconciler.ml.1"),
    ]
    fields = [[".".join(field) for field in call.fields] for call in calls]
    assert fields == [["name"], ["tags.b"], ["description"], ["tags.gone"], [], []]
    assert all(call.repeatable for call in calls)


def test_a_tag_that_is_gone_already_is_no_error():
    (call,) = WIRE.update(edit(change("description", None)))
    assert sent([call]) == [remove_tag(FRAUD, "mlflow.note.content")]
    assert call.absorbs == ("RESOURCE_DOES_NOT_EXIST",)


def test_restoring_and_deleting():
    live = held(entry(FRAUD))
    (restore,), (delete,) = WIRE.restore(live), WIRE.delete(live)
    assert sent([restore, delete]) == [
        ("POST", "experiments/restore", {"experiment_id": {"$id": FRAUD}}),
        ("POST", "experiments/delete", {"experiment_id": {"$id": FRAUD}}),
    ]
    assert restore.absorbs == delete.absorbs == ("RESOURCE_DOES_NOT_EXIST",)


def test_there_is_no_change_that_an_experiment_forbids():
    assert WIRE.forbids(change("tags.a", None)) is None


# reading


def test_nothing_there_and_nothing_sought_is_one_search():
    assert drive(WIRE.observe(Query("ml")), [{}]) == ([[("POST", "experiments/search", SEARCH)]], [])


def test_a_server_before_3_11_is_asked_otherwise():
    """Page after page; what it refuses is not asked again."""
    old = SEARCH | {"filter": "tags.`reconciler.ml` LIKE '%'"}
    flow = WIRE.observe(Query("ml"))
    first = next(flow)[0]
    assert (first.body, first.absorbs) == (SEARCH, ("INVALID_PARAMETER_VALUE", "400"))
    flow.close()
    replies = [[None], [{"experiments": [item("1", "a")], "next_page_token": "t"}], [{"experiments": [item("2", "b")]}]]
    asked, lives = drive(WIRE.observe(Query("ml")), *replies)
    assert [call for (call,) in asked] == [
        ("POST", "experiments/search", SEARCH),
        ("POST", "experiments/search", old),
        ("POST", "experiments/search", old | {"page_token": "t"}),
    ]
    assert [live.id for live in lives] == ["1", "2"]


def test_pages():
    asked, lives = observed(
        (), [{"experiments": [item("1", "a")], "next_page_token": "t"}], [{"experiments": [item("2", "b")]}]
    )
    assert asked == [
        [("POST", "experiments/search", SEARCH)],
        [("POST", "experiments/search", SEARCH | {"page_token": "t"})],
    ]
    assert [live.id for live in lives.values()] == ["1", "2"]


def test_what_is_read_of_an_experiment():
    """The server's own tags and all marks are left out; the note is the description."""
    one = item(
        5, "fraud", "deleted", reconciler__ml=MARK, reconciler__ops="[]", team="x", mlflow__note__content="d",
        mlflow__user="me", reconciler__ml__1='{"v":1,"keys":{"name":"0"}}',
    )  # fmt: skip
    _, lives = observed((), [{"experiments": [one]}])
    live = lives[FRAUD]
    assert live.id == "5"
    assert live.deleted
    assert live.fields == {
        ("name",): "fraud",
        ("artifact_location",): "s3://x",
        ("description",): "d",
        ("tags", "team"): "x",
    }
    assert live.mark.keys == {("name",): "0"}
    assert live.mark_tags.keys() == {"reconciler.ml", "reconciler.ml.1"}
    assert {name: str(mark.address) for name, mark in live.others.items()} == {"ops": "unknown.ops"}


def test_a_bare_experiment():
    _, lives = observed((), [{"experiments": [{"experiment_id": "1", "name": "a"}]}])
    (live,) = lives.values()
    assert (str(live.address), live.deleted, live.mark) == ("experiments.?1", False, None)
    assert live.fields == {("name",): "a", ("artifact_location",): ""}


def test_a_damaged_mark_is_told_and_not_guessed():
    _, lives = observed((), [{"experiments": [item("1", "a", reconciler__ml="x")]}])
    (live,) = lives.values()
    assert (live.mark, live.damage, live.mark_tags) == (None, "is not JSON", {"reconciler.ml": "x"})


def test_what_bears_the_mark_is_not_looked_up():
    asked, _ = observed(wanted("fraud"), [{"experiments": [item("1", "fraud", reconciler__ml=MARK)]}])
    assert len(asked) == 1


def test_few_names_are_looked_up_one_by_one():
    names = [f"n{number}" for number in range(8)]
    found = [{"experiment": item("1", "n0")}, *[None] * 7]
    asked, lives = observed(wanted(*names), [{}], found)
    assert asked[1] == [("GET", "experiments/get-by-name", {"experiment_name": name}) for name in names]
    assert {name: live.id for name, live in lives.items()} == {"experiments.n0": "1"}


def test_a_name_that_a_rename_wants_is_looked_up_too():
    """Somebody else may have it."""
    sought = (Sought(address(FRAUD), "new"),)
    mine, theirs = item("1", "old", reconciler__ml=MARK), item("2", "new")
    asked, lives = drive(WIRE.observe(Query("ml", sought)), [{"experiments": [mine]}], [{"experiment": theirs}])
    assert len(asked) == 2
    assert [live.id for live in lives] == ["1", "2"]


MANY = [f"n{number}" for number in range(9)]
LIST = {"view_type": "ALL", "order_by": ["experiment_id ASC"], "max_results": 270, "filter": "name ILIKE 'n%'"}


def test_many_names_are_listed_first():
    listed = [item("1", "n0"), item("2", "theirs")]
    asked, lives = observed(wanted(*MANY), [{}], [{"experiments": listed}])
    assert asked[1:] == [[("POST", "experiments/search", LIST)]]
    assert {name: live.id for name, live in lives.items()} == {"experiments.n0": "1"}


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        ("/team/fraud-", "name ILIKE '/team/fraud-%'"),
        ("it_is 5:30 @ home", "name ILIKE 'it_is 5:30 @ home%'"),
        ("c++ ", "name ILIKE 'c%'"),
        ("O'Hara ", "name ILIKE 'O%'"),
        ("50% [x]", "name ILIKE '50%'"),
        ("a\\b", "name ILIKE 'a%'"),
        ("Äpfel", None),
        ("'", None),
        ("", None),
    ],
)
def test_of_many_names_what_begins_as_all_of_them_is_listed(beginning, expected):
    names = [f"{beginning}{letter}" for letter in "abcdefghi"]
    asked, _ = observed(wanted(*names), [{}], [{}])
    assert asked[1][0][2].get("filter") == expected


def test_names_that_are_free_are_looked_up_at_once():
    """One way to the server less: an apply makes sure that nobody has taken the names of what it makes."""
    sought = (Sought(address("experiments.new"), "new", free=True), Sought(address("experiments.old"), "old"))
    first = [{"experiments": [item("1", "mine", reconciler__ml=MARK)]}, {"experiment": item("2", "new")}]
    asked, lives = drive(WIRE.observe(Query("ml", sought)), first, [{"experiment": item("3", "old")}])
    assert [[route for _, route, _ in batch] for batch in asked] == [
        ["experiments/search", "experiments/get-by-name"],
        ["experiments/get-by-name"],
    ]
    assert [live.id for live in lives] == ["1", "2", "3"]


def test_a_free_name_that_the_stack_itself_has_taken_is_one_resource():
    sought = (Sought(address(FRAUD), "fraud", free=True),)
    mine = item("1", "fraud", reconciler__ml=MARK)
    _, lives = drive(WIRE.observe(Query("ml", sought)), [{"experiments": [mine]}, {"experiment": mine}])
    assert [(live.id, live.address) for live in lives] == [("1", address(FRAUD))]


def test_a_secret_stands_in_no_filter():
    sought = (*wanted(*MANY), Sought(address("experiments.secret"), Secret("no-one-knows", "${env.NAME}")))
    asked, _ = drive(WIRE.observe(Query("ml", sought)), [{}], [{}])
    assert "filter" not in asked[1][0][2]


def test_what_a_list_that_is_cut_does_not_have_is_looked_up():
    """A server may hold many more than the list is worth."""
    listed = [{"experiments": [item("1", "n0")], "next_page_token": "t"}]
    found = [{"experiment": item("8", "n8")}]
    asked, lives = observed(wanted(*MANY), [{}], listed, [*[None] * 7, *found])
    assert asked[2] == [("GET", "experiments/get-by-name", {"experiment_name": name}) for name in MANY[1:]]
    assert {name: live.id for name, live in lives.items()} == {"experiments.n0": "1", "experiments.n8": "8"}


def test_a_list_is_no_longer_than_a_page():
    names = [f"n{number}" for number in range(2000)]
    asked, _ = observed(wanted(*names), [{}], [{}])
    assert asked[1][0][2]["max_results"] == 50_000


def test_what_is_sought_by_id_is_never_listed():
    sought = tuple(Sought(address(f"experiments.{name}"), "", name) for name in MANY)
    asked, lives = observed(sought, [{"experiments": []}], [{"experiment": item("n0", "x")}, *[None] * 8])
    assert asked[1] == [("GET", "experiments/get", {"experiment_id": name}) for name in MANY]
    assert {name: live.id for name, live in lives.items()} == {"experiments.n0": "n0"}


@pytest.mark.parametrize(("number", "batches"), [("1", 1), ("2", 2)])
def test_an_id_that_the_search_found_is_not_looked_up(number, batches):
    replies = [[{"experiments": [item("1", "x", reconciler__ml=MARK)]}], [None]][:batches]
    asked, _ = observed((Sought(address(FRAUD), "", number),), *replies)
    assert len(asked) == batches


def test_ids_and_many_names_together():
    sought = (Sought(address("experiments.known"), "", "7"), *wanted(*MANY))
    asked, lives = observed(sought, [{}], [{"experiments": [item("1", "n0")]}], [{"experiment": item("7", "k")}])
    assert asked[1][0][2]["max_results"] == 270
    assert asked[2] == [("GET", "experiments/get", {"experiment_id": "7"})]
    assert {name: live.id for name, live in lives.items()} == {"experiments.known": "7", "experiments.n0": "1"}


def test_the_experiment_that_every_server_begins_with_is_not_for_import():
    items = [
        {"experiment_id": number, "name": f"n{number}", "lifecycle_stage": "active"} for number in ("0", "1", "10")
    ]
    _, lives = drive(WIRES["experiments"].survey(Query("ml"), ""), [{"experiments": items}])
    assert [live.id for live in lives] == ["1", "10"]
