"""Every place of a manifest where a text can stand: how it is declared, what the server then holds, what to try."""

from __future__ import annotations

import json
import types
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel

from reconciler import registry
from reconciler.core.scalars import milliseconds, moment, number
from tests.contract.api import Api, Json, mapping

Text = st.SearchStrategy[str]
KEY, VALUE = "<key>", "<value>"
NOTE, CONTEXT = "mlflow.note.content", "mlflow.data.context"


def texts_of(model: type[BaseModel]) -> Iterator[str]:
    """The dotted names of all fields of `model`, and within them, that take any text."""
    for name, info in model.model_fields.items():
        for rest in _leaves(info.annotation):
            yield ".".join([info.alias or name, *rest])


def _leaves(annotation: Any) -> Iterator[list[str]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is str:
        yield []
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from ([name] for name in texts_of(annotation))
    elif origin is dict:
        yield from ([KEY, *rest] for rest in _leaves(arguments[0]))
        yield from ([VALUE, *rest] for rest in _leaves(arguments[1]))
    elif origin is Annotated:
        yield from _leaves(arguments[0])
    elif origin in {Union, types.UnionType, list, tuple}:
        for argument in arguments:
            yield from _leaves(argument)


def expected() -> set[str]:
    """The places that the kinds have; a reference is a key of the kind that it names."""
    return {
        f"{kind.name}.{path}"
        for kind in registry.kinds().values()
        for path in texts_of(kind.model)
        if path not in kind.references
    }


@dataclass(frozen=True)
class Server:
    """What a server holds, read without a line of the reconciler. One stack at a time is on it."""

    api: Api

    def experiments(self) -> list[Json]:
        found = self.api.post("experiments/search", {"max_results": 50_000}).get("experiments", [])
        return [one for one in found if one["experiment_id"] != "0"]

    @property
    def experiment(self) -> Json:
        (found,) = self.experiments()
        return found

    @property
    def run(self) -> Json:
        (found,) = self.api.post("runs/search", {"experiment_ids": [self.experiment["experiment_id"]]})["runs"]
        return dict(found)

    @property
    def model(self) -> Json:
        body = {"experiment_ids": [self.experiment["experiment_id"]]}
        (found,) = self.api.post("logged-models/search", body)["models"]
        return dict(found)

    @property
    def dataset(self) -> Json:
        """The run's only dataset, with its context."""
        (found,) = self.run["inputs"]["dataset_inputs"]
        context = mapping(found.get("tags", [])).get(CONTEXT)
        return {**found["dataset"], **({} if context is None else {"context": context})}

    def points(self, key: str) -> list[Json]:
        found = self.api.get("metrics/get-history", run_id=self.run["info"]["run_id"], metric_key=key)
        return list(found["metrics"])

    def marks(self) -> list[tuple[str, str]]:
        """The marks of all that is there: which kind of resource each is on, and the tag's value."""
        experiments = self.experiments()
        ident = {"experiment_ids": [one["experiment_id"] for one in experiments]}
        runs = self.api.post("runs/search", ident).get("runs", [])
        models = self.api.post("logged-models/search", ident).get("models", [])
        holders = [("experiments", one.get("tags", [])) for one in experiments]
        holders += [("runs", one["data"].get("tags", [])) for one in runs]
        holders += [("logged_models", one["info"].get("tags", [])) for one in models]
        return [
            (kind, pair["value"]) for kind, tags in holders for pair in tags if pair["key"].startswith("reconciler.")
        ]


def own(tags: list[Json]) -> dict[str, str]:
    """Tags without marks and the server's own."""
    return {key: text for key, text in mapping(tags).items() if not key.startswith(("reconciler.", "mlflow."))}


@dataclass(frozen=True)
class Slot:
    """One place for a text.

    Attributes:
        path: the kind and the dotted name of the field; `<key>` and `<value>` are those of a map.
        manifest: from a text to the manifest that declares it; `config` to what stands in `reconciler.yaml` for it.
        held: what the server holds there; None where there is nothing.
        most: the longest text that fits; 0 where there is no such limit.
        texts: what to try there for the most part, where not everything is allowed; `letter`: one that is.
        meant: from a declared text to what the server then holds.
        adds: a change leaves beside it what was there before; `held` are all.
        literal: expressions in it have to be escaped.
        bare: the manifest that no longer declares it, where it then goes away.
    """

    path: str
    manifest: Callable[[str], Json]
    held: Callable[[Server], Any]
    most: int = 0
    texts: Text | None = None
    letter: str = "🦊"
    meant: Callable[[str], Any] = str
    adds: bool = False
    literal: bool = True
    bare: Json | None = None
    config: Callable[[str], Json] = lambda _: {}
    env: Callable[[str], Mapping[str, str]] = lambda _: {}

    def __str__(self) -> str:
        return self.path

    def wants(self, server: Server, text: str) -> bool:
        """Whether the server holds what `text` declares."""
        wanted, found = self.meant(text), self.held(server)
        return wanted in found if self.adds else bool(wanted == found)


def _experiment(**body: Any) -> Json:
    return {"experiments": {"e": body}}


def _run(**body: Any) -> Json:
    return {"experiments": {"e": {}}, "runs": {"r": {"experiment": "e", **body}}}


def _model(**body: Any) -> Json:
    return {"experiments": {"e": {}}, "logged_models": {"m": {"experiment": "e", **body}}}


def _dataset(**parts: str) -> Json:
    return _run(datasets=[{"name": "n", "digest": "d", "source_type": "t", "source": "s", **parts}])


def _address(kind: str) -> Callable[[Server], str]:
    """The key in the address of the mark on the only resource of a kind."""

    def held(server: Server) -> str:
        (mark,) = (text for one, text in server.marks() if one == kind)
        return str(json.loads(mark)["address"]).removeprefix(f"{kind}.")

    return held


def _only(values: Mapping[str, str]) -> str | None:
    return next(iter(values.values()), None)


def _only_key(values: Mapping[str, str]) -> str | None:
    return next(iter(values), None)


STARTS = [
    *(
        "s3://",
        "s3://b/",
        "s3:",
        "gs://b?",
        "gs://b/a?q=",
        "s3://b;",
        "//host/",
        "/",
        "/",
        "/a/",
        "C:\\",
        "x:",
        "mlflow-artifacts:/",
    ),
    *(
        "file:///",
        "file:///x/",
        "file:/",
        "file://localhost/",
        "dbfs:/",
        "X+y-1.z:",
        "wasbs://u@h/",
        "models:/",
        "databricks:",
    ),
]
ODD_STARTS = [
    *(
        "s3://[",
        "s3://b?x=",
        "/a;",
        "file:",
        "file://",
        "FILE:///",
        "Http://x",
        "RUNS:/",
        "a_b:/",
        "é:/",
        "sqlite:",
        "mysql+a+b://",
    ),
]
LOCATIONS = st.one_of(
    st.builds(str.__add__, st.sampled_from(STARTS), st.text(st.characters(exclude_categories=["C"]), max_size=8)),
    st.builds(str.__add__, st.sampled_from(STARTS), st.text(st.sampled_from("/abé.=&~%\\ "), max_size=8)),
    st.builds(
        str.__add__, st.sampled_from(STARTS + ODD_STARTS), st.text(st.sampled_from("/a.;?&=%2e#[]:@\n\t"), max_size=6)
    ),
).filter(lambda text: not text.startswith("mlflow-artifacts://"))
"""Without a scheme before a host for which an operator's setting decides whether the server takes it."""
_WORD = st.from_regex(r"\w[\w.\- :]{0,5}", fullmatch=True) | st.text(
    st.sampled_from("aZ0_-. :éß欺²Ⅷ𝒳"), min_size=1, max_size=4
)
PATHS = st.one_of(
    _WORD,
    _WORD,
    st.lists(_WORD, min_size=1, max_size=3).map("/".join),
    st.lists(_WORD | st.sampled_from(["..", ".", ""]), max_size=4).map("/".join),
)
KEYS = st.from_regex(r"\w[\w./-]{0,9}", fullmatch=True) | PATHS
STACKS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,59}", fullmatch=True) | st.text(st.sampled_from("ab-09_A."), max_size=5)
NUMBERS = st.one_of(
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(
        [".nan", "-.inf", "+.INF", "1e309", "1_0", "0x1", "1e-400", "NaN", " 1 ", "٣", "1.7976931348623157e308"]
    ),
)
TIMES = st.one_of(
    st.datetimes().map(lambda when: when.isoformat()),
    st.integers(0, 2**53).map(str),
    st.sampled_from(["2026-01-31", "2026-W05-6", "20260131T090000+0100", "9999-12-31T23:59:59.999Z", "0", "1", "٣"]),
)

FOLDS: Mapping[str, Callable[[str], str]] = {
    "case": str.swapcase,
    "blanks": lambda text: f"{text} ",
    "composition": lambda text: unicodedata.normalize("NFD", text),
    "compatibility": lambda text: unicodedata.normalize("NFKC", text),
}
"""What makes a text nearly equal to another one: a server that folded it would take both for one."""
IDS = st.text(st.sampled_from("abcf0189-m._:"), min_size=1, max_size=40)
"""Ids as servers give them: none of them is there, so one is made."""
PAIRS: Mapping[str, tuple[Callable[[str, str], Json], Callable[[Server], set[str]]]] = {
    "names of experiments": (
        lambda a, b: {"experiments": {"a": {"name": a}, "b": {"name": b}}},
        lambda s: {one["name"] for one in s.experiments()},
    ),
    "tags of experiments": (
        lambda a, b: _experiment(tags={a: "x", b: "y"}),
        lambda s: set(own(s.experiment["tags"])),
    ),
    "tags of runs": (lambda a, b: _run(tags={a: "x", b: "y"}), lambda s: set(own(s.run["data"]["tags"]))),
    "params of runs": (
        lambda a, b: _run(params={a: "x", b: "y"}),
        lambda s: set(mapping(s.run["data"]["params"])),
    ),
    "metrics": (
        lambda a, b: _run(metrics={a: "1", b: [{"step": "1", "value": "2"}]}),
        lambda s: set(mapping(s.run["data"]["metrics"])),
    ),
    "names of datasets": (
        lambda a, b: _run(
            datasets=[{"name": one, "digest": "d", "source_type": "t", "source": "s"} for one in (a, b)],
        ),
        lambda s: {one["dataset"]["name"] for one in s.run["inputs"]["dataset_inputs"]},
    ),
    "tags of logged models": (
        lambda a, b: _model(tags={a: "x", b: "y"}),
        lambda s: set(own(s.model["info"]["tags"])),
    ),
    "params of logged models": (
        lambda a, b: _model(params={a: "x", b: "y"}),
        lambda s: set(mapping(s.model["data"]["params"])),
    ),
}
"""Places where two texts stand side by side, and what the server then holds of both."""

SLOTS = [
    Slot("experiments.name", lambda t: _experiment(name=t), lambda s: s.experiment["name"], 500),
    Slot(
        "experiments.description",
        lambda t: _experiment(description=t),
        lambda s: mapping(s.experiment["tags"]).get(NOTE),
        20_000,
        bare=_experiment(),
    ),
    Slot(
        "experiments.artifact_location",
        lambda t: {**_run(), **_model(), **_experiment(artifact_location=t)},
        lambda s: s.experiment["artifact_location"],
        2048,
        texts=LOCATIONS,
        letter="/",
    ),
    Slot(
        "experiments.tags.<key>",
        lambda t: _experiment(tags={t: "x"}),
        lambda s: _only_key(own(s.experiment["tags"])),
        250,
        texts=PATHS,
        letter="é",
        bare=_experiment(),
    ),
    Slot(
        "experiments.tags.<value>",
        lambda t: _experiment(tags={"k": t}),
        lambda s: _only(own(s.experiment["tags"])),
        20_000,
        bare=_experiment(),
    ),
    Slot(
        "experiments.permissions.<key>",
        lambda t: _experiment(permissions={t: "READ"}),
        lambda s: s.experiment["name"],
        meant=lambda _: "e",
    ),
    Slot(
        "experiments.permissions.<value>",
        lambda t: _experiment(permissions={"user:alice": t}),
        lambda s: s.experiment["name"],
        meant=lambda _: "e",
    ),
    Slot(
        "runs.id",
        lambda t: _run(id=t),
        lambda s: s.run["info"]["run_name"],
        texts=IDS,
        meant=lambda _: "r",
    ),
    Slot(
        "logged_models.id",
        lambda t: _model(id=t),
        lambda s: s.model["info"]["name"],
        texts=IDS,
        meant=lambda _: "m",
    ),
    Slot("runs.name", lambda t: _run(name=t), lambda s: s.run["info"]["run_name"], 250),
    Slot(
        "runs.description",
        lambda t: _run(description=t),
        lambda s: mapping(s.run["data"]["tags"]).get(NOTE),
        8_000,
        bare=_run(),
    ),
    Slot(
        "runs.start_time",
        lambda t: _run(start_time=t),
        lambda s: s.run["info"]["start_time"],
        texts=TIMES,
        meant=lambda t: milliseconds(moment(t)),
    ),
    Slot(
        "runs.end_time",
        lambda t: _run(end_time=t),
        lambda s: s.run["info"]["end_time"],
        texts=TIMES,
        meant=lambda t: milliseconds(moment(t)),
    ),
    Slot(
        "runs.params.<key>",
        lambda t: _run(params={t: "x"}),
        lambda s: _only_key(mapping(s.run["data"]["params"])),
        250,
        texts=PATHS,
        letter="é",
    ),
    Slot(
        "runs.params.<value>", lambda t: _run(params={"k": t}), lambda s: _only(mapping(s.run["data"]["params"])), 6_000
    ),
    Slot(
        "runs.metrics.<key>",
        lambda t: _run(metrics={t: "0.5"}),
        lambda s: mapping(s.run["data"]["metrics"]),
        250,
        texts=PATHS,
        letter="é",
        adds=True,
    ),
    Slot(
        "runs.metrics.<value>",
        lambda t: _run(metrics={"k": t}),
        lambda s: number(s.run["data"]["metrics"][0]["value"]),
        texts=NUMBERS,
        meant=number,
    ),
    Slot(
        "runs.metrics.<value>.value",
        lambda t: _run(metrics={"k": [{"value": t}]}),
        lambda s: [number(point["value"]) for point in s.points("k")],
        texts=NUMBERS,
        meant=number,
        adds=True,
    ),
    Slot(
        "runs.metrics.<value>.timestamp",
        lambda t: _run(metrics={"k": [{"value": "1", "timestamp": t}]}),
        lambda s: [point["timestamp"] for point in s.points("k")],
        texts=TIMES,
        meant=lambda t: milliseconds(moment(t)),
        adds=True,
    ),
    Slot("runs.datasets.name", lambda t: _dataset(name=t), lambda s: s.dataset["name"], 500, letter="é"),
    Slot("runs.datasets.digest", lambda t: _dataset(digest=t), lambda s: s.dataset["digest"], 36),
    Slot("runs.datasets.source_type", lambda t: _dataset(source_type=t), lambda s: s.dataset["source_type"], 36),
    Slot("runs.datasets.source", lambda t: _dataset(source=t), lambda s: s.dataset["source"], 65_535),
    Slot("runs.datasets.schema", lambda t: _dataset(schema=t), lambda s: s.dataset["schema"], 1_048_575, letter="s"),
    Slot(
        "runs.datasets.profile", lambda t: _dataset(profile=t), lambda s: s.dataset["profile"], 16_777_215, letter="p"
    ),
    Slot("runs.datasets.context", lambda t: _dataset(context=t), lambda s: s.dataset["context"], 500),
    Slot(
        "runs.tags.<key>",
        lambda t: _run(tags={t: "x"}),
        lambda s: _only_key(own(s.run["data"]["tags"])),
        250,
        texts=PATHS,
        letter="é",
        bare=_run(),
    ),
    Slot(
        "runs.tags.<value>",
        lambda t: _run(tags={"k": t}),
        lambda s: _only(own(s.run["data"]["tags"])),
        8_000,
        bare=_run(),
    ),
    Slot("logged_models.name", lambda t: _model(name=t), lambda s: s.model["info"]["name"], 500),
    Slot("logged_models.type", lambda t: _model(type=t), lambda s: s.model["info"]["model_type"], 500),
    Slot(
        "logged_models.params.<key>",
        lambda t: _model(params={t: "x"}),
        lambda s: _only_key(mapping(s.model["data"]["params"])),
        250,
    ),
    Slot(
        "logged_models.params.<value>",
        lambda t: _model(params={"k": t}),
        lambda s: _only(mapping(s.model["data"]["params"])),
        2**20,
        letter="x",
    ),
    Slot(
        "logged_models.tags.<key>",
        lambda t: _model(tags={t: "x"}),
        lambda s: _only_key(own(s.model["info"]["tags"])),
        250,
        bare=_model(),
    ),
    Slot(
        "logged_models.tags.<value>",
        lambda t: _model(tags={"k": t}),
        lambda s: _only(own(s.model["info"]["tags"])),
        2**20,
        letter="x",
        bare=_model(),
    ),
]
"""The fields of the kinds."""

ITEM = "${each.key}"
AROUND = [
    Slot(
        "the key of an experiment",
        lambda t: {"experiments": {t: {"name": "n"}}, "runs": {"r": {"experiment": t}}},
        _address("experiments"),
        texts=KEYS,
        literal=False,
    ),
    Slot(
        "the key of an experiment, as its name",
        lambda t: {"experiments": {t: {}}},
        lambda s: s.experiment["name"],
        500,
        texts=KEYS,
        letter="é",
        literal=False,
    ),
    Slot(
        "the key of a run",
        lambda t: {
            "experiments": {"e": {}},
            "runs": {t: {"experiment": "e", "name": "n"}},
            "logged_models": {"m": {"experiment": "e", "source_run": t}},
        },
        _address("runs"),
        texts=KEYS,
        literal=False,
    ),
    Slot(
        "the key of a logged model",
        lambda t: {"experiments": {"e": {}}, "logged_models": {t: {"experiment": "e", "name": "n"}}},
        _address("logged_models"),
        texts=KEYS,
        literal=False,
    ),
    Slot(
        "an item of a list",
        lambda t: {
            "experiments": {"e": {"for_each": [t], "name": "n"}},
            "runs": {"r": {"for_each": [t], "experiment": f"e[{ITEM}]", "name": "n"}},
        },
        _address("runs"),
        meant="r[{}]".format,
    ),
    Slot(
        "an item of a map",
        lambda t: {"experiments": {"e": {"for_each": {t: "x"}, "tags": {"k": ITEM}}}},
        lambda s: _only(own(s.experiment["tags"])),
    ),
    Slot(
        "a value of an item",
        lambda t: {"experiments": {"e": {"for_each": {"i": {"v": t}}, "tags": {"k": "${each.value.v}"}}}},
        lambda s: _only(own(s.experiment["tags"])),
        20_000,
    ),
    Slot(
        "an item from the environment",
        lambda t: {
            "experiments": {"e": {}},
            "runs": {"r": {"for_each": ["${env.X}"], "experiment": "e", "name": "n"}},
        },
        _address("runs"),
        meant="r[{}]".format,
        env=lambda t: {"X": t},
    ),
    Slot(
        "the name of a stack",
        lambda _: _experiment(),
        lambda s: next(key.removeprefix("reconciler.") for key in mapping(s.experiment["tags"])),
        60,
        texts=STACKS,
        letter="a",
        literal=False,
        config=lambda t: {"stack": t},
    ),
    Slot(
        "the key of a default tag",
        lambda _: _experiment(),
        lambda s: _only_key(own(s.experiment["tags"])),
        250,
        texts=PATHS,
        letter="é",
        bare=_experiment(),
        config=lambda t: {"defaults": {"tags": {t: "x"}}},
    ),
    Slot(
        "the value of a default tag",
        lambda _: _experiment(),
        lambda s: _only(own(s.experiment["tags"])),
        20_000,
        bare=_experiment(),
        config=lambda t: {"defaults": {"tags": {"k": t}}},
    ),
    Slot(
        "a variable",
        lambda _: _experiment(tags={"k": "${var.x}"}),
        lambda s: _only(own(s.experiment["tags"])),
        20_000,
        literal=False,
        bare=_experiment(),
        config=lambda t: {"variables": {"x": {"default": t}}},
    ),
    Slot(
        "an environment variable",
        lambda _: _run(tags={"k": "${env.X}"}),
        lambda s: _only(own(s.run["data"]["tags"])),
        8_000,
        bare=_run(),
        env=lambda t: {"X": t},
    ),
    Slot(
        "a sensitive environment variable",
        lambda _: _run(tags={"k": "a ${env.X} b"}),
        lambda s: _only(own(s.run["data"]["tags"])),
        meant="a {} b".format,
        bare=_run(),
        config=lambda _: {"targets": {"local": {"sensitive": ["tags.*"]}}},
        env=lambda t: {"X": t},
    ),
]
"""What stands around the fields: keys, items, the configuration, the environment."""
