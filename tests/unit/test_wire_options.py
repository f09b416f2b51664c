"""Which server a target names: what it says itself, and MLflow's own environment variables."""

import pytest
from pydantic import ValidationError

from reconciler.backends.mlflow.options import Options, endpoint
from reconciler.core.wire import Endpoint, Server
from tests.lives import MLFLOW, entry, held

HTTP = "http://ml:5000"


def made(environ=None, **options):
    return endpoint(Options.model_validate({"url": HTTP} | options), environ or {})


def test_a_server_without_anything():
    assert made() == Endpoint(url=HTTP)


@pytest.mark.parametrize("url", ["sqlite:///mlflow.db", "postgresql://u@h/d", "./mlruns", "HTTP.db"])
def test_what_is_no_address_is_a_store_that_is_embedded(url):
    assert made({"MLFLOW_TRACKING_TOKEN": "t"}, url=url) == Endpoint(store=url)


def test_the_environment_gives_what_the_target_does_not_say():
    environ = {
        "MLFLOW_TRACKING_USERNAME": "me",
        "MLFLOW_TRACKING_PASSWORD": "pw",
        "MLFLOW_TRACKING_TOKEN": "t",
        "MLFLOW_TRACKING_CLIENT_CERT_PATH": "cert.pem",
    }
    found = made(environ)
    assert (found.user, found.token, found.client_cert) == (("me", "pw"), "t", "cert.pem")
    found = made(environ, username="you", password="own", token="mine", headers={"X": "y"})
    assert (found.user, found.token, found.headers) == (("you", "own"), "mine", {"X": "y"})


def test_a_password_without_a_name_is_nobodys():
    assert made({"MLFLOW_TRACKING_PASSWORD": "pw"}).user is None


@pytest.mark.parametrize(
    ("environ", "verify"),
    [
        ({}, True),
        ({"MLFLOW_TRACKING_INSECURE_TLS": "true"}, False),
        ({"MLFLOW_TRACKING_INSECURE_TLS": "TRUE"}, False),
        ({"MLFLOW_TRACKING_INSECURE_TLS": "1", "MLFLOW_TRACKING_SERVER_CERT_PATH": "ca.pem"}, False),
        ({"MLFLOW_TRACKING_INSECURE_TLS": "false"}, True),
        ({"MLFLOW_TRACKING_SERVER_CERT_PATH": "ca.pem"}, "ca.pem"),
        ({"MLFLOW_TRACKING_SERVER_CERT_PATH": ""}, True),
    ],
)
def test_certificates(environ, verify):
    assert made(environ).verify == verify


@pytest.mark.parametrize("url", ["localhost:5000", "ml.example.com:443/mlflow", "127.0.0.1:5000/"])
def test_an_address_without_a_scheme_is_not_taken_for_a_store(url):
    with pytest.raises(ValidationError, match="has no scheme: write http:// or https:// before it"):
        Options(url=url)


def test_secrets_are_in_no_repr():
    options = Options(url=HTTP, password="hunter2", token="hunter3")
    assert "hunter" not in repr(options) + repr(endpoint(options, {})) + str(options.model_dump())


@pytest.mark.parametrize(
    "prefix",
    ["api", "/api/", "/", "", "//host/api", "/a b", "/a?b", "/a#b", "/ü", "/%zz", "/../x", "/a/%2E%2e", "/./a"],
)
def test_a_prefix_begins_with_a_slash_and_does_not_end_with_one(prefix):
    with pytest.raises(ValidationError):
        Options(url=HTTP, prefix=prefix)


def test_a_prefix_stands_before_every_request():
    wires = MLFLOW.wires(Options(url=HTTP, prefix="/mlflow/api/2.0/preview/mlflow"), Server())
    (call,) = wires["experiments"].delete(held(entry("experiments.fraud")))
    assert call.path == "/mlflow/api/2.0/preview/mlflow/experiments/delete"
    assert any(call.path.replace("delete", "search").endswith(end) for end in MLFLOW.reads)
