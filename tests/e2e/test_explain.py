"""What `explain` tells of a stack under Git: places, layers, commits, requests, and how to leave a field alone."""

import json
import os
import shutil
import subprocess

import pytest

CONFIG = """\
variables:
  env: {default: dev}
  owner: {default: nobody}
defaults: {tags: {env: "${var.env}"}}
"""
STACK = """\
experiments:
  fraud:
    description: Cards
    tags: {team: risk, token: "${env.TOKEN}"}
  churn:
    for_each: {eu: {owner: ada}, us: {owner: bob}}
    tags: {owner: "${each.value.owner}"}
"""
SECRET = "very-s3cret-text"


@pytest.fixture
def stack(shell, url, monkeypatch):
    """A stack with every layer, applied; its manifests are committed where there is a Git."""
    monkeypatch.setenv("TOKEN", SECRET)
    target = f"{{url: '{url}', variables: {{owner: ada}}, sensitive: [tags.token]}}"
    shell.write("manifests/reconciler.yaml", f"stack: ml\ntargets: {{local: {target}}}\n{CONFIG}")
    shell.apply(STACK)
    return shell


def committed(shell, monkeypatch):
    """The stack's folder as a repository with one commit of Ada's."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    ada = ("-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.com")
    for command in (("init", "-q"), ("add", "."), (*ada, "commit", "-qm", "First manifests")):
        subprocess.run(["git", *command], cwd=shell.folder, check=True)


def test_the_layer_the_line_and_the_commit(stack, monkeypatch):
    committed(stack, monkeypatch)
    text = stack("explain", "experiments.fraud", "tags.env", "--var", "env=prod").out
    assert 'manifest:     "prod"\n    server:       "dev"\n' in text
    assert "written:      manifests/reconciler.yaml:6:19, in the defaults of the stack\n" in text
    assert '6 | defaults: {tags: {env: "${var.env}"}}\n' in text
    assert 'variable:     env = "prod", --var\n' in text
    assert ", Ada Lovelace, " in text
    assert ": First manifests\n" in text
    assert "set-experiment-tag" in text
    assert "to ignore it: declare it as it is on the server:" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_line_that_is_not_committed_says_so(stack, monkeypatch):
    committed(stack, monkeypatch)
    stack.manifest(STACK.replace("risk", "ml"))
    assert "commit:       not committed yet\n" in stack("explain", "experiments.fraud", "tags.team").out


def test_without_git_nothing_is_said_of_it(stack, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "commit:" not in stack("explain", "experiments.fraud").out


def test_a_field_is_named_as_its_parts_or_as_a_plan_shows_it(stack):
    stack.write("manifests/odd.yaml", "experiments: {odd: {tags: {'a.b/c d': x}}}\n")
    plain = stack("explain", "experiments.odd", "tags.a.b/c d").out
    assert "  tags.'a.b/c d'\n" in plain
    assert stack("explain", "experiments.odd", "tags.'a.b/c d'").out == plain
    assert "[unknown-field]" in stack("explain", "experiments.odd", "tags.'a.b'", code=1).err


def test_the_item_of_a_for_each(stack):
    text = stack("explain", "experiments.churn[us]", "tags.owner").out
    assert "for_each:     us, manifests/main.yaml:6:39\n" in text


def test_a_default_and_a_target_give_a_variable_its_value(stack):
    assert (
        'env = "dev", default, manifests/reconciler.yaml:4:9' in stack("explain", "experiments.fraud", "tags.env").out
    )
    stack.manifest(STACK.replace("Cards", '"${var.owner}"'))
    assert 'owner = "ada", target local' in stack("explain", "experiments.fraud", "description").out


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_sensitive_value_stays_concealed(stack, form, server):
    server.tag("fraud", token="theirs-not-to-be-told")
    for field in ([], ["tags.token"]):
        result = stack("explain", "experiments.fraud", *field, "--format", form)
        assert SECRET not in result.out + result.err
        assert "theirs-not-to-be-told" not in result.out + result.err


def test_json_and_text_in_one_run(stack):
    result = stack("explain", "experiments.fraud", "--format", "text", "--format", "json=why.json")
    assert result.out.startswith("experiments.fraud   manifests/main.yaml:2:3\n")
    found = json.loads((stack.folder / "why.json").read_text())
    assert found["address"] == "experiments.fraud"
    assert [".".join(field["path"]) for field in found["fields"]] == [
        "description",
        "name",
        "tags.env",
        "tags.team",
        "tags.token",
    ]
    stack("explain", "experiments.fraud", "--format", "text=why.txt")
    assert (stack.folder / "why.txt").read_text() == result.out


def test_the_advice_leaves_nothing_to_do(stack, server):
    """What it says to write is written, and then the field is as it should be."""
    server.tag("fraud", team="theirs")
    (field,) = json.loads(stack("explain", "experiments.fraud", "tags.team", "--format", "json").out)["fields"]
    assert field["advice"]["manifest"] == "experiments:\n  fraud:\n    tags:\n      team: theirs\n"
    stack.manifest(STACK.replace("risk", "theirs"))
    assert "1 to adopt, 2 unchanged" in stack("plan").out


def test_an_address_that_is_not_there_keeps_something_from_deletion(stack):
    stack.manifest(STACK.replace("  fraud:", "  other:"))
    (_, keep) = json.loads(stack("explain", "experiments.fraud", "--format", "json").out)["advice"]
    section, _, body = keep["manifest"].partition("\n")
    assert section == "experiments:"
    stack.apply(STACK.replace("  fraud:", "  other:").replace("experiments:\n", f"experiments:\n{body}"))
    result = stack.apply(STACK.replace("  fraud:", "  other:"))
    assert "delete" not in result.out
