"""`fmt`: which files it takes, what it leaves alone, what it says, and that a file is written wholly or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.fmt import differing
from tests.e2e.tools import ROOT, outside

UNTIDY = "experiments:\n    a:\n        tags: {b: c}\n        name:  x # n\n"
TIDY = "experiments:\n  a:\n    name: x # n\n    tags: {b: c}\n"


@pytest.fixture
def stack(shell):
    shell.manifest(UNTIDY)
    return shell


def text(shell, name="main.yaml"):
    return (shell.folder / "manifests" / name).read_bytes().decode()


def pipe(given, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "reconciler", "fmt", "-", *arguments],
        input=given,
        env=outside(),
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_the_files_of_the_stack_are_formatted_and_then_they_stay(stack):
    stack.write("manifests/reconciler.yaml", "targets:\n    local: {url: 'http://localhost'}\nstack: ml\n")
    stack.write("manifests/sub/b.yml", TIDY.replace("  a:", "  b:"))
    found = stack("fmt")
    assert found.out == "manifests/main.yaml\nmanifests/reconciler.yaml\n"
    assert found.err == "2 of 3 files formatted.\n"
    assert text(stack) == TIDY
    assert text(stack, "reconciler.yaml") == "stack: ml\ntargets:\n  local: {url: 'http://localhost'}\n"
    assert stack("fmt").out == ""
    assert stack("fmt", "--check").err == "3 files in canonical form.\n"


def test_check_and_diff_write_nothing(stack):
    found = stack("fmt", "--check", code=1)
    assert found.out == "manifests/main.yaml\n"
    assert found.err == "1 of 2 files not in canonical form.\n"
    shown = stack("fmt", "--diff").out
    assert shown.startswith(
        "--- a/manifests/main.yaml\n+++ b/manifests/main.yaml\n@@ -1,4 +1,4 @@\n experiments:\n-    a:"
    )
    assert stack("fmt", "--diff", "--check", code=1).out == shown
    assert "\x1b[32m+  a:" in stack("fmt", "--diff", "--color", "always").out
    assert text(stack) == UNTIDY


def test_a_difference_is_a_patch(stack):
    stack.write("patch", stack("fmt", "--diff").out)
    subprocess.run(["git", "apply", "patch"], cwd=stack.folder, check=True)
    assert text(stack) == TIDY


def test_a_file_with_errors_is_left_alone_and_the_others_are_not(stack):
    stack.write("manifests/bad.yaml", "experiments:\n   a: {\n")
    stack.write("manifests/two.yaml", f"{UNTIDY}---\n{UNTIDY}")
    stack.write("manifests/latin.yaml", "")
    (stack.folder / "manifests/latin.yaml").write_bytes("# fünf".encode("latin-1"))
    found = stack("fmt", code=1)
    assert "manifests/bad.yaml:2:7: error: '{' is never closed" in found.err
    assert "manifests/two.yaml:5:1: error: a second document begins here" in found.err
    assert "manifests/latin.yaml:1:4: error: byte 0xfc" in found.err
    assert found.out == "manifests/main.yaml\n"
    assert text(stack, "bad.yaml") == "experiments:\n   a: {\n"
    assert text(stack, "two.yaml") == f"{UNTIDY}---\n{UNTIDY}"


def test_what_only_validate_minds_is_formatted(stack):
    stack.manifest("experiments:\n    a:\n        nmae: ${var.x}\n        name: x\nqueues: {}\n")
    assert stack("fmt").err == "1 of 2 files formatted.\n"
    assert text(stack) == "experiments:\n  a:\n    name: x\n    nmae: ${var.x}\nqueues: {}\n"


def test_paths_are_files_or_folders_each_taken_once(stack):
    stack.write("elsewhere/deep/x.yaml", UNTIDY)
    stack.write("elsewhere/_y.yaml", UNTIDY)
    (stack.folder / "link.yaml").symlink_to(stack.folder / "elsewhere/_y.yaml")
    found = stack("fmt", "elsewhere", "elsewhere/deep/x.yaml", "link.yaml")
    assert found.out == "elsewhere/deep/x.yaml\nlink.yaml\n"
    assert (stack.folder / "link.yaml").is_symlink()
    assert (stack.folder / "elsewhere/_y.yaml").read_text() == TIDY
    assert text(stack) == UNTIDY
    assert "'nowhere' does not exist" in stack("fmt", "nowhere", code=64).err
    assert "'-' stands alone" in stack("fmt", "-", "elsewhere", code=64).err


def test_what_is_linked_from_elsewhere_is_formatted_only_where_it_is_named(stack):
    stack.write("other/x.yaml", UNTIDY)
    (stack.folder / "manifests/sub").symlink_to(stack.folder / "other")
    (stack.folder / "manifests/y.yaml").symlink_to(stack.folder / "other/x.yaml")
    assert stack("fmt").out == "manifests/main.yaml\n"
    assert (stack.folder / "other/x.yaml").read_text() == UNTIDY
    assert stack("fmt", "manifests/y.yaml").out == "manifests/y.yaml\n"


def test_a_file_that_would_say_something_else_is_told():
    found = differing(Path("a.yaml"), "a: 1\n", "a: 2\n")
    assert [(one.code, one.severity) for one in found] == [("not-formatted", "error")]
    assert differing(Path("a.yaml"), "a:   1\n", "a: 1\n") == []


def test_without_a_stack_and_without_a_path_nothing_is_touched(stack):
    (stack.folder / "manifests/reconciler.yaml").unlink()
    assert "there is no reconciler.yaml in 'manifests'" in stack("fmt", code=1).err
    assert "'none' does not exist" in stack("fmt", "--manifests", "none", code=1).err
    assert text(stack) == UNTIDY
    assert stack("fmt", "manifests").out == "manifests/main.yaml\n"


def test_permissions_line_breaks_and_the_byte_order_mark_stay(stack):
    file = stack.folder / "manifests/main.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + UNTIDY.replace("\n", "\r\n").encode())
    file.chmod(0o640)
    stack("fmt")
    assert file.read_bytes() == b"\xef\xbb\xbf" + TIDY.replace("\n", "\r\n").encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(one.name for one in file.parent.iterdir()) == ["main.yaml", "reconciler.yaml"]


def test_a_file_that_cannot_be_written_stays_as_it_is(stack, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        found = stack("fmt", code=1)
    assert "'manifests/main.yaml' cannot be written: No space left on device [cannot-write]" in found.err
    assert text(stack) == UNTIDY
    assert sorted(one.name for one in (stack.folder / "manifests").iterdir()) == ["main.yaml", "reconciler.yaml"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)  # whoever runs the tests may be allowed everything
        assert "cannot be written: Permission denied" in stack("fmt", code=1).err
    assert text(stack) == UNTIDY


def test_standard_input_goes_to_standard_output():
    found = pipe(UNTIDY.replace("\n", "\r\n").encode())
    assert (found.returncode, found.stdout.decode(), found.stderr) == (0, TIDY.replace("\n", "\r\n"), b"")
    assert pipe(TIDY.encode()).stdout.decode() == TIDY
    assert pipe(b"").stdout == b""
    checked = pipe(UNTIDY.encode(), "--check")
    assert (checked.returncode, checked.stdout) == (1, b"-\n")
    assert pipe(TIDY.encode(), "--check").returncode == 0
    assert b"\n+  a:\n" in pipe(UNTIDY.encode(), "--diff").stdout
    broken = pipe(b"a: {")
    assert (broken.returncode, broken.stdout) == (1, b"")
    assert b"-:1:4: error: '{' is never closed" in broken.stderr
    assert pipe(b"\xff").stdout == b""


def test_what_the_project_and_the_program_write_is_in_canonical_form(shell):
    shell("init", "--manifests", "fresh")
    found = shell("fmt", "--check", "fresh", str(ROOT / "examples"), str(ROOT / "manifests"))
    assert found.out == ""
