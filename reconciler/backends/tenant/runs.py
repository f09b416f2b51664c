"""Runs of the tenant service: made with their tags, filled by log-batch, ended last; none is renamed or deleted.

Whether the runs of an archived experiment are listed is not documented. Those that are, are taken to be archived with
it; and as others may come back with it, none is made by the plan that restores it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from reconciler.backends.mlflow.api import section, written
from reconciler.backends.tenant import limits, points
from reconciler.backends.tenant.api import NO_UNTAG, STAGE, Api, own_fields, read_all
from reconciler.backends.tenant.points import Points
from reconciler.backends.tenant.record import Record
from reconciler.backends.tenant.replies import ExperimentPage, Run, RunPage, texts
from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import ID, Call, Flow, id_of
from reconciler.core.change import Action, FieldChange, Path, Value
from reconciler.core.mark import Mark
from reconciler.core.ownership import Ownership
from reconciler.core.resource import Desired, Fields, Live
from reconciler.core.wire import CANNOT_REMOVE, Edit, Query, Unsupported, Wire

NO_DELETE = "the service has no request that deletes a run"
NO_RESTORE = "a run is archived and comes back with its experiment"


@dataclass(frozen=True, slots=True)
class Runs(Wire):
    api: Api

    def observe(self, query: Query) -> Flow[list[Live]]:
        """The runs of each experiment, and which experiments are archived; of these runs what carries the mark."""
        archived = self.api.pages("experiments", {STAGE: "deleted"}, ExperimentPage)
        lists = {
            parent: self.api.pages("experiments/runs", {"experiment_id": parent}, RunPage) for parent in query.parents
        }
        yield from read_all([archived, *lists.values()])
        declared = {sought.address: sought.fields for sought in query.sought}
        lives = [
            _live(item, query.stack, parent, deleted=parent in archived.items)
            for parent, one in lists.items()
            for item in one.items.values()
        ]
        marked = [live for live in lives if live.mark_tags]
        addresses = {one.id: one.address for one in query.unmarked(marked)}
        adopted = [replace(live, address=addresses[live.id]) for live in lives if live.id in addresses]
        return [points.settle(live, declared.get(live.address, {})) for live in (*marked, *adopted)]

    def survey(self, query: Query, filter: str) -> Flow[list[Live]]:  # noqa: A002, ARG002 - the service has none
        lists = {
            parent: self.api.pages("experiments/runs", {"experiment_id": parent}, RunPage) for parent in query.parents
        }
        yield from read_all(list(lists.values()))
        return [
            _live(item, query.stack, parent, deleted=False)
            for parent, one in lists.items()
            for item in one.items.values()
        ]

    def check(self, path: Path, value: Value) -> Unsupported | None:
        return limits.check_run(path, value)

    def hides(self) -> str:
        return "the service may not show the runs of an archived experiment"

    def cannot(self, action: Action) -> str:
        return NO_RESTORE if action is Action.restore else NO_DELETE

    def forbids(self, change: FieldChange) -> Unsupported | None:
        path, gone = change.path, change.after is None
        if gone and path[0] in ("tags", "description"):
            why = NO_UNTAG if path[0] == "tags" else "the service has no request that changes a run's description"
            return Unsupported(path, why, code=CANNOT_REMOVE)
        if path[0] in ("name", "description"):
            return Unsupported(
                path, f"cannot change: the service keeps a run's {path[0]} as it was made", "put it back"
            )
        if path == ("status",) and change.after == "RUNNING":
            return Unsupported(
                path, "cannot become RUNNING: the service does not start an ended run again", "put it back"
            )
        return points.forbids(change) if path[0] == "metrics" else None

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]:
        """The mark of the first request does not vouch for metrics, which a later request writes; that one does."""
        fields = desired.fields
        series = {
            path: (value, 0) for path, value in fields.items() if path[0] == "metrics" and isinstance(value, list)
        }
        begun = points.begun(mark.without("metrics"), series)
        body = {
            "experiment_id": id_of(fields[("experiment",)]),
            "name": fields[("name",)],
            "tags": {**section(fields, "tags"), **marks.write(begun, stack)},
        }
        if ("description",) in fields:
            body["description"] = fields[("description",)]
        first = {"experiment", "name", "description", "tags"}
        later = {path: value for path, value in fields.items() if path[0] in {"params", "metrics"}}
        final = marks.write(mark, stack) if section(later, "metrics") else {}
        return [
            self.api.create("experiments/runs", body, sorted(path for path in fields if path[0] in first), "run_id"),
            *self._log(later, Record(series, begun, stack, {}, final)),
            *self._end(fields.get(("status",))),
        ]

    def update(self, edit: Edit) -> list[Call]:
        values, live = written(edit.changes), edit.live
        logged = {path: value for path, value in values.items() if path[0] in {"params", "metrics", "tags"}}
        final = {key: value or "" for key, value in edit.mark.items()}
        stack = min((*live.mark_tags, *final), default="").removeprefix(marks.PREFIX)
        series, mark = points.added(edit.changes), live.mark or Mark(live.address)
        begun = points.begun(mark, series)
        opening = {} if begun is mark else marks.write(begun, stack)
        record = Record(series, begun, stack, live.mark_tags, final, opening)
        return [*self._log(logged, record), *self._end(values.get(("status",)))]

    def restore(self, live: Live) -> list[Call]:  # noqa: ARG002 - `cannot` says so
        return []

    def delete(self, live: Live) -> list[Call]:  # noqa: ARG002 - `cannot` says so
        return []

    def _end(self, status: Value) -> list[Call]:
        if status is None or status == "RUNNING":
            return []
        query = {"status": str(status).lower()}
        return [self.api.once(f"experiments/runs/{ID}/end", None, [("status",)], query)]

    def _log(self, values: Fields, record: Record) -> list[Call]:
        """Points with a time of their own first, then all else in few requests, the mark in the last of them."""
        times = points.at_times(record.series)
        timed = [self.api.post(f"experiments/runs/{ID}/log-metrics", body, fields) for body, fields in times]
        entries = [entry for path in sorted(values) for entry in _entries(path, values[path], record.series)]
        first, rest = ([self._batch(*one) for one in some] for some in (record.before(), record.along(entries)))
        return [*first, *timed, *rest]

    def _batch(self, body: dict[str, Any], fields: list[Path]) -> Call:
        """May be repeated where it has no points: the service would give each the time of the second request too."""
        if "metrics" in body:
            return self.api.once(f"experiments/runs/{ID}/log-batch", body, fields)
        return self.api.post(f"experiments/runs/{ID}/log-batch", body, fields)


def _entries(path: Path, value: Value, series: Points) -> list[tuple[str, Path | None, dict[str, Any]]]:
    """What log-batch takes for one field: the list that it belongs to, the field, the entry."""
    if path[0] == "metrics":
        return [("metrics", path, entry) for entry in points.entries(path, value, series)]
    return [(path[0], path, {"key": path[1], "value": value})]


def _live(item: Run, stack: str, parent: str, *, deleted: bool) -> Live:
    number, tags = item["run_id"], texts(item["tags"])
    own = Ownership.of(tags, stack, "runs")
    fields: dict[Path, Value] = {("experiment",): parent, ("name",): item.get("name") or ""}
    fields[("status",)] = (item.get("status") or "").upper()
    fields |= {("params", key): value for key, value in texts(item.get("params")).items()}
    fields |= {("metrics", key): value for key, value in (item.get("metrics") or {}).items()}
    if description := item.get("description"):
        fields[("description",)] = description
    return Live(
        address=own.mark.address if own.mark else Address("runs", f"?{number}"),
        id=number,
        fields=fields | own_fields(tags),
        deleted=deleted,
        parent=parent,
        mark=own.mark,
        mark_tags=own.mark_tags,
        damage=own.damage,
        others=own.others,
    )
