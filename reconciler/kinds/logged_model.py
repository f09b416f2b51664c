"""Logged models: a model's metadata inside an experiment. Tags and status change; nothing else can."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reconciler.core.kind import DIRECTIVE, Kind, Resource, Rule, rules_of
from reconciler.kinds.fields import ID, PARAMS, TAGS, Id, StringMap, Text


class LoggedModel(Resource):
    """A model's metadata inside an experiment."""

    experiment: Annotated[
        Text, Rule(fixed="a logged model cannot move to another experiment", reference="experiments", parent=True)
    ] = Field(description="A key of `experiments`: where it is.")
    name: Annotated[Text, Rule(fixed="a logged model cannot be renamed")] = Field(
        description="Its name on the server, where several can have it. Default: the key."
    )
    type: Annotated[Text | None, Rule(fixed="a logged model's type cannot be changed", server_default=True)] = Field(
        default=None, description="Such as Classifier, Agent, LLM. Unset: not compared."
    )
    source_run: Annotated[
        Text | None,
        Rule(fixed="a logged model's source run cannot be changed", server_default=True, reference="runs"),
    ] = Field(default=None, description="A key of `runs`: the one that made it. Unset: not compared.")
    status: Annotated[
        Literal["PENDING", "READY", "UPLOAD_FAILED"] | None, Rule(server_default=True, made="PENDING")
    ] = Field(default=None, description="Unset: not compared; a new logged model is PENDING.")
    params: Annotated[StringMap, Rule(once="params are written once")] = Field(default_factory=dict, description=PARAMS)
    tags: StringMap = Field(default_factory=dict, description=TAGS)
    id: Annotated[Id | None, DIRECTIVE] = Field(default=None, description=ID)


KIND = Kind(name="logged_models", model=LoggedModel, rules=rules_of(LoggedModel), restorable=False)
