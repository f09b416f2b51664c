"""A stack on the fake tenant service, and what somebody else does and sees there."""

from __future__ import annotations

from typing import Any

from tests.e2e.tools import Shell
from tests.fakes.fake import Request
from tests.fakes.tenant import FakeTenant
from tests.fakes.tenant.state import Experiment, Run

TOKEN = "s3cret-token"
TENANT = "acme-corp"


def configure(
    shell: Shell, url: str, tenant: str = TENANT, token: str = TOKEN, name: str = "ml", more: str = ""
) -> None:
    target = f"{{backend: tenant, url: '{url}', tenant: {tenant}, token: '{token}', {more}}}"
    shell.write("manifests/reconciler.yaml", f"stack: {name}\ntargets:\n  tenant: {target}\n")


def experiment(fake: FakeTenant, name: str, tenant: str = TENANT) -> Experiment:
    (found,) = [one for one in fake.tenant(tenant).experiments.values() if one.name == name]
    return found


def run(fake: FakeTenant, name: str, tenant: str = TENANT) -> Run:
    (found,) = [one for one in fake.tenant(tenant).runs.values() if one.name == name]
    return found


def own(tags: dict[str, str]) -> dict[str, str]:
    """The tags that people have set."""
    return {key: value for key, value in tags.items() if not key.startswith(("reconciler.", "matih."))}


def points(fake: FakeTenant, name: str, metric: str) -> list[tuple[int, float]]:
    return [(step, value) for step, _, value in run(fake, name).points[metric]]


def writes(fake: FakeTenant) -> list[Request]:
    return [one for one in fake.requests if one.method != "GET"]


def paths(fake: FakeTenant, since: int = 0) -> list[str]:
    """Method and path of the writes, with `*` for ids."""
    ids = {number for tenant in fake.tenants.values() for number in (*tenant.experiments, *tenant.runs)}
    return [
        f"{one.method} {'/'.join('*' if part in ids else part for part in one.path.split('/'))}"
        for one in writes(fake)[since:]
    ]


def ask(fake: FakeTenant, method: str, path: str, body: Any = None, **query: str) -> Any:
    """What somebody else asks; it is not recorded."""
    headers = {"authorization": f"Bearer {TOKEN}", "x-tenant-id": TENANT}
    status, reply, _ = fake.answer(method, f"/api/v1/{path}", query, body, headers)
    assert status in (200, 201), reply
    return reply
