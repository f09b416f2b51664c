"""The life of a stack on older MLflow servers: on fakes of them, and where all is tested on the real ones."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
import yaml

from reconciler.core import lock
from reconciler.core.lock import Held
from tests.e2e.tools import Shell
from tests.environments import RELEASES, python_with
from tests.fakes.mlflow import FakeMlflow
from tests.fakes.mlflow.ages import NEWEST, V1_30, V1_30_PREVIEW, V2_9, V2_22, V3_1, Age
from tests.servers import old_mlflow, real_mlflow
from tests.tally import ALL

PREVIEW = "/api/2.0/preview/mlflow"
AGES = {**dict(zip(RELEASES, (V1_30, V2_9, V2_22, V3_1), strict=True)), "newest": NEWEST}
REAL = [pytest.mark.real, pytest.mark.skipif(not ALL, reason="in an environment of its own: only where all is tested")]


@dataclass
class Place:
    """A server of some age, seen from a shell and from somebody who does not use the reconciler."""

    shell: Shell
    url: str
    age: Age
    prefix: str = "/api/2.0/mlflow"

    def send(self, method, route, **body):
        given = {"params": body} if method == "GET" else {"json": body}
        return httpx.request(method, f"{self.url}{self.prefix}/{route}", timeout=60, **given).raise_for_status().json()

    def experiment(self, name):
        if not self.lacks("experiments/get-by-name"):
            return self.send("GET", "experiments/get-by-name", experiment_name=name)["experiment"]
        found = self.send("GET", "experiments/list", view_type="ALL", max_results=50_000)["experiments"]
        return next(one for one in found if one["name"] == name)

    def lacks(self, route):
        return route.startswith(self.age.lacks)


@contextmanager
def serving(kind, version, prefix, folder):
    age = V1_30_PREVIEW if prefix == PREVIEW else AGES[version]
    if kind == "fake":
        running = FakeMlflow(age=age, prefix=prefix).serve()
    elif version == "newest":
        running = real_mlflow(folder)
    else:
        running = old_mlflow(folder, python_with(version))
    with running as url:
        yield url, age


CASES = [(version, "/api/2.0/mlflow") for version in AGES] + [("1.30.1", PREVIEW)]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((kind, *case), marks=REAL if kind == "real" else ()) for case in CASES for kind in ("fake", "real")
    ],
    ids=lambda case: "-".join([case[0], case[1], *(["preview"] if case[2] == PREVIEW else [])]),
)
def server(request, tmp_path_factory):
    with serving(*request.param, tmp_path_factory.mktemp("server")) as (url, age):
        yield url, age, request.param[2]


@pytest.fixture
def old(server, plain):
    url, age, prefix = server
    shell = plain
    shell.write(
        "manifests/reconciler.yaml",
        f"stack: s{time.time_ns()}\ntargets:\n  local: {{url: '{url}', prefix: {prefix}}}\n",
    )
    return Place(shell, url, age, prefix)


def manifest(old, name, **changes):
    """A stack with all that the server can hold; `name` is that of its experiment."""
    run = {
        "experiment": "e",
        "status": "FINISHED",
        "start_time": "2026-01-31T09:00:00Z",
        "end_time": "2026-01-31T09:05:00Z",
        "params": {"depth": "6"},
        "metrics": {"auc": "0.91", "loss": [{"step": "0", "value": "0.5"}, {"step": "1", "value": "0.25"}]},
        "tags": {"kind": "xgb"},
    }
    stack = {
        "experiments": {"e": {"name": name, "description": "d", "tags": {"team": "ml", "old": "x"}}},
        "runs": {"r": run},
    }
    if not old.lacks("runs/log-inputs"):
        run["datasets"] = [{"name": "cards", "digest": "1", "source_type": "s3", "source": "s3://cards"}]
    if not old.lacks("logged-models"):
        stack["logged_models"] = {"m": {"experiment": "e", "source_run": "r", "status": "READY", "tags": {"t": "x"}}}
    for path, value in changes.items():
        kind, key, *fields = path.split("__")
        entry = stack[kind] if not fields else stack[kind][key]
        for field in fields[:-1]:
            entry = entry[field]
        last = fields[-1] if fields else key
        if value is None:
            del entry[last]
        else:
            entry[last] = value
    return yaml.safe_dump(stack)


def unchanged(old):
    """There is nothing to do."""
    assert "No changes" in old.shell("plan", "--detailed-exitcode").out


def test_the_life_of_a_stack(old):
    shell, name = old.shell, f"exp-{time.time_ns()}"
    count = len(yaml.safe_load(manifest(old, name)))
    assert f"{count} done" in shell.apply(manifest(old, name)).out
    unchanged(old)
    assert "No drift" in shell("drift").out

    edits = {"experiments__e__tags__team": "ops", "runs__r__name": "base", "runs__r__tags__kind": None}
    edits |= {"runs__r__params__eta": "0.1", "runs__r__metrics__auc": "0.92"}
    assert "2 done" in shell.apply(manifest(old, f"{name}-2", **edits)).out
    unchanged(old)
    one = old.experiment(f"{name}-2")
    assert {"key": "team", "value": "ops"} in one["tags"]
    body = {"experiment_ids": [one["experiment_id"]], "max_results": 10}
    (run,) = old.send("POST", "runs/search", **body)["runs"]
    assert run["info"].get("run_name") == "base"
    assert "kind" not in [tag["key"] for tag in run["data"]["tags"]]

    route = "experiments/set-experiment-tag"
    old.send("POST", route, experiment_id=one["experiment_id"], key="team", value="them")
    assert "tags.team" in shell("drift", code=3).out
    assert "1 done" in shell("apply", "--yes").out
    unchanged(old)

    less = manifest(old, f"{name}-2", **edits, runs__r=None, **models_gone(old))
    assert "to delete" in shell.apply(less, "--allow-delete", str(count - 1)).out
    unchanged(old)
    assert "done" in shell.apply(manifest(old, f"{name}-2", **edits)).out
    unchanged(old)

    assert f"{count} done" in shell("destroy", "--yes").out
    assert old.experiment(f"{name}-2")["lifecycle_stage"] == "deleted"
    assert "No changes" in shell("destroy", "--yes").out
    assert f"{count} done" in shell("apply", "--yes").out
    unchanged(old)
    assert old.experiment(f"{name}-2")["lifecycle_stage"] == "active"
    shell("destroy", "--yes")


def models_gone(old):
    return {} if old.lacks("logged-models") else {"logged_models__m": None}


def test_a_tag_that_has_to_go(old):
    shell, name = old.shell, f"exp-{time.time_ns()}"
    shell.apply(manifest(old, name))
    shell.manifest(manifest(old, name, experiments__e__tags__old=None))
    plan = shell("plan").out
    tags = [tag["key"] for tag in old.experiment(name)["tags"]]
    assert "old" in tags
    if old.lacks("experiments/delete-experiment-tag"):
        assert "tags.old  cannot remove: " in plan
        assert "manifests/main.yaml:" in plan
        unchanged(old)
    else:
        shell("apply", "--yes")
        assert "old" not in [tag["key"] for tag in old.experiment(name)["tags"]]
    shell("destroy", "--yes")


def test_what_is_kept_loses_its_mark(old):
    shell, name = old.shell, f"exp-{time.time_ns()}"
    shell.apply(manifest(old, name, experiments__e__on_remove="keep", runs__r=None, **models_gone(old)))
    shell.apply("{}\n")
    assert "No changes" in shell("plan").out
    marks = [tag["value"] for tag in old.experiment(name)["tags"] if tag["key"].startswith("reconciler.")]
    assert marks == ([""] if old.lacks("experiments/delete-experiment-tag") else [])
    shell.apply(manifest(old, name, runs__r=None, **models_gone(old)))
    unchanged(old)
    shell("destroy", "--yes")


def test_what_the_server_cannot_hold_is_said_with_its_place(old):
    shell = old.shell
    wanted = {}
    if old.lacks("logged-models"):
        wanted["logged_models: {m: {experiment: e}}"] = "has no logged models"
    if old.lacks("runs/log-inputs"):
        wanted["runs: {r: {experiment: e, datasets: [{name: a, digest: b, source_type: s3, source: x}]}}"] = "datasets"
    for (kind, what), most in old.age.longest.items():
        if kind == "runs":
            wanted[f"runs: {{r: {{experiment: e, {what}: {{a: {'x' * (most + 1)}}}}}}}"] = (
                f"has {most + 1} characters; "
            )
    if not old.age.colons:
        wanted["runs: {r: {experiment: e, tags: {'a:b': c}}}"] = "has a ':' in its key"
    for text, words in wanted.items():
        shell.manifest(f"experiments: {{e: {{}}}}\n{text}\n")
        found = shell("plan", code=1).err
        assert words in found
        assert found.startswith("manifests/main.yaml:2:")


def test_the_lock_is_held_by_one(old):
    shell = old.shell
    stack = yaml.safe_load((shell.folder / "manifests" / "reconciler.yaml").read_text())["stack"]
    now = time.time_ns() // 1_000_000
    held = Held("0" * 32, "bob", "host", since=now, until=now + 600_000)
    tags = [{"key": key, "value": value} for key, value in lock.tags(held).items()]
    old.send("POST", "registered-models/create", name=lock.name(stack), tags=tags)
    assert "held by bob" in shell.apply("experiments: {e: {}}\n", code=5).err
    assert "Released" in shell("unlock", "--yes").out
    assert "1 done" in shell("apply", "--yes").out
    shell("destroy", "--yes")


def test_a_plan_with_nothing_to_do_asks_no_version_of_the_newest(old):
    if old.age != NEWEST:
        return
    shell = old.shell
    shell.apply(manifest(old, f"exp-{time.time_ns()}"))
    shell("plan", "--journal", "requests")
    assert len((shell.folder / "requests").read_text().splitlines()) == 3
    shell("destroy", "--yes")
