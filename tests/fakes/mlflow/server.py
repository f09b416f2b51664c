"""The fake itself: takes a request, records it, lets a test break it, and answers as MLflow 3.17.2 would."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from typing import Any

from tests.fakes.fake import Fake
from tests.fakes.transport import Reply

from .ages import NEWEST, Age
from .errors import ApiError, PageError, absent
from .routes import dispatch
from .state import State


class FakeMlflow(Fake):
    """An MLflow tracking server in memory.

    `page_cap` makes every page at most that long, whatever was asked for, so that a few objects need several pages.
    `age` makes it an older server.
    """

    def __init__(
        self,
        prefix: str = "/api/2.0/mlflow",
        auth: tuple[str, str] | None = None,
        page_cap: int | None = None,
        quota: float = 0,
        age: Age = NEWEST,
    ) -> None:
        self._age, self._routes = age, age.routes()
        self._auth = auth
        self._page_cap = page_cap
        super().__init__(prefix, quota)

    def _empty(self) -> None:
        self._state = State(page_cap=self._page_cap)
        self.workspaces = {name: State(page_cap=self._page_cap) for name in self._age.workspaces or ()}

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        try:
            if path == "/health":
                return _get_only(method, "OK", "text/plain")
            if not self._allows(headers.get("authorization")):
                return 401, "You are not authenticated.", {"WWW-Authenticate": 'Basic realm="mlflow"'}
            if found := self._of_itself(method, path, headers):
                return found
            with self._lock:
                state = self._inside(headers.get("x-mlflow-workspace", "default"))
                return 200, copy.deepcopy(dispatch({self._prefix: self._routes}, state, method, path, query, body))
        except (ApiError, PageError) as error:
            return error.status, error.body

    def _of_itself(self, method: str, path: str, headers: Mapping[str, str]) -> Reply | None:
        """What the server says of itself."""
        if path == "/api/3.0/mlflow/server-info" and self._age.version == NEWEST.version:
            return 200, {"store_type": "SqlStore", "workspaces_enabled": self._age.workspaces is not None}
        if "x-mlflow-workspace" in headers and self._age.refuses_workspaces:
            return 500, ApiError("FEATURE_DISABLED", "workspaces are not enabled on this server").body
        if path == "/version" and self._age.version:
            return _get_only(method, self._age.version, "text/html")
        return None

    def _allows(self, authorization: str | None) -> bool:
        if self._auth is None:
            return True
        return authorization == "Basic " + base64.b64encode(":".join(self._auth).encode()).decode()

    def _inside(self, workspace: str) -> State:
        """What the workspace holds; an older server does not look which one was asked for."""
        if self._age.workspaces is None or workspace == "default":
            return self._state
        if workspace not in self.workspaces:
            raise absent(f"Workspace '{workspace}' not found")
        return self.workspaces[workspace]


def _get_only(method: str, text: str, kind: str) -> Reply:
    if method != "GET":
        raise PageError(405)
    return 200, text, {"Content-Type": f"{kind}; charset=utf-8"}
