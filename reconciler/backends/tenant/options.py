"""What a target of the tenant backend can say, and how it names the service, its tenant and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from reconciler.backends.mlflow.options import HEADERS, verify
from reconciler.core.call import sendable
from reconciler.core.wire import Endpoint

TENANT = "X-Tenant-ID"
ONCE = "X-Idempotency-Key"


def _over_http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("has no scheme: write http:// or https:// before it")
    return url


def _sent_as_it_is(name: str) -> str:
    if not name or not all("!" <= char <= "~" for char in name):
        raise ValueError("is not the name of a tenant, such as acme-corp")
    return name


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_over_http)] = Field(
        repr=False, description="Where the service is: https://acme-corp.example.com"
    )
    tenant: Annotated[str, AfterValidator(_sent_as_it_is)] = Field(
        description="Whose experiments these are (X-Tenant-ID)."
    )
    token: SecretStr = Field(default=SecretStr(""), description="Sent as a bearer token. Default: TENANT_TOKEN.")
    headers: dict[str, str] = Field(default_factory=dict, repr=False, description=HEADERS)
    prefix: Annotated[str, AfterValidator(sendable)] = Field(
        default="/api/v1", description="Where the API starts on the server: a path, percent-encoded."
    )


def endpoint(options: Options, environ: Mapping[str, str]) -> Endpoint:
    """The service of a target. Certificates are those that MLflow's environment variables name."""
    return Endpoint(
        url=options.url,
        part=f"tenant {options.tenant}",
        headers={**options.headers, TENANT: options.tenant},
        token=options.token.get_secret_value() or environ.get("TENANT_TOKEN", ""),
        verify=verify(environ),
        client_cert=environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH", ""),
        idempotency=ONCE,
    )
