"""Signing in to a Databricks workspace: tokens, service principals, profiles, without the SDK, and what goes wrong."""

from __future__ import annotations

import sys

import pytest

from reconciler.backends.databricks import access
from tests.e2e.findings import check
from tests.e2e.workspaces import FOLDER, TOKEN, FakeDatabricks, configure, forget, somebody
from tests.fakes.databricks import CLIENT_ID, CLIENT_SECRET
from tests.fakes.mlflow import Fault

MANIFEST = f"experiments:\n  fraud: {{name: {FOLDER}/fraud}}\n"
PRINCIPAL = f"client_id: {CLIENT_ID}, client_secret: {CLIENT_SECRET}"


@pytest.fixture
def fake():
    return FakeDatabricks()


@pytest.fixture
def server(fake):
    return somebody(fake)


@pytest.fixture
def shell(plain, monkeypatch):
    forget(monkeypatch)
    plain.manifest(MANIFEST)
    return plain


@pytest.fixture
def no_sdk(monkeypatch):
    access.configuration.cache_clear()
    monkeypatch.setitem(sys.modules, "databricks.sdk.core", None)


def applies(shell, server):
    shell("apply", "--yes")
    assert list(server.experiments()) == [f"{FOLDER}/fraud"]
    assert "1 unchanged" in shell("plan").out


def test_a_token_of_the_target_needs_no_sdk(shell, url, server, no_sdk):
    configure(shell, url)
    applies(shell, server)


def test_host_and_token_of_the_environment_need_no_sdk(shell, url, server, monkeypatch, no_sdk):
    shell.write("manifests/reconciler.yaml", "stack: ml\n")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks")
    monkeypatch.setenv("DATABRICKS_HOST", f"{url}/?o=4711")
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    applies(shell, server)


def test_a_service_principal_signs_in_once(shell, url, fake, server):
    configure(shell, url, PRINCIPAL)
    applies(shell, server)
    assert fake.granted == 1
    (signed,) = {one.headers["x-databricks-workspace-id"] for one in fake.requests if one.path == "experiments/search"}
    assert signed == "4711"


def test_the_way_that_a_target_names_wins_over_the_environment(shell, url, server, monkeypatch):
    monkeypatch.setenv("DATABRICKS_TOKEN", "of-somebody-else")
    configure(shell, url, PRINCIPAL)
    applies(shell, server)


def test_a_profile(shell, url, server, monkeypatch):
    file = shell.write("cfg", f"[prod]\nhost = {url}\ntoken = {TOKEN}\n")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(file))
    shell.write("manifests/reconciler.yaml", "stack: ml\n")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks://prod")
    applies(shell, server)


def test_a_number_of_the_workspace_is_sent_along(shell, url, fake):
    configure(shell, url, f"token: {TOKEN}, workspace_id: '42', headers: {{X-Team: fraud}}")
    shell("plan")
    assert {(one.headers["x-databricks-workspace-id"], one.headers["x-team"]) for one in fake.requests} == {
        ("42", "fraud")
    }


class TestWhatGoesWrong:
    @pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("drift",), ("destroy", "--yes")], ids=" ".join)
    def test_a_wrong_token(self, shell, url, command):
        configure(shell, url, "token: dapi-wrong-9876")
        result = shell(*command, code=6)
        check(result, "credentials", "refused access with 403", "Invalid access token")
        assert "wrong-9876" not in result.err

    def test_a_wrong_secret_of_a_service_principal(self, shell, url):
        configure(shell, url, f"client_id: {CLIENT_ID}, client_secret: wrong-9876")
        result = shell("plan", code=6)
        check(result, "credentials", "databricks-sdk cannot sign in", "invalid_client")
        assert "wrong-9876" not in result.err

    def test_a_service_principal_of_a_host_that_nobody_reaches(self, shell, monkeypatch):
        monkeypatch.setattr(access, "RETRY_SECONDS", 1)
        configure(shell, "http://127.0.0.1:9", PRINCIPAL)
        check(shell("plan", code=6), "credentials", "the host does not tell where", hint="that can be reached")

    def test_a_token_that_is_taken_back(self, shell, url, fake):
        configure(shell, url, PRINCIPAL)
        shell("plan")
        fake.clear()
        check(shell("plan", code=6), "credentials", "refused access with 403")

    def test_a_profile_that_the_environment_would_overrule(self, shell, monkeypatch):
        monkeypatch.setenv("DATABRICKS_HOST", "https://elsewhere.example")
        configure(shell, "", "profile: prod")
        check(shell("plan", code=6), "credentials", "the profile 'prod'", hint="unset DATABRICKS_HOST")

    def test_a_profile_that_is_not_there(self, shell, monkeypatch):
        file = shell.write("cfg", "[prod]\nhost = https://x.example\n")
        monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(file))
        configure(shell, "", "profile: nope")
        check(shell("plan", code=6), "credentials", "has no nope profile configured")

    def test_two_ways_at_once(self, shell, url, monkeypatch):
        monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
        monkeypatch.setenv("DATABRICKS_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", CLIENT_SECRET)
        configure(shell, url, "")
        result = shell("plan", code=6)
        check(result, "credentials", "more than one authorization method")
        assert TOKEN not in result.err

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ("profile: prod", "'profile' of a Databricks target needs databricks-sdk"),
            (PRINCIPAL, "'client_id' of a Databricks target needs databricks-sdk"),
            ("auth_type: azure-cli", "'auth_type' of a Databricks target needs databricks-sdk"),
            ("", "there is no DATABRICKS_HOST and no DATABRICKS_TOKEN"),
        ],
    )
    def test_what_needs_the_sdk_says_so(self, shell, no_sdk, options, words):
        configure(shell, "", options)
        check(shell("plan", code=1), "missing-extra", words, hint="pip install databricks-sdk")

    def test_an_address_that_is_none(self, shell):
        configure(shell, "http://[::1")
        check(shell("plan", code=1), "bad-connection", "url cannot be used")


def test_a_quota_of_two_requests_a_second(shell, tmp_path):
    fake = FakeDatabricks(quota=2)
    with fake.serve() as base:
        configure(shell, base)
        shell("apply", "--yes", "--no-lock", "--parallel", "1")
    assert list(somebody(fake).experiments()) == [f"{FOLDER}/fraud"]
    assert fake.refused > 0


def test_an_account_that_may_not_remove_tags_can_do_all_else(shell, url, fake, server):
    configure(shell, url)
    no = Fault(403, {"error_code": "PERMISSION_DENIED", "message": "no"})
    fake.fault = lambda _, __, path: no if path.endswith("delete-experiment-tag") else None
    shell.apply(MANIFEST.replace("fraud}", "fraud, tags: {a: b}}"))
    shell.manifest(MANIFEST)
    assert "cannot remove: the workspace does not let this account remove a tag" in shell("plan").out
    applies(shell, server)
    fake.fault = lambda _, __, path: Fault(401, no.body) if path.endswith("delete-experiment-tag") else None
    shell.manifest(MANIFEST.replace("fraud}", "fraud, tags: {c: d}}"))
    check(shell("plan", code=6), "credentials", "401")


class TestInTheMiddle:
    MANY = "experiments: {" + ", ".join(f"e{number}: {{}}" for number in range(20)) + "}\n"

    def test_credentials_that_are_refused_are_not_tried_with_every_step(self, shell, url, fake, server):
        configure(shell, url)
        no = Fault(401, {"error_code": "401", "message": "expired"})
        made = []

        def fault(_, __, path):
            made.extend([path] * path.endswith("experiments/create"))
            return no if len(made) > 3 else None

        fake.fault = fault
        result = shell.apply(self.MANY, "--no-lock", "--parallel", "2", code=4)
        assert "the credentials were refused before it was started" in result.out
        assert 4 <= len(made) <= 5
        fake.fault = None
        assert "20 unchanged" in (shell("apply", "--yes"), shell("plan"))[1].out

    def test_a_token_that_cannot_be_had_for_a_moment_is_waited_for(self, shell, url, fake, server):
        configure(shell, url, PRINCIPAL)
        faults = iter([Fault(503, "<html>"), Fault(503, {"error": "temporarily_unavailable"})])
        fake.fault = lambda _, __, path: next(faults, None) if path.endswith("/oidc/v1/token") else None
        shell.apply(self.MANY, "--timeout", "20", code=None)
        assert next(faults, None) is None

    def test_no_secret_of_a_profile_is_told(self, shell, url, fake, monkeypatch):
        file = shell.write("cfg", f"[prod]\nhost = {url}\nclient_id = x\nclient_secret = wrong-9876\n")
        monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(file))
        configure(shell, "", "profile: prod")
        said = {"error": "invalid_client", "error_description": "wrong-9876 is no secret"}
        fake.fault = lambda _, __, path: Fault(401, said) if path.endswith("/oidc/v1/token") else None
        result = shell("plan", code=6)
        check(result, "credentials", "invalid_client: *** is no secret")
