"""From a target of reconciler.yaml, or from the environment, to its own fields and its backend's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.interpolate import Broken
from reconciler.core.validate import validate
from reconciler.core.wire import Backend
from reconciler.core.words import shown, suggest
from reconciler.core.written import Document

VARIABLE, WORKSPACE = "MLFLOW_TRACKING_URI", "MLFLOW_WORKSPACE"
_LOCAL = "sqlite:///mlflow.db"
"""What MLflow itself takes where MLFLOW_TRACKING_URI is not set."""


class Target(BaseModel):
    """What a target can say whatever its backend is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: str = Field(default="mlflow", description="Which kind of server it is; `reconciler backends` lists them.")
    default: bool = Field(default=False, description="It is the target when none is named.")
    variables: dict[str, str] = Field(
        default_factory=dict,
        description="They win over the variables' defaults; ${env.X}, ${target} and ${stack} may stand in them.",
    )
    sensitive: tuple[str, ...] = Field(
        default=(), description="Globs on fields, such as tags.token: what ${env.X} gives them stays out of plans."
    )
    parallel: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Requests at once; --parallel wins. Unset: the backend's own, 8 for mlflow.",
    )


def read(
    document: Document, backends: Mapping[str, Backend]
) -> tuple[Target | None, BaseModel | None, list[Diagnostic]]:
    """A target's own fields and its backend's options; None instead of what is wrong. `document` holds a map."""
    fields = tuple(Target.model_fields)
    own = {key: value for key, value in document.value.items() if key in fields}
    rest = {key: value for key, value in document.value.items() if key not in fields}
    target, problems = validate(Target, document.holding(own), "a target")
    name = own.get("backend", "mlflow")
    if not isinstance(name, str) or isinstance(name, Broken):
        return target, None, problems
    if name not in backends:
        return target, None, [*problems, _unknown_backend(name, document, backends)]
    options, more = validate(backends[name].options, document.holding(rest), "a target", also=fields)
    return target, options, problems + more


def blurred(value: Any) -> Any:
    """`value` with Broken texts, with which no fault is found, where expressions are: they wait for their values."""
    if isinstance(value, dict):
        return {key: blurred(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [blurred(item) for item in value]
    return Broken(value) if isinstance(value, str) and "${" in value else value


def from_environment(environ: Mapping[str, str]) -> Document:
    """The target that MLFLOW_TRACKING_URI names, with the meaning that it has for MLflow."""
    uri = environ.get(VARIABLE) or _LOCAL
    scheme, _, profile = uri.partition("://")
    if scheme in {"http", "https"} and environ.get(WORKSPACE):
        return Document({"backend": "mlflow", "url": _literal(uri), "workspace": _literal(environ[WORKSPACE])})
    if scheme != "databricks":
        return Document({"backend": "mlflow", "url": _literal(uri)})
    return Document({"backend": "databricks"} | ({"profile": _literal(profile)} if profile else {}))


def _literal(text: str) -> str:
    return text.replace("${", "$${")


def _unknown_backend(name: str, document: Document, backends: Mapping[str, Backend]) -> Diagnostic:
    if not document.file:
        hint = f"{VARIABLE} asks for it; {suggest(name, backends, 'the backends here are')}"
        return error("unknown-backend", f"there is no backend {shown(name)}", None, hint)
    hint = suggest(name, backends, "the backends are")
    return error("unknown-backend", f"there is no backend {shown(name)}", document.value_at(("backend",)), hint)
