"""What people get wrong around the manifests: folders, files, reconciler.yaml, targets, variables."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from tests.e2e.findings import check, check_place
from tests.e2e.tools import writes
from tests.marked import cut

MANIFEST = "experiments: {fraud: {tags: {team: risk}}}\n"
CONFIG = "manifests/reconciler.yaml"
HEAD = "stack: ml\ntargets:\n  local: {backend: mlflow, url: 'http://127.0.0.1:1'}\n"


@dataclass(frozen=True)
class Mistake:
    name: str
    text: str
    code: str
    words: tuple[str, ...]
    hint: str


MISTAKES = [
    Mistake("no stack", "targets: {}\n", "missing-field", ("stack is missing",), "stack"),
    Mistake("a stack with capitals", "stack: ▶Fraud Team◀\n", "bad-value", ("stack",), "'Fraud Team'"),
    Mistake("an unknown section", f"{HEAD}▶target◀: local\n", "unknown-key", ("target",), "did you mean 'targets'?"),
    Mistake(
        "an unknown backend",
        "stack: ml\ntargets:\n  local: {backend: ▶mlfow◀, url: x}\n",
        "unknown-backend",
        ("'mlfow'",),
        "did you mean 'mlflow'?",
    ),
    Mistake(
        "an option that the backend has not",
        "stack: ml\ntargets:\n  local: {backend: mlflow, url: x, ▶profil◀: a}\n",
        "unknown-key",
        ("profil",),
        "",
    ),
    Mistake(
        "a target without a url",
        "stack: ml\ntargets:\n  ▶local◀: {backend: mlflow}\n",
        "missing-field",
        ("url",),
        "url",
    ),
    Mistake(
        "a share over a hundred",
        f"{HEAD}safety: {{max_delete_percent: ▶130◀}}\n",
        "bad-value",
        ("max_delete_percent", "100"),
        "'130'",
    ),
    Mistake(
        "two default targets",
        "stack: ml\ntargets:\n  a: {url: x, default: true}\n  b: {url: x, ▶default◀: true}\n",
        "bad-value",
        ("'a' is the default already",),
        "one target",
    ),
    Mistake(
        "a target's variable that is not declared",
        "stack: ml\ntargets:\n  a: {url: x, variables: {▶env◀: dev}}\n",
        "unknown-variable",
        ("'env'",),
        "declare it",
    ),
    Mistake(
        "an environment variable that is not set",
        "stack: ml\ntargets:\n  a: {url: 'http://▶${env.RECONCILER_TEST_UNSET}◀'}\n",
        "unset-env",
        ("'RECONCILER_TEST_UNSET' is not set",),
        "set RECONCILER_TEST_UNSET",
    ),
    Mistake("a key twice", f"{HEAD}▶stack◀: other\n", "duplicate-key", ("'stack' is written twice",), "1:1"),
    Mistake("a list", "▶-◀ stack: ml\n", "wrong-type", ("a list",), "a map belongs there"),
    Mistake("nothing", "▶◀", "missing-field", ("stack is missing",), "stack"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.name)
def test_a_mistake_in_the_configuration_is_shown_where_it_stands(mistake, shell):
    shell.write(CONFIG, cut(mistake.text)[0] if "▶" in mistake.text else mistake.text)
    shell.manifest(MANIFEST)
    result = shell("plan", code=1)
    check(result, mistake.code, *mistake.words, hint=mistake.hint)
    if "▶" in mistake.text and cut(mistake.text)[2]:
        check_place(result, mistake.text, CONFIG)


def test_an_unknown_target_suggests_one(shell, fake):
    shell.manifest(MANIFEST)
    check(shell("plan", "--target", "locl", code=1), "unknown-target", "'locl'", hint="did you mean 'local'?")
    check(
        shell("apply", "--yes", "--target", "prod", code=1), "unknown-target", "'prod'", hint="the targets are: local"
    )
    assert fake.requests == []


def test_a_value_for_a_variable_that_is_not_there(shell, fake):
    shell.manifest(MANIFEST)
    check(shell("plan", "--var", "env=prod", code=1), "unknown-variable", "'env'", hint="declare it under `variables`")
    assert fake.requests == []


def test_a_value_without_a_name(shell):
    shell.manifest(MANIFEST)
    assert "'env' is not NAME=VALUE" in shell("plan", "--var", "env", code=64).err


def test_the_command_lines_value_wins_over_the_targets_and_the_default(shell, url, server):
    shell.write(
        CONFIG,
        f"stack: ml\nvariables: {{env: default}}\n"
        f"targets:\n  local: {{url: '{url}', variables: {{env: target}}}}\n  other: {{url: '{url}'}}\n",
    )
    manifest = "experiments: {fraud: {tags: {env: '${var.env}'}}}\n"
    shell.apply(manifest, "--target", "other")
    assert server.experiment("fraud")["tags"]["env"] == "default"
    shell.apply(manifest)
    assert server.experiment("fraud")["tags"]["env"] == "target"
    shell.apply(manifest, "--var", "env=given")
    assert server.experiment("fraud")["tags"]["env"] == "given"


def test_no_reconciler_yaml(shell, fake):
    (shell.folder / CONFIG).unlink()
    shell.manifest(MANIFEST)
    for command in (("plan",), ("apply", "--yes"), ("destroy", "--yes"), ("validate",)):
        check(shell(*command, code=1), "no-config", "no reconciler.yaml in 'manifests'", hint="reconciler init")
    assert fake.requests == []


def test_no_folder(shell, fake):
    check(shell("plan", "--manifests", "nowhere", code=1), "no-folder", "'nowhere' does not exist", hint="init")
    shell.write("file.yaml", MANIFEST)
    check(shell("plan", "--manifests", "file.yaml", code=1), "no-folder", "'file.yaml' is not a folder", hint="init")
    assert fake.requests == []


def test_a_file_that_is_not_utf8(shell, fake):
    (shell.folder / "manifests/latin.yaml").write_bytes("experiments: {a: {description: café}}\n".encode("latin-1"))
    result = shell("plan", code=1)
    check(result, "not-utf8", "latin.yaml:1:35", "byte 0xe9", hint="save the file as UTF-8")
    assert fake.requests == []


def test_utf16_is_named_as_not_utf8(shell):
    (shell.folder / "manifests/windows.yaml").write_bytes("experiments: {a: }\n".encode("utf-16"))
    check(shell("plan", code=1), "not-utf8", "windows.yaml:1:1", hint="save the file as UTF-8")


def test_the_place_of_what_is_not_utf8_starts_with_the_folder(shell):
    """As all other places do, so that a terminal or an editor can open it."""
    (shell.folder / "manifests/latin.yaml").write_bytes(b"experiments: {a: {description: caf\xe9}}\n")
    assert "manifests/latin.yaml:1:35: error: " in shell("plan", code=1).err


def test_a_byte_order_mark_does_not_matter(shell, server):
    shell.manifest("\ufeffexperiments: {a: {tags: {b: c}}}\n")
    shell("apply", "--yes")
    assert server.experiment("a")["tags"]["b"] == "c"


def test_windows_line_ends_do_not_matter(shell, server):
    (shell.folder / "manifests/main.yaml").write_bytes(b"experiments:\r\n  a:\r\n    tags: {b: c}\r\n")
    shell("apply", "--yes")
    assert server.experiment("a")["tags"]["b"] == "c"


def test_a_dangling_link(shell, fake):
    (shell.folder / "manifests/gone.yaml").symlink_to("nowhere.yaml")
    check(shell("plan", code=1), "unreadable", "'gone.yaml' cannot be read: no such file", hint="'_'")
    assert fake.requests == []


def test_a_link_to_a_folder_that_it_stands_in(shell):
    (shell.folder / "manifests/loop").symlink_to(".", target_is_directory=True)
    check(shell("plan", code=1), "link-loop", "'loop'", hint="remove the link")


def test_a_folder_with_the_name_of_a_file_is_read_as_a_folder(shell):
    shell.write("manifests/team.yaml/inner.yaml", MANIFEST)
    assert "1 to create" in shell("plan").out


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
@pytest.mark.parametrize("name", ["file.yaml", "folder"])
def test_what_may_not_be_read(name, shell):
    path = shell.folder / "manifests" / name
    path.mkdir() if name == "folder" else path.write_text(MANIFEST)
    path.chmod(0)
    check(shell("plan", code=1), "unreadable", f"'{name}' cannot be read: permission denied", hint="'_'")
    path.chmod(0o700)


def test_a_pipe_is_not_read(shell):
    """Reading it would wait for whoever writes into it."""
    os.mkfifo(shell.folder / "manifests/pipe.yaml")
    check(shell("plan", code=1), "unreadable", "'pipe.yaml' is not a regular file", hint="rename")


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "experiments:\n", "experiments: {}\n"])
def test_nothing_declared_is_nothing_to_do(text, shell, fake):
    if text is not None:
        shell.manifest(text)
    assert "No changes" in shell("plan", "--detailed-exitcode").out
    assert "No changes" in shell("apply", "--yes").out
    assert writes(fake) == []


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")], ids=lambda one: one[0])
def test_an_emptied_stack_is_not_taken_down_by_an_apply(command, shell, fake, server):
    shell.apply(MANIFEST)
    shell.manifest("")
    before = len(writes(fake))
    result = shell(*command, code=5)
    assert "deletes the only resource that the stack owns" in result.err
    assert "reconciler destroy" in result.err
    assert len(writes(fake)) == before
    assert server.experiment("fraud")["lifecycle_stage"] == "active"


def test_hidden_files_and_folders_are_left_out(shell):
    shell.manifest(MANIFEST)
    for name in (".git/a.yaml", "_drafts/a.yaml", "_draft.yaml", ".hidden.yaml", "notes.txt"):
        shell.write(f"manifests/{name}", "experiments: [broken\n")
    assert "1 to create" in shell("plan").out


def test_two_configurations(shell):
    shell.write("manifests/reconciler.yml", "stack: other\n")
    check(shell("plan", code=1), "two-configs", "reconciler.yaml and reconciler.yml", hint="remove one")


def test_the_current_folder_is_the_stack_where_there_is_no_manifests_folder(shell, url):
    stack = shell.stack("flat", url)
    (stack.folder / CONFIG).rename(stack.folder / "reconciler.yaml")
    (stack.folder / "manifests").rmdir()
    stack.write("main.yaml", "experiments: {a: {tag: b}}\n")
    assert "main.yaml:1:19: error: " in stack("plan", code=1).err
