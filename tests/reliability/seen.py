"""What a server holds, read through its tracking API: each resource as plain values, and how two of these compare."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.contract.api import Api, Json, mapping

MARK = "reconciler."
LOCK = "reconciler.ml.lock"
RECENT = 1_600_000_000_000
"""Milliseconds since 1970: what is later was not declared, it is the moment of a write."""
ALL = {"max_results": 50_000}


@dataclass(frozen=True)
class Server:
    """Resources by kind and id, each with `id`, `name`, `stage`, `tags` and its own fields."""

    kinds: dict[str, dict[str, Json]]

    def each(self) -> Iterator[tuple[str, Json]]:
        for kind, found in self.kinds.items():
            for one in found.values():
                yield kind, one

    def ours(self, kind: str, stack: str) -> dict[str, Json]:
        """Those that carry the stack's mark and are not deleted, by address."""
        marked = [(mark(one, stack), one) for one in self.kinds[kind].values() if one["stage"] == "active"]
        return {found["address"]: one for found, one in marked if found}


def look(api: Api) -> Server:
    """All but the default experiment; deleted logged models, which nobody can find; locks that are over."""
    found = api.post("experiments/search", {**ALL, "view_type": "ALL"}).get("experiments", [])
    experiments = {one["experiment_id"]: _experiment(one) for one in found if one["experiment_id"] != "0"}
    inside = {"experiment_ids": sorted(experiments), **ALL}
    runs = api.post("runs/search", {**inside, "run_view_type": "ALL"}).get("runs", [])
    models = api.post("logged-models/search", inside).get("models", [])
    return Server(
        {
            "experiments": experiments,
            "runs": {one["info"]["run_id"]: _run(one, api) for one in runs},
            "logged_models": {one["info"]["model_id"]: _model(one) for one in models},
            "registered_models": {one["name"]: _registered(one) for one in _registry(api)},
        }
    )


def _registry(api: Api) -> list[Json]:
    found = api.get("registered-models/search", max_results=1000).get("registered_models", [])
    return [one for one in found if not one["name"].startswith(f"{LOCK}.")]


def _registered(one: Json) -> Json:
    tags = mapping(one.get("tags", []))
    return {"id": one["name"], "name": one["name"], "stage": "active", "said": one.get("description", ""), "tags": tags}


def _experiment(one: Json) -> Json:
    tags = mapping(one.get("tags", []))
    place = one["artifact_location"].replace(one["experiment_id"], "<id>")
    return {"id": one["experiment_id"], "name": one["name"], "stage": one["lifecycle_stage"], "at": place, "tags": tags}


def _run(one: Json, api: Api) -> Json:
    info, data = one["info"], one["data"]
    metrics = [entry["key"] for entry in data.get("metrics", [])]
    return {
        "id": info["run_id"],
        "name": info["run_name"],
        "stage": info["lifecycle_stage"],
        "experiment": info["experiment_id"],
        "status": info["status"],
        "times": [_time(info.get(name, 0)) for name in ("start_time", "end_time")],
        "params": mapping(data.get("params", [])),
        "metrics": {key: _history(api, info["run_id"], key) for key in metrics},
        "inputs": one.get("inputs", {}).get("dataset_inputs", []),
        "tags": mapping(data.get("tags", [])),
    }


def _history(api: Api, run: str, key: str) -> list[list[float]]:
    points = api.get("metrics/get-history", run_id=run, metric_key=key)["metrics"]
    return sorted([point["step"], point["value"]] for point in points)


def _model(one: Json) -> Json:
    info = one["info"]
    return {
        "id": info["model_id"],
        "name": info["name"],
        "stage": "active",
        "experiment": info["experiment_id"],
        "source_run": info.get("source_run_id", ""),
        "type": info.get("model_type", ""),
        "status": info["status"],
        "params": mapping(one.get("data", {}).get("params", [])),
        "tags": mapping(info.get("tags", [])),
    }


def _time(milliseconds: int) -> str:
    return str(milliseconds) if milliseconds < RECENT else "when it was written"


def mark(one: Json, stack: str) -> Json | None:
    """What the stack's mark on a resource says."""
    text = one["tags"].get(MARK + stack)
    return json.loads(text) if text is not None else None


def holders(server: Server, stack: str) -> Counter[str]:
    """How many resources that are not deleted stand for each address of a stack."""
    marks = [mark(one, stack) for _, one in server.each() if one["stage"] == "active"]
    return Counter(found["address"] for found in marks if found and not found.get("replaced"))


def foreign(server: Server, stack: str) -> dict[tuple[str, ...], Any]:
    """Every value that is not the stack's: whole resources of others, and what others put on ours."""
    found: dict[tuple[str, ...], Any] = {}
    for kind, one in server.each():
        if one["tags"].get("owner") == "people":
            found |= {(kind, one["id"], name): value for name, value in one.items()}
        for part in ("tags", "params", "metrics"):
            found |= {
                (kind, one["id"], part, key): value for key, value in one.get(part, {}).items() if _theirs(key, stack)
            }
    return found


def _theirs(key: str, stack: str) -> bool:
    return key.startswith("theirs") or (key.startswith(MARK) and not key.startswith(MARK + stack))


def shape(server: Server) -> Counter[str]:
    """What is there, without the ids that the server chose: equal worlds have equal shapes, down to each copy."""
    names = {one["id"]: one["name"] for _, one in server.each()}

    def plain(kind: str, one: Json) -> str:
        links = {name: names.get(one[name], one[name]) for name in ("experiment", "source_run") if name in one}
        return json.dumps({**one, "id": kind, **links}, sort_keys=True)

    return Counter(plain(kind, one) for kind, one in server.each())
