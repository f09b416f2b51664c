"""Experiments: named containers of runs. Tags and description change in place, the name too; nothing else can."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reconciler.core.kind import DIRECTIVE, Kind, Resource, Rule, rules_of
from reconciler.kinds.fields import DESCRIPTION, TAGS, Permissions, StringMap, Text


class Experiment(Resource):
    """A named container of runs."""

    name: Text = Field(
        description="Its name on the server, unique there. Changing it renames in place. Default: the key."
    )
    description: Text | None = Field(default=None, description=DESCRIPTION)
    artifact_location: Annotated[
        Text | None, Rule(fixed="an experiment's artifacts cannot be moved", server_default=True)
    ] = Field(
        default=None, description="Where new runs keep artifacts; absolute. Unset: the server's choice, not compared."
    )
    tags: StringMap = Field(default_factory=dict, description=TAGS)
    permissions: Annotated[Permissions, Rule(access=True)] = Field(
        default_factory=dict,
        description="Who may do what: the server's word for the level, by user:, group: or service_principal:.",
    )
    existing: Annotated[bool, DIRECTIVE] = Field(
        default=False,
        description="Somebody else's experiment: only the tags, description and permissions declared here are managed.",
    )


KIND = Kind(
    name="experiments",
    model=Experiment,
    rules=rules_of(Experiment),
    unique=True,
    irreplaceable="an experiment is never replaced: its runs hang on its id",
)
