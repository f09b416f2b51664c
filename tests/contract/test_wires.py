"""What every wire of every backend owes: the same assertions for each kind on each server."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from reconciler import registry
from reconciler.core import planner
from reconciler.core.address import Address
from reconciler.core.call import Call, Reply
from reconciler.core.canonical import canonical
from reconciler.core.change import Action
from reconciler.core.diagnostics import Failed, stop_on_errors
from reconciler.core.document import dump, load
from reconciler.core.limits import check
from reconciler.core.plan import Outcome, Plan
from reconciler.core.resource import Live
from reconciler.core.stack import Stack
from reconciler.core.wire import Server
from reconciler.runtime.apply import Listener, Place
from reconciler.runtime.connect import connection
from reconciler.runtime.errors import Rejected
from reconciler.runtime.http import Client, Reading
from reconciler.runtime.observe import read
from tests.contract.api import unique
from tests.fakes.databricks import TOKEN, FakeDatabricks
from tests.fakes.mlflow import FakeMlflow
from tests.fakes.tenant import FakeTenant
from tests.servers import real_mlflow
from tests.world import declare

TARGETS: Mapping[str, Mapping[str, Any]] = {
    "mlflow": {"url": "http://fake"},
    "databricks": {"host": "http://fake", "token": TOKEN, "name_prefix": "/Shared/ml"},
    "tenant": {"url": "http://fake", "tenant": "acme-corp", "token": TOKEN},
}
FAKES: Mapping[str, Callable[[], Any]] = {
    "mlflow": FakeMlflow,
    "databricks": FakeDatabricks,
    "tenant": lambda: FakeTenant(token=TOKEN, idempotent=False),  # repeating shall be right without that
}
POINTS = [{"step": 0, "value": 0.7}, {"step": 1, "value": 0.5}]
BODIES: Mapping[str, Mapping[str, Any]] = {
    "experiments": {"description": "d", "tags": {"team": "risk", "tier": "gold"}},
    "runs": {
        "experiment": "fraud",
        "params": {"depth": 6},
        "metrics": {"auc": 0.9, "loss": POINTS},
        "tags": {"model": "xgboost"},
        "status": "FINISHED",
    },
    "logged_models": {"experiment": "fraud", "params": {"depth": 6}, "tags": {"team": "risk"}, "status": "READY"},
}
EDITS: Mapping[str, Mapping[str, Any]] = {
    "experiments": {"description": "e", "tags": {"team": "ops", "tier": "gold", "new": "1"}},
    "runs": {
        "params": {"depth": 6, "eta": "0.1"},
        "metrics": {"auc": 0.95, "loss": [*POINTS, {"step": 2, "value": 0.4}]},
        "tags": {"model": "lgbm", "new": "1"},
        "status": "FAILED",
    },
    "logged_models": {"tags": {"team": "ops", "new": "1"}},
}
KEYS = {"experiments": "fraud", "runs": "base", "logged_models": "xgb"}


@dataclass
class Relay:
    """A client that sends what may be repeated twice, or nothing more after what makes a resource of some kind."""

    client: Client
    twice: bool = False
    until: str = ""
    made: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def send(self, call: Call) -> Reply:
        if self.made:
            raise Rejected(400, "STOPPED", "the test sends nothing more")
        reply = self.client.send(call)
        if self.twice and call.repeatable:
            self.client.send(call)
        self.made = bool(self.until and call.returns and call.address and call.address.kind == self.until)
        return reply


class Stage:
    """One stack on one server."""

    def __init__(self, name: str, options: Mapping[str, Any], transport: httpx.BaseTransport | None) -> None:
        backend = registry.backends()[name]
        chosen = backend.options.model_validate(options)
        where = connection(backend.endpoint(chosen, {}))
        if transport:
            where = replace(where, transport=transport)
        self.client = Client(
            where, version="0", reading=Reading(backend.reads, backend.probes), writable=True, connections=2
        )
        server = read(backend.probe(chosen), self.client.read) if backend.probe else Server()
        self.stack = Stack(unique("s"), "t", name, registry.kinds(), backend.wires(chosen, server))
        self.abilities = backend.abilities
        self.name = unique("n")

    def place(self, relay: Relay | None = None) -> Place:
        return Place(self.stack, relay or self.client, str, parallel=1, patience=0)  # type: ignore[arg-type]

    def can(self, kind: str, ability: str) -> bool:
        return any(one.split()[0] == ability for one in self.abilities[kind])

    def manifest(self, kind: str, edits: Mapping[str, Any] | None = None, *, dropped: bool = False) -> dict[str, Any]:
        """One resource of `kind`, in the experiment that it needs; every name is new to the server."""
        body = {**BODIES[kind], "name": self.name, **(edits or {})}
        home = {"fraud": {"name": unique("home") if kind == "experiments" else f"{self.name}-home"}}
        declared: dict[str, Any] = {} if kind == "experiments" else {"experiments": home}
        return declared if dropped else {**declared, kind: {KEYS[kind]: body}}

    def plan(self, manifest: Mapping[str, Any]) -> Plan:
        wires = self.stack.wires
        desired = canonical(declare(manifest), wires)
        stop_on_errors(check(desired, self.stack.kinds, wires, self.stack.backend))
        lives = self.place().observe(planner.sought(desired))
        plan, problems = planner.make(self.stack, desired, lives, planner.Options())
        stop_on_errors([one for one in problems if one.code != "safety-threshold"])
        return plan

    def apply(self, plan: Plan, relay: Relay | None = None) -> list[Outcome]:
        return self.place(relay).apply(plan, Listener())

    def sync(self, manifest: Mapping[str, Any], relay: Relay | None = None) -> Plan:
        """Plan and apply; all is done, and nothing is left to do."""
        plan = self.plan(manifest)
        assert [outcome.detail for outcome in self.apply(plan, relay) if outcome.status != "done"] == []
        assert self.plan(manifest).steps == ()
        return plan

    def lives(self, kind: str) -> list[Live]:
        """What carries the stack's mark."""
        found = self.place().observe({})
        return [live for live in found if live.address.kind == kind and live.mark]

    def live(self, kind: str) -> Live:
        (found,) = [live for live in self.lives(kind) if live.address.name == KEYS[kind]]
        return found


@pytest.fixture(scope="session")
def real_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("mlflow is not installed")
    with real_mlflow(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


def pairs() -> Iterator[Any]:
    """Each kind on each backend."""
    for name in registry.backends():
        backend = registry.backends()[name]
        for kind in backend.wires(backend.options.model_validate(TARGETS[name]), Server()):
            yield pytest.param((name, kind), id=f"{name}-{kind}")
            if name == "mlflow":
                yield pytest.param(("real", kind), id=f"{name}-{kind}-real", marks=pytest.mark.real)


@pytest.fixture(params=pairs())
def stage(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, str]]:
    """A stack with nothing in it, and a kind."""
    name, kind = request.param
    if name == "real":
        found = Stage("mlflow", {"url": request.getfixturevalue("real_url")}, None)
    else:
        found = Stage(name, TARGETS[name], FAKES[name]().transport())
    with found.client:
        yield found, kind


Staged = tuple[Stage, str]


def test_what_is_declared_is_there_and_nothing_is_left_to_do(stage: Staged) -> None:
    """All declared fields are read as they were written, and the mark vouches for each."""
    stack, kind = stage
    manifest = stack.manifest(kind)
    stack.sync(manifest)
    live = stack.live(kind)
    address = Address(kind, KEYS[kind])
    desired = canonical(declare(manifest), stack.stack.wires)[address]
    wanted = {path: value for path, value in desired.fields.items() if path != ("experiment",)}
    series = {path for path, value in wanted.items() if isinstance(value, list)}
    assert {path: live.fields.get(path) for path in wanted.keys() - series} == {
        path: value for path, value in wanted.items() if path not in series
    }
    assert live.mark is not None
    assert live.mark.keys.keys() == desired.fields.keys()


def test_an_edit_settles(stage: Staged) -> None:
    """Each field that can change is changed in place."""
    stack, kind = stage
    stack.sync(stack.manifest(kind))
    before = stack.live(kind).id
    plan = stack.sync(stack.manifest(kind, EDITS[kind]))
    (step,) = [step for step in plan.steps if step.address.kind == kind]
    assert (step.action, stack.live(kind).id) == (Action.update, before)


def test_what_may_be_repeated_does_the_same_when_it_is_sent_twice(stage: Staged) -> None:
    """Whatever is made, changed and taken away."""
    stack, kind = stage
    stack.sync(stack.manifest(kind), Relay(stack.client, twice=True))
    stack.sync(stack.manifest(kind, EDITS[kind]), Relay(stack.client, twice=True))
    assert stack.live(kind).mark
    if stack.can(kind, "delete"):
        stack.sync(stack.manifest(kind, dropped=True), Relay(stack.client, twice=True))


def test_the_mark_comes_with_the_request_that_makes_a_resource(stage: Staged) -> None:
    """Where an apply stops right after it, the next one goes on with what was made."""
    stack, kind = stage
    plan = stack.plan(stack.manifest(kind))
    stack.apply(plan, Relay(stack.client, until=kind))
    made = stack.live(kind)
    stack.sync(stack.manifest(kind))
    assert stack.live(kind).id == made.id


def test_a_rename_is_in_place_or_refused(stage: Staged) -> None:
    """As the abilities of the backend say."""
    stack, kind = stage
    stack.sync(stack.manifest(kind))
    before = stack.live(kind).id
    stack.name, renamed = f"{stack.name}-new", stack.name
    manifest = stack.manifest(kind)
    if kind != "experiments":
        manifest["experiments"] = {"fraud": {"name": f"{renamed}-home"}}
    if not stack.can(kind, "rename"):
        with pytest.raises(Failed, match="name"):
            stack.plan(manifest)
        return
    stack.sync(manifest)
    live = stack.live(kind)
    assert (live.id, str(live.fields[("name",)]).rpartition("/")[2]) == (before, stack.name)


def test_what_is_dropped_goes_or_is_said_to_stay(stage: Staged) -> None:
    """And comes back, or is made once more, where it is declared again."""
    stack, kind = stage
    stack.sync(stack.manifest(kind))
    plan = stack.plan(stack.manifest(kind, dropped=True))
    if not stack.can(kind, "delete"):
        assert [stay.address.kind for stay in plan.stays] == [kind]
        assert plan.steps == ()
        return
    stack.sync(stack.manifest(kind, dropped=True))
    assert [live for live in stack.lives(kind) if live.address.name == KEYS[kind] and not live.deleted] == []
    again = stack.sync(stack.manifest(kind))
    (step,) = [step for step in again.steps if step.address.kind == kind]
    assert step.action is (Action.restore if stack.can(kind, "restore") else Action.create)
    assert not stack.live(kind).deleted


def test_a_plan_is_the_same_after_it_was_saved(stage: Staged) -> None:
    """Requests are data: nothing of a plan is lost in its file."""
    stack, kind = stage
    plan = stack.plan(stack.manifest(kind))
    assert load(dump(plan, "0"), "plan.json") == (plan, [])


def test_the_abilities_are_those_of_the_wire(stage: Staged) -> None:
    """What `reconciler backends` prints is what plans allow."""
    stack, kind = stage
    wire = stack.stack.wires[kind]
    actions = [Action.delete, *([] if registry.kinds()[kind].irreplaceable else [Action.replace])]
    for action in actions:
        assert bool(wire.cannot(action)) != stack.can(kind, str(action))
