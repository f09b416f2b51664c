"""The package in docs/backends.md, taken from the page as it stands: found by its entry point, and applied with."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.e2e.tools import ROOT, Shell
from tests.fakes.shelf import FakeShelf
from tests.test_docs import blocks

PAGE = ROOT / "docs" / "backends.md"
STACK = "experiments: {fraud: {description: Cards, tags: {team: risk, tier: gold}}}"


def files() -> dict[str, str]:
    """The files of the package by name."""
    found = {}
    for block in blocks(PAGE):
        first, _, rest = block.text.partition("\n")
        if block.language in {"python", "toml"}:
            found[first.removeprefix("# ")] = rest
    return found


def install(site: Path) -> None:
    """What an installer leaves: the module, and the metadata with the entry points."""
    package = files()
    project = tomllib.loads(package["pyproject.toml"])["project"]
    ((group, points),) = project["entry-points"].items()
    (module,) = (name for name in package if name.endswith(".py"))
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (site / module).write_text(package[module])
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (info / "entry_points.txt").write_text(
        f"[{group}]\n" + "".join(f"{name} = {point}\n" for name, point in points.items())
    )


@pytest.fixture
def fake():
    return FakeShelf("t0ken")


@pytest.fixture
def run(tmp_path, monkeypatch, url):
    """Runs a command as a process of its own, with the package beside the reconciler."""
    install(tmp_path / "site")
    shell = Shell(tmp_path, monkeypatch)
    (block,) = [block for block in blocks(PAGE) if block.language == "yaml"]
    shell.write("manifests/reconciler.yaml", block.text.replace("https://shelf.example.com", url))

    def command(*arguments, manifest="", code=0, token="t0ken"):
        if manifest:
            shell.manifest(manifest)
        path = f"{ROOT}:{tmp_path / 'site'}"
        return shell.run(*arguments, code=code, PYTHONPATH=path, SHELF_TOKEN=token)

    return command


def labels(fake):
    (one,) = fake.held.values()
    return {key: value for key, value in one["labels"].items() if not key.startswith("reconciler.")}


def test_it_is_found_by_its_entry_point(run):
    assert "shelf\n  experiments     create, rename, update, delete\n" in run("backends").out


def test_apply_edit_rename_drift_and_destroy(run, fake):
    assert "Apply complete: 1 done." in run("apply", "--yes", manifest=STACK).out
    assert labels(fake) == {"team": "risk", "tier": "gold"}
    assert "No changes" in run("plan").out
    changed = STACK.replace("{description: Cards, ", "{name: cards, ").replace(", tier: gold", "")
    run("apply", "--yes", manifest=changed)
    (one,) = fake.held.values()
    assert (one["name"], one["note"], labels(fake)) == ("cards", None, {"team": "risk"})
    assert "No changes" in run("plan").out
    one["labels"]["team"] = "other"
    assert "tags.team" in run("drift", code=3).out
    run("apply", "--yes")
    assert labels(fake) == {"team": "risk"}
    run("destroy", "--yes")
    assert fake.held == {}


def test_what_it_cannot_hold_is_said_while_planning(run, fake):
    found = run("plan", manifest=STACK.replace("description:", "artifact_location:"), code=1)
    assert "artifact_location has no place on Shelf [unsupported]" in found.err
    found = run("plan", manifest=f"experiments: {{{'x' * 101}: }}", code=1)
    assert "name has more than 100 characters [limit]" in found.err
    found = run("plan", manifest="experiments: {fraud: }\nruns: {base: {experiment: fraud}}", code=1)
    assert "the backend 'shelf' has no runs [unsupported]" in found.err
    assert fake.requests == []


def test_wrong_credentials(run):
    assert "refused access with 401" in run("plan", manifest=STACK, code=6, token="other").err
