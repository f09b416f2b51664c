"""Whatever is on a server: the manifests that import writes are adopted, and make the same again elsewhere."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import registry, schema
from reconciler.core import planner
from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.diagnostics import stop_on_errors
from reconciler.core.imports import Entry, Importer, Wanted
from reconciler.core.interpolate import Scope, interpolate
from reconciler.core.limits import check
from reconciler.core.resolve import resolve
from reconciler.core.resource import Desired
from reconciler.core.source import parse
from reconciler.report.formatted import formatted
from reconciler.report.manifest import manifest
from tests.fakes.mlflow import FakeMlflow
from tests.property.strings import KEYS
from tests.property.test_any_string import SPECIAL
from tests.world import World

RELAXED = settings(deadline=None, suppress_health_check=list(HealthCheck))
PIECES = [
    *"ab0 \n\t:#-'\"${}[]&*!|>%@`,?=~/.é🦊",
    "${",
    "$${",
    ": ",
    " #",
    "null",
    "on",
    "0.10",
    "2024-01-01",
    "<<",
    "\u2028",
]
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from([text for text in SPECIAL if not any(0xD800 <= ord(char) < 0xE000 for char in text)]),
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
)
"""Without halves of surrogate pairs: the fake takes a body with one for an empty one."""
ANY = TEXTS | st.text(st.characters(exclude_categories=["Cs"]), max_size=600)
NAMES = TEXTS | st.sampled_from(["same", "Same", "same ", "sa/me", "x" * 251, "é" * 500])
TAGS = st.dictionaries((KEYS | TEXTS).filter(lambda key: not key.startswith("reconciler.")), TEXTS, max_size=3)
RUNS = st.fixed_dictionaries(
    {
        "experiment": st.integers(0, 3),
        "name": NAMES,
        "tags": TAGS,
        "params": st.dictionaries(KEYS, TEXTS, max_size=2),
        "metrics": st.dictionaries(KEYS, st.floats() | st.just("NaN"), max_size=2),
        "start": st.sampled_from([1, 2, 1_700_000_000_123]),
        "end": st.sampled_from([0, 5, 1_700_000_000_999]),
        "status": st.sampled_from(["RUNNING", "FINISHED", "KILLED"]),
        "dataset": st.none() | st.tuples(TEXTS, TEXTS, TEXTS),
    }
)
MODELS = st.fixed_dictionaries(
    {
        "experiment": st.integers(0, 3),
        "name": NAMES,
        "tags": TAGS,
        "params": TAGS,
        "run": st.integers(0, 4),
        "type": TEXTS,
        "status": st.sampled_from(["", "READY", "UPLOAD_FAILED", "NONSENSE"]),
    }
)
EXPERIMENTS = st.fixed_dictionaries(
    {"name": NAMES, "tags": TAGS, "note": TEXTS, "location": st.sampled_from(["", "s3://b/x", "http://x"])}
)
Json = dict[str, Any]


def pairs(values: Json) -> list[Json]:
    return [{"key": key, "value": value} for key, value in values.items()]


class Hands:
    """Somebody who makes things on a server by hand; what it refuses is not made."""

    def __init__(self, fake: FakeMlflow) -> None:
        self.fake = fake
        self.experiments = ["0"]
        self.runs: list[str] = []

    def post(self, route: str, method: str = "POST", /, **body: Any) -> Json | None:
        status, reply = self.fake.answer(method, f"/api/2.0/mlflow/{route}", {}, body, {})
        return reply if status == 200 else None

    def experiment(self, name: str, tags: Json, note: str, location: str) -> None:
        every = pairs({**tags, "mlflow.note.content": note, "mlflow.user": "ada"})
        made = self.post("experiments/create", name=name, tags=every, artifact_location=location)
        self.experiments += [made["experiment_id"]] if made else []

    def run(self, one: Json) -> None:
        home = self.experiments[one["experiment"] % len(self.experiments)]
        tags = pairs({**one["tags"], "mlflow.source.name": "x"})
        body = {"experiment_id": home, "run_name": one["name"], "start_time": one["start"], "tags": tags}
        made = self.post("runs/create", **body)
        if made is None:
            return
        number = made["run"]["info"]["run_id"]
        self.runs.append(number)
        metrics = [
            {"key": key, "value": value if value == value else "NaN", "timestamp": step, "step": step}  # noqa: PLR0124
            for key, value in one["metrics"].items()
            for step in (0, 1)
        ]
        self.post("runs/log-batch", run_id=number, params=pairs(one["params"]))
        self.post("runs/log-batch", run_id=number, metrics=metrics)
        if one["dataset"]:
            name, digest, source = one["dataset"]
            dataset = {"name": name, "digest": digest, "source_type": "s3", "source": source}
            self.post("runs/log-inputs", run_id=number, datasets=[{"dataset": dataset}])
        self.post(
            "runs/update", run_id=number, status=one["status"], **({"end_time": one["end"]} if one["end"] else {})
        )

    def model(self, one: Json) -> None:
        home = self.experiments[one["experiment"] % len(self.experiments)]
        made = self.post(
            "logged-models",
            experiment_id=home,
            name=one["name"],
            tags=pairs(one["tags"]),
            params=pairs(one["params"]),
            model_type=one["type"],
            source_run_id=self.runs[one["run"]] if one["run"] < len(self.runs) else "",
        )
        if made and one["status"]:
            number = made["model"]["info"]["model_id"]
            status = f"LOGGED_MODEL_{one['status']}"
            self.post(f"logged-models/{number}", "PATCH", model_id=number, status=status)

    def forget(self, stack: str) -> None:
        """Take off the marks of a stack."""
        found = self.post("experiments/search", max_results=1000)["experiments"]
        ids = [one["experiment_id"] for one in found]
        runs = self.post("runs/search", experiment_ids=ids, max_results=1000).get("runs", [])
        models = self.post("logged-models/search", experiment_ids=ids, max_results=50).get("models", [])
        keys = [f"reconciler.{stack}", *(f"reconciler.{stack}.{n}" for n in range(1, 9))]
        for key in keys:
            for number in ids:
                self.post("experiments/delete-experiment-tag", experiment_id=number, key=key)
            for run in runs:
                self.post("runs/delete-tag", run_id=run["info"]["run_id"], key=key)
            for model in models:
                self.post(f"logged-models/{model['info']['model_id']}/tags/{key}", "DELETE")


def text_of(world: World) -> str:
    """What an import writes into one file."""
    importer = Importer(world.stack, Wanted(tuple(world.stack.wires)), {}, {})
    return manifest(importer.imported(world.place.survey(world.stack.wires, {}, importer.keep)).entries)


def declared(world: World, text: str) -> dict[Address, Desired]:
    """What a manifest declares, without a fault. Raises Failed."""
    document, problems = parse(text, "all.yaml")
    desired, more = resolve([document], world.stack.kinds, Scope())
    stop_on_errors([*problems, *more, *check(desired, world.stack.kinds, world.stack.wires, "mlflow")])
    return desired


def planned(world: World, desired: dict[Address, Desired]) -> planner.Plan:
    plan, problems = planner.make(world.stack, desired, world.observe(planner.sought(desired)), planner.Options())
    stop_on_errors(problems)
    return plan


def applied(world: World, desired: dict[Address, Desired]) -> None:
    outcomes = world.apply(planned(world, desired))
    assert [outcome.detail for outcome in outcomes if outcome.status != "done"] == []
    assert planned(world, desired).steps == ()


def plain(text: str) -> str:
    """A manifest without ids and without comments."""
    return re.sub(r"^    (id: .*|# .*)\n", "", text, flags=re.MULTILINE)


@RELAXED
@given(
    experiments=st.lists(EXPERIMENTS, max_size=4), runs=st.lists(RUNS, max_size=4), models=st.lists(MODELS, max_size=3)
)
def test_any_server_is_adopted_as_it_is_and_made_again_elsewhere(experiments, runs, models):
    fake, other = FakeMlflow(), FakeMlflow()
    hands = Hands(fake)
    for one in experiments:
        hands.experiment(**one)
    for one in runs:
        hands.run(one)
    for one in models:
        hands.model(one)
    world, elsewhere = World(fake.transport()), World(other.transport())
    text = text_of(world)
    assert formatted(text, schema.order(registry.kinds())) == text.lstrip("\n")
    desired = declared(world, text)
    assert {step.action for step in planned(world, desired).steps} <= {Action.adopt}
    applied(world, desired)
    applied(elsewhere, desired)
    Hands(other).forget("ml")
    assert plain(text_of(elsewhere)) == plain(text)


@RELAXED
@given(text=ANY, key=ANY.filter(bool))
def test_any_text_is_read_as_it_was_written(text, key):
    tags = {key: text, "last": "x"}
    written = manifest([Entry(Address("experiments", "e"), {"tags": tags}, (), "e")])
    document, problems = parse(written, "x.yaml")
    assert problems == []
    found, problems = interpolate(document, Scope())
    assert problems == []
    assert found.value == {"experiments": {"e": {"tags": tags}}}
