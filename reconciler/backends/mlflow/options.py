"""What a target of the MLflow backend can say, and how it and MLflow's own environment variables name the server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from reconciler.core.call import sendable
from reconciler.core.wire import Endpoint


def _with_scheme(url: str) -> str:
    if not url.strip():
        raise ValueError("is empty")
    if re.match(r"[\w.-]+:\d+(/|$)", url):
        raise ValueError("has no scheme: write http:// or https:// before it")
    return url


HEADERS = "Sent with every request; none that say how a request is written, such as Content-Length."
WORKSPACE = "X-MLFLOW-WORKSPACE"


def _remote(url: str) -> bool:
    return url.startswith(("http://", "https://"))


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_with_scheme)] = Field(
        repr=False, description="http(s)://..., or a store that MLflow takes: sqlite:///mlflow.db, postgresql://..."
    )
    prefix: Annotated[str, AfterValidator(sendable)] = Field(
        default="/api/2.0/mlflow", description="Where the API starts on the server: a path, percent-encoded."
    )
    headers: dict[str, str] = Field(default_factory=dict, repr=False, description=HEADERS)
    username: str = Field(default="", description="For basic authentication. Default: MLFLOW_TRACKING_USERNAME.")
    password: SecretStr = Field(default=SecretStr(""), description="Default: MLFLOW_TRACKING_PASSWORD.")
    token: SecretStr = Field(
        default=SecretStr(""),
        description="Sent as a bearer token, unless there is a user. Default: MLFLOW_TRACKING_TOKEN.",
    )
    workspace: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$",
        description="One of the server's workspaces: small letters, digits and -.",
    )

    @field_validator("workspace")
    @classmethod
    def _of_a_server(cls, name: str, info: ValidationInfo) -> str:
        if name and not _remote(info.data.get("url", "")):
            raise ValueError("is for servers; this target's url is a store")
        return name


def endpoint(options: Options, environ: Mapping[str, str]) -> Endpoint:
    """The server of a target. What the target does not say is taken from MLflow's environment variables."""
    if not _remote(options.url):
        return Endpoint(store=options.url)
    workspace = options.workspace
    name = options.username or environ.get("MLFLOW_TRACKING_USERNAME", "")
    password = options.password.get_secret_value() or environ.get("MLFLOW_TRACKING_PASSWORD", "")
    return Endpoint(
        url=options.url,
        part=f"workspace {workspace}" if workspace else "",
        headers={**options.headers, **({WORKSPACE: workspace} if workspace else {})},
        user=(name, password) if name else None,
        token=options.token.get_secret_value() or environ.get("MLFLOW_TRACKING_TOKEN", ""),
        verify=verify(environ),
        client_cert=environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH", ""),
    )


def verify(environ: Mapping[str, str]) -> bool | str:
    """Whether the server's certificate is checked, or the file or folder of authorities that it is checked against."""
    if environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"true", "1"}:
        return False
    return environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True
