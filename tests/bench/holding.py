"""Serves the fake with all that a stack declares, until it is told to end by a closed standard input: `FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from reconciler.cli.process import settle
from reconciler.core import planner
from reconciler.core.guard import Safety
from reconciler.declared import Declared
from tests.fakes.mlflow import FakeMlflow


def main() -> None:
    settle()
    declared = Declared(Path(sys.argv[1]), environ={"BENCH_URL": "http://localhost"})
    options = planner.Options(safety=Safety())
    plan, problems = planner.make(declared.stack, declared.desired, [], options)
    assert not problems
    fake = FakeMlflow()
    for step in plan.steps:  # as a request would, but without looking for the name among all that is there
        (call,) = step.calls
        assert call.body
        tags = {tag["key"]: tag["value"] for tag in call.body["tags"]}
        fake._state.add_experiment(call.body["name"], "", tags)
    with fake.serve() as url:
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
