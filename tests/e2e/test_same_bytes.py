"""A plan's bytes depend on what is declared and what is there, and on nothing else."""

from __future__ import annotations

import json
import random

import pytest
import yaml

KINDS = {
    "experiments": {
        f"e{n}": {"name": f"exp {n}", "description": f"number {n}", "tags": {f"t{k}": f"v{k}" for k in range(5)}}
        for n in range(6)
    },
    "runs": {
        f"r{n}": {
            "experiment": f"e{n % 6}",
            "params": {f"p{k}": str(k) for k in range(4)},
            "metrics": {f"m{k}": [{"step": str(s), "value": str(s / 10)} for s in range(3)] for k in range(2)},
            "tags": {"a": "b", "c": "d"},
        }
        for n in range(8)
    },
    "logged_models": {f"m{n}": {"experiment": f"e{n}", "source_run": f"r{n}", "tags": {"x": "y"}} for n in range(4)},
}
EDITED = {
    **KINDS,
    "experiments": {
        key: {**entry, "name": f"{entry['name']}!", "tags": {f"t{k}": f"w{k}" for k in range(2, 8)}}
        for key, entry in KINDS["experiments"].items()
        if key != "e5"
    },
    "runs": {key: entry for key, entry in KINDS["runs"].items() if entry["experiment"] != "e5"},
}


def shuffled(value, chance):
    """The same maps with their keys in another order."""
    if not isinstance(value, dict):
        return value
    keys = list(value)
    chance.shuffle(keys)
    return {key: shuffled(value[key], chance) for key in keys}


def scatter(shell, kinds, seed):
    """Write each entry to a file that is named after it, the files and the keys in them in the order of `seed`."""
    chance = random.Random(seed)
    entries = [(kind, key) for kind, found in kinds.items() for key in found]
    chance.shuffle(entries)
    for file in (shell.folder / "manifests").glob("**/*.yaml"):
        if file.name != "reconciler.yaml":
            file.unlink()
    for kind, key in entries:
        text = yaml.safe_dump({kind: {key: shuffled(kinds[kind][key], chance)}}, sort_keys=False)
        shell.write(f"manifests/{kind}/{key}.yaml", text)


def without_places(text):
    """A plan as JSON without the places of files: with other orders, things stand on other lines."""
    plan = json.loads(text)
    for step in plan["steps"]:
        for part in (step, *step["changes"]):
            del part["at"]
    return json.dumps(plan)


@pytest.mark.parametrize("edited", [False, True], ids=["all to create", "much to change"])
def test_the_order_of_files_and_keys_does_not_matter(edited, shell):
    kinds = KINDS
    if edited:
        scatter(shell, KINDS, 0)
        shell("apply", "--yes")
        kinds = EDITED
    plans = []
    for seed in range(3):
        scatter(shell, kinds, seed)
        plans.append(shell("plan", "--format", "json").out)
    assert len({without_places(plan) for plan in plans}) == 1


def test_the_same_files_give_the_same_bytes_whatever_the_hash_seed_and_however_they_are_read(shell):
    """Sets and dictionaries of strings have another order with every seed; requests end in any order."""
    scatter(shell, KINDS, 0)
    shell("apply", "--yes")
    scatter(shell, EDITED, 1)
    plans = set()
    for seed, parallel in ((0, 1), (1, 8), (12345, 3)):
        result = shell.run(
            *("plan", "--parallel", str(parallel), "--out", f"{seed}.json"),
            *("--format", "text", "--format", "json=shown.json"),
            PYTHONHASHSEED=str(seed),
        )
        saved, shown = (shell.folder / f"{seed}.json").read_bytes(), (shell.folder / "shown.json").read_bytes()
        assert saved == shown
        plans.add((result.out, saved))
    assert len(plans) == 1
    ((text, saved),) = plans
    assert "2 to delete" in text
    assert saved.endswith(b"}\n")
    assert json.loads(saved)["format"] == 1


def test_one_file_or_many_give_the_same_plan(shell):
    scatter(shell, KINDS, 0)
    many = shell("plan", "--format", "json").out
    scatter(shell, {}, 0)
    shell.manifest(yaml.safe_dump(KINDS))
    assert without_places(shell("plan", "--format", "json").out) == without_places(many)


def test_what_apply_writes_does_not_depend_on_the_order_either(shell, fake):
    """With one request at a time even their order is the same."""
    sent = []
    for seed in range(2):
        fake.clear()
        scatter(shell, KINDS, seed)
        shell("apply", "--yes", "--parallel", "1")
        sent.append([(one.method, one.path, len(str(one.body))) for one in fake.requests])
    assert [one for one in sent[0] if "m-" not in one[1]] == [one for one in sent[1] if "m-" not in one[1]]
