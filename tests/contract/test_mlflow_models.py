"""Logged models: identity by id alone, a soft delete without a way back, params written once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.api import Api, Json, assert_page, mapping, pairs

INVALID = "INVALID_PARAMETER_VALUE"
ABSENT = "RESOURCE_DOES_NOT_EXIST"
BROKEN = "BAD_REQUEST"
READY = "LOGGED_MODEL_READY"
TWICE = [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]


def test_create_and_get(api: Api) -> None:
    """A logged model has what it was made with, sorted by key, and starts as pending."""
    experiment, some = api.experiment(), pairs({"b": "1", "a": "2"})
    body = {"name": "m", "model_type": "t", "source_run_id": "r", "tags": some, "params": some}
    found = api.post("logged-models", {"experiment_id": experiment, **body})["model"]
    info, ident = found["info"], found["info"]["model_id"]
    assert ident.startswith("m-")
    assert info.pop("creation_timestamp_ms") == info.pop("last_updated_timestamp_ms") > 1_600_000_000_000
    assert info == {
        "model_id": ident,
        "experiment_id": experiment,
        "name": "m",
        "artifact_uri": f"mlflow-artifacts:/{experiment}/models/{ident}/artifacts",
        "status": "LOGGED_MODEL_PENDING",
        "model_type": "t",
        "source_run_id": "r",
        "tags": pairs({"a": "2", "b": "1"}),
    }
    assert found["data"] == {"params": pairs({"a": "2", "b": "1"})}
    assert api.shown_model(ident)["data"] == found["data"]


def test_defaults(api: Api) -> None:
    """Without a name, or with an empty one, a name is invented; empty tags and params are absent."""
    for more in ({}, {"name": ""}, {"name": None}):
        found = api.shown_model(api.model(**more))
        assert found["info"]["name"]
        assert (found["info"]["model_type"], found["info"]["source_run_id"]) == ("", "")
        assert "tags" not in found["info"]
        assert found["data"] == {}


def test_names_are_not_unique(api: Api) -> None:
    """Two logged models may have one name."""
    experiment = api.experiment()
    assert api.model(experiment, name="same") != api.model(experiment, name="same")


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", 5])
def test_bad_names(api: Api, name: Any) -> None:
    """A name has none of / : . % and no quotes."""
    api.refuses("logged-models", {"experiment_id": api.experiment(), "name": name}, 400, INVALID)


@pytest.mark.parametrize("what", ["tags", "params"])
def test_duplicate_keys_are_refused(api: Api, what: str) -> None:
    """Equal keys in a create are a broken database constraint, and nothing is made."""
    experiment = api.experiment()
    api.refuses("logged-models", {"experiment_id": experiment, what: TWICE}, 400, BROKEN)
    assert api.post("logged-models/search", {"experiment_ids": [experiment]}) == {}


def test_create_refuses(api: Api) -> None:
    """A logged model needs an experiment that exists; its source run need not."""
    api.refuses("logged-models", {}, 400, INVALID)
    api.refuses("logged-models", {"experiment_id": "abc"}, 400, INVALID)
    api.refuses("logged-models", {"experiment_id": "999999999"}, 404, ABSENT)
    api.model(source_run_id="nope")


def finalize(api: Api, path: str, **body: Any) -> Json:
    found: Json = api.ok("PATCH", f"logged-models/{path}", body)["model"]["info"]
    return found


def test_finalize(api: Api) -> None:
    """Any status follows any other, and a number will do; what the server does not know is unspecified."""
    ident = api.model(name="m")
    for status in (READY, "LOGGED_MODEL_PENDING", "LOGGED_MODEL_UPLOAD_FAILED"):
        assert finalize(api, ident, model_id=ident, status=status)["status"] == status
    assert finalize(api, ident, model_id=ident, status=2)["status"] == READY
    for unknown in ("READY", 9):
        assert finalize(api, ident, model_id=ident, status=unknown)["status"] == "LOGGED_MODEL_STATUS_UNSPECIFIED"
    assert finalize(api, ident, model_id=ident, status=READY, name="new", model_type="new")["name"] == "m"


def test_finalize_goes_by_the_body(api: Api) -> None:
    """The model id is required in the body, and it counts, not the one in the path."""
    ident = api.model()
    api.refuses(f"logged-models/{ident}", {"status": READY}, 400, INVALID, method="PATCH")
    api.refuses(f"logged-models/{ident}", {"model_id": ident}, 400, INVALID, method="PATCH")
    api.refuses(f"logged-models/{ident}", {"model_id": "nope", "status": READY}, 404, ABSENT, method="PATCH")
    assert finalize(api, "nope", model_id=ident, status=READY)["model_id"] == ident


def test_finalize_moves_the_time(api: Api) -> None:
    """A finalize moves the time of the last update, tags do not."""
    ident = api.model()
    made = api.shown_model(ident)["info"]
    api.ok("PATCH", f"logged-models/{ident}/tags", {"tags": pairs({"a": "1"})})
    assert api.shown_model(ident)["info"]["last_updated_timestamp_ms"] == made["last_updated_timestamp_ms"]
    later = finalize(api, ident, model_id=ident, status=READY)
    assert later["last_updated_timestamp_ms"] >= made["creation_timestamp_ms"] == later["creation_timestamp_ms"]


def test_set_tags(api: Api) -> None:
    """Many tags are set at once; the last of equal keys counts; a number drops the rest silently."""
    ident = api.model(tags=pairs({"a": "1", "b": "1"}))
    patches: list[Any] = [
        {"tags": pairs({"a": "2", "n@": "x"})},
        {"tags": [{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]},
        {"tags": [{"key": "g", "value": 1}, {"key": "h", "value": "1"}]},
        {"tags": []},
        {},
    ]
    for body in patches:
        assert api.ok("PATCH", f"logged-models/{ident}/tags", body) == {}
    assert api.model_tags(ident) == {"a": "2", "b": "1", "n@": "x", "d": "2", "g": ""}
    api.refuses(f"logged-models/{ident}/tags", {"tags": "x"}, 400, INVALID, method="PATCH")
    api.refuses("logged-models/nope/tags", {"tags": TWICE}, 404, ABSENT, method="PATCH")


def test_delete_tag(api: Api) -> None:
    """A tag is deleted by its encoded key; an absent one, and an unknown model, is a 404."""
    ident = api.model(tags=pairs({"a": "1", "n@ é?": "1"}))
    for key in ("a", "n%40%20%C3%A9%3F"):
        assert api.ok("DELETE", f"logged-models/{ident}/tags/{key}") == {}
    assert api.model_tags(ident) == {}
    api.refuses(f"logged-models/{ident}/tags/a", None, 404, ABSENT, method="DELETE")
    api.refuses("logged-models/nope/tags/a", None, 404, ABSENT, method="DELETE")


def test_some_tags_cannot_be_deleted(api: Api) -> None:
    """A key with a slash, encoded or not, and an empty one lead to an HTML 404."""
    ident = api.model(tags=pairs({"a/b": "1", "": "1"}))
    for key in ("a%2Fb", "a/b", ""):
        assert_page(api.send("DELETE", f"logged-models/{ident}/tags/{key}"), 404)
    assert len(api.model_tags(ident)) == 2


def test_deleting_the_tag_of_two_dots_deletes_the_model(api: Api) -> None:
    """httpx resolves `..` in the path, so that the model's own path is left; encoded dots are safe."""
    ident = api.model(tags=pairs({"..": "1"}))
    api.ok("DELETE", f"logged-models/{ident}/tags/..")
    api.get_refuses(f"logged-models/{ident}", 404, ABSENT)


def test_params_are_written_once(api: Api) -> None:
    """No param can be sent twice, not even with the same value, and nothing of such a request is stored."""
    ident = api.model(params=pairs({"z": "1"}))
    path, body = f"logged-models/{ident}/params", {"model_id": ident}
    api.refuses(path, {**body, "params": pairs({"z": "1", "new": "1"})}, 400, BROKEN)
    api.refuses(path, {**body, "params": TWICE}, 400, BROKEN)
    assert api.post(path, {**body, "params": pairs({"new": "1"})}) == {}
    assert api.post(path, body) == {}
    assert api.shown_model(ident)["data"]["params"] == pairs({"new": "1", "z": "1"})


def test_params_go_by_the_path(api: Api) -> None:
    """A model id is required in the body of params, and ignored: the path counts, unlike for finalize."""
    ident, params = api.model(), pairs({"a": "1"})
    api.refuses(f"logged-models/{ident}/params", {"params": params}, 400, INVALID)
    api.post(f"logged-models/{ident}/params", {"model_id": "nope", "params": params})
    assert api.shown_model(ident)["data"]["params"] == params
    api.refuses("logged-models/nope/params", {"model_id": ident, "params": params}, 404, ABSENT)


def test_delete(api: Api) -> None:
    """A delete is soft and repeatable; the model is found no more, and readable only on request."""
    experiment = api.experiment()
    ident = api.model(experiment)
    for _ in range(2):
        assert api.ok("DELETE", f"logged-models/{ident}") == {}
    api.get_refuses(f"logged-models/{ident}", 404, ABSENT)
    assert api.get(f"logged-models/{ident}", allow_deleted="true")["model"]["info"]["model_id"] == ident
    assert api.post("logged-models/search", {"experiment_ids": [experiment]}) == {}
    api.refuses("logged-models/nope", None, 404, ABSENT, method="DELETE")


def test_deleted_model_can_be_written(api: Api) -> None:
    """A deleted model takes a status, tags and params all the same."""
    ident = api.model()
    api.ok("DELETE", f"logged-models/{ident}")
    finalize(api, ident, model_id=ident, status=READY)
    api.ok("PATCH", f"logged-models/{ident}/tags", {"tags": pairs({"a": "1"})})
    api.post(f"logged-models/{ident}/params", {"model_id": ident, "params": pairs({"p": "1"})})
    found = api.get(f"logged-models/{ident}", allow_deleted="true")["model"]
    assert (found["info"]["status"], mapping(found["info"]["tags"])) == (READY, {"a": "1"})


def test_search_is_no_model(api: Api) -> None:
    """GET logged-models/search asks for a model of that id."""
    api.get_refuses("logged-models/search", 404, ABSENT)


def model_names(api: Api, experiment: str, **body: Any) -> list[str]:
    found = api.post("logged-models/search", {"experiment_ids": [experiment], **body})
    return [model["info"]["name"] for model in found.get("models", [])]


@pytest.fixture(scope="module")
def with_models(api: Api) -> str:
    """An experiment with the models a, b, c; all but c have the tag `rec.s`."""
    ident = api.experiment()
    for name in "abc":
        api.model(ident, name=name, tags=pairs({} if name == "c" else {"rec.s": name}))
    return ident


BY_NAME = {"order_by": [{"field_name": "name", "ascending": True}]}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["a", "b", "c"]),
        ("name = 'b'", ["b"]),
        ("name IN ('a', 'c')", ["a", "c"]),
        ("name like 'b'", ["b"]),
        ("tags.`rec.s` LIKE '%'", ["a", "b"]),
        ("tags.`rec.s` = 'a' AND name = 'a'", ["a"]),
        ("tags.`rec.s` = 'a' AND name = 'b'", []),
    ],
)
def test_search(api: Api, with_models: str, text: str, names: list[str]) -> None:
    """Logged models are found by name and tags; here IN and small letters are understood."""
    assert model_names(api, with_models, filter=text, **BY_NAME) == names


@pytest.mark.parametrize("text", ["bogus", "tags.x IS NULL", "name = 'a' OR name = 'b'"])
def test_search_filters_refused(api: Api, with_models: str, text: str) -> None:
    """No OR, and no IS NULL."""
    api.refuses("logged-models/search", {"experiment_ids": [with_models], "filter": text}, 400, INVALID)


def test_search_by_unknown_attribute(api: Api, with_models: str) -> None:
    """An unknown attribute is a 500 here; a status is compared as a number and equals no text."""
    body = {"experiment_ids": [with_models], "filter": "bogus = 'a'"}
    api.refuses("logged-models/search", body, 500, "INTERNAL_ERROR")
    assert model_names(api, with_models, filter="status = 'LOGGED_MODEL_PENDING'") == []


def test_create_loses_an_experiment_behind_a_bad_tag(api: Api) -> None:
    """An experiment id that stands behind a bad tag in the body is lost, and the create is refused."""
    body = {"tags": [{"key": "a", "value": 5}], "experiment_id": api.experiment()}
    api.refuses("logged-models", body, 400, BROKEN)


def test_search_needs_experiments(api: Api, with_models: str) -> None:
    """Experiment ids are required and must be text; an empty list finds nothing."""
    api.refuses("logged-models/search", {}, 400, INVALID)
    api.refuses("logged-models/search", {"experiment_ids": [int(with_models)]}, 400, INVALID)
    api.refuses("logged-models/search", {"experiment_ids": ["abc"]}, 400, INVALID)
    assert api.post("logged-models/search", {"experiment_ids": []}) == {}


def test_search_order(api: Api, with_models: str) -> None:
    """Order is by objects, ascending unless said otherwise; by default the newest come first."""
    descending = [{"field_name": "name", "ascending": False}]
    assert model_names(api, with_models, order_by=[{"field_name": "name"}]) == ["a", "b", "c"]
    assert model_names(api, with_models, order_by=descending) == ["c", "b", "a"]
    assert set(model_names(api, with_models)) == {"a", "b", "c"}
    for order in (["name"], [{"field_name": "bogus"}]):
        api.refuses("logged-models/search", {"experiment_ids": [with_models], "order_by": order}, 400, INVALID)


def test_search_pages(api: Api, with_models: str) -> None:
    """A token goes on where the page ended, and is refused with another query; one that is none is an HTML 500."""
    body = {"experiment_ids": [with_models], "max_results": 2, **BY_NAME}
    token = api.post("logged-models/search", body)["next_page_token"]
    assert model_names(api, with_models, **BY_NAME, max_results=2, page_token=token) == ["c"]
    api.refuses("logged-models/search", {**body, "page_token": token, "filter": "name = 'c'"}, 400, INVALID)
    assert_page(api.send("POST", "logged-models/search", {**body, "page_token": "garbage!"}), 500)


def test_search_page_size(api: Api) -> None:
    """A page has 50 models unless more are asked for; a size of 0 means 100."""
    experiment = api.experiment()
    for _ in range(51):
        api.model(experiment)
    sizes = {None: 50, 51: 51, 0: 51, 100_000: 51}
    for size, count in sizes.items():
        assert len(model_names(api, experiment, max_results=size)) == count, size
