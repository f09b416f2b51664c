"""The fake itself: who asks, in whose name, whether it was asked before, and which handler answers."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from typing import Any

from tests.fakes.fake import Fake
from tests.fakes.transport import NotJson, Reply

from . import handlers as h
from .errors import ApiError, UnroutedError, conflict, invalid
from .state import Semantics, Tenant

_EXPERIMENT, _RUN = "experiments/{id}", "experiments/runs/{id}"
_ROUTES: Mapping[tuple[str, str], h.Handler] = {
    ("POST", "experiments"): h.create_experiment,
    ("GET", "experiments"): h.list_experiments,
    ("POST", "experiments/runs"): h.create_run,
    ("GET", "experiments/runs"): h.list_runs,
    ("GET", _RUN): h.get_run,
    ("POST", f"{_RUN}/log-metrics"): h.log_metrics,
    ("POST", f"{_RUN}/log-params"): h.log_params,
    ("POST", f"{_RUN}/log-batch"): h.log_batch,
    ("POST", f"{_RUN}/end"): h.end_run,
    ("GET", _EXPERIMENT): h.get_experiment,
    ("PATCH", _EXPERIMENT): h.patch_experiment,
    ("DELETE", _EXPERIMENT): h.archive_experiment,
    ("POST", f"{_EXPERIMENT}/restore"): h.restore_experiment,
}


class FakeTenant(Fake):
    """A tenant tracking service in memory, for all its tenants.

    Attributes:
        token: what requests have to bear; '' for any or none.
        tags: what a PATCH does with a map of tags, which the documents leave open.
        idempotent: whether a request is known again by its X-Idempotency-Key.
        page_cap: makes every page at most that long; 0 for none.
        hides: whether the runs of an archived experiment are left out of lists, which the documents leave open.
        totals: whether a page says how many there are, which the documents leave open.
    """

    def __init__(
        self,
        prefix: str = "/api/v1",
        token: str = "",
        *,
        tags: Semantics = "replace",
        idempotent: bool = True,
        page_cap: int = 0,
        hides: bool = False,
        totals: bool = True,
        quota: float = 0,
    ) -> None:
        self.token = token
        self.tags: Semantics = tags
        self.idempotent = idempotent
        self.page_cap = page_cap
        self.hides = hides
        self.totals = totals
        super().__init__(prefix, quota)

    def _empty(self) -> None:
        self.tenants: dict[str, Tenant] = {}

    def tenant(self, name: str) -> Tenant:
        return self.tenants.setdefault(name, Tenant(name))

    def _exhausted(self) -> dict[str, Any]:
        return ApiError(429, "GW-4290", "Rate limit exceeded").body

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        more = {"X-Request-ID": headers.get("x-request-id") or str(uuid.uuid4())}
        try:
            with self._lock:
                status, reply = self._answered(method, path, query, body, headers)
                return status, copy.deepcopy(reply), more
        except (ApiError, UnroutedError) as error:
            return error.status, error.body, more

    def _answered(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        handler, number = self._find(method, path)
        if self.token and headers.get("authorization") != f"Bearer {self.token}":
            raise ApiError(401, "IAM-1001", "Authentication required")
        if not (name := headers.get("x-tenant-id", "")):
            raise ApiError(400, "IAM-1002", "X-Tenant-ID is required")
        tenant = self.tenant(name)
        key = headers.get("x-idempotency-key") if self.idempotent and method != "GET" else None
        what = (method, path, query, body)
        if key and key in tenant.answers:
            asked, answer = tenant.answers[key]
            if asked != what:
                raise conflict("the idempotency key was used for another request")
            return answer
        read = {} if method in {"GET", "DELETE"} or path.endswith(("/end", "/restore")) else body
        if isinstance(read, NotJson) or not isinstance(read, dict):
            raise invalid("body", "a JSON object is required")
        answer = handler(h.Asked(tenant, number, query, read, self.tags, self.page_cap, self.hides, self.totals))
        if key:
            tenant.answers[key] = (copy.deepcopy(what), copy.deepcopy(answer))
        return answer

    def _find(self, method: str, path: str) -> tuple[h.Handler, str]:
        """The handler, and the id in the path; a fixed path goes before a pattern."""
        if not path.startswith(self._prefix):
            raise UnroutedError(404)
        short = path.removeprefix(self._prefix)
        matching = {
            verb: (handler, number)
            for (verb, pattern), handler in reversed(_ROUTES.items())
            if (number := _match(pattern, short)) is not None
        }
        if not matching:
            raise UnroutedError(404)
        if method not in matching:
            raise UnroutedError(405)
        return matching[method]


def _match(pattern: str, path: str) -> str | None:
    """The id in a path, '' where it has none; None where the path is another."""
    before, braces, after = pattern.partition("{id}")
    if not braces:
        return "" if path == pattern else None
    number = path.removeprefix(before).removesuffix(after)
    return number if path == before + number + after and number and "/" not in number else None
