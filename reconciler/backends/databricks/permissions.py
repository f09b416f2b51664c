"""Permissions of experiments in a workspace: entries that are an experiment's own, beside those of its folder.

A PATCH writes entries and leaves all others alone. Only a PUT takes one away, and it writes all that are the
experiment's own. Source: `databricks-sdk` 0.156.0, service/ml.py; nobody tried it on a live workspace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from reconciler.backends.databricks.api import ABOVE, Api
from reconciler.backends.mlflow.api import ABSENT
from reconciler.backends.mlflow.replies import Form, read
from reconciler.backends.permitted import FIELD, GROUP, SERVICE_PRINCIPAL, USER, Access
from reconciler.core.address import Address
from reconciler.core.call import Call, Flow
from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.resource import Live

LEVELS = ("CAN_READ", "CAN_EDIT", "CAN_MANAGE")
_NAMES = {USER: "user_name", GROUP: "group_name", SERVICE_PRINCIPAL: "service_principal_name"}
"""What a principal starts with, and what the API calls its name."""
_DROPPED = "a PUT would drop an entry of the experiment that is of neither user, group nor service principal"


class Held(Form):
    permission_level: str
    inherited: bool | None = None


class Entry(Form):
    user_name: str | None = None
    group_name: str | None = None
    service_principal_name: str | None = None
    all_permissions: list[Held] | None = None

    @property
    def principal(self) -> str:
        """'' where it is of a kind that there was not."""
        found = ((start, getattr(self, name)) for start, name in _NAMES.items())
        return next((f"{start}{name}" for start, name in found if name), "")

    def levels(self, *, inherited: bool) -> list[str]:
        return [one.permission_level for one in self.all_permissions or () if bool(one.inherited) is inherited]


class EntryList(Form):
    object_id: str | None = None
    access_control_list: list[Entry] | None = None


class Group(Form):
    value: str | None = None
    display: str | None = None


class Me(Form):
    userName: str  # noqa: N815 - SCIM's name
    groups: list[Group] | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    api: Api = field(default_factory=lambda: Api(ABOVE))
    managing: ClassVar[str] = "CAN_MANAGE"
    absent: ClassVar[str] = "the workspace does not say who we are"

    def check(self, principal: str, level: Value) -> tuple[str, str] | None:
        if not _start(principal):
            return "names nobody", "write user:NAME, group:NAME or service_principal:APPLICATION_ID"
        if level not in LEVELS:
            return f"cannot be '{level}'", f"it can be {', '.join(LEVELS)}"
        return None

    def same(self, principal: str) -> str:
        """A workspace knows no case here, and answers in small letters."""
        return principal.lower()

    def read(self, ids: Sequence[str]) -> Flow[Mapping[str, Access]]:
        """One request for each. What is in the trash may have none."""
        calls = [self.api.get(f"permissions/experiments/{number}", {}, ABSENT) for number in ids]
        replies = yield calls
        return {
            number: _access(read(reply, EntryList, call).access_control_list or ())
            for number, call, reply in zip(ids, calls, replies, strict=True)
            if reply is not None
        }

    def grant(self, address: Address, levels: Mapping[Path, Value]) -> list[Call]:  # noqa: ARG002 - it is in the path
        return [self._merge(levels)]

    def change(self, live: Live, changes: Sequence[FieldChange]) -> list[Call]:
        """One request, that takes nobody's entry away where none has to go."""
        levels = {change.path: change.after for change in changes}
        if None not in levels.values():
            return [self._merge(levels)]
        everything = {path: level for path, level in live.fields.items() if path[0] == FIELD} | levels
        body = _body({path: level for path, level in everything.items() if level is not None})
        return [self.api.put("permissions/experiments/{id}", body, sorted(levels))]

    def caller(self) -> Flow[tuple[str, ...]]:
        """Who we are: a user or a service principal, which the answer does not tell apart; and our groups."""
        call = self.api.get("preview/scim/v2/Me", {})
        (reply,) = yield [call]
        me = read(reply, Me, call)
        groups = [f"{GROUP}{group.display}" for group in me.groups or () if group.display]
        return (f"{USER}{me.userName}", f"{SERVICE_PRINCIPAL}{me.userName}", *groups)

    def _merge(self, levels: Mapping[Path, Value]) -> Call:
        return self.api.patch("permissions/experiments/{id}", _body(levels), sorted(levels))


def _start(principal: str) -> str:
    """What a principal starts with; '' where that is nothing known, or where no name follows."""
    return next((start for start in _NAMES if principal.startswith(start) and principal != start), "")


def _body(levels: Mapping[Path, Value]) -> dict[str, list[dict[str, Value]]]:
    named = [(_start(path[1]), path[1], level) for path, level in sorted(levels.items())]
    entries = [{_NAMES[start]: name.removeprefix(start), "permission_level": level} for start, name, level in named]
    return {"access_control_list": entries}


def _access(entries: Sequence[Entry]) -> Access:
    """Of several levels that one principal has itself, the highest."""
    own = {entry.principal: levels for entry in entries if (levels := entry.levels(inherited=False))}
    direct = {principal: max(levels, key=_rank) for principal, levels in own.items() if principal}
    above = [one.principal for one in entries if one.principal and Entries.managing in one.levels(inherited=True)]
    stuck = (
        _DROPPED if "" in own else ""
    )  # as a note too: a plan that takes one away is stale where that has come since
    return Access(direct, above, dict.fromkeys(direct, stuck) if stuck else {}, stuck)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
