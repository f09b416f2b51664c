"""The exact words of plans, applies and errors: each folder of tests/golden is a case.

    manifests/     the stack; `${env.SERVER}` is the fake server
    before/        manifests that were applied earlier, if there are any
    server.json    what somebody else then did on the server: [[method, route, body], ...]
    options.json   the arguments of plan and apply, the exit code of apply, further formats of the plan
    plan.txt, plan.json, plan.markdown, plan.html, apply.txt, error.txt    what is expected

`pytest tests/e2e/test_golden.py --update-golden` writes the expected files anew.
"""

from __future__ import annotations

import itertools
import json
import shutil
import uuid
from pathlib import Path

import pytest

from reconciler import __version__
from tests.e2e.tools import sending

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if (folder / "manifests").is_dir())
SECRET = "canary-5c1f"


@pytest.fixture(autouse=True)
def known(monkeypatch, url):
    """The fake gives ids in order instead of by chance; the environment is what the cases name."""
    count = itertools.count(1)
    monkeypatch.setattr("tests.fakes.mlflow.state.uuid.uuid4", lambda: uuid.UUID(int=next(count)))
    monkeypatch.setenv("SERVER", url)
    monkeypatch.setenv("TOKEN", SECRET)


def prepare(case, shell, server):
    """Bring server and folder to where the case begins."""
    stack = shell.folder / "manifests"
    if (case / "before").is_dir():
        replace(stack, case / "before")
        shutil.copy(case / "manifests/reconciler.yaml", stack)
        shell("apply", "--yes", "--parallel", "1")
    if (case / "server.json").exists():
        for method, route, body in json.loads((case / "server.json").read_text()):
            server(method, route, **body)
    replace(stack, case / "manifests")


def replace(folder, by):
    shutil.rmtree(folder)
    shutil.copytree(by, folder)


def happen(shell, url, arguments=(), code=0, formats=()):
    """What the commands of a case print, by the name of the file that expects it."""
    arguments = [*arguments, "--parallel", "1"]
    planned = shell("plan", *arguments, code=None)
    found = {"plan.txt": planned.out, "error.txt": planned.err}
    if planned.code == 0:
        files = {name: shell.folder / f"plan.{name}" for name in ("json", *formats)}
        shell("plan", *arguments, *(word for name, file in files.items() for word in ("--format", f"{name}={file}")))
        found |= {
            file.name: file.read_text(encoding="utf-8").replace(__version__, "VERSION") for file in files.values()
        }
    applied = shell("apply", "--yes", *arguments, code=code)
    assert applied.out.startswith(planned.out)
    if planned.code == 0:
        found["apply.txt"] = applied.err + applied.out.removeprefix(planned.out)
        assert "No changes" in shell("plan").out
    else:
        assert applied.err == planned.err
        assert applied.code == planned.code
    return {name: text.replace(url, "SERVER") for name, text in found.items() if text}


@pytest.mark.parametrize("name", CASES)
def test_what_is_printed_is_what_is_expected(name, request, shell, server, fake, url):
    case = GOLDEN / name
    options = json.loads((case / "options.json").read_text()) if (case / "options.json").exists() else {}
    prepare(case, shell, server)
    with sending(fake) as sent:
        found = happen(shell, url, **options)
    assert bool(sent.requests) == ("apply.txt" in found and "done" in found["apply.txt"])
    assert not any(SECRET in text for text in found.values())
    expected = {path.name for path in case.iterdir() if path.stem in ("plan", "apply", "error")}
    if request.config.getoption("--update-golden"):
        for stale in expected - found.keys():
            (case / stale).unlink()
        for file, text in found.items():
            (case / file).write_text(text, encoding="utf-8", newline="\n")
        return
    assert expected == found.keys()
    for file, text in found.items():
        assert text == (case / file).read_text(encoding="utf-8"), f"{case / file}; --update-golden writes it anew"
