"""The endpoints `permissions/experiments/{id}`: what an experiment has itself, and what it inherits."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fakes.mlflow.errors import ApiError, invalid
from tests.fakes.mlflow.wire import Json

from .workspace import Node, Principal, Workspace

LEVELS = ("CAN_READ", "CAN_EDIT", "CAN_MANAGE")
_KINDS = ("user_name", "group_name", "service_principal_name")


def read(state: Workspace, fields: Json) -> Json:
    return _show(state, _managed(state, fields))


def replace(state: Workspace, fields: Json) -> Json:
    """PUT: all that was direct goes; what is inherited stays, whatever is sent."""
    found = _managed(state, fields)
    found.direct = _entries(fields)
    return _show(state, found)


def merge(state: Workspace, fields: Json) -> Json:
    """PATCH: takes nothing away."""
    found = _managed(state, fields)
    found.direct |= _entries(fields)
    return _show(state, found)


def levels(state: Workspace, fields: Json) -> Json:
    _managed(state, fields)
    return {"permission_levels": [{"permission_level": level, "description": level} for level in LEVELS]}


def _managed(state: Workspace, fields: Json) -> Node:
    found = state.node(fields["path_id"])
    own = {level for (_, name), level, _ in _all(found) if name == state.user}
    if "CAN_MANAGE" not in own:
        words = f"User {state.user} does not have Manage permission on experiment {found.id}."
        raise ApiError("PERMISSION_DENIED", words)
    return found


def _entries(fields: Json) -> dict[Principal, str]:
    """Names of users and groups are compared without regard to case; the server answers in small letters."""
    found = {}
    for entry in fields.get("access_control_list", []):
        named = [(kind, entry[kind].lower()) for kind in _KINDS if entry.get(kind)]
        if len(named) != 1:
            raise invalid("Exactly one of user_name, group_name and service_principal_name must be given.")
        if entry.get("permission_level") not in LEVELS:
            raise invalid(f"Permission type {entry.get('permission_level')} is not defined on experiments.")
        found[named[0]] = entry["permission_level"]
    return found


def _all(found: Node) -> Iterator[tuple[Principal, str, str]]:
    """Principal, level and the folder that it is inherited from, if it is."""
    for principal, level in found.direct.items():
        yield principal, level, ""
    yield ("group_name", "admins"), "CAN_MANAGE", "/directories/0"
    _, top, owner, *_ = [*(found.origin or found.name).split("/"), "", ""]
    if top == "Users":
        yield ("user_name", owner), "CAN_MANAGE", "/directories/1"


def _show(state: Workspace, found: Node) -> Json:
    shown: dict[Principal, list[Json]] = {}
    for principal, level, folder in _all(found):
        inherited = {"inherited": True, "inherited_from_object": [folder]} if folder else {"inherited": False}
        shown.setdefault(principal, []).append({"permission_level": level, **inherited})
    return {
        "object_id": f"/experiments/{found.id}",
        "object_type": "mlflowExperiment",
        "access_control_list": [{kind: name, "all_permissions": held} for (kind, name), held in shown.items()],
    }
