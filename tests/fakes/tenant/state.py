"""What one tenant has: experiments and runs, and the answers to requests with an idempotency key."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tests.fakes.transport import Reply

from .errors import absent, conflict
from .fields import Json

OWN_TAG = "matih.tenant_id"
ACTIVE, DELETED = "active", "deleted"
Semantics = Literal["merge", "replace"]


def now() -> int:
    return time.time_ns() // 1_000_000


def iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat().replace("+00:00", "Z")


@dataclass
class Experiment:
    name: str
    description: str | None
    artifact_location: str
    tags: dict[str, str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    stage: str = ACTIVE
    created: int = field(default_factory=now)
    updated: int = field(default_factory=now)

    def shown(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "artifact_location": self.artifact_location,
            "lifecycle_stage": self.stage,
            "created_at": iso(self.created),
            "last_updated": iso(self.updated),
            "tags": dict(self.tags),
        }


@dataclass
class Run:
    """`points` has step, time and value of each metric's points; one that comes twice is held once, as in MLflow."""

    experiment: Experiment
    name: str
    description: str | None
    tags: dict[str, str]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: str = "running"
    params: dict[str, str] = field(default_factory=dict)
    points: dict[str, list[tuple[int, int, float]]] = field(default_factory=dict)
    start: int = field(default_factory=now)
    end: int | None = None

    def log(self, key: str, value: float, step: int, when: int) -> None:
        series = self.points.setdefault(key, [])
        if (step, when, value) not in series:
            series.append((step, when, value))

    def shown(self) -> Json:
        return {
            "run_id": self.id,
            "experiment_id": self.experiment.id,
            "name": self.name,
            "description": self.description,
            "status": self.status,
            "start_time": iso(self.start),
            "end_time": iso(self.end) if self.end else None,
            "params": dict(self.params),
            "metrics": {key: max(series)[2] for key, series in self.points.items()},
            "tags": dict(self.tags),
        }


@dataclass
class Tenant:
    name: str
    experiments: dict[str, Experiment] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    answers: dict[str, tuple[Any, Reply]] = field(default_factory=dict)

    def experiment(self, number: str) -> Experiment:
        if number not in self.experiments:
            raise absent(f"Experiment {number}")
        return self.experiments[number]

    def active(self, number: str) -> Experiment:
        found = self.experiment(number)
        if found.stage != ACTIVE:
            raise conflict(f"Experiment {number} is archived")
        return found

    def run(self, number: str) -> Run:
        if number not in self.runs:
            raise absent(f"Run {number}")
        return self.runs[number]

    def open_run(self, number: str) -> Run:
        """A run that can be written to: that of an experiment that is not archived."""
        found = self.run(number)
        self.active(found.experiment.id)
        return found

    def free(self, name: str, but: str = "") -> None:
        """An archived experiment keeps its name."""
        if any(one.name == name and one.id != but for one in self.experiments.values()):
            raise conflict(f"Experiment with name '{name}' already exists")
