"""The fake itself: takes a request, records it, lets a test break it, and answers as MLflow 3.17.2 would."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from typing import Any

from tests.fakes.fake import Fake
from tests.fakes.transport import Reply

from .errors import ApiError, PageError
from .routes import ROUTES, dispatch
from .state import State

VERSION = "3.17.2"


class FakeMlflow(Fake):
    """An MLflow tracking server in memory.

    `page_cap` makes every page at most that long, whatever was asked for, so that a few objects need several pages.
    """

    def __init__(
        self,
        prefix: str = "/api/2.0/mlflow",
        auth: tuple[str, str] | None = None,
        page_cap: int | None = None,
        quota: float = 0,
    ) -> None:
        self._auth = auth
        self._page_cap = page_cap
        super().__init__(prefix, quota)

    def _empty(self) -> None:
        self._state = State(page_cap=self._page_cap)

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        try:
            if path == "/health":
                return _get_only(method, "OK", "text/plain")
            if not self._allows(headers.get("authorization")):
                return 401, "You are not authenticated.", {"WWW-Authenticate": 'Basic realm="mlflow"'}
            if path == "/version":
                return _get_only(method, VERSION, "text/html")
            with self._lock:
                return 200, copy.deepcopy(dispatch({self._prefix: ROUTES}, self._state, method, path, query, body))
        except (ApiError, PageError) as error:
            return error.status, error.body

    def _allows(self, authorization: str | None) -> bool:
        if self._auth is None:
            return True
        return authorization == "Basic " + base64.b64encode(":".join(self._auth).encode()).decode()


def _get_only(method: str, text: str, kind: str) -> Reply:
    if method != "GET":
        raise PageError(405)
    return 200, text, {"Content-Type": f"{kind}; charset=utf-8"}
