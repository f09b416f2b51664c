"""Random manifests and random edits by other people, for properties that hold in all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

KEYS = st.sampled_from(["a", "b", "c"])
WORDS = st.sampled_from(["", "x", "y", "0.10", "é🦊", " lead", "a\nb", '"q"\\', "on"])
TAG_KEYS = st.sampled_from(["team", "tier", "a.b", "a/b", "a b"])
TAGS = st.dictionaries(TAG_KEYS, WORDS, max_size=3)
MODEL_TAGS = st.dictionaries(st.sampled_from(["team", "a.b", "a b", "50%"]), WORDS, max_size=3)
PARAMS = st.dictionaries(st.sampled_from(["depth", "rate"]), st.sampled_from(["1", "2"]), max_size=2)
VALUES = st.sampled_from(["0.5", "1e-3", "7", ".nan", "-.inf"])
POINTS = st.lists(
    st.fixed_dictionaries({"step": st.sampled_from(["0", "1", "2"]), "value": VALUES}),
    min_size=1,
    max_size=3,
    unique_by=lambda point: (point["step"], point["value"]),
)
DIRECTIVES = st.fixed_dictionaries({}, optional={"on_remove": st.sampled_from(["keep", "delete"])})
TIMES = st.sampled_from(["2026-01-31T09:00:00Z", "2026-01-31T09:05:42.123Z"])


def _joined(*parts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


EXPERIMENTS = st.builds(
    _joined,
    st.fixed_dictionaries({}, optional={"name": st.just("same"), "description": WORDS, "tags": TAGS}),
    DIRECTIVES,
)
RUNS = st.builds(
    _joined,
    st.fixed_dictionaries(
        {"experiment": KEYS},
        optional={
            "name": st.sampled_from(["run", "other"]),
            "description": WORDS,
            "status": st.sampled_from(["RUNNING", "FINISHED", "FAILED"]),
            "start_time": TIMES,
            "end_time": TIMES,
            "params": PARAMS,
            "metrics": st.dictionaries(st.sampled_from(["auc", "loss"]), VALUES | POINTS, max_size=2),
            "tags": TAGS,
        },
    ),
    DIRECTIVES,
)
MODELS = st.builds(
    _joined,
    st.fixed_dictionaries(
        {"experiment": KEYS},
        optional={
            "type": st.sampled_from(["Classifier", "Agent"]),
            "source_run": KEYS,
            "status": st.sampled_from(["PENDING", "READY", "UPLOAD_FAILED"]),
            "params": PARAMS,
            "tags": MODEL_TAGS,
        },
    ),
    DIRECTIVES,
)


def _valid(experiments: dict[str, Any], runs: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """One manifest without references to nothing, and with each name once."""
    taken = [key for key, entry in sorted(experiments.items()) if "name" in entry]
    for key in taken[1:]:
        del experiments[key]["name"]
    runs = {key: entry for key, entry in runs.items() if entry["experiment"] in experiments}
    models = {key: entry for key, entry in models.items() if entry["experiment"] in experiments}
    models = {key: entry for key, entry in models.items() if entry.get("source_run", next(iter(runs), "")) in runs}
    found = {"experiments": experiments, "runs": runs, "logged_models": models}
    return {kind: entries for kind, entries in found.items() if entries}


MANIFESTS = st.builds(
    _valid,
    st.dictionaries(KEYS, EXPERIMENTS, max_size=3),
    st.dictionaries(KEYS, RUNS, max_size=3),
    st.dictionaries(KEYS, MODELS, max_size=3),
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["tag", "untag", "delete", "restore", "rename", "describe", "delete-run", "run-tag", "status"]),
        st.integers(0, 5),
        st.sampled_from(["", "x", "z"]),
    ),
    max_size=6,
)


def edit(world, ids, runs, what, number, text):
    """What somebody else does; the server may refuse it."""
    experiment = ids[number % len(ids)] if ids else "0"
    run = runs[number % len(runs)] if runs else "none"
    calls = {
        "tag": ("experiments/set-experiment-tag", {"experiment_id": experiment, "key": "team", "value": text}),
        "untag": ("experiments/delete-experiment-tag", {"experiment_id": experiment, "key": "team"}),
        "delete": ("experiments/delete", {"experiment_id": experiment}),
        "restore": ("experiments/restore", {"experiment_id": experiment}),
        "rename": ("experiments/update", {"experiment_id": experiment, "new_name": f"renamed-{experiment}{text}"}),
        "describe": (
            "experiments/set-experiment-tag",
            {"experiment_id": experiment, "key": "mlflow.note.content", "value": text},
        ),
        "delete-run": ("runs/delete", {"run_id": run}),
        "run-tag": ("runs/set-tag", {"run_id": run, "key": "team", "value": text}),
        "status": ("runs/update", {"run_id": run, "status": "KILLED"}),
    }
    world.try_post(*calls[what])
