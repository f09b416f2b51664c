"""From reconciler.yaml to the stack's configuration, and from that to the target that was chosen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.interpolate import EVERYTHING, Scope, interpolate
from reconciler.core.scope import Given
from reconciler.core.target import blurred, from_environment, read
from reconciler.core.validate import validate
from reconciler.core.wire import Backend
from reconciler.core.words import dotted, shown, suggest
from reconciler.core.written import Document

_STACK = re.compile("[a-z0-9][a-z0-9-]{0,59}")
_NAME = re.compile(r"\w[\w.-]*")


def _stack(text: str) -> str:
    if not _STACK.fullmatch(text):
        raise ValueError("is not a stack's name: write a-z, 0-9 and '-', not '-' first, at most 60 characters")
    return text


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Variable(_Model):
    """A variable of the manifests, `${var.name}`; without a default a value must be given."""

    default: str | None = Field(default=None, description="A text without expressions; without one it has to be given.")
    description: str = Field(default="", description="For readers.")


class Defaults(_Model):
    """What is joined into every resource."""

    tags: Annotated[dict[str, str], Field(max_length=100)] = Field(
        default_factory=dict, description="At most 100. A resource's own win; one with `existing: true` gets none."
    )


class Safety(_Model):
    """What an apply refuses to do without being asked."""

    max_delete_percent: int = Field(
        default=30,
        ge=0,
        le=100,
        description="Deleting more than this share is refused, where the stack owns ten or more.",
    )


class File(_Model):
    """reconciler.yaml without its targets, whose fields depend on their backends."""

    stack: Annotated[str, AfterValidator(_stack)] = Field(
        description="names the owner on the server",
        json_schema_extra={
            "pattern": f"^{_STACK.pattern}$",
            "patternErrorMessage": "A stack's name has a-z, 0-9 and '-', not '-' first, at most 60 characters.",
        },
    )
    variables: dict[str, Variable] = Field(default_factory=dict, description="What ${var.name} can name.")
    defaults: Defaults = Field(default=Defaults(), description="What is joined into every resource.")
    safety: Safety = Field(default=Safety(), description="What is refused without being asked.")


@dataclass(frozen=True, slots=True)
class Selected:
    """The target that was chosen, with its options checked and in place."""

    name: str
    backend: str
    options: BaseModel = field(repr=False)
    scope: Scope
    sensitive: tuple[str, ...] = ()
    parallel: int | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A stack's configuration. `targets` are as they are written: only the chosen one is interpolated."""

    stack: str
    targets: Mapping[str, Document] = field(repr=False)
    default: str
    variables: Mapping[str, Variable] = field(default_factory=dict)
    defaults: Document | None = None
    safety: Safety = field(default_factory=Safety)
    backends: Mapping[str, Backend] = field(default_factory=dict, repr=False)
    document: Document | None = field(default=None, repr=False)

    def select(
        self, name: str | None, overrides: Mapping[str, str], environ: Mapping[str, str]
    ) -> tuple[Selected | None, list[Diagnostic]]:
        """The target `name` (None: the default one), or what stands against it. `overrides` come from --var."""
        name = self.default if name is None else name
        problems = [_unknown_variable(one, self.variables) for one in sorted(overrides) if one not in self.variables]
        if name not in self.targets:
            hint = suggest(name, self.targets, "the targets are")
            return None, [*problems, error("unknown-target", f"{shown(name)} is not a target", hint=hint)]
        scope, more = self._scope(name, overrides, environ)
        rest = {key: value for key, value in self.targets[name].value.items() if key != "variables"}
        document, unfilled = interpolate(self.targets[name].holding(rest), scope, EVERYTHING)
        target, options, wrong = read(document, self.backends)
        problems = _placed([*problems, *more, *unfilled, *wrong])
        if target is None or options is None or problems:
            return None, problems
        return Selected(name, target.backend, options, scope, target.sensitive, target.parallel), problems

    def giver(self, variable: str, target: str, overrides: Collection[str]) -> Given:
        """Who gives a variable its value on a target: --var, else the target, else its default."""
        if variable in overrides:
            return Given("--var")
        written = self.targets[target]
        if written.has(("variables", variable)):
            return Given(f"target {target}", written.at(("variables", variable)))
        return Given("default", self.document.at(("variables", variable, "default")) if self.document else None)

    def _scope(
        self, name: str, overrides: Mapping[str, str], environ: Mapping[str, str]
    ) -> tuple[Scope, list[Diagnostic]]:
        """What expressions can name: a variable's value is that of --var, else the target's, else its default."""
        target = self.targets[name]
        own = target.holding({"variables": target.value.get("variables", {})})
        filled, problems = interpolate(own, Scope(env=environ, target=name, stack=self.stack), EVERYTHING)
        values = {key: variable.default for key, variable in self.variables.items()}
        return Scope({**values, **filled.value["variables"], **overrides}, environ, name, self.stack), problems


def load(
    document: Document | None, backends: Mapping[str, Backend], environ: Mapping[str, str]
) -> tuple[Config | None, list[Diagnostic]]:
    """The configuration in `document` (None: what was read is no YAML), or all that is wrong with it.

    Where it names no target, the environment's MLFLOW_TRACKING_URI is the target `default`, with MLflow's meaning.
    """
    if document is None:
        return None, []
    document = document.holding({}) if document.value is None else document
    file, problems = validate(File, _without_targets(document), "reconciler.yaml", also=("targets",))
    if not isinstance(document.value, dict):
        return None, problems
    variables = _section(document, "variables", problems)
    problems += [problem for name in variables if (problem := _expression_in(document, name))]
    targets = _targets(document, problems)
    for target in targets.values():
        problems += _check(target, backends, variables)
    defaults = [name for name, target in targets.items() if _is_default(target)]
    problems += [_second_default(targets[name], defaults[0]) for name in defaults[1:]]
    if file is None or problems:
        return None, problems
    targets = targets or {"default": from_environment(environ)}
    default = defaults[0] if defaults else next(iter(targets))
    shared = document.sub(("defaults",)) if document.has(("defaults",)) else None
    return Config(file.stack, targets, default, file.variables, shared, file.safety, backends, document), []


def _without_targets(document: Document) -> Document:
    """What `File` checks: the targets left out, and a variable's short form (`env: dev`) in its long one."""
    if not isinstance(document.value, dict):
        return document
    value = {key: inner for key, inner in document.value.items() if key != "targets"}
    if isinstance(value.get("variables"), dict):
        value["variables"] = {name: _long(variable) for name, variable in value["variables"].items()}
    return document.holding(value)


def _long(variable: Any) -> Any:
    return {} if variable is None else {"default": variable} if isinstance(variable, str) else variable


def _section(document: Document, section: str, problems: list[Diagnostic]) -> dict[str, Any]:
    """The map of a section; names that cannot be names are added to the problems."""
    body = document.value.get(section)
    if not isinstance(body, dict):
        return {}
    hint = "a name begins with a letter or a digit and goes on with these and . _ -"
    problems += [
        error("bad-key", f"{shown(name)} cannot be a name", document.at((section, name)), hint)
        for name in body
        if not _NAME.fullmatch(name)
    ]
    return body


def _expression_in(document: Document, name: str) -> Diagnostic | None:
    """The finding for a default with an expression in it: it would have no target to be read for."""
    body = document.value["variables"][name]
    path = ("variables", name) if isinstance(body, str) else ("variables", name, "default")
    text = body.get("default") if isinstance(body, dict) else body
    if not isinstance(text, str) or "${" not in text:
        return None
    hint = "put it into the `variables` of a target"
    return error("bad-value", f"{dotted(path)} cannot hold an expression", document.value_at(path), hint)


def _targets(document: Document, problems: list[Diagnostic]) -> dict[str, Document]:
    """The targets that are maps; an empty one is one."""
    if not isinstance(document.value.get("targets"), dict | None):
        problems += validate(_Model, document.sub(("targets",)), "targets")[1]
    targets = {}
    for name in _section(document, "targets", problems):
        target = document.sub(("targets", name))
        target = target.holding({}) if target.value is None else target
        if isinstance(target.value, dict):
            targets[name] = target
        else:
            problems += validate(_Model, target, dotted(("targets", name)))[1]
    return targets


def _check(target: Document, backends: Mapping[str, Backend], variables: Collection[str]) -> list[Diagnostic]:
    """All that is wrong with a target whatever its expressions stand for: those wait until it is chosen."""
    problems = read(target.holding(blurred(target.value)), backends)[2]
    own = target.value.get("variables")
    unknown = [name for name in own if name not in variables] if isinstance(own, dict) else []
    return problems + [_unknown_variable(name, variables, target.at(("variables", name))) for name in unknown]


def _is_default(target: Document) -> bool:
    return str(target.value.get("default", "")).lower() == "true"


def _second_default(target: Document, first: str) -> Diagnostic:
    hint = "only one target can have default: true"
    return error("bad-value", f"{shown(first)} is the default already", target.at(("default",)), hint)


def _unknown_variable(name: str, variables: Collection[str], at: Span | None = None) -> Diagnostic:
    hint = suggest(name, variables, "the variables are") or "declare it under `variables` in reconciler.yaml"
    return error("unknown-variable", f"{shown(name)} is not a variable", at, hint)


def _placed(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What comes from the environment has no place in a file."""
    return [replace(one, at=None) if one.at and not one.at.file else one for one in problems]
