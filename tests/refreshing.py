"""A stack that was applied as it is declared, changes on its server, and what a refresh makes of its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from reconciler.core.address import Address
from reconciler.core.diagnostics import stop_on_errors
from reconciler.core.interpolate import Scope
from reconciler.core.match import Pair
from reconciler.core.refresh import Refreshed, refresh
from reconciler.core.resolve import resolve
from reconciler.core.resource import Desired, Live
from reconciler.core.select import Selection
from reconciler.core.sensitive import Sensitive
from reconciler.core.source import parse
from reconciler.core.stack import Stack
from reconciler.report.spliced import spliced
from tests.lives import KINDS, WIRES, held, path

SCOPE = Scope({"env": "prod"}, {"TOKEN": "secret"}, "local", "ml")
FILE = "main.yaml"
EVERYTHING = Selection()
Changes = Mapping[str, Mapping[str, str | None]]
"""By address, for each field its value on the server; None: it is not there."""


class Result(NamedTuple):
    text: str
    found: Refreshed
    before: Mapping[Address, Desired]
    after: Mapping[Address, Desired]

    @property
    def taken(self) -> list[str]:
        return [f"{one.address} {'.'.join(one.path)}" for one in self.found.taken]

    @property
    def left(self) -> list[str]:
        return [f"{one.at}: {one.summary}" for one in self.found.left]


def declared(text: str, defaults: Mapping[str, str] | None = None, sensitive: tuple[str, ...] = ()) -> Any:
    """What the manifest `text` declares. Raises Failed."""
    document, problems = parse(text, FILE)
    stop_on_errors(problems)
    assert document is not None
    shared = "".join(f"  {key}: {value}\n" for key, value in (defaults or {}).items())
    base = parse(f"tags:\n{shared}", "reconciler.yaml")[0] if defaults else None
    desired, problems = resolve([document], KINDS, SCOPE, base, sensitive)
    stop_on_errors(problems)
    return desired


def changed(desired: Desired, changes: Mapping[str, str | None]) -> Live:
    """What an apply of `desired` left, with changes that somebody made since."""
    live = held(desired, desired.id or "1")
    fields = {**live.fields, **{path(name): value for name, value in changes.items()}}
    return replace(live, fields={key: value for key, value in fields.items() if value is not None})


def refreshed(
    text: str,
    changes: Changes,
    *,
    defaults: Mapping[str, str] | None = None,
    sensitive: tuple[str, ...] = (),
    selection: Selection = EVERYTHING,
    conflicts: bool = False,
    lives: Mapping[str, Live] | None = None,
) -> Result:
    """The refreshed manifest. What it declares is what it did before, but for what was taken over."""
    before = declared(text, defaults, sensitive)
    pairs = {}
    for address, desired in before.items():
        live = changed(desired, changes.get(str(address), {}))
        pairs[address] = Pair(address, desired, (lives or {}).get(str(address), live))
    stack = Stack("ml", "local", "mlflow", KINDS, WIRES, Sensitive(sensitive))
    found = refresh(stack, pairs, {FILE: text}, selection, conflicts=conflicts)
    after = spliced(text, found.edits.get(FILE, ()))
    result = Result(after, found, before, declared(after, defaults, sensitive))
    wanted = {address: dict(desired.fields) for address, desired in before.items()}
    for one in found.taken:
        if one.after is None:
            del wanted[one.address][one.path]
        else:
            wanted[one.address][one.path] = one.after
    assert {address: dict(desired.fields) for address, desired in result.after.items()} == wanted
    return result
