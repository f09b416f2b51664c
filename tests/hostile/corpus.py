"""The cases of the corpus, what is expected of each, and what a command said of one, in one line of text."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

from reconciler.cli.exits import CREDENTIALS, ERROR, REFUSALS, REFUSED
from tests.e2e.tools import Result

HERE = Path(__file__).parent
MOST = 20
"""How many findings of a case are written down."""

_FINDING = re.compile(r"^(?:(?P<file>[^\n]+?):(?P<place>\d+:\d+): )?error: [^\n]* \[(?P<code>[a-z-]+)\]$", re.MULTILINE)


def cases(corpus: str, suffix: str) -> list[str]:
    """The files of a corpus by their paths in it, without the suffix."""
    folder = HERE / corpus
    return sorted(file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob(f"*{suffix}"))


def expected(corpus: str) -> dict[str, str]:
    """By case what is expected: the lines of `<corpus>.txt` that are no comments."""
    file = HERE / f"{corpus}.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def check(corpus: str, case: str, found: str, *, update: bool) -> None:
    """That `found` is what is expected of a case; with `update` it is from now on."""
    known = expected(corpus)
    if update and known.get(case) != found:
        file = HERE / f"{corpus}.txt"
        head = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        lines = [f"{name}: {text}" for name, text in sorted((known | {case: found}).items())]
        file.write_text("\n".join([*head, "", *lines, ""]), encoding="utf-8")
    else:
        assert known.get(case) == found, f"{corpus}/{case}"


def told(result: Result, main: str, *, placed: bool = True) -> str:
    """The exit code and the findings; if wanted, each with its place. `main` is the file that is not named."""
    found = [_brief(match, main if placed else None) for match in _FINDING.finditer(result.err)]
    more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    return f"exit {result.code}" + "".join(f", {one}" for one in [*found[:MOST], *more])


def places(result: Result) -> list[str]:
    """The places of the findings; '' for one that has none."""
    return [match["place"] or "" for match in _FINDING.finditer(result.err)]


def documented(result: Result) -> int:
    """The exit code that docs/errors.md gives the findings of a command that was refused as a whole."""
    codes = {match["code"] for match in _FINDING.finditer(result.err)}
    return REFUSED if codes & REFUSALS else CREDENTIALS if "credentials" in codes else ERROR


def changed(document: Any, operations: list[dict[str, Any]]) -> Any:
    """`document` after the operations of a JSON Patch (RFC 6902): add, remove, replace."""
    document = copy.deepcopy(document)
    for operation in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        holder = document
        for part in way:
            holder = holder[int(part) if isinstance(holder, list) else part]
        key: Any = int(last) if isinstance(holder, list) else last
        if operation["op"] == "add" and isinstance(holder, list):
            holder.insert(key, operation["value"])
        elif operation["op"] == "remove":
            del holder[key]
        else:
            assert operation["op"] == "add" or key in holder or isinstance(key, int), operation
            holder[key] = operation["value"]
    return document


def plan_cases() -> list[str]:
    """Whole files, and the cases in the files of changes: `changed/ids/null`."""
    patched = [
        f"changed/{file.stem}/{name}"
        for file in sorted((HERE / "plans/changed").glob("*.json"))
        for name in json.loads(file.read_text(encoding="utf-8"))
    ]
    return [*(name for name in cases("plans", ".json") if name.startswith("whole/")), *patched]


def plan_text(case: str, good: str) -> bytes:
    """The bytes of a case's plan file; `good` is a plan that could be applied."""
    kind, _, name = case.partition("/")
    if kind == "whole":
        return (HERE / f"plans/{case}.json").read_bytes()
    subject, _, which = name.partition("/")
    operations = json.loads((HERE / f"plans/changed/{subject}.json").read_text(encoding="utf-8"))[which]
    return json.dumps(changed(json.loads(good), operations), indent=2).encode()


def _brief(match: re.Match[str], main: str | None) -> str:
    place = match["place"] if match["place"] and main is not None else ""
    if place and match["file"] != main:
        place = f"{Path(match['file']).name}:{place}"
    return f"{place} [{match['code']}]".strip()
