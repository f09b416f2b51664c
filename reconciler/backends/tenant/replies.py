"""From the JSON of a reply to the parts of it that the wires read; a reply of another form is refused.

The documents show what an experiment and a run hold, but not the envelope of a list: its items are taken from under
their kind, `items` or `data`, with or without a `total` beside them. That the tags are told is insisted on: without
them no mark is ever found, and everything would be made again and again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from reconciler.backends.mlflow.replies import Id, Stage, Text
from reconciler.core.scalars import number

Tags = dict[str, Text] | None
Number = Annotated[float | str, BeforeValidator(number)]


class Experiment(TypedDict):
    id: Id
    name: str
    description: NotRequired[Text]
    artifact_location: NotRequired[Text]
    lifecycle_stage: NotRequired[Stage]
    tags: Tags


class Run(TypedDict):
    run_id: Id
    name: NotRequired[Text]
    description: NotRequired[Text]
    status: NotRequired[Text]
    params: NotRequired[dict[str, Text] | None]
    metrics: NotRequired[dict[str, Number] | None]
    tags: Tags


class Page(BaseModel):
    """One page of a list."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True, defer_build=True)

    items: list[Any]
    total: int | None = None

    def by_id(self) -> dict[str, Any]:
        raise NotImplementedError


class ExperimentPage(Page):
    items: list[Experiment] = Field(validation_alias=AliasChoices("experiments", "items", "data"))

    def by_id(self) -> dict[str, Experiment]:
        return {item["id"]: item for item in self.items}


class RunPage(Page):
    items: list[Run] = Field(validation_alias=AliasChoices("runs", "items", "data"))

    def by_id(self) -> dict[str, Run]:
        return {item["run_id"]: item for item in self.items}


def texts(values: Mapping[str, str | None] | None) -> dict[str, str]:
    return {key: value or "" for key, value in (values or {}).items()}
