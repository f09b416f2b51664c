"""Experiments on MLflow: found by mark or by name, made in one request, changed a tag at a time."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.backends.mlflow import limits
from reconciler.backends.mlflow.api import (
    ABSENT,
    PAGE,
    Api,
    Ownership,
    marked,
    pairs,
    removed_tags,
    tag_fields,
    tag_key,
    tags_of,
    written,
)
from reconciler.backends.mlflow.replies import Experiment, ExperimentPage, TheExperiment, from_pairs, read
from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import Call, Flow, id_of
from reconciler.core.change import Path, Value
from reconciler.core.mark import Mark
from reconciler.core.resource import Desired, Live
from reconciler.core.wire import Edit, Query, Sought, Unsupported, Wire

FEW = 8
"""Up to so many names are looked up one by one."""
WORTH = 30
"""How many experiments can be listed in the time of one look-up by name (3.17.2 on SQLite: 0.26 ms and 8 ms)."""


@dataclass(frozen=True, slots=True)
class Experiments(Wire):
    api: Api

    def observe(self, query: Query) -> Flow[list[Live]]:
        """One search for what carries the mark, then whatever is sought and was not among it."""
        body = {
            "filter": marked(query.stack),
            "view_type": "ALL",
            "order_by": ["experiment_id ASC"],
            "max_results": PAGE,
        }
        found = yield from self.api.pages("experiments/search", body, ExperimentPage)
        lives = [self._live(item, query.stack) for item in found]
        missing = _missing(query.sought, lives)
        if missing:
            others = yield from self._look_up(missing)
            lives += [self._live(item, query.stack, sought.address) for sought, item in others]
        return list({live.id: live for live in lives}.values())  # one that was renamed in between is found twice

    def check(self, path: Path, value: Value) -> Unsupported | None:
        return limits.check(limits.EXPERIMENT, path, value)

    def create(self, desired: Desired, mark: Mark, stack: str) -> list[Call]:
        tags = tags_of(desired.fields) | marks.write(mark, stack)
        body = {"name": desired.fields[("name",)], "tags": pairs(tags)}
        if ("artifact_location",) in desired.fields:
            body["artifact_location"] = desired.fields[("artifact_location",)]
        return [self.api.create("experiments/create", body, sorted(desired.fields), ("experiment_id",))]

    def update(self, edit: Edit) -> list[Call]:
        values = written(edit.changes)
        calls = [self._set_tag(edit.live, key, values[path], path) for path in values if (key := tag_key(path))]
        calls += [self._remove_tag(edit.live, key, path) for key, path in removed_tags(edit.changes).items()]
        if ("name",) in values:
            body = {"experiment_id": id_of(edit.live.address), "new_name": values[("name",)]}
            calls.insert(0, self.api.post("experiments/update", body, [("name",)]))
        return calls + [
            self._remove_tag(edit.live, key) if value is None else self._set_tag(edit.live, key, value)
            for key, value in edit.mark.items()
        ]

    def restore(self, live: Live) -> list[Call]:
        # an active one is "absent" here (3.17.2): it was restored already, by a request whose reply was lost
        return [self.api.post("experiments/restore", {"experiment_id": id_of(live.address)}, absorbs=ABSENT)]

    def delete(self, live: Live) -> list[Call]:
        return [self.api.post("experiments/delete", {"experiment_id": id_of(live.address)}, absorbs=ABSENT)]

    def _set_tag(self, live: Live, key: str, value: Value, *fields: Path) -> Call:
        body = {"experiment_id": id_of(live.address), "key": key, "value": value}
        return self.api.post("experiments/set-experiment-tag", body, fields)

    def _remove_tag(self, live: Live, key: str, *fields: Path) -> Call:
        body = {"experiment_id": id_of(live.address), "key": key}
        return self.api.post("experiments/delete-experiment-tag", body, fields, ABSENT)

    def _look_up(self, missing: list[Sought]) -> Flow[list[tuple[Sought, Experiment]]]:
        """The experiments that bear the sought ids or names. Many names are listed first, as far as that is cheaper."""
        listed: dict[str, Experiment] = {}
        complete = False
        if sum(not sought.id for sought in missing) > FEW:
            body = {
                "view_type": "ALL",
                "order_by": ["experiment_id ASC"],
                "max_results": min(PAGE, WORTH * len(missing)),
            }
            call = self.api.read("experiments/search", body)
            (reply,) = yield [call]
            page = read(reply, ExperimentPage, call)
            listed = {item["name"]: item for item in page.experiments or ()}
            complete = not page.next_page_token
        single = [s for s in missing if s.id or not (complete or s.name in listed)]
        calls = [self._get(sought) for sought in single]
        replies = (yield calls) if calls else []
        found = [
            (sought, read(reply, TheExperiment, call).experiment)
            for sought, call, reply in zip(single, calls, replies, strict=True)
            if reply is not None
        ]
        return found + [(s, listed[s.name]) for s in missing if not s.id and s.name in listed]

    def _get(self, sought: Sought) -> Call:
        if sought.id:
            return self.api.get("experiments/get", {"experiment_id": sought.id}, ABSENT)
        return self.api.get("experiments/get-by-name", {"experiment_name": sought.name}, ABSENT)

    def _live(self, item: Experiment, stack: str, address: Address | None = None) -> Live:
        number, tags = item["experiment_id"], from_pairs(item.get("tags"))
        own = Ownership.of(tags, stack, "experiments")
        fields: dict[Path, Value] = {
            ("name",): item["name"],
            ("artifact_location",): item.get("artifact_location") or "",
        }
        return Live(
            address=own.mark.address if own.mark else address or Address("experiments", f"?{number}"),
            id=number,
            fields=fields | tag_fields(tags),
            deleted=item.get("lifecycle_stage") == "deleted",
            mark=own.mark,
            mark_tags=own.mark_tags,
            damage=own.damage,
            others=own.others,
        )


def _missing(sought: tuple[Sought, ...], lives: list[Live]) -> list[Sought]:
    """What the search by mark did not return. A name that a rename wants counts too: somebody may have it."""
    ids = {live.id for live in lives}
    names = {live.fields[("name",)] for live in lives}
    return [one for one in sought if (one.id not in ids if one.id else one.name not in names)]
