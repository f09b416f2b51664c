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


def loaded(arguments, folder):
    """The modules that a command loads."""
    code = (
        "import sys\nfrom reconciler.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*sorted(one for one in sys.modules if sys.modules[one]), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *arguments]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=env)
    return found.stderr.splitlines()[-1].split()


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [(["--version"], (*HEAVY, "pydantic", "yaml")), (["--help"], (*HEAVY, "pydantic", "yaml")), (["validate"], HEAVY)],
)
def test_a_command_loads_only_what_it_needs(arguments, heavy, tmp_path):
    (tmp_path / "reconciler.yaml").write_text("stack: ml\n")
    found = {name.split(".")[0] for name in loaded(arguments, tmp_path)}
    assert "click" in found
    assert sorted(found & set(heavy)) == []


def test_a_plan_loads_httpx_without_its_own_program(tmp_path):
    """httpx goes without: should it ever need it, this fails."""
    (tmp_path / "reconciler.yaml").write_text("stack: ml\ntargets: {t: {url: http://127.0.0.1:9}}\n")
    (tmp_path / "a.yaml").write_text("experiments: {e: {}}\n")
    found = loaded(["plan", "--timeout", "1"], tmp_path)
    assert "httpx" in found
    assert not {"rich", "pygments"} & set(found)


def test_only_the_backends_of_the_targets_are_loaded_and_nothing_that_sends(tmp_path):
    (tmp_path / "reconciler.yaml").write_text("stack: ml\ntargets: {t: {backend: tenant, url: http://x, tenant: y}}\n")
    found = loaded(["validate"], tmp_path)
    assert "reconciler.backends.tenant" in found
    assert not {
        "reconciler.backends.databricks",
        "reconciler.core.plan",
        "reconciler.core.planner",
        "reconciler.report.markdown",
        "reconciler.runtime.execute",
    } & set(found)
