"""The imaginary service of docs/backends.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fakes.fake import Fake
from tests.fakes.transport import Reply

ABSENT: Reply = (404, {"error": {"code": "SHELF-1", "message": "there is none"}})


class FakeShelf(Fake):
    """Shelf in memory; `held` are its experiments by id."""

    def __init__(self, token: str) -> None:
        self.token = token
        super().__init__("/v1")

    def _empty(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        if headers.get("authorization") != f"Bearer {self.token}":
            return 401, {"error": {"code": "SHELF-2", "message": "who are you?"}}
        _, _, number = path.removeprefix(self._prefix).partition("/")
        with self._lock:
            match method:
                case "GET":
                    return 200, {"experiments": list(self.held.values())}
                case "POST":
                    number = str(len(self.held) + 1)
                    self.held[number] = {"id": number, "note": None, **body}
                    return 201, {"id": number}
                case "PATCH" if number in self.held:
                    self._change(self.held[number], body)
                    return 200, {}
                case "DELETE" if number in self.held:
                    del self.held[number]
                    return 204, {}
        return ABSENT

    def _change(self, found: dict[str, Any], body: dict[str, Any]) -> None:
        labels = found["labels"] | body.get("labels", {})
        found |= body
        found["labels"] = {key: value for key, value in labels.items() if value is not None}
