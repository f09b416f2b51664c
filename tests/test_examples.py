"""Each example is validated, applied and planned again: no changes. Its README is run as it stands."""

import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.tenants import TOKEN
from tests.e2e.tools import Shell
from tests.fakes.databricks import TOKEN as DATABRICKS_TOKEN
from tests.fakes.databricks import FakeDatabricks
from tests.fakes.mlflow import FakeMlflow
from tests.fakes.tenant import FakeTenant
from tests.test_docs import Story, blocks

ROOT = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(folder for folder in ROOT.iterdir() if folder.is_dir())
LOCAL = "sqlite:///mlflow.db"
ORDER = ["platform", "team-a", "team-b"]
"""Of the stacks of one example: the owner of what the others share comes first."""


def stacks(folder: Path) -> list[Path]:
    """The folders of an example's stacks, in the order in which they are applied."""
    return sorted((file.parent for file in folder.rglob("reconciler.yaml")), key=lambda stack: stack.name)


def copy(name: str, to: Path, url: str = LOCAL) -> Path:
    """A copy of an example, on another server."""
    folder = to / name
    shutil.copytree(ROOT / name, folder)
    for stack in stacks(folder):
        file = stack / "reconciler.yaml"
        text = file.read_text()
        assert LOCAL in text
        file.write_text(text.replace(LOCAL, url))
    return folder


@pytest.fixture
def fake():
    return FakeMlflow()


@pytest.fixture
def url(fake):
    with fake.serve() as base:
        yield base


def settle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validate, apply and plan each stack; then nothing is left to do in any of them."""
    found = stacks(folder)
    for stack in found:
        shell = Shell(stack, monkeypatch)
        assert "Valid: " in shell("validate").err
        assert "Apply complete: " in shell("apply", "--yes").out
    for stack in found:
        assert "No changes" in Shell(stack, monkeypatch)("plan", "--detailed-exitcode").out


@pytest.mark.parametrize("name", [folder.name for folder in EXAMPLES])
def test_an_example_is_applied_and_then_there_is_nothing_to_do(name, tmp_path, monkeypatch, url):
    settle(copy(name, tmp_path, url), monkeypatch)


@pytest.mark.real
def test_an_example_works_on_the_embedded_mlflow(tmp_path, monkeypatch):
    settle(copy("recorded-baselines", tmp_path), monkeypatch)


@pytest.mark.parametrize("name", [folder.name for folder in EXAMPLES])
def test_the_readme_of_an_example_tells_what_happens(name, tmp_path, fake, url):
    folder = copy(name, tmp_path, url)
    story = Story(folder, fake, url, tmp_path / "bin")
    for block in blocks(folder / "README.md"):
        story.tell(block)


def test_the_stacks_of_a_shared_experiment_are_applied_in_order():
    assert [stack.name for stack in stacks(ROOT / "shared-experiment")] == ORDER


def test_every_example_is_listed_and_says_what_it_is():
    listed = re.findall(r"\]\(([\w-]+)/README\.md\)", (ROOT / "README.md").read_text())
    assert sorted(listed) == [folder.name for folder in EXAMPLES]


def test_the_other_target_of_two_targets_is_another_server(tmp_path, monkeypatch, fake, url):
    shell = Shell(copy("two-targets", tmp_path), monkeypatch)
    monkeypatch.setenv("PROD_MLFLOW_URL", url)
    shell("apply", "--yes", "--target", "prod")
    (request,) = [one for one in fake.requests if one.path == "experiments/create"]
    tags = {tag["key"]: tag["value"] for tag in request.body["tags"]}
    assert (request.body["name"], tags["target"], tags["retention"]) == ("fraud-prod", "prod", "365d")


@pytest.fixture
def services(url, monkeypatch):
    """A server of each kind, named by the environment; the fakes by target."""
    acme = FakeTenant(token=TOKEN)
    with acme.serve() as tenant:
        monkeypatch.setenv("ACME_URL", tenant)
        monkeypatch.setenv("ACME_TOKEN", TOKEN)
        workspace = FakeDatabricks()
        with workspace.serve() as databricks:
            monkeypatch.setenv("DATABRICKS_HOST", databricks)
            monkeypatch.setenv("DATABRICKS_TOKEN", DATABRICKS_TOKEN)
            yield {"acme": acme, "workspace": workspace}


@pytest.mark.parametrize("target", ["local", "workspace", "acme"])
def test_one_set_of_manifests_on_every_service(target, tmp_path, monkeypatch, url, services):
    folder = copy("several-services", tmp_path, url)
    shell = Shell(folder, monkeypatch)
    assert "Apply complete: 3 done." in shell("apply", "--yes", "--target", target).out
    assert "No changes" in shell("plan", "--detailed-exitcode", "--target", target).out
    assert "No drift" in shell("drift", "--target", target).out
    file = folder / "churn.yaml"
    file.write_text(
        file.read_text().replace("value: 0.47}", "value: 0.47}, {step: 3, value: 0.46}").replace("growth", "crm")
    )
    assert "2 to update, 1 unchanged" in shell("plan", "--target", target).out
    shell("apply", "--yes", "--target", target)
    assert "No changes" in shell("plan", "--detailed-exitcode", "--target", target).out
    shell("destroy", "--yes", "--target", target)
    assert "No changes" in shell("destroy", "--yes", "--target", target).out
