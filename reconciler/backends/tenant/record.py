"""The mark that goes along with what is logged to a run: it vouches for the points that are there after a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.backends.mlflow.api import pairs
from reconciler.backends.mlflow.batches import Batch, batches
from reconciler.backends.tenant.points import Points, progressed
from reconciler.core import mark as marks
from reconciler.core.change import Path
from reconciler.core.mark import Mark


@dataclass(frozen=True, slots=True)
class Record:
    """How the mark changes while a run is written.

    Attributes:
        series: the points that are written.
        begun: the mark as it is before; `held`: the tags that hold it.
        final: those tags that have to change in the end, '' for one that is to go.
        opening: those that have to be written before anything else.
    """

    series: Points
    begun: Mark
    stack: str
    held: Mapping[str, str]
    final: Mapping[str, str]
    opening: Mapping[str, str] = field(default_factory=dict)

    def before(self) -> Iterator[tuple[dict[str, Any], list[Path]]]:
        """The body of log-batch that has to be sent before all points, where there is one."""
        if self.opening:
            yield {"tags": pairs(self.opening)}, []

    def along(
        self, entries: Iterable[tuple[str, Path | None, dict[str, Any]]]
    ) -> Iterator[tuple[dict[str, Any], list[Path]]]:
        """The bodies of log-batch for `entries`, each with the mark as it is then; and the fields that each writes."""
        room = max(len(self._after(Counter(path for path, _ in self._points()))), len(self.final))
        found = batches(entries, lambda: Batch({"tags": [{}] * room}, size=room * marks.PART_BYTES))
        if not found and self.final:
            found = [Batch({"tags": [{}] * room})]
        sent: Counter[Path] = Counter()
        between = dict(self.opening)
        for batch in found:
            sent.update(("metrics", entry["key"]) for entry in batch.body.get("metrics", ()))
            if batch is found[-1]:
                # parts that the marks in between have filled otherwise are written again
                tags = {**dict.fromkeys(between, ""), **(self.held if between else {}), **self.final}
            else:
                tags = self._after(sent) if "metrics" in batch.body else {}
                between |= tags
            body = {**batch.body, "tags": [*pairs(tags), *batch.body["tags"][room:]]}
            yield {name: part for name, part in body.items() if part}, batch.fields

    def _after(self, sent: Mapping[Path, int]) -> dict[str, str]:
        return marks.write(progressed(self.begun, self.series, sent), self.stack)

    def _points(self) -> Iterator[tuple[Path, Any]]:
        return ((path, point) for path, (points, there) in self.series.items() for point in points[there:])
