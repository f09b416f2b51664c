"""Fetches the pages that a plan reads, and decodes them: bare httpx, both searches of the second level at once."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

MARK = "tags.`reconciler.bench`"


def main() -> None:
    url = f"{sys.argv[1]}/api/2.0/mlflow"
    with httpx.Client(timeout=600) as client, ThreadPoolExecutor(2) as pool:

        def post(route: str, body: dict[str, Any]) -> dict[str, Any]:
            reply = client.post(f"{url}/{route}", json=body).raise_for_status()
            found: dict[str, Any] = reply.json()
            return found

        wanted = {"filter": f"{MARK} IS NOT NULL", "view_type": "ALL", "order_by": ["experiment_id ASC"]}
        experiments = post("experiments/search", {**wanted, "max_results": 50_000})["experiments"]
        inside = {"experiment_ids": [one["experiment_id"] for one in experiments], "filter": f"{MARK} LIKE '%'"}
        searches = (
            ("runs/search", {**inside, "max_results": 50_000, "run_view_type": "ALL"}),
            ("logged-models/search", {**inside, "max_results": 50_000}),
        )
        runs, models = pool.map(lambda search: post(*search), searches)
    print(len(experiments), len(runs["runs"]), len(models["models"]))


if __name__ == "__main__":
    main()
