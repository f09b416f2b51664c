"""Which workspace a target names and how it signs in, as far as that goes without databricks-sdk."""

import ssl

import pytest
from pydantic import ValidationError

from reconciler.backends.databricks import access
from reconciler.backends.databricks.access import address, endpoint
from reconciler.backends.databricks.options import Options
from reconciler.core.wire import Endpoint, NoCredentials, NotNow

HOST = "https://x.example"
SECRET = "s3cr3t-value"


def made(environ=None, **options):
    return endpoint(Options.model_validate(options), environ or {})


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        (HOST, HOST),
        ("x.example", HOST),
        ("x.example:8443", f"{HOST}:8443"),
        (f"{HOST}/", HOST),
        (f"{HOST}/?o=4711#ml/experiments", HOST),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ("http://[::1", "http://[::1"),
    ],
)
def test_a_host_as_people_copy_it(written, whole):
    assert address(written) == whole


def test_host_and_token_are_enough():
    assert made(host=HOST, token="t") == Endpoint(url=HOST, token="t")
    assert made({"DATABRICKS_HOST": "x.example", "DATABRICKS_TOKEN": "t"}) == Endpoint(url=HOST, token="t")
    assert made({"DATABRICKS_TOKEN": "t"}, host=HOST, auth_type="pat").token == "t"


def test_what_a_target_says_wins():
    environ = {"DATABRICKS_HOST": "y.example", "DATABRICKS_TOKEN": "env", "DATABRICKS_WORKSPACE_ID": "1"}
    found = made(environ, host=HOST, token="own", workspace_id="2", headers={"X-Team": "a"})
    assert (found.url, found.token) == (HOST, "own")
    assert found.headers == {"X-Team": "a", "X-Databricks-Workspace-Id": "2"}
    assert made(environ).headers == {"X-Databricks-Workspace-Id": "1"}


def test_a_token_of_the_target_is_not_confused_with_the_principal_of_the_environment():
    environ = {"DATABRICKS_CLIENT_ID": "c", "DATABRICKS_CLIENT_SECRET": "s", "DATABRICKS_AUTH_TYPE": "oauth-m2m"}
    assert made({**environ, "DATABRICKS_CONFIG_PROFILE": "p"}, host=HOST, token="own").token == "own"


def test_certificates_are_those_of_the_other_backends():
    assert made({"MLFLOW_TRACKING_SERVER_CERT_PATH": "ca.pem"}, host=HOST, token="t").verify == "ca.pem"


@pytest.mark.parametrize("variable", ["DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CLIENT_ID"])
def test_a_profile_and_another_account(variable):
    with pytest.raises(NoCredentials, match="the profile 'prod'") as caught:
        made({variable: SECRET}, profile="prod")
    assert variable in caught.value.hint
    assert SECRET not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("beside", [{"host": HOST}, {"token": SECRET}, {"host": HOST, "token": SECRET}], ids=str)
def test_a_profile_with_a_host_or_a_token_beside_it(beside):
    """The profile's token is for the profile's host."""
    with pytest.raises(NoCredentials, match="the profile 'prod', and beside it a ") as caught:
        made({}, profile="prod", **beside)
    assert SECRET not in str(caught.value) + caught.value.hint


def test_what_the_sdk_says_is_told_in_one_line_without_secrets(monkeypatch):
    class Core:
        class Config:
            def __init__(self, **settings):
                self.client_secret, self.azure_client_secret = settings["client_secret"], "of/a profile"
                said = f"{self.client_secret} and of%2Fa+profile are wrong at https://u:hunter2@x"
                raise ValueError(f"no:\n  {said}. Config: client_id=x. Env: Y")

    access.configuration.cache_clear()
    monkeypatch.setattr(access, "import_module", lambda name: Core)
    with pytest.raises(NoCredentials) as caught:
        made(host=HOST, client_id="x", client_secret=SECRET)
    assert str(caught.value) == "databricks-sdk cannot sign in: no: *** and *** are wrong at https://u:*******@x"


@pytest.mark.parametrize("problem", [ValueError("no"), ValueError(), KeyError("x"), ssl.SSLError("no")])
def test_what_stays_wrong_is_not_tried_again(problem):
    assert not isinstance(access._refused(problem, None), NotNow)


class InternalError(OSError):
    """As the SDK has it."""


class SSLError(ConnectionError):
    """As requests has it."""


def test_a_certificate_that_is_not_trusted_stays_so():
    assert not isinstance(access._refused(SSLError("no"), None), NotNow)


@pytest.mark.parametrize(
    "problem",
    [
        ConnectionResetError("gone"),
        TimeoutError("late"),
        InternalError("oh"),
        ValueError(b"<html>"),
        ValueError("temporarily_unavailable: later"),
        ValueError("unknown: unknown"),
    ],
)
def test_what_passes_is(problem):
    assert isinstance(access._refused(problem, None), NotNow)


def test_what_fails_later_is_told_too(monkeypatch):
    class Core:
        class Config:
            host, workspace_id = HOST, None

            def __init__(self, **settings):
                self.settings = settings

            def authenticate(self):
                raise RuntimeError

    access.configuration.cache_clear()
    monkeypatch.setattr(access, "import_module", lambda name: Core)
    found = made(host=HOST, client_id="x", client_secret=SECRET)
    assert (found.url, found.headers) == (HOST, {})
    with pytest.raises(NoCredentials, match="RuntimeError"):
        found.sign()


def test_no_secret_is_shown():
    options = Options(host=HOST, token=SECRET, client_secret=SECRET, headers={"X": SECRET})
    assert SECRET not in repr(options) + str(made(host=HOST, token=SECRET, headers={"Cookie": SECRET}))


@pytest.mark.parametrize("prefix", ["ml", "/", "/a//b", "/a/.."])
def test_a_prefix_is_a_folder(prefix):
    with pytest.raises(ValidationError, match="write a folder"):
        Options(name_prefix=prefix)


@pytest.mark.parametrize(("prefix", "kept"), [("", ""), ("/Workspace/Shared/ml/", "/Shared/ml"), ("/a", "/a")])
def test_a_prefix_is_kept_as_the_workspace_holds_it(prefix, kept):
    assert Options(name_prefix=prefix).name_prefix == kept
