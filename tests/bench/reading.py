"""Reads a stack in a process of its own and prints the seconds: `ours FOLDER`, `yaml FOLDER`, `plan FOLDER`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import yaml

from reconciler import registry
from reconciler.core import planner
from reconciler.core.guard import Safety
from reconciler.declared import Declared


def ours(folder: Path) -> int:
    return len(Declared(folder).desired)


def plain(folder: Path) -> int:
    texts = [path.read_text() for path in sorted(folder.glob("*.yaml")) if path.name != "reconciler.yaml"]
    return sum(len(part or ()) for text in texts for part in yaml.load(text, yaml.CSafeLoader).values())


def plan(folder: Path) -> int:
    declared = Declared(folder)
    made, problems = planner.make(declared.stack, declared.desired, [], planner.Options(safety=Safety()))
    assert not problems
    return len(made.steps)


def main() -> None:
    from reconciler.cli.process import settle

    settle()
    what, folder = sys.argv[1], Path(sys.argv[2])
    registry.kinds()
    assert registry.backends()["mlflow"]
    begin = time.perf_counter()
    count = {"ours": ours, "yaml": plain, "plan": plan}[what](folder)
    print(json.dumps({"seconds": time.perf_counter() - begin, "resources": count}))


if __name__ == "__main__":
    main()
