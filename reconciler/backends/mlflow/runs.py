"""Runs on MLflow: made with their tags, filled by log-batch inside its limits, ended last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.backends.mlflow import limits, older, points, servers
from reconciler.backends.mlflow.api import (
    ABSENT,
    NOTE,
    PAGE,
    Api,
    carries,
    chunks,
    marked,
    pairs,
    removed_tags,
    section,
    tag_fields,
    tags_of,
    written,
)
from reconciler.backends.mlflow.batches import Entry, batches
from reconciler.backends.mlflow.replies import Run, RunPage, from_pairs, read
from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import NOW, Call, Flow, id_of
from reconciler.core.change import Path, Value
from reconciler.core.mark import Mark
from reconciler.core.ownership import Ownership
from reconciler.core.resource import Desired, Fields, Live
from reconciler.core.scalars import milliseconds, moment
from reconciler.core.wire import Edit, Query, Server, Unsupported, Wire

AT_ONCE = 200
"""So many runs are looked for by their ids in one request."""
CONTEXT = "mlflow.data.context"
"""The tag of a run's input that says what the dataset was used for."""
NAME = "mlflow.runName"
LASTING = ("status", "end_time")


@dataclass(frozen=True, slots=True)
class Runs(Wire):
    api: Api
    server: Server = field(default_factory=Server)

    def observe(self, query: Query) -> Flow[list[Live]]:
        """One search over the stack's experiments; histories only of series that the mark does not vouch for."""
        body = {"experiment_ids": list(query.parents), "run_view_type": "ALL", "max_results": PAGE}
        if servers.LIKE not in self.server.lacks:
            body["filter"] = marked(query.stack)
        items = yield from self.api.pages("runs/search", body, RunPage)
        lives = [
            _live(item, query.stack)
            for item in items
            if "filter" in body or carries((item.get("data") or {}).get("tags"), query.stack)
        ]
        unmarked = {one.id: one.address for one in query.unmarked(lives)}
        if unmarked and "filter" in body:
            items = yield from self._by_id(query, list(unmarked))
        found = ((item, unmarked.get(item["info"]["run_id"])) for item in items)
        lives += [_live(item, query.stack, address) for item, address in found if address]
        declared = {sought.address: sought.fields for sought in query.sought}
        return (yield from points.settle(self.api, [_settle_datasets(live, declared) for live in lives], declared))

    def survey(self, query: Query, filter: str) -> Flow[list[Live]]:  # noqa: A002 - as in MLflow
        body = {"experiment_ids": list(query.parents), "filter": filter, "max_results": PAGE}
        items = yield from self.api.pages("runs/search", body, RunPage)
        return [_live(item, query.stack) for item in items]

    def _by_id(self, query: Query, ids: Sequence[str]) -> Flow[list[Run]]:
        """Those of the runs with these `ids` that are in the stack's experiments."""
        calls = [
            self.api.read(
                "runs/search",
                {
                    "experiment_ids": list(query.parents),
                    "filter": f"run_id IN ({', '.join(map(repr, chunk))})",
                    "run_view_type": "ALL",
                    "max_results": AT_ONCE,
                },
            )
            for chunk in chunks(ids, AT_ONCE)
        ]
        replies = yield calls
        pages = [read(reply, RunPage, call) for call, reply in zip(calls, replies, strict=True)]
        return [run for page in pages for run in page.by_id().values()]

    def check(self, path: Path, value: Value) -> Unsupported | None:
        return limits.check(limits.RUN, path, value) or older.check("runs", self.server, path, value)

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]:
        """The mark of the first request does not vouch for metrics, which a later request writes; that one does."""
        fields = desired.fields
        series = any(path[0] == "metrics" for path in fields)
        named = {NAME: fields[("name",)]} if self._tagged else {}
        body = {
            "experiment_id": id_of(fields[("experiment",)]),
            "run_name": fields[("name",)],
            "start_time": milliseconds(str(fields[("start_time",)])) if ("start_time",) in fields else NOW,
            "tags": pairs(named | tags_of(fields) | marks.write(mark.without("metrics"), stack)),
        }
        first = {"experiment", "name", "start_time", "description", "tags"}
        made = [path for path in sorted(fields) if path[0] in first]
        later = {path: value for path, value in fields.items() if path[0] in {"params", "metrics"}}
        return [
            self.api.create("runs/create", body, made, ("run", "info", "run_id")),
            *self._log_inputs(desired.address, fields),
            *self._log(desired.address, later, {}, marks.write(mark, stack) if series else {}, fields),
            *self._update(desired.address, {path: value for path, value in fields.items() if path[0] in LASTING}),
        ]

    def update(self, edit: Edit) -> list[Call]:
        """Tags and the mark go with log-batch, the mark in the last request."""
        address = edit.live.address
        values = written(edit.changes) | {c.path: points.missing(c) for c in edit.changes if c.path[0] == "metrics"}
        named = {"name"} if self._tagged else set()
        own = {path: value for path, value in values.items() if path[0] in {"name", *LASTING} - named}
        logs = {"params", "metrics", "tags", "description"} | named
        logged = {path: value for path, value in values.items() if path[0] in logs}
        kept = {key: value for key, value in edit.mark.items() if value is not None}
        return [
            *self._update(address, {**self._kept(edit.live), **own} if own else {}),
            *(self._remove_tag(address, key, path) for key, path in removed_tags(edit.changes).items()),
            *self._log_inputs(address, values),
            *self._log(address, logged, edit.live.facts, kept, {**edit.live.fields, **values}),
            *(self._remove_tag(address, key) for key, value in edit.mark.items() if value is None),
        ]

    @property
    def _tagged(self) -> bool:
        """Whether a run may have no name but that in a tag, as on servers from before they could search (1.20)."""
        return servers.SEARCH in self.server.lacks

    def _kept(self, live: Live) -> dict[Path, Value]:
        """What an update resets, on some servers, that does not say it again."""
        if servers.PARTIAL not in self.server.lacks:
            return {}
        return {path: value for path, value in live.fields.items() if path[0] in LASTING}

    def restore(self, live: Live) -> list[Call]:
        return [self.api.post("runs/restore", {"run_id": id_of(live.address)})]

    def delete(self, live: Live) -> list[Call]:
        return [self.api.post("runs/delete", {"run_id": id_of(live.address)}, absorbs=ABSENT)]

    def _update(self, address: Address, values: Mapping[Path, Value]) -> list[Call]:
        """A rename goes through runs/update: writing the tag mlflow.runName deadlocks from 6 in flight (3.17.2)."""
        if not values:
            return []
        names = {"name": "run_name"}
        body = {names.get(path[0], path[0]): value for path, value in values.items()}
        if "end_time" in body:
            body["end_time"] = milliseconds(str(body["end_time"]))
        return [self.api.post("runs/update", {"run_id": id_of(address)} | body, sorted(values))]

    def _remove_tag(self, address: Address, key: str, *fields: Path) -> Call:
        return self.api.post("runs/delete-tag", {"run_id": id_of(address), "key": key}, fields, ABSENT)

    def _log_inputs(self, address: Address, values: Fields) -> list[Call]:
        inputs = {path: value for path, value in sorted(values.items()) if path[0] == "datasets"}
        if not inputs:
            return []
        body = {"run_id": id_of(address), "datasets": [_input(value) for value in inputs.values()]}
        return [self.api.post("runs/log-inputs", body, inputs)]

    def _log(
        self, address: Address, values: Fields, facts: Fields, mark: Mapping[str, str], times: Fields
    ) -> list[Call]:
        """`values` in as few requests as log-batch's limits allow, the tags of the `mark` in the last."""
        entries = [entry for path in sorted(values) for entry in _entries(path, values[path], facts, times)]
        return self.logged(address, entries, [("tags", None, {"key": k, "value": v}) for k, v in sorted(mark.items())])

    def logged(self, address: Address, entries: list[Entry], mark: list[Entry]) -> list[Call]:
        return [
            self.api.post("runs/log-batch", {"run_id": id_of(address)} | batch.body, batch.fields)
            for batch in batches([*entries, *mark])
        ]


def _entries(path: Path, value: Value, facts: Fields, times: Fields) -> list[Entry]:
    """What log-batch takes for one field."""
    if path[0] == "metrics":
        return [("metrics", path, entry) for entry in points.entries(path, value, facts, times)]
    key = {"description": NOTE, "name": NAME}.get(path[0]) or path[1]
    return [("params" if path[0] == "params" else "tags", path, {"key": key, "value": value})]


def _input(value: Value) -> dict[str, Any]:
    assert isinstance(value, dict)
    dataset = {name: part for name, part in value.items() if name != "context"}
    tags = [{"key": CONTEXT, "value": value["context"]}] if "context" in value else []
    return {"dataset": dataset, "tags": tags}


def _live(item: Run, stack: str, address: Address | None = None) -> Live:
    info, data = item["info"], item.get("data") or {}
    tags, metrics = from_pairs(data.get("tags")), data.get("metrics") or []
    own = Ownership.of(tags, stack, "runs")
    times = {"start_time": _time(info.get("start_time")), "end_time": _time(info.get("end_time"))}
    name = info.get("run_name") or tags.get(NAME, "")
    fields: dict[Path, Value] = {("experiment",): info["experiment_id"], ("name",): name}
    fields[("status",)] = info.get("status") or ""
    fields |= {(name,): time for name, time in times.items() if time}
    fields |= {("params", key): value for key, value in from_pairs(data.get("params")).items()}
    fields |= {("metrics", point["key"]): point["value"] for point in metrics}
    fields |= {("datasets", key): value for key, value in _inputs(item).items()}
    return Live(
        address=own.mark.address if own.mark else address or Address("runs", f"?{info['run_id']}"),
        id=info["run_id"],
        fields=fields | tag_fields(tags),
        deleted=info.get("lifecycle_stage") == "deleted",
        parent=info["experiment_id"],
        mark=own.mark,
        mark_tags=own.mark_tags,
        damage=own.damage,
        others=own.others,
        facts=points.facts(metrics),
    )


def _time(milliseconds: int | None) -> str:
    """A canonical time; '' for none, which 0 means, and for what no calendar has."""
    try:
        return moment(milliseconds or 0)
    except ValueError:
        return ""


def _inputs(item: Run) -> dict[str, Value]:
    """A run's datasets by name and digest, with the parts of `_input`."""
    found: dict[str, Value] = {}
    for entry in (item.get("inputs") or {}).get("dataset_inputs") or ():
        context = from_pairs(entry.get("tags")).get(CONTEXT)
        parts: dict[str, Any] = {**entry["dataset"], "context": context}
        found[f"{parts['name']}@{parts['digest']}"] = {name: part for name, part in parts.items() if part is not None}
    return found


def _settle_datasets(live: Live, declared: Mapping[Address, Fields]) -> Live:
    """Parts of a dataset that nobody declared are the server's choice: they are not compared."""
    wanted = section(declared.get(live.address, {}), "datasets")
    return points.with_fields(
        live,
        {
            ("datasets", key): {name: part for name, part in held.items() if name in want}
            for key, want in wanted.items()
            if isinstance(held := live.fields.get(("datasets", key)), dict) and isinstance(want, dict)
        },
    )
