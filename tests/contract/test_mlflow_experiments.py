"""Experiments: names, tags, the soft delete, and what each request refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.api import Api, pairs, unique

INVALID = "INVALID_PARAMETER_VALUE"
ABSENT = "RESOURCE_DOES_NOT_EXIST"
TAKEN = "RESOURCE_ALREADY_EXISTS"
TAG = "experiments/set-experiment-tag"
UNTAG = "experiments/delete-experiment-tag"


def by(ident: str) -> dict[str, str]:
    return {"experiment_id": ident}


def deleted(api: Api) -> str:
    ident = api.experiment()
    api.post("experiments/delete", by(ident))
    return ident


def test_create_and_get(api: Api) -> None:
    """An experiment comes back with its tags, its times in milliseconds and the fields of the server's own."""
    name = unique()
    ident = api.post("experiments/create", {"name": name, "tags": pairs({"a": "1", "b": ""})})["experiment_id"]
    found = api.shown_experiment(ident)
    assert found["creation_time"] == found["last_update_time"] > 1_600_000_000_000
    found = {key: value for key, value in found.items() if not key.endswith("time")}
    assert found == {
        "experiment_id": ident,
        "name": name,
        "artifact_location": f"mlflow-artifacts:/{ident}",
        "lifecycle_stage": "active",
        "tags": pairs({"a": "1", "b": ""}),
        "workspace": "default",
    }


def test_empty_tags_are_absent(api: Api) -> None:
    """Without tags there is no `tags` in the reply."""
    assert "tags" not in api.shown_experiment(api.experiment())


@pytest.mark.parametrize("name", ["", None, "n" * 501])
def test_bad_names(api: Api, name: str | None) -> None:
    """A name has 1 to 500 characters."""
    api.refuses("experiments/create", {"name": name}, 400, INVALID)


@pytest.mark.parametrize("start", [" blank ", "new\nline", "é", "e\u0301", "a/b", "..", "'\"", "😀", "n" * 400])
def test_names_are_kept_exactly(api: Api, start: str) -> None:
    """Any text is a name, and comes back as it was sent."""
    name = unique(start)
    ident = api.post("experiments/create", {"name": name})["experiment_id"]
    found = api.get("experiments/get-by-name", experiment_name=name)["experiment"]
    assert (found["experiment_id"], found["name"]) == (ident, name)


def test_names_are_case_sensitive(api: Api) -> None:
    """Two names that differ in case only are two names."""
    name = unique("CASE")
    assert api.experiment(name=name) != api.experiment(name=name.lower())


def test_name_is_taken(api: Api) -> None:
    """A second experiment of one name is refused with 400, not 409."""
    name = unique()
    api.experiment(name=name)
    api.refuses("experiments/create", {"name": name}, 400, TAKEN)


def test_name_of_a_deleted_one_is_taken(api: Api) -> None:
    """A deleted experiment keeps its name."""
    name = unique()
    api.post("experiments/delete", by(api.experiment(name=name)))
    api.refuses("experiments/create", {"name": name}, 400, TAKEN)


def test_one_winner_among_many(api: Api) -> None:
    """Of eight creates of one name at once exactly one succeeds."""
    name = unique()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: api.send("POST", "experiments/create", {"name": name}), range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] + [400] * 7
    assert {reply.json().get("error_code") for reply in replies} == {None, TAKEN}


def test_duplicate_tag_keys_look_like_a_taken_name(api: Api) -> None:
    """Equal tag keys in a create are reported as a taken name, and nothing is made."""
    name = unique()
    tags = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]
    api.refuses("experiments/create", {"name": name, "tags": tags}, 400, TAKEN)
    api.get_refuses("experiments/get-by-name", 404, ABSENT, experiment_name=name)


@pytest.mark.parametrize("location", ["s3://b/a", "s3://b/../c", "/abs/path", "file:///x", "s3://" + "x" * 2043])
def test_artifact_location_is_kept(api: Api, location: str) -> None:
    """A location with a scheme and an absolute path are stored as given."""
    assert api.shown_experiment(api.experiment(artifact_location=location))["artifact_location"] == location


def test_relative_location_becomes_absolute(api: Api) -> None:
    """A relative location is taken as one below the server's working directory."""
    found = api.shown_experiment(api.experiment(artifact_location="rel/x"))["artifact_location"]
    assert found.startswith("/")
    assert found.endswith("/rel/x")


def test_empty_location_is_the_default(api: Api) -> None:
    """An empty location is the server's default."""
    ident = api.experiment(artifact_location="")
    assert api.shown_experiment(ident)["artifact_location"] == f"mlflow-artifacts:/{ident}"


@pytest.mark.parametrize("location", ["#f", "s3://b#f", "runs:/a", "http://x", "https://x/y", "s3://" + "x" * 2044])
def test_bad_locations(api: Api, location: str) -> None:
    """Fragments, runs:, http: and more than 2,048 characters are refused."""
    api.refuses("experiments/create", {"name": unique(), "artifact_location": location}, 400, INVALID)


def test_get_unknown(api: Api) -> None:
    """An unknown id or name is a 404, an id that is no number a 400, none a 400."""
    api.get_refuses("experiments/get", 404, ABSENT, experiment_id="999999999")
    api.get_refuses("experiments/get-by-name", 404, ABSENT, experiment_name=unique())
    api.get_refuses("experiments/get", 400, INVALID, experiment_id="abc")
    api.get_refuses("experiments/get", 400, INVALID, experiment_id="")
    api.get_refuses("experiments/get-by-name", 400, INVALID)


def test_get_beyond_64_bits(api: Api) -> None:
    """An id that does not fit the database is a 500."""
    api.get_refuses("experiments/get", 500, "INTERNAL_ERROR", experiment_id="9" * 20)


def test_deleted_ones_can_be_read(api: Api) -> None:
    """A deleted experiment is returned by id and by name, marked as deleted."""
    found = api.shown_experiment(deleted(api))
    assert found["lifecycle_stage"] == "deleted"
    assert api.get("experiments/get-by-name", experiment_name=found["name"])["experiment"] == found


def test_rename(api: Api) -> None:
    """A rename keeps the id and moves the time of the last update, also to the same name."""
    ident, name = api.experiment(), unique()
    assert api.post("experiments/update", {**by(ident), "new_name": name}) == {}
    before = api.shown_experiment(ident)
    assert before["name"] == name
    api.post("experiments/update", {**by(ident), "new_name": name})
    assert api.shown_experiment(ident)["last_update_time"] >= before["last_update_time"]


@pytest.mark.parametrize("gone", [False, True])
def test_rename_to_a_taken_name(api: Api, gone: bool) -> None:
    """A rename to the name of another, deleted or not, is BAD_REQUEST with raw SQL, not ALREADY_EXISTS."""
    other = deleted(api) if gone else api.experiment()
    body = {**by(api.experiment()), "new_name": api.shown_experiment(other)["name"]}
    assert "UNIQUE" in api.refuses("experiments/update", body, 400, "BAD_REQUEST")


def test_rename_a_deleted_one(api: Api) -> None:
    """Renaming a deleted experiment is a 500 that no retry mends."""
    api.refuses("experiments/update", {**by(deleted(api)), "new_name": unique()}, 500, "INVALID_STATE")


def test_rename_refuses(api: Api) -> None:
    """A rename needs an id that exists and a name of 1 to 500 characters."""
    ident = api.experiment()
    for name in (None, "", "n" * 501):
        api.refuses("experiments/update", {**by(ident), "new_name": name}, 400, INVALID)
    api.refuses("experiments/update", {"new_name": unique()}, 400, INVALID)
    api.refuses("experiments/update", {**by("999999999"), "new_name": unique()}, 404, ABSENT)


def test_update_changes_the_name_only(api: Api) -> None:
    """Other fields in an update are ignored."""
    ident = api.experiment(artifact_location="s3://b/first")
    api.post("experiments/update", {**by(ident), "new_name": unique(), "artifact_location": "s3://b/second"})
    assert api.shown_experiment(ident)["artifact_location"] == "s3://b/first"


def test_delete_is_not_repeatable(api: Api) -> None:
    """A second delete, and that of an unknown one, is a 404."""
    api.refuses("experiments/delete", by(deleted(api)), 404, ABSENT)
    api.refuses("experiments/delete", by("999999999"), 404, ABSENT)
    api.refuses("experiments/delete", {}, 400, INVALID)


def test_restore(api: Api) -> None:
    """A restore makes a deleted experiment active again; of an active or unknown one it is a 404."""
    ident = deleted(api)
    assert api.post("experiments/restore", by(ident)) == {}
    assert api.shown_experiment(ident)["lifecycle_stage"] == "active"
    api.refuses("experiments/restore", by(ident), 404, ABSENT)
    api.refuses("experiments/restore", by("999999999"), 404, ABSENT)


def test_delete_and_restore_take_all_runs_along(api: Api) -> None:
    """A restore reactivates all runs, also those that had been deleted one by one before."""
    ident = api.experiment()
    kept, gone = api.run(ident), api.run(ident)
    api.post("runs/delete", {"run_id": gone})
    api.post("experiments/delete", by(ident))
    assert [api.shown_run(run)["info"]["lifecycle_stage"] for run in (kept, gone)] == ["deleted"] * 2
    api.post("experiments/restore", by(ident))
    assert [api.shown_run(run)["info"]["lifecycle_stage"] for run in (kept, gone)] == ["active"] * 2


def test_run_of_a_deleted_experiment_can_be_restored(api: Api) -> None:
    """A run can be restored and written to inside a deleted experiment."""
    ident = api.experiment()
    run = api.run(ident)
    api.post("experiments/delete", by(ident))
    api.post("runs/restore", {"run_id": run})
    api.post("runs/set-tag", {"run_id": run, "key": "a", "value": "b"})
    assert api.run_data(run, "tags")["a"] == "b"


def test_logged_models_stay_when_the_experiment_is_deleted(api: Api) -> None:
    """Logged models of a deleted experiment can be read, found and tagged."""
    ident = api.experiment()
    model = api.model(ident)
    api.post("experiments/delete", by(ident))
    api.ok("PATCH", f"logged-models/{model}/tags", {"tags": pairs({"a": "1"})})
    assert api.model_tags(model) == {"a": "1"}
    assert len(api.post("logged-models/search", {"experiment_ids": [ident]})["models"]) == 1


def test_deleted_experiment_takes_nothing_new(api: Api) -> None:
    """On a deleted experiment no tag, run or logged model can be written."""
    ident = deleted(api)
    api.refuses(TAG, {**by(ident), "key": "k", "value": "v"}, 400, INVALID)
    api.refuses(UNTAG, {**by(ident), "key": "k"}, 400, INVALID)
    api.refuses("runs/create", by(ident), 400, INVALID)
    api.refuses("logged-models", by(ident), 400, INVALID)


def test_set_and_delete_tag(api: Api) -> None:
    """A tag is set, overwritten and deleted; deleting an absent one is a 404."""
    ident = api.experiment()
    api.tag_experiment(ident, "k", "1")
    api.tag_experiment(ident, "k", "2")
    assert api.experiment_tags(ident) == {"k": "2"}
    assert api.post(UNTAG, {**by(ident), "key": "k"}) == {}
    api.refuses(UNTAG, {**by(ident), "key": "k"}, 404, ABSENT)


def test_tags_do_not_move_the_time(api: Api) -> None:
    """Setting or deleting a tag leaves the time of the last update alone."""
    ident = api.experiment()
    before = api.shown_experiment(ident)["last_update_time"]
    api.tag_experiment(ident, "k", "1")
    api.post(UNTAG, {**by(ident), "key": "k"})
    assert api.shown_experiment(ident)["last_update_time"] == before


@pytest.mark.parametrize("more", [{}, {"value": None}, {"value": ""}])
def test_tag_without_value_is_empty(api: Api, more: dict[str, str | None]) -> None:
    """A tag without a value, or with null, is stored as ''."""
    ident = api.experiment()
    api.post(TAG, {**by(ident), "key": "k", **more})
    assert api.experiment_tags(ident) == {"k": ""}


def test_tag_refuses(api: Api) -> None:
    """A tag needs a key, an experiment that exists and a value that is text."""
    ident = api.experiment()
    api.refuses(TAG, {**by(ident), "key": "", "value": "v"}, 400, INVALID)
    api.refuses(TAG, {**by(ident), "key": "k", "value": 5}, 400, INVALID)
    api.refuses(TAG, {**by("999999999"), "key": "k", "value": "v"}, 404, ABSENT)
    api.refuses(TAG, {**by("abc"), "key": "k", "value": "v"}, 400, INVALID)
    api.refuses(UNTAG, by(ident), 400, INVALID)
