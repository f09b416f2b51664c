"""A thin client for the contract tests: requests as data, and assertions on what came back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

Json = dict[str, Any]
PREFIX = "/api/2.0/mlflow/"


def unique(prefix: str = "x") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def pairs(values: Mapping[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in values.items()]


def mapping(found: list[Json]) -> dict[str, Any]:
    """Pairs as a map: their order in a reply is nobody's promise."""
    return {pair["key"]: pair["value"] for pair in found}


@dataclass(frozen=True)
class Api:
    """`folder`: what the names of experiments start with, where they are paths."""

    client: httpx.Client
    folder: str = ""

    def send(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str | int] | None = None
    ) -> httpx.Response:
        return self.client.request(method, PREFIX + path, json=body, params=query)

    def send_text(self, path: str, text: str, kind: str = "application/json") -> httpx.Response:
        return self.client.post(PREFIX + path, content=text.encode(), headers={"Content-Type": kind})

    def ok(self, method: str, path: str, body: Any = None, query: Mapping[str, str | int] | None = None) -> Json:
        response = self.send(method, path, body, query)
        assert response.status_code == 200, response.text
        found: Json = response.json()
        return found

    def get(self, path: str, **query: str | int) -> Json:
        return self.ok("GET", path, query=query)

    def post(self, path: str, body: Any) -> Json:
        return self.ok("POST", path, body)

    def refuses(self, path: str, body: Any, status: int, code: str, method: str = "POST") -> str:
        """The message of the JSON error that was expected."""
        response = self.send(method, path, body)
        return refusal(response, status, code)

    def get_refuses(self, path: str, status: int, code: str, **query: str) -> None:
        refusal(self.send("GET", path, query=query), status, code)

    def experiment(self, **more: Any) -> str:
        found: str = self.post("experiments/create", {"name": self.folder + unique(), **more})["experiment_id"]
        return found

    def shown_experiment(self, ident: str) -> Json:
        found: Json = self.get("experiments/get", experiment_id=ident)["experiment"]
        return found

    def experiment_tags(self, ident: str) -> dict[str, Any]:
        return mapping(self.shown_experiment(ident).get("tags", []))

    def tag_experiment(self, ident: str, key: str, value: str) -> None:
        self.post("experiments/set-experiment-tag", {"experiment_id": ident, "key": key, "value": value})

    def run(self, experiment: str | None = None, **more: Any) -> str:
        body = {"experiment_id": experiment or self.experiment(), **more}
        found: str = self.post("runs/create", body)["run"]["info"]["run_id"]
        return found

    def shown_run(self, ident: str) -> Json:
        found: Json = self.get("runs/get", run_id=ident)["run"]
        return found

    def run_data(self, ident: str, what: str) -> dict[str, Any]:
        """The tags, params or latest metrics of a run."""
        return mapping(self.shown_run(ident)["data"].get(what, []))

    def model(self, experiment: str | None = None, **more: Any) -> str:
        body = {"experiment_id": experiment or self.experiment(), **more}
        found: str = self.post("logged-models", body)["model"]["info"]["model_id"]
        return found

    def shown_model(self, ident: str) -> Json:
        found: Json = self.get(f"logged-models/{ident}")["model"]
        return found

    def model_tags(self, ident: str) -> dict[str, Any]:
        return mapping(self.shown_model(ident)["info"].get("tags", []))


def refusal(response: httpx.Response, status: int, code: str) -> str:
    assert response.headers["content-type"] == "application/json", response.text
    body = response.json()
    assert (response.status_code, body["error_code"]) == (status, code), body
    return str(body["message"])


def assert_page(response: httpx.Response, status: int) -> None:
    """An error that comes as HTML, where a client that expects JSON trips."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("text/html")
