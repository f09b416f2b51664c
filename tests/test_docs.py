"""What the documentation says is so: its commands are run, its manifests applied, its tables compared with the code.

A page is a story. From the top down, in one folder and on one server of its own:

- a `yaml` block whose first line is a comment with a file name (`# manifests/fraud.yaml`) is written to that file;
- each line of a `console` block that starts with `$ ` is run, and must print exactly the lines below it; in these `...`
  stands for anything, alone on a line for any number of lines;
- a comment `<!-- server: POST experiments/create {...} -->` is what somebody else does on the server, and
  `<!-- server: fill tests/handmade.py {} -->` all that this module makes there;
- `http://localhost:5000` is the server.

Blocks that cannot be run here (`pip install`) are `sh`.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import click
import pytest

import reconciler
from reconciler.cli import COMMANDS
from reconciler.core import document, mark
from reconciler.core.address import Address
from reconciler.core.diagnostics import Failed
from reconciler.core.source import parse
from reconciler.session import Session
from tests import handmade
from tests.e2e.tools import Server, outside
from tests.fakes.mlflow import FakeMlflow

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCE = ROOT / "reconciler"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md")])
EVERY_PAGE = sorted(
    [*PAGES, *(DOCS / "reference").glob("*.md"), ROOT / "CHANGELOG.md", *(ROOT / "examples").rglob("*.md")]
)
SERVER = "http://localhost:5000"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ELSEWHERE = re.compile(r"^<!-- server: (\w+) (\S+) (.*) -->$", re.MULTILINE)
_NAMED = re.compile(r"# ([\w./-]+\.ya?ml)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block, or what somebody else does (`language` is `server`); `line` is where it begins."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str:
        """The file that a whole manifest is written to; '' for a snippet."""
        named = _NAMED.match(self.text) if self.language == "yaml" else None
        return named[1] if named else ""


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = [Block(one[1], one[2], text.count("\n", 0, one.start()) + 1) for one in _FENCE.finditer(text)]
    found += [Block("server", one[0], text.count("\n", 0, one.start()) + 1) for one in _ELSEWHERE.finditer(text)]
    return sorted(found, key=lambda block: block.line)


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def section(page: Path, title: str) -> str:
    """The text below the heading `title`, up to the next heading."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", prose(page), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no section '{title}'"
    return found[1]


@dataclass
class Story:
    """A folder and a server on which a page's blocks are carried out."""

    folder: Path
    fake: FakeMlflow
    url: str
    bin: Path
    more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bin.mkdir(exist_ok=True)
        for name, arguments in {"reconciler": " -m reconciler", "python": ""}.items():
            wrapper = self.bin / name
            wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{arguments} "$@"\n')
            wrapper.chmod(0o755)

    def tell(self, block: Block) -> None:
        if block.file:
            self.write(block)
        elif block.language == "server":
            self.elsewhere(block)
        elif block.language == "console":
            for command, expected in commands(block):
                self.run(command, expected, block)

    def write(self, block: Block) -> None:
        """Write a whole manifest; with all that is there by now, it has no errors."""
        file = self.folder / block.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text.partition("\n")[2].replace(SERVER, self.url), encoding="utf-8")
        stack = self.folder / block.file.partition("/")[0]
        if (stack / "reconciler.yaml").exists():
            try:
                _ = Session(stack, environ={"REGION": "eu", "API_TOKEN": "secret"}).desired
            except Failed as failed:
                pytest.fail(f"line {block.line}: {failed}")

    def elsewhere(self, block: Block) -> None:
        method, route, body = _ELSEWHERE.match(block.text).groups()
        if method == "fill":
            handmade.fill(Server(self.fake).post)
            return
        status, reply = self.fake.handle(method, f"/api/2.0/mlflow/{route}", {}, json.loads(body))
        assert status == 200, f"line {block.line}: {reply}"

    def run(self, command: str, expected: list[str], block: Block) -> None:
        words = shlex.split(command)
        if words[0] == "cd":
            self.folder = (self.folder / words[1]).resolve()
            return
        if words[0] == "export":
            self.more |= dict([words[1].replace(SERVER, self.url).split("=", 1)])
            return
        done = subprocess.run(
            ["sh", "-c", command.replace(SERVER, self.url)],
            cwd=self.folder,
            env={**outside(), "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", **self.more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        printed = done.stdout.replace(self.url, SERVER)
        as_said = re.fullmatch(_pattern(expected), printed.rstrip("\n") + "\n")
        if not as_said or (done.returncode and "rror: " not in printed):
            pytest.fail(f"line {block.line}: $ {command}\n{printed}[exit {done.returncode}]", pytrace=False)


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines that it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    yield from found


def _pattern(expected: list[str]) -> str:
    while expected and not expected[-1]:
        expected = expected[:-1]
    lines = [
        "(?:.*\n)*?" if line.strip() == "..." else ".*".join(re.escape(part) for part in line.split("...")) + "\n"
        for line in expected
    ]
    return "".join(lines) or "\n"


@pytest.fixture
def story(tmp_path):
    folder = tmp_path / "my-stack"
    folder.mkdir()
    fake = FakeMlflow()
    with fake.serve() as url:
        yield Story(folder, fake, url, tmp_path / "bin")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_tells_what_happens(page, story):
    for block in blocks(page):
        story.tell(block)


def test_the_code_of_python_md_runs(story, tmp_path):
    page = DOCS / "python.md"
    for block in blocks(page):
        if block.file:
            story.write(block)
    script = tmp_path / "script.py"
    script.write_text("\n".join(block.text for block in blocks(page) if block.language == "python"))
    subprocess.run([sys.executable, script], cwd=story.folder, env=outside(), check=True, timeout=60)
    assert "experiments/create" in [request.path for request in story.fake.requests]


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_has_a_language_that_is_looked_at(page):
    assert {block.language for block in blocks(page)} <= {
        "console",
        "json",
        "python",
        "server",
        "sh",
        "text",
        "toml",
        "yaml",
    }


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_snippet_is_yaml(page):
    for block in blocks(page):
        if block.language == "yaml":
            assert parse(block.text, f"{page.name} line {block.line}")[1] == []


OTHERS = {".", "cd", "export", "git", "mlflow", "pip", "python", "python3"}


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_cannot_be_run_here_is_there(page):
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
    for words in (shlex.split(line, comments=True) for line in lines):
        if not words:
            continue
        if words[0] == "reconciler":
            known = {option for parameter in command(words[1]).params for option in parameter.opts}
            assert {word for word in words[2:] if word.startswith("-")} <= known, words
        elif "/" in words[0]:
            assert os.access(ROOT / words[0], os.X_OK), words
        else:
            assert words[0] in OTHERS, words


def command(name: str) -> click.Command:
    return import_module(f"reconciler.cli.{name}").command


def test_every_command_has_a_section():
    assert re.findall(r"^## `(\w+)`$", (DOCS / "commands.md").read_text(), re.MULTILINE) == list(COMMANDS)


OPTIONS = {option for name in COMMANDS for parameter in command(name).params for option in parameter.opts}
STRANGERS = {
    *("--help", "--version", "--all", "--quick", "--update-golden"),
    *("--allow-empty", "--app-name", "--build-arg", "--enable-workspaces", "--allowed-hosts", "--require-hashes"),
}
"""What click gives to every program, what our scripts take, and what other programs do."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_an_option_that_is_named_is_one(page):
    named = {
        option for code in re.findall(r"`([^`\n]+)`", prose(page)) for option in re.findall(r"(?<!\S)--\w[\w-]*", code)
    }
    assert named <= OPTIONS | STRANGERS


def rows(text: str) -> list[str]:
    """The names in code type with which the rows of a section's tables begin."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


codes = runpy.run_path(str(ROOT / "script" / "messages.py"))["codes"]


def test_every_code_of_a_finding_is_explained():
    documented = rows((DOCS / "errors.md").read_text())
    assert sorted(documented) == sorted(codes())


def test_every_environment_variable_is_in_targets_md():
    texts = [path.read_text() for path in SOURCE.rglob("*.py") if path.name in {"access.py", "options.py", "target.py"}]
    read = {name for text in texts for name in re.findall(r'"((?:MLFLOW_TRACKING|TENANT|DATABRICKS)_\w+)"', text)}
    assert read == set(rows(section(DOCS / "targets.md", "Environment variables"))) & read
    assert len(read) >= 15


def test_every_module_that_is_mutated_has_its_score_in_reliability_md():
    modules = runpy.run_path(str(ROOT / "script" / "mutants.py"))["MODULES"]
    assert rows(section(DOCS / "reliability.md", "Mutation testing")) == list(modules)
    assert all((ROOT / module).is_file() for module in modules)


def test_the_mark_in_concepts_md_is_one():
    block = next(block for block in blocks(DOCS / "concepts.md") if '"v"' in block.text and block.language == "json")
    found = mark.read({"reconciler.fraud-platform": block.text}, "fraud-platform")
    assert found.address == Address("experiments", "fraud")
    assert found.keys[("tags", "team")] == mark.digest("risk")
    assert mark.write(found, "fraud-platform") == {"reconciler.fraud-platform": block.text.strip()}


def test_the_plan_in_commands_md_is_one():
    block = next(block for block in blocks(DOCS / "commands.md") if block.language == "json")
    plan, problems = document.load(block.text, "commands.md")
    assert problems == []
    assert document.dump(plan, reconciler.__version__) == document.dump(plan, json.loads(block.text)["tool"])


_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page):
    for link in _LINK.findall(prose(page)):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), link
        if anchor:
            assert anchor in anchors(file), link


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_is_listed():
    linked = {link.partition("#")[0] for link in _LINK.findall((DOCS / "index.md").read_text())}
    assert {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {"index.md"} <= linked
    assert "docs/index.md" in _LINK.findall((ROOT / "README.md").read_text())


def test_the_changelog_has_the_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.startswith("# Changelog\n")
    assert f"## {reconciler.__version__}" in text or f"## [{reconciler.__version__}]" in text


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_place_of_this_machine_is_named(page):
    assert not re.search(r"/(work|tmp|home|root|Users)/\w", page.read_text())
