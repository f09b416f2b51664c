"""Experiments on MLflow: found by mark or by name, made in one request, changed a tag at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from reconciler.backends.mlflow import limits, older, servers
from reconciler.backends.mlflow.api import (
    ABSENT,
    REFUSED,
    Api,
    beginning,
    carries,
    marked,
    pairs,
    present,
    removed_tags,
    tag_fields,
    tag_key,
    tags_of,
    written,
)
from reconciler.backends.mlflow.replies import Experiment, ExperimentPage, TheExperiment, from_pairs, read
from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import Call, Flow, id_of, together
from reconciler.core.change import FieldChange, Path, Value
from reconciler.core.mark import Mark
from reconciler.core.ownership import Ownership
from reconciler.core.resource import Desired, Live
from reconciler.core.wire import CANNOT_REMOVE, Edit, Query, Server, Sought, Unsupported, Wire

BUILT_IN = "0"
"""The id of the experiment `Default`, in which runs land for which nobody names another."""
FEW = 8
"""Up to so many names are looked up one by one."""
WORTH = 30
"""How many experiments can be listed in the time of one look-up by name (3.17.2 on SQLite: 0.26 ms and 8 ms)."""


@dataclass(frozen=True, slots=True)
class Experiments(Wire):
    """The wire of experiments.

    Attributes:
        frees_names: what is deleted has another name until it is restored, and no claim to its own.
        asks_presence: a search is first asked whether the mark is there, which old servers refuse.
        asks_beginning: what begins as the sought names do is listed, and not all.
    """

    api: Api
    server: Server = field(default_factory=Server)
    frees_names: ClassVar[bool] = False
    asks_presence: ClassVar[bool] = True
    asks_beginning: ClassVar[bool] = True

    def observe(self, query: Query) -> Flow[list[Live]]:
        """One search for what carries the mark, then whatever is sought and was not among it; what is free at once."""
        if {servers.SEARCH, servers.LIKE} & self.server.lacks.keys():
            return (yield from self._observe_all(query))
        free = [one for one in query.sought if one.free]
        found, others = yield from together(self._marked(query.stack), self._look_up(free))
        lives = [self.live(item, query.stack) for item in found]
        rest = [one for one in query.sought if not one.free]
        missing = _missing(rest, [live for live in lives if not (live.deleted and self.frees_names)])
        others += yield from self._look_up(missing)
        lives += [self.live(item, query.stack, sought.address) for sought, item in others]
        return list({live.id: live for live in lives}.values())  # one that was renamed in between is found twice

    def survey(self, query: Query, filter: str) -> Flow[list[Live]]:  # noqa: A002 - as in MLflow
        """All but the one that every server begins with: whoever owned that could delete it for everybody."""
        items = yield from self._all("ACTIVE_ONLY", filter)
        return [self.live(item, query.stack) for item in items if item["experiment_id"] != BUILT_IN]

    def check(self, path: Path, value: Value) -> Unsupported | None:
        return limits.check(limits.EXPERIMENT, path, value) or older.check("experiments", self.server, path, value)

    def forbids(self, change: FieldChange) -> Unsupported | None:
        why = self.server.lacks.get(servers.REMOVE_TAG)
        if why and change.after is None and tag_key(change.path):
            return Unsupported(change.path, why, code=CANNOT_REMOVE)
        return None

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]:
        tags = tags_of(desired.fields) | marks.write(mark, stack)
        body = {"name": desired.fields[("name",)], "tags": pairs(tags)}
        if ("artifact_location",) in desired.fields:
            body["artifact_location"] = desired.fields[("artifact_location",)]
        made = self.api.create("experiments/create", body, sorted(desired.fields), ("experiment_id",))
        if servers.SEARCH not in self.server.lacks:
            return [made]
        # a server that cannot search may leave out the tags of what it makes (1.20); the mark first
        ordered = sorted(tags, key=lambda key: (not marks.is_mark(key), key))
        return [made, *(self._set_tag(desired.address, key, tags[key]) for key in ordered)]

    def update(self, edit: Edit) -> list[Call]:
        values = written(edit.changes)
        calls = [self._set_tag(edit.live.address, key, values[path], path) for path in values if (key := tag_key(path))]
        calls += [self._remove_tag(edit.live.address, key, path) for key, path in removed_tags(edit.changes).items()]
        if ("name",) in values:
            body = {"experiment_id": id_of(edit.live.address), "new_name": values[("name",)]}
            calls.insert(0, self.api.post("experiments/update", body, [("name",)]))
        return calls + [self._edit_mark(edit.live.address, key, value) for key, value in edit.mark.items()]

    def restore(self, live: Live) -> list[Call]:
        # an active one is "absent" here (3.17.2): it was restored already, by a request whose reply was lost
        return [self.api.post("experiments/restore", {"experiment_id": id_of(live.address)}, absorbs=ABSENT)]

    def delete(self, live: Live) -> list[Call]:
        return [self.api.post("experiments/delete", {"experiment_id": id_of(live.address)}, absorbs=ABSENT)]

    def _set_tag(self, address: Address, key: str, value: Value, *fields: Path) -> Call:
        body = {"experiment_id": id_of(address), "key": key, "value": value}
        return self.api.post("experiments/set-experiment-tag", body, fields)

    def _remove_tag(self, address: Address, key: str, *fields: Path) -> Call:
        body = {"experiment_id": id_of(address), "key": key}
        return self.api.post("experiments/delete-experiment-tag", body, fields, ABSENT)

    def _edit_mark(self, address: Address, key: str, value: str | None) -> Call:
        """A part of a mark that goes is emptied where it cannot be removed, which means the same."""
        if value is None and servers.REMOVE_TAG not in self.server.lacks:
            return self._remove_tag(address, key)
        return self._set_tag(address, key, value or "")

    def _marked(self, stack: str) -> Flow[list[Experiment]]:
        """All that carries the mark. A server that knows no `present` refuses it at once."""
        if self.asks_presence:
            asking = self._criteria(present(stack))
            (first,) = yield [self.api.read("experiments/search", asking, REFUSED)]
            if first is not None:
                return (yield from self.api.pages("experiments/search", asking, ExperimentPage, first))
        return (yield from self.api.pages("experiments/search", self._criteria(marked(stack)), ExperimentPage))

    def _observe_all(self, query: Query) -> Flow[list[Live]]:
        """All that the server has is read, and what is ours or sought is picked out of it."""
        found = yield from self._all("ALL")
        ids = {one.id: one.address for one in query.sought if one.id}
        names = {one.name: one.address for one in query.sought if not one.id}
        wanted = [(item, ids.get(item["experiment_id"]) or names.get(item["name"])) for item in found]
        return [
            self.live(item, query.stack, address)
            for item, address in wanted
            if address or carries(item.get("tags"), query.stack)
        ]

    def _all(self, view: str, filter: str = "") -> Flow[list[Experiment]]:  # noqa: A002 - as in MLflow
        if servers.SEARCH in self.server.lacks and not filter:
            everything = {"view_type": view, "max_results": str(self.api.page)}
            return (yield from self.api.listed("experiments/list", everything, ExperimentPage))
        return (yield from self.api.pages("experiments/search", self._criteria(filter, view), ExperimentPage))

    def _criteria(self, filter: str, view: str = "ALL") -> dict[str, Any]:  # noqa: A002 - as in MLflow
        """What a search is asked, a page at a time."""
        body = {"view_type": view, "order_by": [self.api.order], "max_results": self.api.page}
        return body | ({"filter": filter} if filter else {})

    def _look_up(self, missing: list[Sought]) -> Flow[list[tuple[Sought, Experiment]]]:
        """The experiments that bear the sought ids or names. Many names are listed first, as far as that is cheaper."""
        listed: dict[str, Experiment] = {}
        complete = False
        names = [sought.name for sought in missing if not sought.id]
        if len(names) > FEW:
            call = self._list(names)
            (reply,) = yield [call]
            page = read(reply, ExperimentPage, call)
            listed = {item["name"]: item for item in page.experiments or () if self._claims(item)}
            complete = not page.next_page_token
        single = [s for s in missing if s.id or not (complete or s.name in listed)]
        calls = [self._get(sought) for sought in single]
        replies = (yield calls) if calls else []
        found = [
            (sought, read(reply, TheExperiment, call).experiment)
            for sought, call, reply in zip(single, calls, replies, strict=True)
            if reply is not None
        ]
        found = [(sought, item) for sought, item in found if sought.id or self._claims(item)]
        return found + [(s, listed[s.name]) for s in missing if not s.id and s.name in listed]

    def _list(self, names: list[str]) -> Call:
        """The first page of all, or of all that begins as these names do."""
        start = beginning(names) if self.asks_beginning else ""
        few = {"max_results": min(self.api.page, WORTH * len(names))}
        return self.api.read("experiments/search", self._criteria(start) | few)

    def _get(self, sought: Sought) -> Call:
        if sought.id:
            return self.api.get("experiments/get", {"experiment_id": sought.id}, ABSENT)
        return self.api.get("experiments/get-by-name", {"experiment_name": sought.name}, ABSENT)

    def _claims(self, item: Experiment) -> bool:
        """Whether its name is its own."""
        return not (self.frees_names and item.get("lifecycle_stage") == "deleted")

    def live(self, item: Experiment, stack: str, address: Address | None = None) -> Live:
        """What an experiment of a reply is to `stack`. `address`: whose name it was found by."""
        number, tags = item["experiment_id"], from_pairs(item.get("tags"))
        own = Ownership.of(tags, stack, "experiments")
        fields: dict[Path, Value] = {
            ("name",): item["name"],
            ("artifact_location",): item.get("artifact_location") or "",
        }
        deleted = item.get("lifecycle_stage") == "deleted"
        return Live(
            address=own.mark.address if own.mark else address or Address("experiments", f"?{number}"),
            id=number,
            fields=fields | tag_fields(tags),
            deleted=deleted,
            mark=own.mark,
            mark_tags=own.mark_tags,
            damage=own.damage,
            others=own.others,
            masked=frozenset({("name",)}) if deleted and self.frees_names else frozenset(),
        )


def _missing(sought: list[Sought], lives: list[Live]) -> list[Sought]:
    """What the search by mark did not return. A name that a rename wants counts too: somebody may have it."""
    ids = {live.id for live in lives}
    names = {live.fields[("name",)] for live in lives}
    return [one for one in sought if (one.id not in ids if one.id else one.name not in names)]
