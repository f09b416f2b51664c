"""From the sources to the findings that they can make: each code, and the words in which it is told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "reconciler"
MAKERS = {"error", "warning", "Unknown", "report", "_unknown"}
"""The functions whose first argument is a code."""
_TELLING = re.compile(r"[a-z]{2}\W+[a-z]{2}")
"""What a person could look for."""
_CODE = re.compile("[a-z]+[a-z0-9]*(-[a-z0-9]+)*")


def codes() -> set[str]:
    """The codes of all findings that the source can make."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"error: .* \[([a-z-]+)\]", text))  # the last words of a program that broke
        for scope in ast.walk(ast.parse(text)):
            if isinstance(scope, ast.FunctionDef):
                found |= _codes(scope)
            elif isinstance(scope, ast.Assign | ast.AnnAssign) and scope.value:
                targets = scope.targets if isinstance(scope, ast.Assign) else [scope.target]
                name = getattr(targets[0], "id", "")
                if name == "finding" or (name == "code" and isinstance(scope, ast.AnnAssign)):
                    found |= set(_texts(scope.value))
    return found


def messages() -> dict[str, list[str]]:
    """The words of the findings by their code, as far as they stand beside it; `…` is what they are about."""
    found: dict[str, set[str]] = {code: set() for code in codes()}
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")]
    failures = dict(pair for tree in trees for pair in _failures(tree))
    for scope in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for call in (node for node in ast.walk(scope) if isinstance(node, ast.Call)):
            told, words = _said(call, failures)
            for code in told:
                found[code] |= {text for text in _told(words, scope) if _TELLING.search(text)} if words else set()
    return {code: sorted(texts) for code, texts in sorted(found.items())}


def warnings() -> set[str]:
    """The codes of findings that are no errors."""
    calls = [
        node
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and node.args and _name(node) in {"warning", "Diagnostic"}
    ]
    plain = [call for call in calls if _name(call) == "warning"]
    named = [call for call in calls if isinstance(call.args[0], ast.Constant) and call.args[0].value == "warning"]
    return {code for call in plain for code in _texts(call.args[0])} | {
        code for call in named for keyword in call.keywords if keyword.arg == "code" for code in _texts(keyword.value)
    }


def _failures(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The exceptions that say which finding they are: the name of the class, and the code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.Assign) and getattr(part.targets[0], "id", "") == "finding":
                    yield from ((node.name, code) for code in _texts(part.value))


def _said(call: ast.Call, failures: Mapping[str, str]) -> tuple[list[str], ast.AST | None]:
    """The codes that a call names, and where its words are."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if _name(call) in MAKERS and len(call.args) > 1:
        return list(_texts(call.args[0])), call.args[1]
    if _name(call) in failures and call.args:
        return [failures[_name(call)]], call.args[0]
    if (code := named.get("code") or named.get("finding")) and _name(call)[:1].isupper():
        return list(_texts(code)), named.get("summary") or (call.args[1] if len(call.args) > 1 else None)
    return [], None


def _told(node: ast.AST, scope: ast.FunctionDef) -> Iterator[str]:
    """The texts that an argument can be: itself, or what a variable of the function is given."""
    if isinstance(node, ast.IfExp):
        yield from (*_told(node.body, scope), *_told(node.orelse, scope))
    elif isinstance(node, ast.Name):
        for one in ast.walk(scope):
            if isinstance(one, ast.Assign) and getattr(one.targets[0], "id", "") == node.id:
                yield from _told(one.value, scope)
    else:
        yield _words(node)


def _words(node: ast.AST) -> str:
    """The text of a literal, with `…` in place of what is filled in; '' where it is none."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)  # type: ignore[misc]
    return ""


def _codes(function: ast.FunctionDef) -> set[str]:
    """The codes in one function: of findings, and those that a variable `code` can be."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "code" for target in node.targets):
            found |= set() if isinstance(node.value, ast.Call) else set(_texts(node.value))
        if not isinstance(node, ast.Call):
            continue
        if _name(node) in MAKERS and node.args:
            found |= set(_texts(node.args[0]))
        found |= {
            code for keyword in node.keywords if keyword.arg in ("code", "finding") for code in _texts(keyword.value)
        }
    return found


def _name(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MAKERS:
        return  # it is looked at by itself
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and _CODE.fullmatch(str(part.value)):
            yield part.value
