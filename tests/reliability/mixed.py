"""A world in which one apply does everything that an apply can do, between what belongs to other people."""

from __future__ import annotations

from tests.contract.api import Api, pairs
from tests.e2e.tools import Shell

STACK = "ml"
SAFETY = "safety: {max_delete_percent: 100}\n"
REPLACED = ("logged_models.remade", "runs.remade")

OPS = """
experiments:
  shared: {name: theirs-shared, description: theirs, tags: {theirs.team: ops}}
  left: {name: theirs-left, tags: {theirs.team: ops}}
  edited: {name: edited, existing: true, tags: {theirs.tier: silver}}
runs:
  watch: {experiment: edited, tags: {theirs.team: ops}, metrics: {theirs.load: 0.5}}
logged_models:
  guard: {experiment: edited, tags: {theirs.team: ops}}
"""
"""What another stack owns, and what it shares with ours."""

FIRST = """
experiments:
  steady: {tags: {team: risk}}
  edited: {name: edited, description: before, tags: {team: risk, gone: soon, drifted: ours}}
  renamed: {name: first name}
  taker: {name: second name}
  moved-from: {name: moved}
  noted: {tags: {level: 1}}
  back: {tags: {level: 1}}
  dropped: {}
  kept: {on_remove: keep}
  shared: {name: theirs-shared, existing: true, tags: {ours: 1, gone: 1}}
  left: {name: theirs-left, existing: true, tags: {ours: 1}}
runs:
  steady: {experiment: steady, params: {depth: 6}, metrics: {auc: 0.9}}
  edited:
    experiment: edited
    name: first run name
    description: before
    status: RUNNING
    params: {depth: 6}
    metrics: {auc: 0.5, loss: [{step: 0, value: 0.7}]}
    tags: {team: risk, gone: soon}
  remade: {experiment: edited, params: {depth: 6}, metrics: {auc: 0.5}}
  noted: {experiment: steady, tags: {level: 1}}
  back: {experiment: steady, tags: {level: 1}}
  inner: {experiment: back, tags: {level: 1}}
  dropped: {experiment: steady}
  buried: {experiment: dropped}
  kept: {experiment: steady, on_remove: keep}
logged_models:
  steady: {experiment: steady, source_run: steady, status: READY}
  edited: {experiment: edited, status: PENDING, params: {depth: 6}, tags: {team: risk, gone: soon}}
  remade: {experiment: edited, params: {depth: 6}, status: READY}
  noted: {experiment: steady, tags: {level: 1}}
  back: {experiment: steady, tags: {level: 1}}
  dropped: {experiment: steady}
  kept: {experiment: steady, on_remove: keep}
"""

SECOND = """
experiments:
  steady: {tags: {team: risk}}
  edited: {name: edited, description: after, tags: {team: fraud, drifted: ours, more: 1}}
  renamed: {name: third name}
  taker: {name: first name, tags: {level: 1}}
  moved: {name: moved}
  noted: {tags: {level: 2}}
  back: {tags: {level: 2}}
  shared: {name: theirs-shared, existing: true, tags: {ours: 2}}
  found: {name: found by name, tags: {level: 1}}
  new: {name: newcomer, description: new, tags: {level: 1}}
  newer: {tags: {level: 1}}
runs:
  steady: {experiment: steady, params: {depth: 6}, metrics: {auc: 0.9}}
  edited:
    experiment: edited
    name: second run name
    description: after
    status: FINISHED
    end_time: 2020-01-31T09:05:42Z
    params: {depth: 6, rate: 0.01}
    metrics: {auc: 0.6, loss: [{step: 0, value: 0.7}, {step: 1, value: 0.3}]}
    datasets: [{name: cards, digest: a1b2, source_type: s3, source: s3://cards}]
    tags: {team: fraud, more: 1}
  remade: {experiment: edited, params: {depth: 7}, metrics: {auc: 0.7}, status: FINISHED}
  noted: {experiment: steady, tags: {level: 2}}
  back: {experiment: steady, tags: {level: 2}}
  inner: {experiment: back, tags: {level: 2}}
  new:
    experiment: new
    name: newcomer
    description: new
    status: FINISHED
    start_time: 2020-01-31T09:00:00Z
    end_time: 2020-01-31T09:05:42Z
    params: {depth: 6, rate: 0.01}
    metrics: {auc: 0.9, loss: [{step: 0, value: 0.7}, {step: 1, value: 0.3}]}
    datasets: [{name: cards, digest: a1b2, source_type: s3, source: s3://cards}]
    tags: {level: 1}
  twin: {experiment: edited, name: twin, params: {depth: 6}}
  guest: {experiment: shared, tags: {level: 1}}
logged_models:
  steady: {experiment: steady, source_run: steady, status: READY}
  edited: {experiment: edited, status: READY, params: {depth: 6, rate: 0.01}, tags: {team: fraud, more: 1}}
  remade: {experiment: edited, params: {depth: 7}, status: READY}
  noted: {experiment: steady, tags: {level: 2}}
  back: {experiment: steady, tags: {level: 1}}
  new: {experiment: new, name: newcomer, type: Agent, source_run: new, status: READY, params: {depth: 6}}
  twin: {experiment: edited, name: twin, tags: {level: 1}}
"""

THEIRS = {"owner": "people", "theirs": "1"}


def prepare(shell: Shell, url: str, api: Api) -> None:
    """Bring the server at `url` to where SECOND is to be applied, and the folder of `shell` with it."""
    shell.configure(url, STACK, SAFETY)
    ops = shell.stack("ops", url)
    api.experiment(name="edited")
    ops.apply(OPS)
    _foreign(api)
    shell.apply(FIRST)
    _edit(api)
    shell.manifest(SECOND)


def named(api: Api, name: str) -> str:
    """The id of the experiment with a name."""
    found: str = api.get("experiments/get-by-name", experiment_name=name)["experiment"]["experiment_id"]
    return found


def _foreign(api: Api) -> None:
    """What people made, in experiments of their own and in one of ours, under names that ours have or will have."""
    for name in ("theirs", "theirs-deleted"):
        place = api.experiment(name=name, tags=pairs(THEIRS))
        _log(api, api.run(place, run_name="theirs", tags=pairs(THEIRS)))
        api.model(place, name="theirs", tags=pairs(THEIRS), params=pairs({"theirs": "1"}))
    api.post("experiments/delete", {"experiment_id": named(api, "theirs-deleted")})
    api.experiment(name="found by name", tags=pairs({"theirs": "1", "mlflow.note.content": "theirs"}))
    for name in ("twin", "edited", "second run name"):
        _log(api, api.run(named(api, "edited"), run_name=name, tags=pairs(THEIRS)))
        api.model(named(api, "edited"), name=name, tags=pairs(THEIRS))
    gone = api.run(named(api, "edited"), run_name="twin", tags=pairs(THEIRS))
    api.post("runs/delete", {"run_id": gone})
    api.post("registered-models/create", {"name": "theirs", "tags": pairs(THEIRS)})


def _log(api: Api, run: str) -> None:
    metrics = [{"key": "theirs", "value": value, "timestamp": value, "step": value} for value in (1, 2)]
    api.post("runs/log-batch", {"run_id": run, "metrics": metrics, "params": pairs({"theirs": "1"})})


def _edit(api: Api) -> None:
    """What people did to resources of ours: foreign values, drift, what the manifest is about to say, deletions."""
    from tests.reliability.seen import look

    seen = look(api)
    for place in ("edited", "steady", "back", "theirs-shared", "theirs-left"):
        api.tag_experiment(named(api, place), "theirs", "1")
    api.tag_experiment(named(api, "edited"), "drifted", "by people")
    api.tag_experiment(named(api, "noted"), "level", "2")
    api.post("experiments/delete", {"experiment_id": named(api, "back")})
    runs = {address: one["id"] for address, one in seen.ours("runs", STACK).items()}
    for name in ("edited", "back", "noted"):
        api.post("runs/set-tag", {"run_id": runs[f"runs.{name}"], "key": "theirs", "value": "1"})
    _log(api, runs["runs.edited"])
    api.post("runs/set-tag", {"run_id": runs["runs.noted"], "key": "level", "value": "2"})
    api.post("runs/delete", {"run_id": runs["runs.back"]})
    models = {address: one["id"] for address, one in seen.ours("logged_models", STACK).items()}
    for name, tags in {"edited": {"theirs": "1"}, "noted": {"theirs": "1", "level": "2"}}.items():
        ident = models[f"logged_models.{name}"]
        api.ok("PATCH", f"logged-models/{ident}/tags", {"model_id": ident, "tags": pairs(tags)})
    api.ok("DELETE", f"logged-models/{models['logged_models.back']}")
