"""What the wires of the tenant service share: requests below the API's prefix, and lists that are read page by page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.backends.mlflow.api import tag_fields
from reconciler.backends.mlflow.replies import read
from reconciler.backends.tenant.replies import ExperimentPage, Page, RunPage
from reconciler.core.call import Call, Flow, Unfit
from reconciler.core.change import Path, Value

STAGE = "lifecycle_stage"
SYSTEM = "matih."
"""How the service's own tags start."""
PAGES: Mapping[type[Page], int] = {ExperimentPage: 1000, RunPage: 50}
"""The largest page that the documents name."""
AGAIN = 5
"""How often a list is read anew that changes while it is read."""
IDLE = 100
"""So many pages in a row with nothing new in them are not read on."""
NO_UNTAG = "the service has no request that removes a tag"


@dataclass(slots=True)
class Listing:
    """A list by limit and offset, though others write meanwhile: its items by id, as far as it has been read.

    Each page begins with the last item of the one before it. Where none of a page is known, something that stood before
    it is gone, what stood behind that has moved up, and the list is read anew. Not seen is what passes from one list to
    another between their two readings: an experiment that somebody archives or restores in that moment.
    """

    path: str
    query: Mapping[str, str]
    form: type[Page]
    items: dict[str, Any] = field(default_factory=dict)
    done: bool = False
    _offset: int = 0
    _begun: int = 1
    _idle: int = 0
    _longest: int = 0

    def call(self) -> Call:
        place = {"limit": str(PAGES[self.form]), "offset": str(self._offset)}
        return Call("GET", self.path, query={**self.query, **place}, repeatable=True)

    def take(self, call: Call, reply: Any) -> None:
        """Note a page. Raises Unfit."""
        page = read(reply, self.form, call)
        found, before = page.by_id(), len(self.items)
        self._check(found.values(), call)
        if self._offset and not found.keys() & self.items.keys():
            self._anew(call)
            return
        self.items |= found
        news = len(self.items) > before
        end = self._offset + len(page.items)
        short = len(page.items) < self._longest or len(page.items) <= 1  # pages may be smaller than was asked for
        self._longest = max(self._longest, len(page.items))
        self.done = (page.total is not None and end >= page.total) or (short and not news)
        self._offset = max(0, end - 1)
        self._idle = 0 if news else self._idle + 1
        if self._idle == IDLE:
            raise Unfit(call, f"its pages have no end: {IDLE} had nothing new")

    def _check(self, found: Iterable[Mapping[str, Any]], call: Call) -> None:
        """Whether an experiment is archived is told by its list; it may say so too, but not otherwise."""
        asked = self.query.get(STAGE)
        if asked and (others := {one.get(STAGE) or asked for one in found} - {asked}):
            raise Unfit(call, f"of the experiments that are {asked} it shows one that is {min(others)}")

    def _anew(self, call: Call) -> None:
        if self._begun == AGAIN:
            raise Unfit(call, f"the list changes faster than it can be read: it was begun {AGAIN} times")
        self._begun += 1
        self._offset = 0
        self.items.clear()


@dataclass(frozen=True, slots=True)
class Api:
    prefix: str

    def pages(self, route: str, query: Mapping[str, str], form: type[Page]) -> Listing:
        return Listing(f"{self.prefix}/{route}", query, form)

    def create(self, route: str, body: Mapping[str, Any], fields: Iterable[Path], returns: str) -> Call:
        return Call("POST", f"{self.prefix}/{route}", body, fields=tuple(fields), returns=(returns,))

    def post(self, route: str, body: Mapping[str, Any], fields: Iterable[Path]) -> Call:
        """A write that may be repeated."""
        return Call("POST", f"{self.prefix}/{route}", body, fields=tuple(fields), repeatable=True)

    def once(
        self,
        route: str,
        body: Mapping[str, Any] | None,
        fields: Iterable[Path] = (),
        query: Mapping[str, str] | None = None,
    ) -> Call:
        """A write whose repetition would do something else."""
        return Call("POST", f"{self.prefix}/{route}", body, query or {}, tuple(fields))

    def patch(self, route: str, body: Mapping[str, Any], fields: Iterable[Path]) -> Call:
        return Call("PATCH", f"{self.prefix}/{route}", body, fields=tuple(fields), repeatable=True)

    def delete(self, route: str) -> Call:
        return Call("DELETE", f"{self.prefix}/{route}", absorbs=("404",), repeatable=True)


def read_all(listings: Sequence[Listing]) -> Flow[None]:
    """Reads lists to their ends, the next page of each at once."""
    while waiting := [one for one in listings if not one.done]:
        calls = [one.call() for one in waiting]
        replies = yield calls
        for one, call, reply in zip(waiting, calls, replies, strict=True):
            one.take(call, reply)


def own_fields(tags: Mapping[str, str]) -> dict[Path, Value]:
    """The tags that are neither marks nor the service's own."""
    return tag_fields({key: value for key, value in tags.items() if not key.startswith(SYSTEM)})
