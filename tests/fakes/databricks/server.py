"""The fake itself: takes a request, asks who sends it, and answers as a workspace would."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tests.fakes.fake import Fake
from tests.fakes.mlflow.errors import ApiError, PageError
from tests.fakes.mlflow.routes import dispatch
from tests.fakes.transport import Reply

from .access import Access
from .routes import TABLES
from .workspace import Workspace


class FakeDatabricks(Fake):
    """A workspace in memory; the paths of its record stand below /api/2.0/mlflow where they start with that.

    `quota`: requests a second. `untags`: tags of experiments can be removed. `registry`: it has one of its own.
    `filters_tags`: experiments can be searched by their tags. `taken`: the code of the error for a name that is taken.
    The documentation settles neither of the last two.
    """

    def __init__(
        self,
        page_cap: int | None = None,
        quota: float = 0,
        taken: str = "RESOURCE_ALREADY_EXISTS",
        *,
        untags: bool = False,
        registry: bool = True,
        filters_tags: bool = True,
    ) -> None:
        self._page_cap, self._taken = page_cap, taken
        self.untags, self.registry, self.filters_tags = untags, registry, filters_tags
        super().__init__("/api/2.0/mlflow", quota)

    @property
    def granted(self) -> int:
        """How many tokens OAuth has given."""
        return self._access.granted

    def _empty(self) -> None:
        self._access = Access()
        self._state = Workspace(page_cap=self._page_cap, taken=self._taken)

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        try:
            with self._lock:
                found = self._access.open(method, path, body, headers) or self._access.refusal(headers)
                if found:
                    return found
                state = self._state
                state.user, state.untags = self._access.user(headers), self.untags
                state.registry, state.filters_tags = self.registry, self.filters_tags
                return 200, copy.deepcopy(dispatch(TABLES, state, method, path, query, body))
        except ApiError as error:
            return error.status, {name: error.body[name] for name in ("error_code", "message")}
        except PageError as error:
            return error.status, error.body

    def _exhausted(self) -> dict[str, Any]:
        return {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Too many requests. Please wait and try again."}
