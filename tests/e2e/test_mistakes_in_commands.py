"""What people type wrong: commands, options, formats, answers; and what a command does without a terminal."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import writes

MANIFEST = "experiments: {fraud: {tags: {team: risk}}}\n"
USAGE = [
    (("pln",), "no such command 'pln'; did you mean 'plan'?"),
    (("xyzzy",), "no such command 'xyzzy'"),
    (("plan", "--targte", "x"), "no such option"),
    (("plan", "extra"), "unexpected extra argument"),
    (("plan", "--format", "nonsense"), "'nonsense' is not one of text, json"),
    (("apply", "--yes", "--format", "nonsense"), "'nonsense' is not one of text, json"),
    (("plan", "--format", "text", "--format", "json"), "only one format can go to stdout"),
    (("plan", "--on-conflict", "ask"), "'ask' is not one of 'apply', 'fail'"),
    (("plan", "--parallel", "0"), "--parallel"),
    (("plan", "--parallel", "many"), "--parallel"),
    (("plan", "--allow-delete", "some"), "--allow-delete"),
    (("plan", "--replace", "fraud"), "'fraud' is not an address such as experiments.fraud"),
    (("plan", "--color", "blue"), "--color"),
    (("explain",), "ADDRESS"),
    (("explain", "fraud"), "'fraud' is not an address such as experiments.fraud"),
    (("show",), "PLAN.json"),
    (("schema", "everything"), "everything"),
    (("apply", "plan.json", "--only", "experiments.*"), "a saved plan is applied as it is"),
    (("apply", "plan.json", "--no-delete"), "a saved plan is applied as it is"),
]


@pytest.mark.parametrize(("arguments", "words"), USAGE, ids=lambda one: " ".join(one) if isinstance(one, tuple) else "")
def test_a_wrong_command_line_is_a_usage_error(arguments, words, shell, fake):
    shell.manifest(MANIFEST)
    result = shell(*arguments, code=64)
    check(result, "usage", words, hint="--help")
    assert result.out == ""
    assert writes(fake) == []


def test_a_format_without_its_file_is_told_as_such(shell):
    shell.manifest(MANIFEST)
    result = shell("plan", "--format", "json=", code=64)
    assert "'json' is not one of" not in result.err


def test_no_command_shows_them_all(shell):
    result = shell(code=64)
    for command in ("init", "validate", "plan", "apply", "destroy", "show", "explain", "schema", "backends"):
        assert f"\n  {command}" in result.err
    assert result.err.startswith("Usage: reconciler [OPTIONS] COMMAND [ARGS]...\n")
    assert result.out == ""


def test_apply_without_a_terminal_and_without_yes_is_refused(shell, fake):
    shell.manifest(MANIFEST)
    result = shell("apply", code=5)
    check(result, "no-answer", "there is no terminal to ask on", hint="give --yes")
    assert "1 to create" in result.out
    assert writes(fake) == []


def test_destroy_without_a_terminal_and_without_yes_is_refused(shell, fake):
    shell.apply(MANIFEST)
    before = len(writes(fake))
    result = shell("destroy", code=5)
    assert "there is no terminal to ask on" in result.err
    assert "1 to delete" in result.out
    assert len(writes(fake)) == before


@pytest.mark.parametrize("answer", ["n", "", "no", "N"])
def test_any_answer_but_yes_writes_nothing(answer, shell, fake):
    shell.manifest(MANIFEST)
    result = shell("apply", answer=answer, code=1)
    assert re.search(r"Apply this to the target 'local' at http://127\.0\.0\.1:\d+\? \[y/N\]", result.err)
    assert "Cancelled; nothing was written." in result.err
    assert writes(fake) == []


def test_an_end_of_input_at_the_question_writes_nothing(shell, fake, monkeypatch):
    shell.manifest(MANIFEST)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: (_ for _ in ()).throw(EOFError))
    assert "nothing was written" in shell("apply", answer="", code=130).err
    assert writes(fake) == []


def test_yes_at_the_question_applies(shell, server):
    shell.manifest(MANIFEST)
    assert "1 done" in shell("apply", answer="y").out
    assert server.experiment("fraud")["tags"]["team"] == "risk"


def test_what_changed_while_the_question_stood_is_not_overwritten(shell, fake, server, monkeypatch):
    shell.apply(MANIFEST)
    shell.manifest(MANIFEST.replace("risk", "ml"))
    monkeypatch.setattr("click.confirm", lambda *_, **__: [server.tag("fraud", team="theirs")])
    before = len(writes(fake))
    words = ('tags.team was "risk"', '(-> "ml")', 'is "theirs" now')
    check(shell("apply", answer="y", code=5), "stale-plan", *words, hint="plan again")
    assert len(writes(fake)) == before


def test_an_unknown_address_is_an_error_and_not_an_empty_plan(shell, fake):
    shell.manifest(MANIFEST)
    for option in ("--only", "--exclude", "--replace"):
        result = shell("plan", option, "experiments.frau", code=1)
        assert "'experiments.frau' names no resource of the stack" in result.err
        assert "hint: " in result.err
    check(shell("explain", "experiments.frau", code=1), "unknown-address", hint="did you mean experiments.fraud?")
    check(shell("explain", "experiments.fraud", "tags.tam", code=1), "unknown-field", hint="did you mean tags.team?")
    assert writes(fake) == []


def test_a_folder_that_cannot_be_written_to(shell):
    shell.manifest(MANIFEST)
    result = shell("plan", "--out", "nowhere/plan.json", code=1)
    assert "'nowhere/plan.json' cannot be written: No such file or directory" in result.err
    assert "'nowhere/plan.txt' cannot be written" in shell("plan", "--format", "text=nowhere/plan.txt", code=1).err


def test_init_never_overwrites_a_file(shell, fake):
    (shell.folder / "manifests/reconciler.yaml").write_text("stack: mine\n")
    check(shell("init", code=1), "file-exists", "nothing was written", hint="--manifests")
    assert (shell.folder / "manifests/reconciler.yaml").read_text() == "stack: mine\n"
    assert [file.name for file in (shell.folder / "manifests").iterdir()] == ["reconciler.yaml"]
    assert fake.requests == []


def test_what_init_writes_is_a_valid_stack(shell):
    shell("init", "--manifests", "fresh")
    assert "Valid: 1 resource in 1 file." in shell("validate", "--manifests", "fresh").err


def test_formats_go_to_files_beside_the_one_on_stdout(shell):
    shell.manifest(MANIFEST)
    result = shell("plan", "--format", "json", "--format", "text=plan.txt", "--out", "saved.json")
    assert json.loads(result.out) == json.loads((shell.folder / "saved.json").read_text())
    assert (shell.folder / "plan.txt").read_text() == shell("plan").out
    assert shell("show", "saved.json").out == shell("plan").out.replace("manifests/main", "main")
    assert shell("show", "saved.json", "--format", "json").out == result.out


def test_quiet_says_one_line_and_no_progress(shell):
    shell.manifest(MANIFEST)
    assert shell("plan", "-q").out == "Plan: 1 to create, 0 unchanged. Requests: 1.\n"
    result = shell("apply", "--yes", "-q")
    assert result.err == ""
    assert result.out.splitlines() == ["Plan: 1 to create, 0 unchanged. Requests: 1.", "Apply complete: 1 done."]


def test_verbose_shows_the_exact_requests(shell):
    shell.manifest(MANIFEST)
    assert "POST /api/2.0/mlflow/experiments/create" in shell("plan", "-v").out
