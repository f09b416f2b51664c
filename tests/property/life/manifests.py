"""Random manifests of two stacks, random edits of them, and what of a manifest can stand as it is.

All are drawn from long lists, the simplest first: a draw costs as much for a number as for a whole entry.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

Entry = dict[str, Any]
Manifest = dict[str, dict[str, Entry]]
Edit = tuple[str, str, str, Any]
"""What is done (put, set, unset, drop, move), to the entry of which kind and key, with what."""

KINDS = ("experiments", "runs", "logged_models")
KEYS = {"ml": "abc", "ops": "op"}
NAMES = ("a", "b", "x", "y")
"""Names that entries, people and the other stack all want; `a` and `b` are those that entries have by default."""
SIZE = 1500
"""How many entries of a kind, and edits, there are to choose from."""

WORDS = ("x", "y", "", "0.10", "é🦊", " lead", "a\nb", '"q"\\', "on")
TIMES = ("2026-01-31T09:00:00Z", "2026-01-31T09:05:42.123Z")
VALUES = ("0.5", "1e-3", "7", ".nan", "-.inf")
POINTS = (
    [{"step": "0", "value": "0.5"}],
    [{"step": "0", "value": "0.5"}, {"step": "1", "value": ".nan"}],
    [{"step": "2", "value": "7"}, {"step": "0", "value": "0.25", "timestamp": TIMES[0]}],
)
DATASETS = (
    [{"name": "n", "digest": "d", "source_type": "t", "source": "s"}],
    [{"name": "n", "digest": "e", "source_type": "t", "source": "s", "context": "training"}],
)


def _map(keys: Sequence[str], values: Sequence[Any]) -> Callable[[random.Random], Any]:
    return lambda chance: {key: chance.choice(values) for key in keys if chance.random() < 0.5}


def _one(*values: Any) -> Callable[[random.Random], Any]:
    return lambda chance: chance.choice(values)


TAGS = _map(("team", "tier", "a b", "a.b"), WORDS)
DIRECTIVES = {"on_remove": _one("keep", "delete"), "prevent_destroy": _one(True, False)}
FIELDS: Mapping[str, Mapping[str, Callable[[random.Random], Any]]] = {
    "experiments": {"name": _one(*NAMES), "description": _one(*WORDS), "tags": TAGS, "existing": _one(True, False)},
    "runs": {
        "experiment": _one(*"abc"),
        "name": _one("run", "other"),
        "description": _one(*WORDS),
        "status": _one("RUNNING", "FINISHED", "FAILED"),
        "start_time": _one(*TIMES),
        "end_time": _one(*TIMES),
        "params": _map(("depth", "rate", "more"), "112"),
        "metrics": _map(("auc", "loss"), (*VALUES, *POINTS)),
        "datasets": _one(*DATASETS),
        "tags": TAGS,
    },
    "logged_models": {
        "experiment": _one(*"abc"),
        "type": _one("Classifier", "Agent"),
        "source_run": _one(*"abc"),
        "status": _one("PENDING", "READY", "UPLOAD_FAILED"),
        "params": _map(("depth", "rate", "more"), "112"),
        "tags": _map(("team", "50%", "a b", "a.b"), WORDS),
    },
}
RARE = {"existing": 0.06, "on_remove": 0.15, "prevent_destroy": 0.1, "start_time": 0.2, "datasets": 0.2, "type": 0.2}
OPS_TAGS = _map(("ops.tier", "ops.owner"), WORDS)
"""Keys that only the other stack has; it now and then wants another one too."""


def _entry(kind: str, chance: random.Random) -> Entry:
    entry = {"experiment": chance.choice("aab")} if kind != "experiments" else {}
    for name, value in {**FIELDS[kind], **DIRECTIVES}.items():
        if name not in entry and chance.random() < RARE.get(name, 0.35):
            entry[name] = value(chance)
    return entry


def _ops_entry(kind: str, chance: random.Random) -> Entry:
    tags = OPS_TAGS(chance) | ({"team": "ops"} if chance.random() < 0.1 else {})
    if kind != "experiments":
        return {"experiment": chance.choice("op"), "tags": tags}
    entry = {"name": chance.choice(NAMES), "existing": chance.random() < 0.8, "tags": tags}
    return entry | ({"description": "ops"} if chance.random() < 0.1 else {})


MAKE = {"ml": _entry, "ops": _ops_entry}


def _edit(side: str, chance: random.Random) -> Edit:
    kind, key = chance.choice(KINDS), chance.choice(KEYS[side])
    what = chance.choice(("put", "set", "set", "set", "unset", "drop", "move") if side == "ml" else ("put", "drop"))
    fields = {**FIELDS[kind], **DIRECTIVES}
    name = chance.choice([name for name in fields if chance.random() < RARE.get(name, 1)] or ["tags"])
    detail = {
        "put": lambda: MAKE[side](kind, chance),
        "set": lambda: (name, fields[name](chance)),
        "unset": lambda: name,
        "drop": lambda: None,
        "move": lambda: chance.choice("abcd"),
    }
    return what, kind, key, detail[what]()


def _simplest_first(made: Sequence[Any]) -> list[Any]:
    return sorted(made, key=lambda one: (len(json.dumps(one)), json.dumps(one)))


def _manifest(side: str, chance: random.Random) -> Manifest:
    def entries(kind: str) -> dict[str, Entry]:
        return {key: MAKE[side](kind, chance) for key in KEYS[side] if chance.random() < 0.6}

    return {kind: entries(kind) for kind in KINDS}


EDITS, MANIFESTS = (
    {
        side: st.sampled_from(_simplest_first([make(side, random.Random(number)) for number in range(SIZE)]))
        for side in KEYS
    }
    for make in (_edit, _manifest)
)


def edit(manifest: Manifest, what: str, kind: str, key: str, detail: Any) -> None:
    """Do to `manifest` what one of EDITS says; what is not a key of an entry stands for the first that is one."""
    entries = manifest[kind]
    if what == "put":
        entries[key] = copy.deepcopy(detail)
    elif entries:
        _change(manifest, what, kind, key if key in entries else min(entries), detail)


def _change(manifest: Manifest, what: str, kind: str, key: str, detail: Any) -> None:
    entries = manifest[kind]
    match what:
        case "set":
            entries[key] = entries[key] | dict([detail])
        case "unset" if detail != "experiment":
            entries[key] = {name: part for name, part in entries[key].items() if name != detail}
        case "drop":
            del entries[key]
        case "move":
            _move(manifest, kind, key, detail)


def _move(manifest: Manifest, kind: str, key: str, to: str) -> None:
    """Another key for an entry, also where others refer to it; it keeps its name."""
    manifest[kind][to] = {"name": key, **manifest[kind].pop(key)}
    field = {"experiments": "experiment", "runs": "source_run"}.get(kind, "")
    for other in itertools.chain(manifest["runs"].values(), manifest["logged_models"].values()):
        if other.get(field) == key:
            other[field] = to


def sound(manifest: Manifest) -> Manifest:
    """A copy of `manifest` with each name of an experiment once and explicit, and other references for broken ones."""
    experiments: dict[str, Entry] = {}
    for key, entry in sorted(manifest["experiments"].items()):
        taken = {one["name"] for one in experiments.values()}
        if name := next((name for name in (entry.get("name", key), key) if name not in taken), None):
            experiments[key] = {**entry, "name": name}
    if not experiments:
        return {kind: {} for kind in KINDS}
    runs = {key: _within(entry, experiments) for key, entry in manifest["runs"].items()}
    models = {key: _within(entry, experiments) for key, entry in manifest["logged_models"].items()}
    for entry in models.values():
        if entry.get("source_run", "") not in runs:
            entry.pop("source_run", None)
    return {"experiments": experiments, "runs": runs, "logged_models": models}


def _within(entry: Entry, experiments: Mapping[str, Entry]) -> Entry:
    home = entry["experiment"]
    return {**entry, "experiment": home if home in experiments else min(experiments)}


def entries(manifest: Manifest) -> dict[str, tuple[str, Entry]]:
    """All entries by address, each with its kind."""
    return {f"{kind}.{key}": (kind, entry) for kind in KINDS for key, entry in manifest[kind].items()}
