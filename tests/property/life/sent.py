"""Whether the writes that reached a server are those of a plan, in its order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from reconciler.core.call import Call
from reconciler.core.plan import Outcome, Plan
from tests.fakes.mlflow import FakeMlflow, Request
from tests.world import PREFIX


def writes(fake: FakeMlflow, since: int) -> list[Request]:
    """The requests from number `since` on that write."""
    return [one for one in fake._requests[since:] if one.method != "GET" and not one.path.endswith("/search")]


def follows(plan: Plan, sent: Sequence[Request], outcomes: Sequence[Outcome] | None, *, exactly: bool) -> str:
    """What is wrong with `sent`, '' where nothing is.

    Not `exactly`: a request may have come several times, and the rest of a step may be missing.
    """
    reader = _Reader(plan)
    for request in sent:
        if not reader.takes(request, exactly=exactly):
            return f"nobody planned {request.method} {request.path} {request.body} here"
    if exactly and reader.left:
        return f"never sent: {reader.left[0]}"
    made = {str(one.step.address): one.id for one in outcomes or () if one.status == "done" and one.id}
    wrong = {address: number for address, number in reader.ids.items() if made.get(address, number) != number}
    return f"other ids than those of the outcomes: {wrong}" if wrong else ""


class _Reader:
    """Reads along in a plan. `ids` are those that the server gave, as far as requests have shown them."""

    def __init__(self, plan: Plan) -> None:
        self.ids = {str(address): number for address, number in plan.ids.items()}
        self._calls = [(index, str(step.address), call) for index, step in enumerate(plan.steps) for call in step.calls]
        self._next = 0

    @property
    def left(self) -> list[tuple[int, str, Call]]:
        return self._calls[self._next :]

    def takes(self, request: Request, *, exactly: bool) -> bool:
        """Whether `request` is the next one; or the one before again, or the first of a later step."""
        candidates = [self._next]
        if not exactly:
            step = self._calls[self._next - 1][0] if self._next else -1
            firsts = [at for at, (index, *_) in enumerate(self._calls) if at > self._next and index > step]
            candidates += [self._next - 1, *(at for at in firsts if self._calls[at - 1][0] != self._calls[at][0])]
        for at in candidates:
            if 0 <= at < len(self._calls) and self._is(at, request):
                self._next = at + 1
                return True
        return False

    def _is(self, at: int, request: Request) -> bool:
        _, address, call = self._calls[at]
        ids = dict(self.ids)
        if request.method != call.method or not _path(call.path.removeprefix(f"{PREFIX}/"), request.path, address, ids):
            return False
        if not _same(call.body, request.body, ids):
            return False
        if call.returns:
            ids.pop(address, None)  # it gets another one
        self.ids = ids
        return True


def _path(planned: str, sent: str, address: str, ids: dict[str, str]) -> bool:
    if "{id}" not in planned:
        return unquote(planned) == sent
    before, _, after = (unquote(part) for part in planned.partition("{id}"))
    number = sent.removeprefix(before).partition("/")[0]
    return sent == f"{before}{number}{after}" and ids.setdefault(address, number) == number


def _same(planned: Any, sent: Any, ids: dict[str, str]) -> bool:
    """Whether a body is the planned one, with ids in their places: those known, or new ones."""
    match planned:
        case {"$id": address}:
            return bool(ids.setdefault(str(address), sent) == sent)
        case {"$now": _}:
            return isinstance(sent, int)
        case Mapping():
            same = isinstance(sent, dict) and planned.keys() == sent.keys()
            return same and all(_same(value, sent[key], ids) for key, value in planned.items())
        case list() | tuple():
            same = isinstance(sent, list) and len(planned) == len(sent)
            return same and all(_same(one, other, ids) for one, other in zip(planned, sent, strict=True))
    return bool(planned == sent)
