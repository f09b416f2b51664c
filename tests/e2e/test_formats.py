"""One plan in several formats, and what needs what: to stdout and to files."""

import json

import pytest

from reconciler import __version__
from reconciler.runtime.lock import Clock
from tests.fakes.mlflow import Fault
from tests.locks import holder, place
from tests.unit.test_report_markdown import check_inert

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


def told(shell):
    """What stands in the Markdown file of the last command; without the file, so that the next one has to write it."""
    file = shell.folder / "told.md"
    text = file.read_text(encoding="utf-8")
    file.unlink()
    check_inert(text)
    return text


TOLD = ("--format", "markdown=told.md")


def test_a_plan_that_is_refused_is_text_and_markdown_with_the_reason_and_nothing_that_can_be_applied(shell):
    shell.apply(MANIFEST)
    shell.manifest("")
    files = [word for name in ("json", "html") for word in ("--format", f"{name}=plan.{name}")]
    found = shell("plan", "--format", "text", *TOLD, *files, "--out", "saved.json", code=5)
    assert "2 to delete" in found.out
    text = told(shell)
    assert text.startswith("### Plan refused: 1 error\n\n```text\nerror: ")
    assert "[safety-threshold]" in text
    assert "### Plan: 2 to delete" in text
    assert not any((shell.folder / name).exists() for name in ("plan.json", "plan.html", "saved.json"))


def test_a_plan_that_is_refused_is_printed_as_markdown(shell):
    shell.apply(MANIFEST)
    shell.manifest("")
    out = shell("plan", "--format", "markdown", code=5).out
    assert out.startswith("### Plan refused: 1 error\n")
    assert out.count("### Plan: 2 to delete") == 1


def test_errors_are_markdown_with_place_line_and_hint(shell):
    shell.manifest("experiments:\n  fraud:\n    tag: {}\n")
    shell("plan", *TOLD, code=1)
    assert told(shell) == (
        "### Plan failed: 1 error\n\n```text\n"
        "manifests/main.yaml:3:5: error: tag is not known [unknown-key]\n"
        "    3 |     tag: {}\n"
        "      |     ^^^\n"
        "  hint: did you mean 'tags'?\n"
        "```\n"
    )


def test_a_server_that_refuses_the_credentials_is_told_as_markdown(shell, fake):
    fake.fault = lambda *_: Fault(401, {"error_code": "UNAUTHENTICATED", "message": "who are you"})
    shell.manifest(MANIFEST)
    for command, title in (("plan", "Plan"), ("apply", "Apply"), ("drift", "Drift"), ("destroy", "Destroy")):
        shell(command, *(["--yes"] if command in {"apply", "destroy"} else []), *TOLD, code=6)
        text = told(shell)
        assert text.startswith(f"### {title} failed: 1 error\n")
        assert "[credentials]" in text


def test_how_an_apply_ended_comes_first_and_its_plan_below(shell):
    shell.manifest(MANIFEST)
    shell("apply", "--yes", *TOLD)
    text = told(shell)
    assert text.startswith("### Apply complete: 2 done\n")
    assert text.index("+ experiments.fraud  done") < text.index("### Plan: 2 to create")
    shell("apply", "--yes", *TOLD)
    assert told(shell).startswith("### Plan: 2 unchanged\n")


def test_what_an_apply_did_not_do_is_told_with_the_reason(shell, fake):
    fake.fault = lambda _, __, path: Fault(400, {"message": "no such luck"}) if path == "runs/create" else None
    shell.manifest(MANIFEST)
    out = shell("apply", "--yes", "--format", "markdown", *TOLD, code=4).out
    text = told(shell)
    assert text.startswith("### Apply: 1 done, 1 failed, 0 not attempted\n")
    assert "  + runs.baseline  failed  " in text
    assert "no such luck" in text
    assert out.startswith("### Plan: 2 to create")
    assert out.count("### ") == 2
    assert "\n### Apply: 1 done" in out


def test_a_stale_plan_is_told_with_what_has_changed(shell, server):
    shell.manifest(MANIFEST)
    shell("plan", "--out", "plan.json")
    server.post("experiments/create", name="fraud-detection")
    shell("apply", "plan.json", "--yes", *TOLD, code=5)
    text = told(shell)
    assert text.startswith("### Apply refused: ")
    assert "[stale-plan]" in text
    assert "### Plan: 2 to create" in text


def test_a_warning_stands_above_the_plan(shell, fake):
    shell.manifest(MANIFEST)
    shell("apply", "--yes")
    shell.manifest(MANIFEST.replace("@risk", "@ml"))
    place(fake, holder("bob", Clock().now()))
    shell("plan", *TOLD)
    text = told(shell)
    assert text.startswith("### Plan: 1 warning\n")
    assert text.index("[lock-held]") < text.index("### Plan: 1 to update")


def test_a_report_that_cannot_be_written_does_not_change_how_it_ended(shell):
    shell.manifest("nonsense")
    found = shell("plan", "--format", "markdown=nowhere/told.md", code=1)
    assert "[wrong-type]" in found.err
    assert "'nowhere/told.md' cannot be written" in found.err


def test_what_validate_finds_is_json_and_markdown_too(shell, fake):
    shell.manifest("experiments:\n  fraud:\n    tag: {}\n")
    files = ("--format", "json=found.json", "--format", "text=found.txt", *TOLD)
    found = shell("validate", *files, code=1)
    assert json.loads((shell.folder / "found.json").read_text()) == {
        "format": 1,
        "tool": __version__,
        "valid": False,
        "findings": [
            {
                "severity": "error",
                "code": "unknown-key",
                "summary": "tag is not known",
                "at": "main.yaml:3:5",
                "hint": "did you mean 'tags'?",
            }
        ],
    }
    assert found.out == ""
    assert (shell.folder / "found.txt").read_text() == found.err
    assert told(shell).startswith("### Validate failed: 1 error\n\n```text\nmanifests/main.yaml:3:5: error: tag is")
    shell.manifest(MANIFEST)
    assert shell("validate", "--format", "markdown", *files).out == "### Valid: 2 resources in 1 file\n"
    assert json.loads((shell.folder / "found.json").read_text())["valid"] is True
    assert (shell.folder / "found.txt").read_text() == "Valid: 2 resources in 1 file.\n"
    assert fake.requests == []
    assert shell("validate", "--format", "json=nowhere/x", code=1).err.count("cannot be written") == 1


def test_drift_is_markdown_too(shell, server):
    shell.apply(MANIFEST)
    shell("drift", *TOLD, "--format", "json=drift.json")
    assert told(shell).startswith("### No drift\n")
    server.tag("fraud-detection", team="@ops")
    shell("drift", *TOLD, code=3)
    text = told(shell)
    assert text.startswith("### Drift: 1 changed\n")
    assert '- tags.team: "@risk"\n+ tags.team: "@ops"   changed on the server\n' in text
    assert shell("drift", "--format", "markdown", code=3).out == text


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
