"""What a `${...}` stands for: from an expression to a text, given variables, environment, target, stack and item."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.change import Secret
from reconciler.core.diagnostics import Failed, Span, error
from reconciler.core.words import noun, shown, suggest

_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


class Unknown(Exception):  # noqa: N818 - it reads `raise Unknown(...)`
    """An expression that stands for no text: a finding without its place."""

    def __init__(self, code: str, summary: str, hint: str) -> None:
        super().__init__(code, summary, hint)
        self.code, self.summary, self.hint = code, summary, hint


@dataclass(frozen=True, slots=True)
class Each:
    """The item of a `for_each`."""

    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Given:
    """Who gave a variable its value (`by`), and where that is written, if it is."""

    by: str
    at: Span | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions can name. A variable whose value is None is declared and has none."""

    variables: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    target: str = ""
    stack: str = ""
    each: Each | None = None

    def text(self, expression: str) -> str:
        """What `expression` (such as `var.env`) stands for: a Secret, if in the environment. Raises Unknown."""
        match expression.split(".", 1):
            case ["target"]:
                return self.target
            case ["stack"]:
                return self.stack
            case ["var", name] if name in self.variables:
                return self._variable(name)
            case ["env", name] if name:
                return self._environment(name)
            case ["each", name]:
                return self._item(name)
        raise Unknown("unknown-name", f"{shown(expression)} is not known", self._near(expression))

    def secret(self, template: str) -> str:
        """The text of a Secret's template. Raises Failed where the environment does not have all of it (any more)."""
        try:
            return "".join(fill(template, lambda token: replacement(token, self)))
        except Unknown as unknown:
            raise Failed([error(unknown.code, unknown.summary, None, unknown.hint)]) from None

    def _variable(self, name: str) -> str:
        value = self.variables[name]
        if value is None:
            raise Unknown("unset-variable", f"the variable '{name}' has no value", f"pass --var {name}=value")
        return value

    def _environment(self, name: str) -> str:
        if name not in self.env:
            raise Unknown("unset-env", f"the environment variable {shown(name)} is not set", f"set {name}")
        return Secret(self.env[name], f"${{env.{name}}}")

    def _item(self, name: str) -> str:
        if self.each is None:
            hint = "give the resource a for_each, or use a variable"
            raise Unknown("each-outside", f"{shown(f'each.{name}')} stands outside of a for_each", hint)
        first, *rest = name.split(".")
        if name != "key" and first != "value":
            raise Unknown("unknown-name", f"{shown(f'each.{name}')} is not known", self._near(f"each.{name}"))
        return self.each.key if name == "key" else _part_of(self.each.value, rest)

    def _near(self, expression: str) -> str:
        names = {"target", "stack", *(f"var.{name}" for name in self.variables)}
        if self.each is not None:
            names |= {"each.key", "each.value"}
        if f"var.{expression}" in names:
            return f"did you mean 'var.{expression}'?"
        return suggest(expression, names, "known, beside env.NAME, are")


def replacement(token: re.Match[str], scope: Scope) -> str:
    """What a token that `fill` found stands for. Raises Unknown."""
    if token[0] == "$${":
        return "${"
    if token[1] is None:
        hint = "write '}' at its end, or $${ for a literal ${"
        raise Unknown("bad-interpolation", "'${' is never closed", hint)
    return scope.text(token[1].strip())


def fill(text: str, replace: Callable[[re.Match[str]], str]) -> list[str]:
    """The pieces of `text`: what is literal and what stands for its expressions, in turn."""
    pieces, end = [], 0
    for token in _TOKEN.finditer(text):
        pieces += [text[end : token.start()], replace(token)]
        end = token.end()
    return [*pieces, text[end:]]


def has_expression(text: str) -> bool:
    """Whether something in `text` stands for something else; a literal `${`, written `$${`, does not."""
    return any(token[0] != "$${" for token in _TOKEN.finditer(text))


def _part_of(value: Any, path: list[str]) -> str:
    name = "each.value"
    for part in path:
        if not isinstance(value, dict) or part not in value:
            known = value if isinstance(value, dict) else ()
            raise Unknown("unknown-name", f"'{name}' has no {shown(part)}", suggest(part, known, "it has"))
        name, value = f"{name}.{part}", value[part]
    if value is None:
        raise Unknown("empty-value", f"'{name}' has no value", "write '' for an empty string")
    if isinstance(value, dict):
        raise Unknown("bad-interpolation", f"'{name}' is a map", suggest("", value, "use one of its fields, such as"))
    if not isinstance(value, str):
        raise Unknown("bad-interpolation", f"'{name}' is {noun(value)}", "only a text can stand within a text")
    return value
