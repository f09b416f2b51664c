"""Experiments of the tenant service: found by listing them, made in one request, changed in one.

A list cannot be searched by tag, so all of a tenant's experiments are read, archived ones too. Whether a PATCH merges
its map of tags or puts it in place of the old one is not documented: each sends all tags that are there at that
moment, with those that change, but for the service's own, which it writes itself. That is right either way; but a tag
that somebody else sets between that reading and the writing may be lost. A tag that should go stays, since by one of
the readings it would.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.backends.mlflow.api import section, written
from reconciler.backends.mlflow.limits import check
from reconciler.backends.tenant import limits
from reconciler.backends.tenant.api import NO_UNTAG, STAGE, SYSTEM, Api, Listing, own_fields, read_all
from reconciler.backends.tenant.replies import Experiment, ExperimentPage, texts
from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import ID, Call, Flow, amended
from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.mark import Mark
from reconciler.core.ownership import Ownership
from reconciler.core.resource import Desired, Live
from reconciler.core.wire import CANNOT_REMOVE, Edit, Query, Sought, Unsupported, Wire

STAGES = ("deleted", "active")


@dataclass(frozen=True, slots=True)
class Experiments(Wire):
    api: Api

    def observe(self, query: Query) -> Flow[list[Live]]:
        """All experiments, page by page; of these what carries the mark, and what is sought."""
        archived, active = (self._listed(stage) for stage in STAGES)
        yield from read_all([archived, active])
        found = [_wanted(item, query, deleted=False) for item in active.items.values()]
        gone = archived.items.keys() - active.items.keys()  # what is in both was restored between the two readings
        found += [_wanted(archived.items[number], query, deleted=True) for number in archived.items if number in gone]
        return [live for live in found if live]

    def survey(self, query: Query, filter: str) -> Flow[list[Live]]:  # noqa: A002, ARG002 - the service has none
        every = self._listed("active")
        yield from read_all([every])
        return [_live(item, query.stack, None, deleted=False) for item in every.items.values()]

    def _listed(self, stage: str) -> Listing:
        return self.api.pages("experiments", {STAGE: stage}, ExperimentPage)

    def check(self, path: Path, value: Value) -> Unsupported | None:
        return check(limits.EXPERIMENT, path, value)

    def forbids(self, change: FieldChange) -> Unsupported | None:
        if change.path[0] == "tags" and change.after is None:
            return Unsupported(change.path, NO_UNTAG, code=CANNOT_REMOVE)
        return None

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]:
        tags = {**section(desired.fields, "tags"), **marks.write(mark, stack)}
        body = {path[0]: value for path, value in desired.fields.items() if len(path) == 1} | {"tags": tags}
        return [self.api.create("experiments", body, sorted(desired.fields), "id")]

    def update(self, edit: Edit) -> list[Call]:
        values = written(edit.changes)
        body = {path[0]: change.after or "" for change in edit.changes if len(path := change.path) == 1}
        tags = section(values, "tags") | {key: value or "" for key, value in edit.mark.items()}
        if tags:
            body["tags"] = amended("tags", tags, but=SYSTEM)
        fields = sorted(change.path for change in edit.changes)
        return [self.api.patch(f"experiments/{ID}", body, fields)] if body else []

    def restore(self, live: Live) -> list[Call]:  # noqa: ARG002 - the path has the id
        return [self.api.once(f"experiments/{ID}/restore", None)]

    def delete(self, live: Live) -> list[Call]:  # noqa: ARG002 - the path has the id
        return [self.api.delete(f"experiments/{ID}")]


def _wanted(item: Experiment, query: Query, *, deleted: bool) -> Live | None:
    """What the query is after, None where it is not."""
    sought = _sought(item, query.sought)
    live = _live(item, query.stack, sought, deleted=deleted)
    return live if live.mark_tags or sought else None


def _live(item: Experiment, stack: str, sought: Sought | None, *, deleted: bool) -> Live:
    number, tags = item["id"], texts(item["tags"])
    own = Ownership.of(tags, stack, "experiments")
    optional = {"description": item.get("description"), "artifact_location": item.get("artifact_location")}
    fields: dict[Path, Value] = {("name",): item["name"]}
    fields |= {(name,): value for name, value in optional.items() if value}
    return Live(
        address=own.mark.address if own.mark else sought.address if sought else Address("experiments", f"?{number}"),
        id=number,
        fields=fields | own_fields(tags),
        deleted=deleted,
        mark=own.mark,
        mark_tags=own.mark_tags,
        damage=own.damage,
        others=own.others,
    )


def _sought(item: Experiment, sought: Iterable[Sought]) -> Sought | None:
    return next((one for one in sought if (one.id == item["id"] if one.id else one.name == item["name"])), None)
