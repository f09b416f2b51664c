"""The fake itself: takes a request, records it, lets a test break it, and answers as MLflow 3.17.2 would."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Mapping
from typing import Any

from tests.fakes.fake import Fake
from tests.fakes.transport import NotJson, Reply

from . import routes
from .errors import ApiError, PageError, UnroutedError, invalid
from .state import State
from .wire import Json, read_body, read_query

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
                return 200, copy.deepcopy(self._dispatch(method, path, query, body))
        except (ApiError, PageError) as error:
            return error.status, error.body

    def _allows(self, authorization: str | None) -> bool:
        if self._auth is None:
            return True
        return authorization == "Basic " + base64.b64encode(":".join(self._auth).encode()).decode()

    def _dispatch(self, method: str, path: str, query: dict[str, str], body: Any | None) -> Json:
        if "\n" in path[:-1]:  # what stands in front of the application knows no path with a line end inside
            raise UnroutedError
        if not path.startswith(self._prefix):
            raise PageError(404)
        route, held = routes.find(method, re.sub("/{2,}", "/", path.removeprefix(self._prefix)))
        if "//" in path:
            raise PageError(308)
        if not route.reads_body:
            return route.handler(self._state, dict(held))
        if isinstance(body, NotJson):
            raise invalid("Bad Request. Content-Type must be one of ['application/json'].")
        found = read_query(route.shape, query) if method == "GET" else {} if body is None else body
        fields = read_body(route.shape, found)
        if route.check_body:
            route.check_body(found)
        return route.handler(self._state, {**fields, **held})


def _get_only(method: str, text: str, kind: str) -> Reply:
    if method != "GET":
        raise PageError(405)
    return 200, text, {"Content-Type": f"{kind}; charset=utf-8"}
