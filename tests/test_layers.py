"""Imports go one way: cli > session > runtime | report | registry > backends | kinds > core > stdlib."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "reconciler"
MODULES = sorted(path for path in ROOT.rglob("*.py"))

ALLOWED = {
    "core": {"core"},
    "kinds": {"core", "kinds"},
    "backends": {"core", "backends"},
    "runtime": {"core", "runtime"},
    "report": {"core", "report"},
    "version": set(),
    "registry": {"core", "kinds", "backends"},
    "config": {"core"},
    "schema": {"core", "config"},
    "inputs": {"core", "config", "registry", "runtime"},
    "declared": {"core", "config", "inputs", "registry"},
    "session": {"core", "declared", "runtime"},
    "cli": {"core", "report", "registry", "runtime", "schema", "declared", "session", "cli"},
}
"""What each layer may import of the project; `reconciler` itself has only the version and the public names."""

HOMES = {
    "yaml": {"core/nodes.py", "core/source.py"},
    "httpx": {"runtime"},
    "click": {"cli"},
    "rich": {"cli", "report"},
    "tenacity": {"runtime/retry.py"},
    "mlflow": {"runtime/embedded.py"},
    "databricks": {"backends/databricks/access.py"},
    "pydantic": {"core", "kinds", "backends", "config.py", "schema.py"},
    "typing_extensions": {"backends/mlflow/replies.py", "backends/tenant/replies.py"},
}
"""Where each library may be imported: files, or folders with all in them."""

IMPURE = {"os", "time", "random", "logging", "socket", "subprocess", "threading", "pathlib", "io"}
"""What the core does not import: it has no I/O, no clock, no environment."""


def imports(path: Path) -> set[str]:
    """The dotted names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def layer(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_layer_may(path):
    own = {name.split(".")[1] for name in imports(path) if name.startswith("reconciler.")} - {"version"}
    assert layer(path) in {"__init__", "__main__"} or own <= ALLOWED[layer(path)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_library_is_imported_only_in_its_home(path):
    place = path.relative_to(ROOT)
    for library in {name.split(".")[0] for name in imports(path)} - {"reconciler", "__future__"}:
        if library in sys.stdlib_module_names:
            assert not (layer(path) == "core" and library in IMPURE), library
        else:
            assert {str(place), place.parts[0]} & HOMES[library], library


def test_two_backends_and_two_kinds_do_not_know_each_other():
    for path in MODULES:
        parts = path.relative_to(ROOT).parts
        if parts[0] == "kinds":
            siblings = {n for n in imports(path) if n.startswith("reconciler.kinds.")}
            assert all(name.startswith("reconciler.kinds.fields") for name in siblings), path
