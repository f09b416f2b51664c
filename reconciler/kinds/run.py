"""Runs: recorded executions inside an experiment. Params and datasets are written once, metrics are series."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from reconciler.core.kind import DIRECTIVE, Kind, Resource, Rule, rules_of
from reconciler.kinds.fields import DESCRIPTION, ID, PARAMS, TAGS, Id, Metric, Moment, StringMap, Text


class Dataset(BaseModel):
    """A dataset that the run read. MLflow identifies it by name and digest."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: Text = Field(min_length=1, description="With the digest, what it is known by.")
    digest: Text = Field(min_length=1, description="Its version, without @.")
    source_type: Text = Field(description="Such as s3, delta_table, local, http.")
    source: Text = Field(description="Where it is, as text.")
    schema_: Text | None = Field(default=None, alias="schema", description="As text. Unset: not compared.")
    profile: Text | None = Field(default=None, description="Summary statistics, as text. Unset: not compared.")
    context: Text | None = Field(
        default=None, description="What it was used for, such as training. Unset: not compared."
    )


class Run(Resource):
    """A recorded execution inside an experiment."""

    experiment: Annotated[
        Text, Rule(fixed="a run cannot move to another experiment", reference="experiments", parent=True)
    ] = Field(description="A key of `experiments`: where it is.")
    name: Text = Field(description="Its name on the server, where several can have it. Default: the key.")
    description: Text | None = Field(default=None, description=DESCRIPTION)
    status: Annotated[
        Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"] | None,
        Rule(server_default=True, made="RUNNING"),
    ] = Field(default=None, description="Unset: not compared; a new run is RUNNING.")
    start_time: Annotated[Moment | None, Rule(fixed="a run's start time cannot be changed", server_default=True)] = (
        Field(default=None, description="Unset: the moment of creation.")
    )
    end_time: Annotated[Moment | None, Rule(server_default=True)] = Field(
        default=None, description="Unset: not compared. It cannot be taken away."
    )
    params: Annotated[StringMap, Rule(once="params are written once")] = Field(default_factory=dict, description=PARAMS)
    metrics: Annotated[dict[str, Metric], Rule(series=True)] = Field(
        default_factory=dict, description="A number (the latest value) or a list of points {step, value, timestamp}."
    )
    datasets: Annotated[
        list[Dataset],
        Rule(
            once="a run's inputs are written once",
            keyed=("name", "digest"),
            agreed=("source_type", "source", "schema", "profile"),
        ),
    ] = Field(default_factory=list, description="The run's inputs, known by name and digest.")
    tags: StringMap = Field(default_factory=dict, description=TAGS)
    id: Annotated[Id | None, DIRECTIVE] = Field(default=None, description=ID)


KIND = Kind(name="runs", model=Run, rules=rules_of(Run))
