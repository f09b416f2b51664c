"""Registered models: what a lock can be built on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.api import Api, mapping, pairs, unique

INVALID = "INVALID_PARAMETER_VALUE"
ABSENT = "RESOURCE_DOES_NOT_EXIST"
TAKEN = "RESOURCE_ALREADY_EXISTS"
CREATE = "registered-models/create"
RENAME = "registered-models/rename"


@pytest.fixture
def name(api: Api) -> str:
    """The name of a registered model that exists."""
    found = unique()
    api.post(CREATE, {"name": found})
    return found


def tags(api: Api, name: str) -> dict[str, Any]:
    return mapping(api.get("registered-models/get", name=name)["registered_model"].get("tags", []))


def test_create_and_get(api: Api) -> None:
    """A registered model has its tags, of equal keys the last, and its description."""
    name = unique()
    some = [{"key": "a", "value": "1"}, {"key": "b", "value": "1"}, {"key": "a", "value": "2"}]
    made = api.post(CREATE, {"name": name, "tags": some, "description": "d"})["registered_model"]
    assert (made["name"], made["description"], mapping(made["tags"])) == (name, "d", {"a": "2", "b": "1"})
    assert made["creation_timestamp"] == made["last_updated_timestamp"]
    assert tags(api, name) == {"a": "2", "b": "1"}


def test_empty_parts_are_absent(api: Api, name: str) -> None:
    """Without tags and description there are none in the reply."""
    found = api.get("registered-models/get", name=name)["registered_model"]
    assert set(found) == {"name", "creation_timestamp", "last_updated_timestamp"}


def test_name_is_taken(api: Api, name: str) -> None:
    """A second one of one name is refused with 400."""
    api.refuses(CREATE, {"name": name}, 400, TAKEN)


def test_one_winner_among_many(api: Api) -> None:
    """Of eight creates of one name at once exactly one succeeds."""
    name = unique()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: api.send("POST", CREATE, {"name": name}), range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] + [400] * 7
    assert {reply.json().get("error_code") for reply in replies} == {None, TAKEN}


@pytest.mark.parametrize("bad", [None, "", " ", "a/b", "a:b", "..", 5])
def test_bad_names(api: Api, bad: Any) -> None:
    """A name is not blank, no path, and has no / or : in it."""
    api.refuses(CREATE, {"name": bad}, 400, INVALID)


def test_delete_is_hard(api: Api, name: str) -> None:
    """A delete frees the name at once, and a second one is a 404; it takes a body, no query."""
    assert api.ok("DELETE", "registered-models/delete", {"name": name}) == {}
    api.refuses("registered-models/delete", {"name": name}, 404, ABSENT, method="DELETE")
    api.get_refuses("registered-models/get", 404, ABSENT, name=name)
    api.post(CREATE, {"name": name})
    assert api.send("DELETE", "registered-models/delete", query={"name": name}).status_code == 400


def test_rename(api: Api) -> None:
    """A rename takes tags and description along and frees the name; nothing else of that name is needed."""
    new, some = unique(), pairs({"a": "1"})
    old = unique()
    api.post(CREATE, {"name": old, "tags": some, "description": "d"})
    found = api.post(RENAME, {"name": old, "new_name": new})["registered_model"]
    assert (found["name"], found["description"], mapping(found["tags"])) == (new, "d", {"a": "1"})
    assert tags(api, new) == {"a": "1"}
    api.get_refuses("registered-models/get", 404, ABSENT, name=old)
    api.post(CREATE, {"name": old})


def test_rename_refuses(api: Api, name: str) -> None:
    """A new name that is taken leaves both as they are; a model that is not there is a 404."""
    taken = unique()
    api.post(CREATE, {"name": taken, "tags": pairs({"a": "1"})})
    api.refuses(RENAME, {"name": name, "new_name": taken}, 400, TAKEN)
    assert (tags(api, name), tags(api, taken)) == ({}, {"a": "1"})
    api.refuses(RENAME, {"name": unique(), "new_name": unique()}, 404, ABSENT)
    api.refuses(RENAME, {"name": unique(), "new_name": taken}, 404, ABSENT)
    api.refuses(RENAME, {"name": name}, 400, INVALID)
    api.refuses(RENAME, {"name": name, "new_name": "a/b"}, 400, INVALID)


def test_rename_to_itself(api: Api, name: str) -> None:
    """A rename to the same name does nothing."""
    api.post(RENAME, {"name": name, "new_name": name})
    assert tags(api, name) == {}


def test_one_renames_among_many(api: Api) -> None:
    """Of eight renames of one model at once exactly one succeeds; a loser may get the database's own words."""
    name, new = unique(), unique()
    api.post(CREATE, {"name": name})
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: api.send("POST", RENAME, {"name": name, "new_name": new}), range(8)))
    assert sum(reply.status_code == 200 for reply in replies) == 1
    lost = [reply.json() for reply in replies if reply.status_code != 200]
    assert {one["error_code"] for one in lost} <= {ABSENT, TAKEN, "BAD_REQUEST"}
    words = [one["message"] for one in lost if one["error_code"] == "BAD_REQUEST"]
    assert all("expected to update 1 row(s); 0 were matched" in message for message in words), words


def test_search(api: Api) -> None:
    """Registered models are found by a part of their name, ordered by it, page by page; no empty list is sent."""
    start = unique()
    for end in ("b", "a", "c"):
        api.post(CREATE, {"name": f"{start}.{end}", "tags": pairs({"k": end})})
    query = {"filter": f"name LIKE '{start}.%'"}
    found = api.get("registered-models/search", **query)["registered_models"]
    assert [(one["name"][-1], mapping(one["tags"])) for one in found] == [(end, {"k": end}) for end in "abc"]
    page = api.get("registered-models/search", **query, max_results=2)
    rest = api.get("registered-models/search", **query, max_results=2, page_token=page["next_page_token"])
    assert [one["name"][-1] for one in (*page["registered_models"], *rest["registered_models"])] == ["a", "b", "c"]
    assert "next_page_token" not in rest
    assert api.get("registered-models/search", filter=f"name LIKE '{unique()}.%'") == {}


def test_search_refuses(api: Api) -> None:
    """A page has at most 1,000."""
    assert api.get("registered-models/search", max_results=1000)
    api.get_refuses("registered-models/search", 400, INVALID, max_results="1001")


def test_get_refuses(api: Api) -> None:
    """An unknown name is a 404, none a 400."""
    api.get_refuses("registered-models/get", 404, ABSENT, name=unique())
    api.get_refuses("registered-models/get", 400, INVALID)


def test_tags(api: Api, name: str) -> None:
    """A tag is set, overwritten and deleted; deleting an absent one is fine, unlike elsewhere."""
    for value in ("1", "2"):
        api.post("registered-models/set-tag", {"name": name, "key": "k", "value": value})
    assert tags(api, name) == {"k": "2"}
    for _ in range(2):
        assert api.ok("DELETE", "registered-models/delete-tag", {"name": name, "key": "k"}) == {}
    assert tags(api, name) == {}


def test_tags_refuse(api: Api, name: str) -> None:
    """A tag needs a key and a model that exists."""
    path = "registered-models/set-tag"
    api.refuses(path, {"name": name}, 400, INVALID)
    api.refuses(path, {"name": unique(), "key": "k", "value": "v"}, 404, ABSENT)
    body = {"name": unique(), "key": "k"}
    api.refuses("registered-models/delete-tag", body, 404, ABSENT, method="DELETE")


def test_number_among_the_tags_drops_the_rest(api: Api) -> None:
    """A number among the tags is stored as '' and every later tag is lost."""
    name = unique()
    api.post(CREATE, {"name": name, "tags": [{"key": "a", "value": 5}, *pairs({"b": "1"})]})
    assert tags(api, name) == {"a": ""}
