"""Which keys and values the server takes, for all that can be tagged: one set of rules, with exceptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.contract.api import Api, mapping, refusal, unique

INVALID = "INVALID_PARAMETER_VALUE"


@dataclass(frozen=True)
class Tagged:
    """A way to write one pair on a new object: `write` answers the response, `read` all pairs."""

    write: Callable[[str, str], httpx.Response]
    read: Callable[[], dict[str, Any]]

    def keeps(self, key: str, value: str, stored: str | None = None) -> None:
        assert self.write(key, value).status_code == 200
        assert self.read()[key] == (value if stored is None else stored)

    def refuses(self, key: str, value: str) -> None:
        refusal(self.write(key, value), 400, INVALID)


def _experiment(api: Api) -> Tagged:
    ident = api.experiment()
    body = {"experiment_id": ident}
    path = "experiments/set-experiment-tag"
    return Tagged(
        lambda key, value: api.send("POST", path, {**body, "key": key, "value": value}),
        lambda: api.experiment_tags(ident),
    )


def _run(path: str, what: str) -> Callable[[Api], Tagged]:
    def make(api: Api) -> Tagged:
        ident = api.run()
        return Tagged(
            lambda key, value: api.send("POST", path, {"run_id": ident, "key": key, "value": value}),
            lambda: api.run_data(ident, what),
        )

    return make


def _batch(what: str) -> Callable[[Api], Tagged]:
    def make(api: Api) -> Tagged:
        ident = api.run()
        return Tagged(
            lambda key, value: api.send(
                "POST", "runs/log-batch", {"run_id": ident, what: [{"key": key, "value": value}]}
            ),
            lambda: api.run_data(ident, what),
        )

    return make


def _registered(api: Api) -> Tagged:
    name = unique()
    api.post("registered-models/create", {"name": name})
    path = "registered-models/set-tag"
    return Tagged(
        lambda key, value: api.send("POST", path, {"name": name, "key": key, "value": value}),
        lambda: mapping(api.get("registered-models/get", name=name)["registered_model"]["tags"]),
    )


CHECKED = {
    "experiment tag": _experiment,
    "run tag": _run("runs/set-tag", "tags"),
    "run param": _run("runs/log-parameter", "params"),
    "batch tag": _batch("tags"),
    "batch param": _batch("params"),
    "registered-model tag": _registered,
}


@pytest.fixture(params=list(CHECKED))
def tagged(request: pytest.FixtureRequest, api: Api) -> Tagged:
    return CHECKED[request.param](api)


GOOD_KEYS = ["a b", " a ", "a:b", "a/b", "a.b", "é中", "-", "mlflow.note.content", "k" * 250, "a\n"]
BAD_KEYS = ["/a", "a/", "a//b", ".", "..", "...", "../a", "a/../b", "./a", "a\tb", "a@", "a=b", "😀", "k" * 251]


@pytest.mark.parametrize("key", GOOD_KEYS)
def test_good_keys(tagged: Tagged, key: str) -> None:
    """Letters and digits of any script, `_ - . : /`, blanks, even a newline at the end, up to 250 characters."""
    tagged.keeps(key, "v")


@pytest.mark.parametrize("key", BAD_KEYS)
def test_bad_keys(tagged: Tagged, key: str) -> None:
    """Other characters, more of them, and what is no normalised relative path are refused."""
    tagged.refuses(key, "v")


@pytest.mark.parametrize("value", ["", "a\r\n b ", "😀", "\x00"])
def test_values_are_kept_exactly(tagged: Tagged, value: str) -> None:
    """Values come back byte for byte."""
    tagged.keeps("k", value)


@pytest.mark.parametrize(("what", "limit"), [("experiment tag", 20_000), ("registered-model tag", 100_000)])
def test_too_long_a_value_is_refused(api: Api, what: str, limit: int) -> None:
    """Tags of experiments and registered models have a limit, beyond which they are refused."""
    tagged = CHECKED[what](api)
    tagged.keeps("k", "v" * limit)
    tagged.refuses("k", "v" * (limit + 1))


@pytest.mark.parametrize(
    ("what", "limit"), [("run tag", 8_000), ("batch tag", 8_000), ("run param", 6_000), ("batch param", 6_000)]
)
def test_too_long_a_value_is_cut(api: Api, what: str, limit: int) -> None:
    """Values of a run's tags and params beyond the limit are cut without a word."""
    tagged = CHECKED[what](api)
    tagged.keeps("k", "v" * limit)
    tagged.keeps("l", "v" * (limit + 1), stored="v" * limit)


def test_create_checks_the_keys_of_experiments_and_registered_models(api: Api) -> None:
    """A bad key or value in the tags of a create is refused."""
    for tag in ({"key": "a@", "value": "v"}, {"value": "v"}, {"key": "a", "value": "v" * 100_001}):
        for path in ("experiments/create", "registered-models/create"):
            api.refuses(path, {"name": unique(), "tags": [tag]}, 400, INVALID)


def test_create_does_not_check_the_tags_of_runs(api: Api) -> None:
    """A create of a run takes any key and any length, though set-tag would not."""
    tags = [{"key": "a@", "value": "v" * 9_000}, {"key": "", "value": "x"}]
    found = api.run_data(api.run(tags=tags), "tags")
    assert (found["a@"], found[""]) == ("v" * 9_000, "x")


def test_nothing_checks_the_tags_and_params_of_logged_models(api: Api) -> None:
    """Logged models take any key and any length, in tags and in params."""
    pairs = [{"key": "a@", "value": "v" * 30_000}, {"key": "..", "value": "x"}, {"key": "k" * 300, "value": ""}]
    found = api.shown_model(api.model(tags=pairs, params=pairs))
    assert mapping(found["info"]["tags"]) == mapping(found["data"]["params"]) == mapping(pairs)


@pytest.mark.parametrize("key", ["a@", "a//b", "k" * 251, "..."])
def test_metric_keys_follow_the_same_rules(api: Api, key: str) -> None:
    """A metric's key is checked as a tag's is."""
    api.refuses("runs/log-metric", {"run_id": api.run(), "key": key, "value": 1, "timestamp": 1}, 400, INVALID)


def test_five_hundred_tags_in_one_create(api: Api) -> None:
    """A create takes hundreds of tags, for experiments and for runs."""
    tags = [{"key": f"k{number}", "value": "v"} for number in range(500)]
    assert len(api.experiment_tags(api.experiment(tags=tags))) == 500
    assert len(api.run_data(api.run(tags=tags), "tags")) == 501
