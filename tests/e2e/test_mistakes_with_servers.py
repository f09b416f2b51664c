"""Where there is no usable server: one finding that says what is there instead and what to do; nothing is written."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import writes
from tests.fakes.mlflow import FakeMlflow, Fault

MANIFEST = "experiments: {fraud: {tags: {team: risk}}}\n"
PASSWORD = "s3cr3t-pa55"
COMMANDS = [("plan",), ("apply", "--yes"), ("destroy", "--yes"), ("explain", "experiments.fraud")]


@contextmanager
def page(status, kind, text, **headers):
    """A web server that answers everything with one page; yields its address and the paths it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
def test_nobody_listens_there(command, shell):
    url = f"http://127.0.0.1:{free_port()}"
    shell.configure(url)
    shell.manifest(MANIFEST)
    result = shell(*command, code=1)
    check(result, "unreachable", f"{url} cannot be reached", hint="is the server up?")
    assert result.out == ""


def test_a_host_that_has_no_address(shell):
    shell.configure("http://mlflow.invalid:5000")
    shell.manifest(MANIFEST)
    result = shell("plan", code=1)
    check(result, "unreachable", "http://mlflow.invalid:5000 cannot be reached", hint="is the server up?")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
def test_a_web_page_that_is_no_mlflow(command, shell):
    with page(200, "text/html", "<html>It works!</html>") as (url, asked):
        shell.configure(url)
        shell.manifest(MANIFEST)
        result = shell(*command, code=1)
        check(result, "not-tracking", url, "not as a tracking server", "200, text/html", hint="prefix")
        assert "It works" not in result.err
        assert asked[0] == "/api/2.0/mlflow/experiments/search"


def test_a_login_page_is_told_as_a_redirect(shell):
    with page(302, "text/html", "", Location="https://login.example/sso?token=abc") as (url, _):
        shell.configure(url)
        shell.manifest(MANIFEST)
        result = shell("plan", code=1)
        check(result, "not-tracking", "302", hint="it redirects to 'https://login.example/sso'")
        assert "token=abc" not in result.err


@pytest.mark.parametrize("text", ["", "[]", "null", '"ok"', "{"], ids=lambda text: text or "nothing")
def test_json_that_is_no_answer_of_mlflow_is_not_taken_for_an_empty_server(text, shell):
    """Taken for one, a plan would create everything."""
    with page(200, "application/json", text) as (url, _):
        shell.configure(url)
        shell.manifest(MANIFEST)
        check(shell("plan", code=1), "not-tracking", "not as a tracking server")


def test_a_path_that_the_server_does_not_know(shell, url):
    shell.configure(f"{url}/somewhere")
    shell.manifest(MANIFEST)
    check(shell("plan", code=1), "not-tracking", "404", hint="prefix")


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", ""])
def test_a_proxy_whose_server_is_down(body, shell, fake):
    fake.fault = lambda *_: Fault(status=502, body=body)
    shell.manifest(MANIFEST)
    result = shell("plan", "--timeout", "1", code=1)
    assert "502" in result.err
    assert "<html>" not in result.err
    assert writes(fake) == []


@pytest.fixture
def guarded(shell):
    """A server with a password, and the stack on it."""
    server = FakeMlflow(auth=("admin", PASSWORD))
    with server.serve() as url:
        shell.manifest(MANIFEST)
        yield server, url


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
def test_no_credentials_where_some_are_wanted(command, shell, guarded):
    server, url = guarded
    shell.configure(url)
    result = shell(*command, code=6)
    check(result, "credentials", "401", "credentials sent: none", hint="user name and password")
    assert writes(server) == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
def test_wrong_credentials_are_named_and_not_shown(command, shell, guarded, monkeypatch):
    server, url = guarded
    shell.configure(url)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wr0ng-pa55")
    result = shell(*command, code=6)
    check(result, "credentials", "401", "a user name and password", hint="are they right")
    assert "wr0ng-pa55" not in result.err
    assert writes(server) == []


def test_a_password_in_the_url_is_used_and_never_shown(shell, guarded):
    server, url = guarded
    shell.configure(url.replace("//", f"//admin:{PASSWORD}@"))
    results = [shell("plan"), shell("plan", "-v", "--format", "json"), shell("apply", "--yes"), shell("plan")]
    assert len(writes(server)) == 1
    assert all(PASSWORD not in result.out + result.err for result in results)
    shell.configure(url.replace("//", f"//admin:{PASSWORD}x@"))
    assert PASSWORD not in shell("plan", code=6).err


def test_a_server_that_loses_the_rights_between_plan_and_apply(shell, fake):
    """What was refused is told, and the report says that nothing was done."""
    shell.manifest(MANIFEST)
    fake.fault = lambda _, __, path: (
        Fault(status=403, body="Permission denied") if path == "experiments/create" else None
    )
    result = shell("apply", "--yes", code=None)
    assert "refused access with 403" in result.out
    assert "0 done, 1 failed" in result.out
    assert result.code == 6
    assert len(writes(fake)) == 1


def test_the_place_of_a_failed_step_starts_with_the_folder(shell, fake):
    """As in the plan above it."""
    shell.manifest(MANIFEST)
    fake.fault = lambda _, __, path: (
        Fault(status=400, body={"error_code": "INVALID_PARAMETER_VALUE", "message": "no"})
        if path == "experiments/create"
        else None
    )
    told = "INVALID_PARAMETER_VALUE: no  manifests/main.yaml:1:15\n      POST /api/2.0/mlflow/experiments/create"
    assert told in shell("apply", "--yes", code=4).out
