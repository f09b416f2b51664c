"""What a target of the Databricks backend can say; what it does not is taken from the environment or the profile."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from reconciler.backends.databricks.names import fault, held


def _folder(path: str) -> str:
    if path and (why := fault(held(path))):
        raise ValueError(f"{why}: write a folder such as /Shared/ml")
    return held(path) if path else ""


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(
        default="",
        repr=False,
        description="The workspace, with or without https://. Default: DATABRICKS_HOST, or the profile's.",
    )
    profile: str = Field(default="", description="A section of ~/.databrickscfg. Default: DATABRICKS_CONFIG_PROFILE.")
    token: SecretStr = Field(default=SecretStr(""), description="A personal access token. Default: DATABRICKS_TOKEN.")
    client_id: str = Field(default="", description="Of a service principal (OAuth). Default: DATABRICKS_CLIENT_ID.")
    client_secret: SecretStr = Field(
        default=SecretStr(""), description="Of the same principal. Default: DATABRICKS_CLIENT_SECRET."
    )
    auth_type: str = Field(
        default="",
        description="How to sign in: pat, oauth-m2m, azure-cli, ... Default: DATABRICKS_AUTH_TYPE, or it looks.",
    )
    workspace_id: str = Field(
        default="",
        description="For a host of several workspaces; a plan is for that one. Default: DATABRICKS_WORKSPACE_ID.",
    )
    name_prefix: Annotated[str, AfterValidator(_folder)] = Field(
        default="", description="The folder of experiments whose names are no absolute paths, such as /Shared/ml."
    )
    headers: dict[str, str] = Field(default_factory=dict, repr=False, description="Sent with every request.")
