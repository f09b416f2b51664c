"""The public names: these, and no others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import reconciler


def test_the_public_names_are_these():
    assert reconciler.__all__ == [*sorted(reconciler._HOMES), "__version__", "load"]


@pytest.mark.parametrize("name", reconciler.__all__)
def test_a_public_name_is_there(name):
    assert getattr(reconciler, name) is not None


def test_another_name_is_not_there():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = reconciler.nothing


HEAVY = ("rich", "httpx", "mlflow", "databricks", "deepdiff")


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [(["--version"], (*HEAVY, "pydantic", "yaml")), (["--help"], (*HEAVY, "pydantic", "yaml")), (["validate"], HEAVY)],
)
def test_a_command_loads_only_what_it_needs(arguments, heavy, tmp_path):
    (tmp_path / "reconciler.yaml").write_text("stack: ml\n")
    code = (
        "import sys\nfrom reconciler.cli import main\n"
        "try: main()\nexcept SystemExit: print(*sorted(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *arguments]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=env)
    loaded = {name.split(".")[0] for name in found.stderr.splitlines()[-1].split()}
    assert "click" in loaded
    assert sorted(loaded & set(heavy)) == []
