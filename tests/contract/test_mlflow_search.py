"""Finding experiments, runs and logged models: filters, views, order and pages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from reconciler.backends.mlflow.api import beginning
from tests.contract.api import Api, pairs, unique

INVALID = "INVALID_PARAMETER_VALUE"
BY_ID = {"order_by": ["experiment_id ASC"]}


def search(api: Api, **body: Any) -> list[Any]:
    found: list[Any] = api.post("experiments/search", {"max_results": 50_000, **BY_ID, **body}).get("experiments", [])
    return found


@pytest.fixture(scope="module")
def prefix(api: Api) -> str:
    """Five experiments whose names begin alike; all but the third have the tags `rec.x y` and `only`."""
    start = unique("find")
    for name in ("aXc", "aYc", "c", "a_c", "a*c"):
        tags = {} if name == "c" else {"rec.x y": "V\nw", "only": name}
        api.experiment(name=start + name, tags=pairs(tags))
    return start


ALL = ["aXc", "aYc", "c", "a_c", "a*c"]
TAGGED = ["aXc", "aYc", "a_c", "a*c"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name LIKE 'P%'", ALL),
        ("name LIKE 'Pa_c'", TAGGED),
        ("name LIKE 'Pa*c'", ["a*c"]),
        ("name ILIKE 'Paxc'", ["aXc"]),
        ("name LIKE 'Paxc'", []),
        ("name = 'PaXc'", ["aXc"]),
        ("name='PaXc'", ["aXc"]),
        ('name = "PaXc"', ["aXc"]),
        ("`name` = 'PaXc'", ["aXc"]),
        ("attribute.name = 'PaXc'", ["aXc"]),
        ("name != 'PaXc' AND name LIKE 'P%'", ["aYc", "c", "a_c", "a*c"]),
        ("name LIKE 'P%' AND tags.`rec.x y` LIKE '%'", TAGGED),
        ("name LIKE 'P%' and tags.\"rec.x y\" = 'V\nw'", TAGGED),
        ("name LIKE 'P%' AND tags.only != 'aXc'", ["aYc", "a_c", "a*c"]),
        ("name LIKE 'P%' AND tag.only = 'aXc'", ["aXc"]),
        ("name LIKE 'P%' AND tags.only IS NULL", ["c"]),
        ("name LIKE 'P%' AND tags.only IS NOT NULL", TAGGED),
        ("name LIKE 'P%' AND tags.rec.x = 'a'", []),
        ("name LIKE 'P%' AND tags.only = 'aXc' AND tags.`rec.x y` LIKE 'V%'", ["aXc"]),
        ("name LIKE 'P%' AND creation_time > 0", ALL),
        ("name LIKE 'P%' AND last_update_time < 5", []),
    ],
)
def test_experiment_filters(api: Api, prefix: str, text: str, names: list[str]) -> None:
    """Comparisons of names, times and tags, joined by AND; LIKE minds the case, ILIKE does not."""
    found = search(api, filter=text.replace("P", prefix))
    assert [one["name"].removeprefix(prefix) for one in found] == names


@pytest.mark.parametrize(
    "start",
    ["plain-", "a b/c:d@e.", "c++ ", "a_b", "O'Hara ", 'say "', "50% ", "[x]", "back\\", "tick`", "Äpfel ", "UPPER"],
)
def test_what_begins_as_many_names_do_is_found(api: Api, start: str) -> None:
    """Also what is deleted; and nothing that begins otherwise."""
    common = unique("many") + start
    names = [f"{common}{number}" for number in range(3)]
    ids = [api.experiment(name=name) for name in names]
    api.post("experiments/delete", {"experiment_id": ids[0]})
    found = [one["name"] for one in search(api, filter=beginning(names), view_type="ALL")]
    assert set(names) <= set(found)
    plain = beginning(names).removeprefix("name ILIKE '").removesuffix("%'")
    assert plain.startswith("many-")
    assert all(name.lower().startswith(plain.lower()) for name in found)


@pytest.mark.parametrize(
    "text",
    [
        "name = 'a' OR name = 'b'",
        "(name = 'a')",
        "bogus",
        "foo = 'x'",
        "name = unquoted",
        "name > 'a'",
        "name like 'a'",
        "name IN ('a')",
        "tags.x IN ('a')",
        "creation_time > 'x'",
        "experiment_id = 5",
        "lifecycle_stage = 'active'",
    ],
)
def test_experiment_filters_refused(api: Api, text: str) -> None:
    """No OR, no parentheses, no IN for names and tags, no operator in small letters, no unquoted text."""
    api.refuses("experiments/search", {"max_results": 1, "filter": text}, 400, INVALID)


def test_experiments_by_id(api: Api) -> None:
    """Ids are compared as quoted text, and IN is for them alone."""
    one, two = api.experiment(), api.experiment()
    assert [found["experiment_id"] for found in search(api, filter=f"experiment_id = '{one}'")] == [one]
    found = search(api, filter=f"experiment_id IN ('{one}', '{two}')")
    assert [item["experiment_id"] for item in found] == [one, two]


def test_views(api: Api) -> None:
    """Active ones are found unless deleted ones or all are asked for; an unknown view counts as active."""
    kept, gone = api.experiment(), api.experiment()
    api.post("experiments/delete", {"experiment_id": gone})
    text = f"experiment_id IN ('{kept}', '{gone}')"
    views = {None: [kept], "ACTIVE_ONLY": [kept], "DELETED_ONLY": [gone], "ALL": [kept, gone], "BOGUS": [kept]}
    for view, ids in views.items():
        assert [one["experiment_id"] for one in search(api, filter=text, view_type=view)] == ids, view


def test_search_by_get(api: Api, prefix: str) -> None:
    """Experiments can be searched with GET as well."""
    found = api.get("experiments/search", max_results=1, filter=f"name = '{prefix}c'")
    assert len(found["experiments"]) == 1


@pytest.mark.parametrize("size", [None, 0, -1, 50_001, "x"])
def test_experiment_page_size(api: Api, size: Any) -> None:
    """The page size is required, from 1 to 50,000."""
    api.refuses("experiments/search", {"max_results": size}, 400, INVALID)


def test_experiment_order(api: Api, prefix: str) -> None:
    """Experiments are ordered by name or id; by default the newest come first."""
    text = {"filter": f"name LIKE '{prefix}%'"}
    names = [one["name"].removeprefix(prefix) for one in search(api, **text, order_by=["name DESC"])]
    assert names == ["c", "a_c", "aYc", "aXc", "a*c"]
    assert [one["name"].removeprefix(prefix) for one in search(api, **text)] == ALL
    times = [one["creation_time"] for one in search(api, **text, order_by=[])]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("order", [["bogus ASC"], ["tags.x"], ["name SIDEWAYS"], "name"])
def test_experiment_order_refused(api: Api, order: Any) -> None:
    """Experiments cannot be ordered by tags, by unknown fields or in unknown ways."""
    api.refuses("experiments/search", {"max_results": 1, "order_by": order}, 400, INVALID)


def test_experiment_pages(api: Api, prefix: str) -> None:
    """Pages follow each other by token; the last has none."""
    body = {"max_results": 2, "filter": f"name LIKE '{prefix}%'", **BY_ID}
    names: list[str] = []
    while True:
        page = api.post("experiments/search", body)
        names += [one["name"].removeprefix(prefix) for one in page["experiments"]]
        if "next_page_token" not in page:
            break
        body["page_token"] = page["next_page_token"]
    assert names == ALL


def test_tokens_are_offsets(api: Api) -> None:
    """A token is an offset in base64, bound to no query; so a delete between pages skips one."""
    start = unique()
    ids = [api.experiment(name=f"{start}{number}") for number in range(3)]
    body = {"max_results": 1, "filter": f"name LIKE '{start}%'", **BY_ID}
    token = api.post("experiments/search", body)["next_page_token"]
    assert json.loads(base64.b64decode(token)) == {"offset": 1}
    api.post("experiments/delete", {"experiment_id": ids[0]})
    assert search(api, **body, page_token=token)[0]["experiment_id"] == ids[2]


@pytest.mark.parametrize("token", ["garbage!", base64.b64encode(b'{"offset": 0}').decode()])
@pytest.mark.parametrize("path", ["experiments/search", "runs/search"])
def test_bad_tokens(api: Api, path: str, token: str) -> None:
    """A token that is none, or that means the beginning, is refused."""
    api.refuses(path, {"max_results": 1, "page_token": token}, 400, INVALID)


def run_names(api: Api, experiment: str, **body: Any) -> list[str]:
    found = api.post("runs/search", {"experiment_ids": [experiment], **body})
    return [run["info"]["run_name"] for run in found.get("runs", [])]


@pytest.fixture(scope="module")
def with_runs(api: Api) -> str:
    """An experiment with the runs a, b, c, started in this order; all but c have the tag `rec.s`, a has a param."""
    ident = api.experiment()
    for start, name in enumerate("abc"):
        tags = pairs({} if name == "c" else {"rec.s": name})
        api.run(ident, run_name=name, start_time=start + 1, tags=tags)
    found = api.post("runs/search", {"experiment_ids": [ident], "filter": "run_name = 'a'"})["runs"][0]
    api.post("runs/log-parameter", {"run_id": found["info"]["run_id"], "key": "lr", "value": "1"})
    return ident


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["c", "b", "a"]),
        ("tags.`rec.s` LIKE '%'", ["b", "a"]),
        ("tags.`rec.s` = 'a'", ["a"]),
        ("tags.`rec.s` IS NULL", ["c"]),
        ("run_name = 'b'", ["b"]),
        ("attributes.run_name != 'b'", ["c", "a"]),
        ("params.lr = '1'", ["a"]),
        ("start_time > 1 AND tags.`rec.s` LIKE '%'", ["b"]),
        ("status = 'RUNNING' AND run_name LIKE 'a'", ["a"]),
        ("run_id IN ('nope')", []),
    ],
)
def test_run_filters(api: Api, with_runs: str, text: str, names: list[str]) -> None:
    """Runs are found by tags, params, name, status and times, the latest start first."""
    assert run_names(api, with_runs, filter=text) == names


@pytest.mark.parametrize("text", ["name = 'a'", "bogus = 'a'", "tags.x IN ('a')", "experiment_id = '1'", "x OR y"])
def test_run_filters_refused(api: Api, with_runs: str, text: str) -> None:
    """Runs have a run_name, no name; IN is for run_id alone."""
    api.refuses("runs/search", {"experiment_ids": [with_runs], "filter": text}, 400, INVALID)


def test_run_order_and_pages(api: Api, with_runs: str) -> None:
    """Runs are ordered by an attribute on request, and paged by token."""
    body = {"experiment_ids": [with_runs], "order_by": ["start_time ASC"], "max_results": 2}
    page = api.post("runs/search", body)
    assert [run["info"]["run_name"] for run in page["runs"]] == ["a", "b"]
    rest = api.post("runs/search", {**body, "page_token": page["next_page_token"]})
    assert [run["info"]["run_name"] for run in rest["runs"]] == ["c"]
    assert "next_page_token" not in rest


def test_runs_need_experiments(api: Api, with_runs: str) -> None:
    """Without experiment ids, and with integers for ids, nothing is found and nothing is wrong."""
    for ids in (None, [], [int(with_runs)]):
        assert api.post("runs/search", {"experiment_ids": ids}) == {}
    api.refuses("runs/search", {"experiment_ids": ["abc"]}, 400, INVALID)
    assert run_names(api, "999999999") == []


@pytest.mark.parametrize("size", [0, 50_001])
def test_run_page_size(api: Api, with_runs: str, size: int) -> None:
    """The page size of runs goes from 1 to 50,000."""
    api.refuses("runs/search", {"experiment_ids": [with_runs], "max_results": size}, 400, INVALID)


def test_run_views(api: Api) -> None:
    """Active runs are found unless deleted ones or all are asked for."""
    ident = api.experiment()
    api.run(ident, run_name="kept", start_time=2)
    api.post("runs/delete", {"run_id": api.run(ident, run_name="gone", start_time=1)})
    views = {None: ["kept"], "DELETED_ONLY": ["gone"], "ALL": ["kept", "gone"], "BOGUS": ["kept"]}
    for view, names in views.items():
        assert run_names(api, ident, run_view_type=view) == names, view
