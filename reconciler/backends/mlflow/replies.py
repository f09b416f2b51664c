"""From the JSON of a reply to the parts of it that the wires read; a reply of another form is refused.

What nobody reads may have any form, and what is missing or null is empty, since MLflow leaves out what is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, NotRequired, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from reconciler.core.call import Call, Reply, Unfit, is_id
from reconciler.core.scalars import number
from reconciler.core.words import listed, shown


def _id(value: Any) -> Any:
    if isinstance(value, str) and not is_id(value):
        raise ValueError("is not an id")
    return value


Id = Annotated[str, BeforeValidator(_id)]
Stage = Literal["active", "deleted"] | None
"""What is in a stage that this does not know, such as one between deleted and gone, is better not touched."""
Text = str | None
Whole = int | None


class Pair(TypedDict):
    key: str
    value: NotRequired[Text]


Pairs = list[Pair] | None


class Experiment(TypedDict):
    experiment_id: Id
    name: str
    artifact_location: NotRequired[Text]
    lifecycle_stage: NotRequired[Stage]
    tags: NotRequired[Pairs]


class RunInfo(TypedDict):
    run_id: Id
    experiment_id: Id
    run_name: NotRequired[Text]
    status: NotRequired[Text]
    start_time: NotRequired[Whole]
    end_time: NotRequired[Whole]
    lifecycle_stage: NotRequired[Stage]


class Point(TypedDict):
    value: Annotated[float | str, BeforeValidator(number)]
    step: NotRequired[Whole]
    timestamp: NotRequired[Whole]


class Metric(Point):
    key: str


class RunData(TypedDict):
    tags: NotRequired[Pairs]
    params: NotRequired[Pairs]
    metrics: NotRequired[list[Metric] | None]


class Dataset(TypedDict):
    name: str
    digest: str
    source_type: NotRequired[Text]
    source: NotRequired[Text]
    schema: NotRequired[Text]
    profile: NotRequired[Text]


class Input(TypedDict):
    dataset: Dataset
    tags: NotRequired[Pairs]


class Inputs(TypedDict):
    dataset_inputs: NotRequired[list[Input] | None]


class Run(TypedDict):
    info: RunInfo
    data: NotRequired[RunData | None]
    inputs: NotRequired[Inputs | None]


class ModelInfo(TypedDict):
    model_id: Id
    experiment_id: Id
    name: NotRequired[Text]
    status: NotRequired[Text]
    model_type: NotRequired[Text]
    source_run_id: NotRequired[Text]
    tags: NotRequired[Pairs]


class ModelData(TypedDict):
    params: NotRequired[Pairs]


class Model(TypedDict):
    info: ModelInfo
    data: NotRequired[ModelData | None]


class RegisteredModel(TypedDict):
    name: NotRequired[Text]
    tags: NotRequired[Pairs]


class Form(BaseModel):
    """A reply as a whole. Nothing in it that belongs there: taken for empty, it would make a plan that creates all."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _not_another(cls, value: Any) -> Any:
        known = [info.alias or name for name, info in cls.model_fields.items()]
        if isinstance(value, dict) and value and not value.keys() & set(known):
            raise ValueError(f"it has {listed(map(shown, value), 3)}, and none of {listed(known)}")
        return value


class Page(Form):
    """One page of a search."""

    next_page_token: str | None = None

    def by_id(self) -> dict[str, Any]:
        raise NotImplementedError


class ExperimentPage(Page):
    experiments: list[Experiment] | None = None

    def by_id(self) -> dict[str, Experiment]:
        return {item["experiment_id"]: item for item in self.experiments or ()}


class RunPage(Page):
    runs: list[Run] | None = None

    def by_id(self) -> dict[str, Run]:
        return {item["info"]["run_id"]: item for item in self.runs or ()}


class ModelPage(Page):
    models: list[Model] | None = None

    def by_id(self) -> dict[str, Model]:
        return {item["info"]["model_id"]: item for item in self.models or ()}


class RegisteredModelPage(Form):
    registered_models: list[RegisteredModel] | None = None
    next_page_token: str | None = None


class TheExperiment(Form):
    experiment: Experiment


class TheModel(Form):
    model: Model


class TheRegisteredModel(Form):
    registered_model: RegisteredModel


class Grant(TypedDict):
    id: int
    resource_type: str
    resource_pattern: str
    permission: str


class Role(TypedDict):
    name: str
    permissions: NotRequired[list[Grant] | None]


class User(TypedDict):
    id: int
    username: str
    is_admin: NotRequired[bool | None]
    roles: NotRequired[list[Role] | None]


class Users(Form):
    users: list[User]


class Roles(Form):
    roles: list[Role]


class TheUser(Form):
    user: User


class History(Form):
    metrics: list[Point] | None = None
    next_page_token: str | None = None


R = TypeVar("R", bound=BaseModel)


def read(reply: Reply, form: type[R], call: Call) -> R:
    """`reply` to `call` as a `form`. Raises Unfit."""
    try:
        return form.model_validate(reply)
    except ValidationError as wrong:
        raise Unfit(call, _words(wrong)) from None


def from_pairs(entries: Iterable[Pair] | None) -> dict[str, str]:
    """MLflow's list of keys and values as a map."""
    return {entry["key"]: entry.get("value") or "" for entry in entries or ()}


def _words(wrong: ValidationError) -> str:
    """The first fault: where it is and what, without what was found there."""
    fault = wrong.errors(include_url=False, include_input=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).removeprefix(".")
    words = fault["msg"].removeprefix("Value error, ")
    return f"{path}: {words[:1].lower()}{words[1:]}".removeprefix(": ")
