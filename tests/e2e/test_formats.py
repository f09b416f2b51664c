"""One plan in several formats, and what needs what: to stdout and to files."""

import json

import pytest

MANIFEST = """
experiments:
  fraud: {name: fraud-detection, tags: {team: "@risk"}}
runs:
  baseline: {experiment: fraud}
"""
FORMATS = ["json", "markdown", "html"]


def test_several_formats_come_from_one_plan(shell, fake):
    shell.manifest(MANIFEST)
    shell("plan")
    alone = len(fake.requests)
    found = shell("plan", *(word for name in FORMATS for word in ("--format", f"{name}=plan.{name}")), "--format=text")
    assert len(fake.requests) == 2 * alone
    assert "Plan: 2 to create" in found.out
    assert json.loads((shell.folder / "plan.json").read_text())["summary"]["create"] == 2
    assert "### Plan: 2 to create" in (shell.folder / "plan.markdown").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_a_saved_plan_is_shown_in_any_format_as_it_was_planned(shell, name):
    shell.manifest(MANIFEST)
    planned = shell("plan", "--out", "plan.json", "--format", name).out
    assert shell("show", "plan.json", "--format", name).out.replace("main.yaml", "manifests/main.yaml") in {
        planned,
        planned.replace("main.yaml", "manifests/main.yaml"),
    }


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_but_text_has_colours(shell, name):
    shell.manifest(MANIFEST)
    assert "\x1b" not in shell("plan", "--format", name, "--color", "always").out


def test_apply_and_destroy_have_the_formats_too(shell):
    shell.manifest(MANIFEST)
    applied = shell("apply", "--yes", "--format", "markdown")
    assert applied.out.startswith("### Plan: 2 to create")
    assert "Apply complete: 2 done." in applied.err
    assert "Deletes 2" in shell("destroy", "--yes", "--format", "markdown").out


def test_a_plan_that_is_refused_is_written_in_no_format_but_text(shell):
    shell.apply(MANIFEST)
    shell.manifest("")
    found = shell("plan", "--format", "text", "--format", "markdown=plan.md", code=5)
    assert "2 to delete" in found.out
    assert not (shell.folder / "plan.md").exists()


def test_a_graph_of_what_is_declared_asks_no_server(shell, fake):
    shell.manifest(MANIFEST)
    assert shell("graph").out == 'flowchart LR\n  n0["experiments.fraud"]\n  n1["runs.baseline"]\n  n0 --> n1\n'
    assert shell("graph", "--format", "dot").out.startswith("digraph reconciler {\n")
    assert fake.requests == []


def test_a_graph_of_a_plan_has_its_actions(shell):
    shell.manifest(MANIFEST)
    shell("plan", "--out", "plan.json")
    shell("graph", "plan.json", "--format", "dot=plan.dot", "--format", "mermaid=plan.mmd")
    assert "experiments.fraud (+ create)" in (shell.folder / "plan.dot").read_text()
    assert "experiments.fraud (+ create)" in (shell.folder / "plan.mmd").read_text()


def test_a_graph_of_what_has_errors_is_none(shell):
    shell.manifest("runs: {r: {experiment: nobody}}")
    assert "[unknown-reference]" in shell("graph", code=1).err
    assert "'svg' is not one of mermaid, dot" in shell("graph", "--format", "svg", code=64).err
