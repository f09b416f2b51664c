"""Whatever strikes any request of an apply that writes permissions, the next one ends it; nobody else loses a right."""

from __future__ import annotations

import os

import pytest

from tests.e2e.workspaces import FAULTS, FakeDatabricks, configure, forget
from tests.fakes.databricks import USER
from tests.fakes.mlflow.users import ADMIN, PASSWORD, FakeMlflowWithUsers

REQUESTS = 32
"""More than any apply here sends."""
EVERY = [(number, name) for number in range(REQUESTS) for name in FAULTS]
CASES = EVERY if os.environ.get("RECONCILER_TEST_ALL") else EVERY[::17]
SERVERS = (ADMIN, "alice", "databricks")
LEVELS = {"read": ("READ", "CAN_READ"), "edit": ("EDIT", "CAN_EDIT")}
STACKS = ({"bob": "read", "carol": "edit"}, {"bob": "edit", "dan": "read"})


class Place:
    """A server, who applies there, and what its only experiment grants."""

    def __init__(self, kind):
        self.databricks = kind == "databricks"
        self.user = USER if self.databricks else kind
        self.fake = FakeDatabricks() if self.databricks else FakeMlflowWithUsers("alice", "bob", "carol", "dan", "eve")

    def configure(self, shell, url):
        if self.databricks:
            configure(shell, url)
        else:
            shell.configure(url.replace("//", f"//{self.user}:{PASSWORD}@"))

    def level(self, name):
        return LEVELS[name][self.databricks]

    def manifest(self, levels):
        entries = ", ".join(f"'user:{name}': {self.level(level)}" for name, level in levels.items())
        return f"experiments:\n  fraud: {{tags: {{n: {len(entries)}}}, permissions: {{{entries}}}}}\n"

    def somebody_grants(self, name, level):
        if self.databricks:
            for found in self.fake._state.experiments.values():
                found.direct["user_name", name] = self.level(level)
        else:
            self.fake.grant(name, "1", self.level(level))

    @property
    def granted(self):
        if not self.databricks:
            return self.fake.levels("1")
        (found,) = self.fake._state.experiments.values()
        return {name: level for (_, name), level in found.direct.items()}


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize(("number", "name"), CASES)
def test_an_apply_that_was_struck_is_ended_by_the_next(number, name, kind, plain, monkeypatch):
    forget(monkeypatch)
    place, shell = Place(kind), plain
    fake, manager = place.fake, "CAN_MANAGE" if place.databricks else "MANAGE"
    with fake.serve() as url:
        place.configure(shell, url)
        for levels in STACKS:
            start = len(fake.requests)
            fake.fault = lambda count, method, path, at=start + number: FAULTS[name] if count == at else None
            shell.apply(place.manifest(levels), "--timeout", "3", code=None)
            fake.fault = None
            if "lock-held" in shell("apply", "--yes", code=None).err:
                shell("unlock", "--yes")
                shell("apply", "--yes")
            assert "1 unchanged" in shell("plan").out
            place.somebody_grants("eve", "read")
            expected = {user: place.level(level) for user, level in levels.items()}
            assert place.granted == {place.user: manager, "eve": place.level("read"), **expected}
