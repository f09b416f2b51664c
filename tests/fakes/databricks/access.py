"""Who sends a request: personal access tokens, and the tokens that OAuth gives to a service principal."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.transport import NotJson, Reply

from .workspace import USER

TOKEN = "dapi-0123"
CLIENT_ID, CLIENT_SECRET = "aaaa-bbbb", "dose-4567"
WORKSPACE_ID = "4711"


@dataclass
class Access:
    """`users`: by token. `granted`: how many tokens OAuth has given so far."""

    users: dict[str, str] = field(default_factory=lambda: {TOKEN: USER})
    granted: int = 0

    def open(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Reply | None:
        """What everybody may ask: where the tokens are to be had, and for one of them."""
        host = f"http://{headers.get('host', 'fake')}"
        if (method, path) == ("GET", "/.well-known/databricks-config"):
            return 200, {"oidc_endpoint": f"{host}/oidc", "workspace_id": WORKSPACE_ID, "account_id": "acc"}
        if (method, path) == ("GET", "/oidc/.well-known/oauth-authorization-server"):
            points = {"authorization_endpoint": f"{host}/oidc/v1/authorize", "token_endpoint": f"{host}/oidc/v1/token"}
            return 200, points
        if (method, path) == ("POST", "/oidc/v1/token"):
            return self._grant(body, headers)
        return None

    def _grant(self, body: Any, headers: Mapping[str, str]) -> Reply:
        """The client's id and secret come as basic authentication."""
        form = parse_qs(body.content.decode()) if isinstance(body, NotJson) else {}
        known = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if headers.get("authorization") != known:
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        if form.get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type", "error_description": "only client_credentials"}
        token = f"eyJ-{secrets.token_hex(8)}"
        self.users[token] = CLIENT_ID
        self.granted += 1
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"}

    def refusal(self, headers: Mapping[str, str]) -> Reply | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            words = "Credential was not sent or was of an unsupported type for this API."
            return 401, {"error_code": "401", "message": words}
        if token not in self.users:
            return 403, {"error_code": "403", "message": "Invalid access token."}
        return None

    def user(self, headers: Mapping[str, str]) -> str:
        return self.users[headers["authorization"].partition(" ")[2]]
