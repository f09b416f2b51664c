"""A server as three teams leave it after two years by hand: 400 experiments, none under Git.

`python -m tests.handmade URL` fills the MLflow server at URL; tests fill the fake in the same way. What it makes is the
same each time, but for the server's ids.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import httpx

Post = Callable[..., Any]
"""From a route and the fields of a body to the server's answer."""

EXPERIMENTS = 400
RISK = ("card-fraud", "account-takeover", "credit-score", "collections", "kyc-match", "chargeback", "aml", "limits")
GROWTH = ("churn", "uplift", "next best offer", "lifetime value", "referrals", "pricing", "signup", "win back")
SEARCH = ("ranker", "speller", "embeddings", "query_intent", "dedup", "suggest", "images", "reviews")
REGIONS = ("eu", "us", "apac", "latam")
STEPS = ("v1", "v2", "baseline", "hpo")
ODD = (
    "Churn (EU)",
    "churn (eu)",
    "Churn - EU",
    "CHURN-EU",
    "Kreditwürdigkeit Österreich",
    "推薦システム 2024",
    "Модель оттока",
    "café",
    "cafe\u0301",  # the same to the eye
    "🦊 fox hunt",
    "/Users/ada@example.com/My notebook",
    "${scratch}: do not delete # please",
    'the "final" one',
    "null",
    "2024-01-31",
    "a name that somebody made of a whole sentence, since there was room for it and nobody would ever type it again",
)
SHARED = "next best offer eu v1"
"""It belongs to the stack `ops` already."""


def names() -> list[tuple[str, str]]:
    """The team and the name of each experiment."""
    found = [("risk", f"risk/{one}/{region}-{step}") for one, region, step in product(RISK, REGIONS, STEPS)]
    found += [("growth", f"{one} {region} {step}") for one, region, step in product(GROWTH, REGIONS, STEPS)]
    found += [("search", f"Search_{one}_{region}_{step}") for one, region, step in product(SEARCH, REGIONS, STEPS)]
    found += [(("risk", "growth", "search")[number % 3], name) for number, name in enumerate(ODD)]
    assert len(found) == len(set(found)) == EXPERIMENTS
    return found


def fill(post: Post) -> None:
    """400 experiments, 20 of them deleted; 60 runs, 20 logged models."""
    for number, (team, name) in enumerate(names()):
        where = {"artifact_location": f"s3://ml-{team}/part-{number}"} if number % 13 == 0 else {}
        tags = [{"key": key, "value": value} for key, value in _tags(number, team, name)]
        made = post("experiments/create", name=name, tags=tags, **where)["experiment_id"]
        if number % 20 == 7:
            _run_and_model(post, made, number)
        if number % 20 == 13:
            post("experiments/delete", experiment_id=made)


def _tags(number: int, team: str, name: str) -> Iterator[tuple[str, str]]:
    """Each team, and each year, had a habit of its own."""
    yield "mlflow.user", f"{team}-bot"
    if number % 5:
        yield "team" if team != "growth" else "Team", team
    if number % 3 == 0:
        yield "threshold", f"0.{number % 10}0"
    if number % 7 == 0:
        yield "owner", "ada@example.com" if number % 2 else "Grace Hopper"
    if number % 11 == 0:
        yield "mlflow.note.content", f"About {name}.\n\nSee the wiki: it's *not* up to date.\n"
    if number % 17 == 0:
        yield "config", '{"depth": 6, "on": true}'
    if number % 19 == 0:
        yield "app.example.com/role", "yes"
    if number % 23 == 0:
        yield "cost center", ""
    if name == SHARED:
        yield "reconciler.ops", '{"v":1,"address":"experiments.offers","keys":{"name":"00000000"}}'


def _run_and_model(post: Post, experiment: str, number: int) -> None:
    """Three runs, two of them with one name, and a model of the last."""
    run = ""
    for order, name in enumerate(("train", "train", f"eval {number}")):
        start = 1_700_000_000_000 + 1_000_000 * number + 1000 * order
        body = {"experiment_id": experiment, "run_name": name, "start_time": start}
        run = post("runs/create", **body, tags=[{"key": "git", "value": f"{number:07x}"}])["run"]["info"]["run_id"]
        point = {"key": "auc", "value": 0.5 + order / 10, "timestamp": start, "step": order}
        post("runs/log-batch", run_id=run, params=[{"key": "depth", "value": "06"}], metrics=[point])
        post("runs/update", run_id=run, status="FINISHED", end_time=start + 900)
    tags = [{"key": "stage", "value": "candidate"}]
    body = {"experiment_id": experiment, "name": f"model-{number}", "model_type": "Classifier", "tags": tags}
    post("logged-models", **body, source_run_id=run)


def poster(url: str, client: httpx.Client) -> Post:
    """Posts to the MLflow server at `url`."""

    def post(route: str, **body: Any) -> Any:
        reply = client.post(f"{url}/api/2.0/mlflow/{route}", json=body)
        assert reply.status_code == httpx.codes.OK, f"{route}: {reply.text}"
        return reply.json()

    return post


if __name__ == "__main__":
    with httpx.Client(timeout=60) as browser:
        fill(poster(sys.argv[1], browser))
