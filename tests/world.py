"""A stack on an MLflow server, without files and commands in between: declare, plan, apply, and see what was sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx

from reconciler import registry
from reconciler.core import planner
from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, stop_on_errors
from reconciler.core.guard import Safety
from reconciler.core.interpolate import Scope
from reconciler.core.limits import check
from reconciler.core.plan import Outcome, Plan
from reconciler.core.resolve import resolve
from reconciler.core.resource import Desired, Live
from reconciler.core.source import parse
from reconciler.core.stack import Stack
from reconciler.core.wire import Server
from reconciler.runtime.apply import Listener, Place
from reconciler.runtime.connection import Connection
from reconciler.runtime.errors import Rejected
from reconciler.runtime.http import Client, Reading

PREFIX = "/api/2.0/mlflow"


def declare(manifest: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> dict[Address, Desired]:
    """What a manifest declares. JSON is YAML, so a mapping stands for its text. Raises Failed."""
    document, problems = parse(json.dumps(manifest, ensure_ascii=False), "test.yaml")
    stop_on_errors(problems)
    base = parse(json.dumps({"tags": defaults}), "reconciler.yaml")[0] if defaults else None
    desired, problems = resolve([document], registry.kinds(), Scope(), base, ())
    stop_on_errors(problems)
    return desired


class World:
    """One stack on the server behind `transport`."""

    def __init__(self, transport: httpx.BaseTransport, stack: str = "ml") -> None:
        backend = registry.backends()["mlflow"]
        options = backend.options.model_validate({"url": "http://localhost"})
        wires = backend.wires(options, Server())
        self.stack = Stack(stack, "local", "mlflow", registry.kinds(), wires)
        connection = Connection(url="http://localhost", transport=transport)
        self.client = Client(connection, version="0", reading=Reading(backend.reads), writable=True)
        self.place = Place(self.stack, self.client, str, parallel=1, patience=0)

    def observe(self, sought: Mapping[str, Any]) -> list[Live]:
        return self.place.observe(sought)

    def draft(self, desired: Mapping[Address, Desired], **options: Any) -> tuple[Plan, list[Diagnostic]]:
        problems = check(desired, self.stack.kinds, self.stack.wires, "mlflow")
        plan, more = planner.make(
            self.stack, desired, self.observe(planner.sought(desired)), planner.Options(**options)
        )
        return plan, [*problems, *more]

    def plan(self, manifest: Mapping[str, Any], **options: Any) -> Plan:
        """Raises Failed."""
        plan, problems = self.draft(declare(manifest), **options)
        stop_on_errors(problems)
        return plan

    def apply(self, plan: Plan) -> list[Outcome]:
        return self.place.apply(plan, Listener())

    def sync(self, manifest: Mapping[str, Any], **options: Any) -> Plan:
        """Plan and apply; all steps must be done. Raises Failed."""
        plan = self.plan(manifest, **options)
        outcomes = self.apply(plan)
        assert [outcome.detail for outcome in outcomes if outcome.status != "done"] == []
        return plan

    def stale(self, plan: Plan, secret: Callable[[str], str] = str) -> list[Diagnostic]:
        return planner.stale(plan, self.observe(planner.sought_again(plan, secret)), self.stack.kinds)

    def post(self, route: str, **body: Any) -> Any:
        """What somebody else does on the server."""
        from reconciler.core.call import Call

        return self.client.send(Call("POST", f"{PREFIX}/{route}", body))

    def try_post(self, route: str, body: Mapping[str, Any]) -> None:
        """What somebody else tries on the server."""
        with suppress(Rejected):
            self.post(route, **body)

    def draft_of(self, manifest: Mapping[str, Any], **options: Any) -> tuple[Plan, list[Diagnostic]]:
        return self.draft(declare(manifest), **options)

    @staticmethod
    def allowing(deletions: int) -> Safety:
        return Safety(allow_delete=deletions)
