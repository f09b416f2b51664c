"""Reading a folder of manifests: what is read, what is left out, and what cannot be read."""

import os
from pathlib import Path

import pytest

from reconciler.runtime import files
from reconciler.runtime.files import Folder, read


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "manifests"


def make(folder, texts):
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())


def only(folder):
    found, problems = read(folder, stack=False)
    assert problems == []
    return found


def wrong(folder):
    found, problems = read(folder, stack=False)
    return found, [(one.code, one.summary) for one in problems]


def test_every_yaml_file_below_the_folder_is_read(folder):
    make(
        folder,
        {
            "reconciler.yaml": "stack: a",
            "b.yaml": "B",
            "a.yml": "A",
            "sub/deep/c.yaml": "é",
            "sub.yaml/d.yml": "D",
            "sub/reconciler.yaml": "below the root it is a manifest",
            "readme.md": "x",
            "x.yaml.bak": "x",
            "noyaml": "x",
            ".hidden.yaml": "x",
            "_draft.yaml": "x",
            ".git/x.yaml": "x",
            "_drafts/x.yaml": "x",
            "sub/_x.yaml": "x",
        },
    )
    found = only(folder)
    assert found.config == ("reconciler.yaml", "stack: a")
    assert found.manifests == {
        "a.yml": "A",
        "b.yaml": "B",
        "sub.yaml/d.yml": "D",
        "sub/deep/c.yaml": "é",
        "sub/reconciler.yaml": "below the root it is a manifest",
    }
    assert list(found.manifests) == sorted(found.manifests)


def test_the_configuration_may_end_in_yml_or_be_missing(folder):
    make(folder, {"reconciler.yml": "stack: a"})
    assert only(folder) == Folder(("reconciler.yml", "stack: a"), {})
    (folder / "reconciler.yml").unlink()
    assert only(folder) == Folder(None, {})


def test_two_configurations_are_an_error(folder):
    make(folder, {"reconciler.yml": "stack: a", "reconciler.yaml": "stack: b"})
    found, problems = wrong(folder)
    assert problems == [("two-configs", "there are reconciler.yaml and reconciler.yml")]
    assert found.config is None


def test_nothing_below_a_folder_without_a_configuration_is_read_as_a_stack(folder):
    make(folder, {"a.yaml": "A", "deep/b.yaml": b"\xff"})
    (folder / "deep" / "again").symlink_to(folder)
    assert read(folder) == (Folder(), [])
    assert [code for code, _ in wrong(folder)[1]] == ["link-loop", "not-utf8"]
    make(folder, {"reconciler.yml": "stack: a"})
    found, problems = read(folder)
    assert found.config == ("reconciler.yml", "stack: a")
    assert [one.code for one in problems] == ["link-loop", "not-utf8"]


def test_a_folder_that_is_hidden_itself_is_read(tmp_path):
    make(tmp_path / ".stacks" / "_x", {"a.yaml": "A"})
    assert only(tmp_path / ".stacks" / "_x").manifests == {"a.yaml": "A"}


def test_a_relative_folder_gives_the_same_names(folder, monkeypatch):
    make(folder, {"sub/a.yaml": "A"})
    monkeypatch.chdir(folder)
    assert only(Path()).manifests == {"sub/a.yaml": "A"}


def test_a_byte_order_mark_and_line_ends(folder):
    make(folder, {"a.yaml": b"\xef\xbb\xbfa: b\r\nc: d\r\n"})
    assert only(folder).manifests == {"a.yaml": "a: b\r\nc: d\r\n"}


def test_a_folder_that_is_not_there(folder):
    found, problems = read(folder, stack=False)
    assert found == Folder()
    assert [(one.code, one.summary, one.hint) for one in problems] == [
        ("no-folder", f"'{folder}' does not exist", "make one with: reconciler init")
    ]


def test_a_file_is_no_folder(tmp_path):
    make(tmp_path, {"x.yaml": ""})
    assert wrong(tmp_path / "x.yaml")[1] == [("no-folder", f"'{tmp_path}/x.yaml' is not a folder")]


def test_a_folder_below_a_file(tmp_path):
    make(tmp_path, {"x": ""})
    assert wrong(tmp_path / "x" / "y")[1] == [("no-folder", f"'{tmp_path}/x/y' cannot be read: not a directory")]


@pytest.mark.parametrize(
    ("data", "byte", "offset", "place"),
    [
        (b"a: \xff", "0xff", 3, "x.yaml:1:4"),
        (b"a: b\n\xc3\xa9: \xe9\n", "0xe9", 9, "x.yaml:2:4"),
        (b"\xef\xbb\xbfa: \xe9\n", "0xe9", 6, "x.yaml:1:4"),
        ("a: b".encode("utf-16"), "0xff", 0, "x.yaml:1:1"),
        (b"a: \xed\xa0\x80", "0xed", 3, "x.yaml:1:4"),
    ],
)
def test_what_is_not_utf8_has_its_place(folder, data, byte, offset, place):
    make(folder, {"x.yaml": data, "a.yaml": "A"})
    found, problems = read(folder, stack=False)
    assert found.manifests == {"a.yaml": "A"}
    assert [(one.code, one.summary, str(one.at), one.hint) for one in problems] == [
        ("not-utf8", f"byte {byte} at offset {offset} is not UTF-8", place, "save the file as UTF-8")
    ]


def test_a_file_that_is_too_large(folder, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 2**20)
    make(folder, {"x.yaml": b"#" * (2**20 + 1), "y.yaml": b"#" * 2**20})
    found, problems = wrong(folder)
    assert list(found.manifests) == ["y.yaml"]
    assert problems == [("too-large", "'x.yaml' is too large")]


def test_links_are_followed(folder, tmp_path):
    make(tmp_path, {"elsewhere/a.yaml": "A", "one": "B"})
    make(folder, {"..data/c.yaml": "C"})
    (folder / "sub").symlink_to(tmp_path / "elsewhere")
    (folder / "b.yaml").symlink_to(tmp_path / "one")
    (folder / "c.yaml").symlink_to("..data/c.yaml")  # as Kubernetes mounts a ConfigMap
    assert only(folder).manifests == {"b.yaml": "B", "c.yaml": "C", "sub/a.yaml": "A"}


@pytest.mark.parametrize("target", [".", "..", "../..", "../../../manifests/sub"])
def test_a_link_into_a_folder_that_it_stands_in(folder, target):
    make(folder, {"sub/deep/a.yaml": "A"})
    (folder / "sub" / "deep" / "loop").symlink_to(target)
    found, problems = wrong(folder)
    assert found.manifests == {"sub/deep/a.yaml": "A"}
    assert problems == [("link-loop", "'sub/deep/loop' is a link to a folder that it stands in")]


def test_links_to_nowhere(folder):
    folder.mkdir()
    (folder / "gone.yaml").symlink_to("nowhere")
    (folder / "self.yaml").symlink_to("self.yaml")
    (folder / "other").symlink_to("nowhere")
    assert wrong(folder)[1] == [
        ("unreadable", "'gone.yaml' cannot be read: no such file or directory"),
        ("unreadable", "'self.yaml' cannot be read: too many levels of symbolic links"),
    ]


def test_a_pipe_is_not_waited_for(folder):
    folder.mkdir()
    os.mkfifo(folder / "x.yaml")
    assert wrong(folder)[1] == [("unreadable", "'x.yaml' is not a regular file")]


def test_files_and_folders_without_permission(folder, monkeypatch):
    make(folder, {"a.yaml": "A", "b.yaml": "B", "sub/c.yaml": "C"})
    scandir, stat = os.scandir, Path.stat

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", lambda path: refuse(path) if str(path).endswith("sub") else scandir(path))
    monkeypatch.setattr(Path, "stat", lambda self: refuse(self) if self.name == "b.yaml" else stat(self))
    found, problems = wrong(folder)
    assert found.manifests == {"a.yaml": "A"}
    assert sorted(problems) == [
        ("unreadable", "'b.yaml' cannot be read: permission denied"),
        ("unreadable", "'sub' cannot be read: permission denied"),
    ]


def test_the_folder_itself_without_permission(folder, monkeypatch):
    folder.mkdir()

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    assert wrong(folder)[1] == [("unreadable", "'.' cannot be read: permission denied")]


def test_an_error_without_words_has_its_name():
    assert files._why(OSError()) == "oserror"


def test_a_name_that_cannot_be_printed_is_escaped(folder):
    folder.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff.yaml")).write_text("A")
    except OSError:
        pytest.skip("this file system has only names in UTF-8")
    assert list(only(folder).manifests) == ["\\udcff.yaml"]


def test_folders_as_deep_as_the_system_takes_them(folder):
    folder.mkdir(parents=True)
    deep = folder
    for _ in range(300):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "a.yaml").write_text("A")
    assert list(only(folder).manifests) == ["d/" * 300 + "a.yaml"]
