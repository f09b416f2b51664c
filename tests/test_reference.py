"""docs/reference is what the program makes of itself; `--update-golden` writes it anew."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.tools import outside

SCRIPT = Path(__file__).parents[1] / "script" / "reference.py"


def test_the_reference_is_what_the_program_makes(request):
    arguments = [] if request.config.getoption("--update-golden") else ["--check"]
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments], env=outside(), capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
