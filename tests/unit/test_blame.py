"""Who last wrote a line: a real Git is asked, in repositories of every state."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.core.origin import Commit
from reconciler.runtime.blame import blame

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")

ADA = {"GIT_AUTHOR_NAME": "Ada Łovelace", "GIT_AUTHOR_DATE": "2026-01-31T23:30:00 -0330"}
BOB = {"GIT_AUTHOR_NAME": "Bob", "GIT_AUTHOR_DATE": "2026-02-01T09:00:00 +0100"}
ALONE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
SOMEBODY = {"GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@x", "GIT_AUTHOR_EMAIL": "a@x"}


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in ALONE.items():
        monkeypatch.setenv(name, value)


def git(folder: Path, *arguments: str, **environment: str) -> str:
    env = os.environ | SOMEBODY | environment
    return subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path):
    """Ada wrote the first two lines of `stack/a.yaml`, Bob changed the second."""
    folder = tmp_path / "repo"
    (folder / "stack").mkdir(parents=True)
    git(folder, "init", "--quiet")
    commit(folder, "one\ntwo\n", "First lines", **ADA)
    commit(folder, "one\nTWO\n", "Louder: two", **BOB)
    return folder


def commit(folder, text, summary, **author):
    (folder / "stack/a.yaml").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", summary, **author)


def test_the_author_the_date_as_it_was_there_and_the_summary(repository):
    found = blame(repository / "stack/a.yaml", [2, 1])
    assert (found[1].author, found[1].date, found[1].summary) == (
        "Ada Łovelace",
        "2026-01-31T23:30:00-03:30",
        "First lines",
    )
    assert (found[2].author, found[2].date, found[2].summary) == ("Bob", "2026-02-01T09:00:00+01:00", "Louder: two")
    assert found[2].id == git(repository, "rev-parse", "HEAD").strip()
    assert {one.note for one in found.values()} == {""}


def test_no_line_asks_nothing(repository):
    assert blame(repository / "stack/a.yaml", []) == {}


def test_a_line_that_is_not_committed(repository):
    (repository / "stack/a.yaml").write_text("one\ntwo again\n")
    found = blame(repository / "stack/a.yaml", [1, 2])
    assert found[1].author == "Ada Łovelace"
    assert found[2] == Commit(note="not committed yet")


def test_a_file_that_git_does_not_know(repository):
    (repository / "new.yaml").write_text("one\n")
    assert blame(repository / "new.yaml", [1]) == {1: Commit(note="not committed yet")}


def test_a_repository_without_a_commit(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.yaml").write_text("one\n")
    assert blame(tmp_path / "a.yaml", [1]) == {1: Commit(note="not committed yet")}


def test_a_folder_that_is_no_repository_is_not_worth_a_word(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "a.yaml").write_text("one\n")
    assert blame(tmp_path / "a.yaml", [1]) == {}


def test_neither_is_a_machine_without_git(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert blame(repository / "stack/a.yaml", [1]) == {}


def test_in_a_shallow_clone_it_may_have_been_an_earlier_commit(repository, tmp_path):
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), "shallow")
    found = blame(tmp_path / "shallow/stack/a.yaml", [1])
    assert found[1].summary == "Louder: two"
    assert found[1].note == "or an earlier one: the clone is shallow"


def test_the_first_commit_of_a_whole_repository_is_sure(repository):
    assert blame(repository / "stack/a.yaml", [1])[1].note == ""


def test_a_git_that_takes_too_long_is_not_waited_for(repository, tmp_path, monkeypatch):
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    found = blame(repository / "stack/a.yaml", [1], patience=0.1)
    assert found == {1: Commit(note="Git did not answer within 0.1 s")}


def test_what_else_git_says_is_told(repository):
    number = git(repository, "rev-parse", "HEAD:stack/a.yaml").strip()
    (repository / f".git/objects/{number[:2]}/{number[2:]}").unlink()
    assert blame(repository / "stack/a.yaml", [1])[1].note.startswith("Git cannot tell: ")


def test_a_line_that_moved_since_the_commit(repository):
    (repository / "stack/a.yaml").write_bytes(b"zero\r\none\r\n\r\nTWO\r\n")
    found = blame(repository / "stack/a.yaml", [1, 2, 3, 4, 99])
    assert [found[line].author for line in (2, 4)] == ["Ada Łovelace", "Bob"]
    assert {found[line] for line in (1, 3, 99)} == {Commit(note="not committed yet")}


def test_nothing_that_the_repository_names_is_run(repository, tmp_path):
    made = tmp_path / "made"
    (repository / ".gitattributes").write_text("* diff=x filter=x\n")
    settings = ("diff.x.textconv", "filter.x.clean", "filter.x.smudge", "filter.x.process", "core.fsmonitor")
    for name in settings:
        git(repository, "config", name, f"touch {made}; cat")
    assert blame(repository / "stack/a.yaml", [1])[1].author == "Ada Łovelace"
    assert not made.exists()


def test_a_link_is_followed_to_the_file(repository, tmp_path):
    (tmp_path / "link.yaml").symlink_to(repository / "stack/a.yaml")
    assert blame(tmp_path / "link.yaml", [2])[2].author == "Bob"
