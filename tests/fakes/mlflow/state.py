"""What the server holds: experiments, runs, logged models and registered models, and how each is found and shown."""

from __future__ import annotations

import math
import random
import time
import uuid
from dataclasses import dataclass, field

from .errors import ApiError, absent, invalid
from .limits import Limits
from .locations import below
from .wire import Json

Tags = dict[str, str]
Point = tuple[int, int, float, bool]  # step, timestamp, value, is_nan: sorts as "latest" is decided

ACTIVE, DELETED = "active", "deleted"
_BIG = 1.7976931348623157e308


def now() -> int:
    return time.time_ns() // 1_000_000


def random_name() -> str:
    return f"{random.choice(('bold', 'calm', 'keen'))}-{random.choice(('crab', 'doe', 'eel'))}-{random.randrange(1000)}"


def pairs(values: Tags) -> list[Json]:
    return [{"key": key, "value": value} for key, value in values.items()]


def filled(**parts: object) -> Json:
    """The parts that are not empty: the server leaves empty lists out of its replies."""
    return {name: part for name, part in parts.items() if part}


def shown_point(key: str, point: Point) -> Json:
    step, timestamp, value, is_nan = point
    return {"key": key, "value": "NaN" if is_nan else value, "timestamp": timestamp, "step": step}


def stored_value(value: float) -> tuple[float, bool]:
    """A number as the database holds it: NaN is a flag beside a 0, an infinity the largest double."""
    if math.isnan(value):
        return 0.0, True
    return max(-_BIG, min(_BIG, value)), False


@dataclass
class Experiment:
    id: int
    name: str
    location: str
    tags: Tags
    created: int = field(default_factory=now)
    updated: int = 0
    stage: str = ACTIVE

    def __post_init__(self) -> None:
        self.updated = self.created

    def show(self) -> Json:
        return {
            "experiment_id": str(self.id),
            "name": self.name,
            "artifact_location": self.location,
            "lifecycle_stage": self.stage,
            "last_update_time": self.updated,
            "creation_time": self.created,
            **filled(tags=pairs(self.tags)),
            "workspace": "default",
        }


@dataclass
class Run:
    experiment: int
    name: str
    user: str
    start: int
    location: str
    tags: Tags
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: str = "RUNNING"
    end: int = 0
    stage: str = ACTIVE
    params: Tags = field(default_factory=dict)
    points: dict[str, set[Point]] = field(default_factory=dict)
    latest: dict[str, Point] = field(default_factory=dict)
    inputs: dict[tuple[str, str], list[Json]] = field(default_factory=dict)

    def info(self) -> Json:
        return {
            "run_uuid": self.id,
            "experiment_id": str(self.experiment),
            "run_name": self.name,
            "user_id": self.user,
            "status": self.status,
            "start_time": self.start,
            **filled(end_time=self.end),
            "artifact_uri": below(self.location, self.id, "artifacts"),
            "lifecycle_stage": self.stage,
            "run_id": self.id,
        }

    def data(self) -> Json:
        metrics = [shown_point(key, point) for key, point in self.latest.items()]
        return filled(metrics=metrics, params=pairs(self.params), tags=pairs(self.tags))

    def rename(self, name: str) -> None:
        self.name = self.tags["mlflow.runName"] = name


@dataclass
class Model:
    experiment: int
    name: str
    type: str
    source_run: str
    location: str
    tags: Tags
    params: Tags
    id: str = field(default_factory=lambda: f"m-{uuid.uuid4().hex}")
    status: str = "LOGGED_MODEL_PENDING"
    created: int = field(default_factory=now)
    updated: int = 0
    stage: str = ACTIVE
    metrics: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.updated = self.created

    def show(self) -> Json:
        info = {
            "model_id": self.id,
            "experiment_id": str(self.experiment),
            "name": self.name,
            "creation_timestamp_ms": self.created,
            "last_updated_timestamp_ms": self.updated,
            "artifact_uri": below(self.location, "models", self.id, "artifacts"),
            "status": self.status,
            "model_type": self.type,
            "source_run_id": self.source_run,
            **filled(tags=pairs(dict(sorted(self.tags.items())))),
        }
        return {
            "info": info,
            "data": filled(params=pairs(dict(sorted(self.params.items()))), metrics=self.metrics),
        }


@dataclass
class Registered:
    name: str
    description: str
    tags: Tags
    created: int = field(default_factory=now)

    def show(self) -> Json:
        return {
            "name": self.name,
            "creation_timestamp": self.created,
            "last_updated_timestamp": self.created,
            **filled(description=self.description, tags=pairs(self.tags)),
        }


@dataclass
class State:
    experiments: dict[int, Experiment] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    registered: dict[str, Registered] = field(default_factory=dict)
    datasets: dict[tuple[int, str, str], Json] = field(default_factory=dict)
    page_cap: int | None = None
    taken: str = "RESOURCE_ALREADY_EXISTS"
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.experiments[0] = Experiment(0, "Default", "mlflow-artifacts:/0", {})

    def add_experiment(self, name: str, location: str, tags: Tags) -> Experiment:
        number = next(reversed(self.experiments)) + 1
        self.experiments[number] = Experiment(number, name, location or f"mlflow-artifacts:/{number}", tags)
        return self.experiments[number]

    def experiment(self, text: str) -> Experiment:
        """An id that was lost on the way means the default experiment."""
        number = experiment_id(text or "0")
        if number not in self.experiments:
            raise absent(f"No Experiment with id={number} exists")
        return self.experiments[number]

    def active_experiment(self, text: str) -> Experiment:
        found = self.experiment(text)
        check_active("experiment", text, found.stage)
        return found

    def named(self, name: str) -> Experiment | None:
        """Deleted ones too: they keep their names."""
        return next((found for found in self.experiments.values() if found.name == name), None)

    def run(self, run_id: str) -> Run:
        if run_id not in self.runs:
            raise absent(f"Run with id={run_id} not found")
        return self.runs[run_id]

    def active_run(self, run_id: str) -> Run:
        found = self.run(run_id)
        check_active("run", run_id, found.stage)
        return found

    def model(self, model_id: str) -> Model:
        """Deleted ones too: they can still be finalised and tagged."""
        if model_id not in self.models:
            raise absent(f"Logged model with ID '{model_id}' not found.")
        return self.models[model_id]

    def registered_model(self, name: str) -> Registered:
        if name not in self.registered:
            raise absent(f"Registered Model with name={name} not found")
        return self.registered[name]

    def page_size(self, asked: int) -> int:
        return min(asked, self.page_cap or asked)


def check_active(what: str, ident: str, stage: str) -> None:
    if stage != ACTIVE:
        raise invalid(f"The {what} {ident} must be in the 'active' state. Current state is {stage}.")


def experiment_id(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise invalid(f"Invalid experiment ID '{text}'. Experiment ID must be a valid integer.") from None
    if abs(number) >= 2**63:
        raise ApiError("INTERNAL_ERROR", "Python int too large to convert to SQLite INTEGER")
    return number
