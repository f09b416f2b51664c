"""The field types that kinds share: from the text of a manifest to one canonical value."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from reconciler.core.call import is_id
from reconciler.core.scalars import moment, number

_SCALAR = {"type": ["string", "number", "boolean"]}
Text = Annotated[str, WithJsonSchema(_SCALAR)]
_NO_TIME = {"patternErrorMessage": "This is not a time such as 2026-01-31T09:00:00Z."}
Moment = Annotated[
    str,
    BeforeValidator(moment),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^\s*\d|\$\{", **_NO_TIME}),
]


def _server_id(text: str) -> str:
    if not is_id(text):
        raise ValueError("is not an id as tracking servers give them")
    return text


Id = Annotated[str, AfterValidator(_server_id), WithJsonSchema(_SCALAR)]
_NUMBER = r"^\s*[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$|^\s*[-+]?\.?([iI][nN][fF]|[nN][aA][nN])|\$\{"
"""As text: YAML takes 1e-3 and 1_000 for texts."""
Number = Annotated[
    float | str,
    BeforeValidator(number),
    WithJsonSchema({"type": ["number", "string"], "pattern": _NUMBER, "patternErrorMessage": "This is not a number."}),
]
StringMap = dict[str, Text]


DESCRIPTION = "Shown by MLflow's UI (tag mlflow.note.content). Unset: not managed."
TAGS = "Joined with the stack's default tags; its own win. Values keep the text that was written."
PARAMS = "Values keep the text that was written."
ID = "The server's id of the one to adopt; where it is not there, one is made."
"""What fields of several kinds are for, to whoever writes them."""


def _once(levels: dict[str, str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for name in levels:
        other = names.setdefault(name.casefold(), name)
        if other != name:
            raise ValueError(f"has '{other}' and '{name}', which are the same to a server that knows no case")
    return levels


PRINCIPAL = r"^(user|group|service_principal):."
_NO_PRINCIPAL = "A key here is user:, group: or service_principal: with a name behind it."
Permissions = Annotated[
    StringMap,
    AfterValidator(_once),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": PRINCIPAL, "patternErrorMessage": _NO_PRINCIPAL},
            "additionalProperties": {"type": "string"},
        }
    ),
]
"""Levels by principal. What principals and levels there are, each backend knows."""


class Point(BaseModel):
    """One point of a metric's series."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    step: int = Field(default=0, ge=-(2**63), lt=2**63, description="Where on the x axis the point stands.")
    value: Number = Field(description="A number; .nan and .inf are allowed.")
    timestamp: Moment | None = Field(
        default=None,
        description="When it was measured. Default: the run's end or start time, else the moment of the write.",
    )


def _distinct(points: list[Point]) -> list[Point]:
    if len({(p.step, p.value, p.timestamp) for p in points}) < len(points):
        raise ValueError("has the same point twice")
    return points


Series = Annotated[list[Point], Field(min_length=1), AfterValidator(_distinct)]


def _shape(value: Any) -> str | None:
    """Which of a metric's two forms `value` has, so that a finding speaks of that one only."""
    return None if isinstance(value, dict) else "points" if isinstance(value, list) else "number"


Metric = Annotated[
    Annotated[Number, Tag("number")] | Annotated[Series, Tag("points")],
    Discriminator(_shape, custom_error_type="metric", custom_error_message="is not a number or a list of points"),
]
