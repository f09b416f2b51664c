"""Logged models on MLflow: made with params and tags, finalized by status; all else is fixed, deleted is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.backends.mlflow import limits, servers
from reconciler.backends.mlflow.api import (
    ABSENT,
    Api,
    carries,
    encoded,
    marked,
    pairs,
    section,
    tag_fields,
    tags_of,
    written,
)
from reconciler.backends.mlflow.replies import Model, ModelPage, TheModel, from_pairs, read
from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import ID, Call, Flow, id_of
from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.mark import Mark
from reconciler.core.ownership import Ownership
from reconciler.core.resource import Desired, Live
from reconciler.core.wire import Edit, Query, Server, Sought, Unsupported, Wire

STATUS = "LOGGED_MODEL_"
"""How the server's names of a status start. It takes an unknown one with 200 and stores UNSPECIFIED (3.17.2)."""


@dataclass(frozen=True, slots=True)
class LoggedModels(Wire):
    api: Api
    server: Server = field(default_factory=Server)

    def observe(self, query: Query) -> Flow[list[Live]]:
        """One search over the stack's experiments; a deleted logged model is never found."""
        body = {
            "experiment_ids": list(query.parents),
            "max_results": self.api.model_page,
            "order_by": [{"field_name": "creation_timestamp", "ascending": True}],
        }
        if servers.LIKE not in self.server.lacks:
            body["filter"] = marked(query.stack)
        items = yield from self.api.pages("logged-models/search", body, ModelPage)
        if "filter" not in body:
            items = [item for item in items if carries(item["info"].get("tags"), query.stack)]
        lives = [_live(item, query.stack) for item in items]
        if unmarked := query.unmarked(lives):
            lives += yield from self._by_id(query, unmarked)
        return lives

    def survey(self, query: Query, filter: str) -> Flow[list[Live]]:  # noqa: A002 - as in MLflow
        body = {
            "experiment_ids": list(query.parents),
            "filter": filter,
            "max_results": self.api.model_page,
            "order_by": [{"field_name": "creation_timestamp", "ascending": True}],
        }
        items = yield from self.api.pages("logged-models/search", body, ModelPage)
        return [_live(item, query.stack) for item in items]

    def _by_id(self, query: Query, sought: Sequence[Sought]) -> Flow[list[Live]]:
        calls = [self.api.get(f"logged-models/{one.id}", {}, ABSENT) for one in sought]
        replies = yield calls
        return [
            _live(read(reply, TheModel, call).model, query.stack, one.address)
            for one, call, reply in zip(sought, calls, replies, strict=True)
            if reply is not None
        ]

    def check(self, path: Path, value: Value) -> Unsupported | None:
        return limits.check(limits.LOGGED_MODEL, path, value)

    def forbids(self, change: FieldChange) -> Unsupported | None:
        """A tag that was made elsewhere may have a key that can never be removed."""
        if change.path[0] == "tags" and change.after is None and (problem := limits.segment(change.path[1])):
            return Unsupported(change.path, *problem)
        return None

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]:
        fields = desired.fields
        body: dict[str, Any] = {
            "experiment_id": id_of(fields[("experiment",)]),
            "name": fields[("name",)],
            "params": pairs(section(fields, "params")),
            "tags": pairs(tags_of(fields) | marks.write(mark, stack)),
        }
        if ("type",) in fields:
            body["model_type"] = fields[("type",)]
        if ("source_run",) in fields:
            body["source_run_id"] = id_of(fields[("source_run",)])
        made = [path for path in sorted(fields) if path != ("status",)]
        status = fields.get(("status",), "PENDING")
        return [
            self.api.create("logged-models", body, made, ("model", "info", "model_id")),
            *([self._finalize(desired.address, status)] if status != "PENDING" else []),
        ]

    def update(self, edit: Edit) -> list[Call]:
        address = edit.live.address
        values = written(edit.changes)
        params = section(values, "params")
        tags = tags_of(values)
        kept = {key: value for key, value in edit.mark.items() if value is not None}
        gone = [c.path for c in edit.changes if c.path[0] == "tags" and c.after is None]
        return [
            *([self._log_params(address, params)] if params else []),
            *([self._finalize(address, values[("status",)])] if ("status",) in values else []),
            *(self._remove_tag(path[1], path) for path in gone),
            *([self._set_tags(tags | kept, [("tags", key) for key in tags])] if tags | kept else []),
            *(self._remove_tag(key) for key, value in edit.mark.items() if value is None),
        ]

    def restore(self, live: Live) -> list[Call]:
        raise AssertionError(f"{live.address}: a deleted logged model is never observed")

    def delete(self, live: Live) -> list[Call]:  # noqa: ARG002 - the path has the id
        return [self.api.delete(f"logged-models/{ID}", absorbs=ABSENT)]

    def _finalize(self, address: Address, status: Value) -> Call:
        """The id stands in the body too, and that one counts (3.17.2)."""
        body = {"model_id": id_of(address), "status": f"{STATUS}{status}"}
        return self.api.patch(f"logged-models/{ID}", body, [("status",)])

    def _log_params(self, address: Address, params: Mapping[str, Value]) -> Call:
        """Not repeatable: a param that is there, even with the same value, is refused (3.17.2)."""
        body = {"model_id": id_of(address), "params": pairs(params)}
        return self.api.create(f"logged-models/{ID}/params", body, [("params", key) for key in sorted(params)], ())

    def _set_tags(self, tags: Mapping[str, Value], fields: list[Path]) -> Call:
        return self.api.patch(f"logged-models/{ID}/tags", {"tags": pairs(tags)}, sorted(fields))

    def _remove_tag(self, key: str, *fields: Path) -> Call:
        return self.api.delete(f"logged-models/{ID}/tags/{encoded(key)}", fields, ABSENT)


def _live(item: Model, stack: str, address: Address | None = None) -> Live:
    info = item["info"]
    tags = from_pairs(info.get("tags"))
    own = Ownership.of(tags, stack, "logged_models")
    fields: dict[Path, Value] = {
        ("experiment",): info["experiment_id"],
        ("name",): info.get("name") or "",
        ("status",): (info.get("status") or "").removeprefix(STATUS),
    }
    optional = {"type": info.get("model_type"), "source_run": info.get("source_run_id")}
    fields |= {(name,): value for name, value in optional.items() if value}
    fields |= {("params", key): value for key, value in from_pairs((item.get("data") or {}).get("params")).items()}
    fields |= {path: value for path, value in tag_fields(tags).items() if path[0] == "tags"}
    return Live(
        address=own.mark.address if own.mark else address or Address("logged_models", f"?{info['model_id']}"),
        id=info["model_id"],
        fields=fields,
        parent=info["experiment_id"],
        mark=own.mark,
        mark_tags=own.mark_tags,
        damage=own.damage,
        others=own.others,
    )
