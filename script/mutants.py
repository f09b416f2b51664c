"""Changes modules in one place at a time and prints which of these mutants their unit tests kill; 1 where too few."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEAST = 85.0
"""The least score of a module, in percent."""

MODULES: Mapping[str, tuple[str, ...]] = {
    "reconciler/core/diff.py": ("diff",),
    "reconciler/core/planner.py": ("planner",),
    "reconciler/core/steps.py": ("steps",),
    "reconciler/core/guard.py": ("guard",),
    "reconciler/core/fate.py": ("fate",),
    "reconciler/core/kept.py": ("kept",),
    "reconciler/core/match.py": ("match",),
    "reconciler/core/stale.py": ("stale",),
    "reconciler/core/mark.py": ("mark",),
    "reconciler/runtime/execute.py": ("execute",),
    "reconciler/runtime/runner.py": ("runner", "execute"),
    "reconciler/runtime/once.py": ("once",),
}
"""What is mutated where no module is named, and the unit tests of each."""

KILLED, TIMEOUT, SURVIVED = "killed", "timeout", "survived"
VERDICTS = {1: KILLED, 3: KILLED, 0: SURVIVED, 5: "no tests", 33: "no tests"} | dict.fromkeys((-24, 24, 36), TIMEOUT)
"""What mutmut's exit codes mean; every other one is "unclear", and no kill."""

SETTINGS = """
[tool.mutmut]
source_paths = ["reconciler"]
only_mutate = [{module}]
pytest_add_cli_args = ["--hypothesis-profile=ci"]
pytest_add_cli_args_test_selection = {tests}
timeout_constant = 4.0
timeout_multiplier = 3.0
use_git_change_detection = false
"""


@dataclass(frozen=True)
class Result:
    """The verdict on each mutant of a module, by its name."""

    module: str
    verdicts: Mapping[str, str]
    seconds: float

    def named(self, *verdicts: str) -> list[str]:
        return [name for name, verdict in self.verdicts.items() if verdict in verdicts]

    @property
    def score(self) -> float:
        return 100 * len(self.named(KILLED, TIMEOUT)) / max(1, len(self.verdicts))

    def __str__(self) -> str:
        killed, slow = len(self.named(KILLED, TIMEOUT)), len(self.named(TIMEOUT))
        return f"{self.module:32}{len(self.verdicts):8}{killed:8}{slow:10}{self.score:8.1f} %{self.seconds:7.0f} s"


class Copy:
    """A copy of the project in a folder of its own, in which one module is mutated."""

    def __init__(self, module: str, folder: Path) -> None:
        self._module = module
        self._folder = folder
        for name in ("reconciler", "tests"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        tests = [f"tests/unit/test_{name}.py" for name in MODULES.get(module, (Path(module).stem,))]
        settings = SETTINGS.format(module=json.dumps(module), tests=json.dumps(tests))
        (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8") + settings)

    def run(self) -> Result:
        """Try all mutants, then once more, one after the other, those of which load may be to blame."""
        start = time.monotonic()
        self._mutmut("run", "--max-children", str(os.cpu_count() or 1))
        if doubtful := [name for name, verdict in self._verdicts().items() if verdict not in (KILLED, SURVIVED)]:
            self._mutmut("run", "--max-children", "1", *doubtful)
        return Result(self._module, self._verdicts(), time.monotonic() - start)

    def change(self, mutant: str) -> str:
        """The lines that a mutant changes."""
        lines = self._mutmut("show", mutant).splitlines()
        return "\n".join(f"    {line}" for line in lines if line[:1] in "+-" and line[:3] not in {"+++", "---"})

    def _verdicts(self) -> dict[str, str]:
        found = json.loads((self._folder / "mutants" / f"{self._module}.meta").read_text(encoding="utf-8"))
        return {name: VERDICTS.get(code, "unclear") for name, code in found["exit_code_by_key"].items()}

    def _mutmut(self, *arguments: str) -> str:
        done = subprocess.run(
            [Path(sys.executable).with_name("mutmut"), *arguments],
            cwd=self._folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            sys.exit(f"{done.stdout[-5000:]}\nmutmut {arguments[0]} failed on {self._module}")
        return done.stdout


def main(modules: Sequence[str]) -> int:
    print(f"{'module':32}{'mutants':>8}{'killed':>8}{'(timeout)':>10}{'score':>10}{'time':>9}", flush=True)
    results = []
    for module in modules or MODULES:
        with tempfile.TemporaryDirectory(prefix="reconciler-mutation-") as folder:
            copy = Copy(module, Path(folder))
            results.append(copy.run())
            print(results[-1], flush=True)
            for mutant in results[-1].named(*{*results[-1].verdicts.values()} - {KILLED, TIMEOUT}):
                print(f"  {results[-1].verdicts[mutant]}: {mutant}\n{copy.change(mutant)}", flush=True)
    every = {name: verdict for result in results for name, verdict in result.verdicts.items()}
    print(Result("all", every, sum(result.seconds for result in results)))
    low = [result.module for result in results if result.score < LEAST]
    if low:
        print(f"below {LEAST:.0f} %: {', '.join(low)}", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
