"""What an MLflow server can do: by its version, or, where it does not tell that, by which paths it has."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.backends.mlflow.api import Api
from reconciler.core.call import Answer, Call, Flow
from reconciler.core.wire import Server, Unsupported

Version: TypeAlias = tuple[int, int]

SEARCH, LIKE, MODELS = "experiments.search", "tags.like", "logged_models"
REMOVE_TAG, DATASETS, COLONS = "experiments.remove_tag", "runs.datasets", "keys.colon"
PARTIAL = "runs.update_part"


@dataclass(frozen=True, slots=True)
class Ability:
    """What MLflow has `since` a version."""

    name: str
    what: str
    since: Version


ABILITIES = (
    Ability(REMOVE_TAG, "request that removes a tag of an experiment", (3, 2)),
    Ability(MODELS, "logged models", (3, 0)),
    Ability(COLONS, "':' in the keys of tags, params and metrics", (2, 16)),
    Ability(DATASETS, "datasets of runs", (2, 4)),
    Ability(PARTIAL, "update of a part of a run", (2, 3)),
    Ability(SEARCH, "search for experiments", (1, 28)),
)
"""Sources: each of the named versions and the one before it."""
_UNTOLD = {COLONS, PARTIAL}
"""What no path shows."""
LIMITS: Sequence[tuple[str, Version, int]] = (
    ("experiments.tags", (3, 16), 5_000),
    ("experiments.description", (3, 16), 5_000),
    ("runs.tags", (2, 17), 5_000),
    ("runs.description", (2, 17), 5_000),
    ("runs.datasets.schema", (2, 15), 65_535),
    ("runs.params", (2, 8), 500),
    ("runs.params", (1, 28), 250),
)
"""Up to a version, how many characters a value may have; the last that fits holds."""
NEWEST, OLDEST = (9999, 0), (1, 0)
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.\d[\w.+]{0,20}", re.ASCII)
_OK, _NOTHING_THERE, _REFUSED = 200, (404, 405), range(400, 500)


def probe(api: Api) -> Flow[Server]:
    """Asks for the version; only where the server does not tell it, as MLflow before 2.3, what it can do."""
    (answer,) = yield [api.beside("/version")]
    found = _VERSION.fullmatch(answer.text.strip()) if answer.status == _OK else None
    if found:
        return of_version((int(found[1]), int(found[2])), found[0])
    questions = _questions(api)
    answers: dict[str, Answer] = dict(zip(questions, (yield list(questions.values())), strict=True))
    missing = {name for name, reply in answers.items() if reply.status in _NOTHING_THERE and not reply.code}
    if SEARCH in missing:
        yield [api.get("experiments/list", {"max_results": "1"})]  # fails where there is no MLflow at all
    elif answers[LIKE].status in _REFUSED:
        missing.add(LIKE)
    return of_paths(missing)


def _questions(api: Api) -> dict[str, Call]:
    """What shows an ability by being refused for what it leaves out, not for its path."""
    return {
        REMOVE_TAG: api.ask("experiments/delete-experiment-tag"),
        MODELS: api.ask("logged-models/search"),
        DATASETS: api.ask("runs/log-inputs"),
        SEARCH: api.ask("experiments/search"),
        LIKE: api.ask("experiments/search", {"filter": "tags.`reconciler.probe` LIKE '%'", "max_results": 1}),
    }


def unmet(api: Api, workspace: str) -> Flow[Unsupported | None]:
    """A server without workspaces may pass over the name of one (3.1.4), and take everything for its own."""
    if not workspace:
        return None
    (answer,) = yield [api.beside("/api/3.0/mlflow/server-info")]
    if answer.status == _OK and _has_workspaces(answer.text):
        return None
    why = f"is '{workspace}', and the server has no workspaces"
    return Unsupported(("workspace",), why, "start it with: mlflow server --enable-workspaces; or name no workspace")


def _has_workspaces(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("workspaces_enabled") is True


def of_version(version: Version, text: str) -> Server:
    """What is known of a version."""
    lacks = {one.name: _lacking(f"MLflow {text}", one) for one in ABILITIES if version < one.since}
    return Server(text, lacks, _limits(version))


def of_paths(missing: AbstractSet[str]) -> Server:
    """What is known of a server without a version: it is as old as the youngest thing that it can do."""
    shown = [one.since for one in ABILITIES if one.name not in missing | _UNTOLD]
    version = NEWEST if REMOVE_TAG not in missing else max(shown, default=OLDEST)
    gone = missing | {one.name for one in ABILITIES if one.name in _UNTOLD and version < one.since}
    lacks = {one.name: _lacking("the server", one) for one in ABILITIES if one.name in gone}
    if LIKE in missing and SEARCH not in missing:
        lacks[LIKE] = "the server's searches take no LIKE"
    return Server("", lacks, _limits(version))


def _lacking(who: str, one: Ability) -> str:
    return f"{who} has no {one.what} (in MLflow since {one.since[0]}.{one.since[1]})"


def _limits(version: Version) -> dict[str, int]:
    return {name: most for name, until, most in LIMITS if version < until}
