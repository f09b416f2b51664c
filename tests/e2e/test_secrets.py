"""No secret gets out: not into an output, a file, an error, a repr, nor into another field on the server."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from urllib.parse import unquote

import pytest

from reconciler.session import Session
from tests.e2e.leaks import leaks, places
from tests.e2e.tools import ROOT
from tests.fakes.mlflow import Fault

THOROUGH = bool(os.environ.get("RECONCILER_TEST_ALL"))

# credentials

TOKEN = "dapiT0ken-9f3e2b7c1d"
PASSWORD = "Pa/ss w@rd:9%é\"'<&>+~zZ"
PLAIN = "Pl4inPassw0rd-77"
KEY = "k3y-header-canary-42"
CREDENTIALS = {
    "a token of the environment": ("", {"MLFLOW_TRACKING_TOKEN": TOKEN}, [TOKEN]),
    "a token of the target": ("token: '${env.T}'", {"T": TOKEN}, [TOKEN]),
    "a token in the file": (f"token: {TOKEN}", {}, [TOKEN]),
    "basic auth of the environment": (
        "",
        {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": PASSWORD},
        [PASSWORD, base64.b64encode(f"ann:{PASSWORD}".encode()).decode()],
    ),
    "basic auth of the target": (
        "username: ann, password: '${env.P}'",
        {"P": PASSWORD},
        [PASSWORD, base64.b64encode(f"ann:{PASSWORD}".encode()).decode()],
    ),
    "a secret header": (
        "headers: {X-Api-Key: '${env.K}', Cookie: 'session=${env.T}'}",
        {"K": KEY, "T": TOKEN},
        [KEY, TOKEN],
    ),
    "an authorization header": ("headers: {Authorization: 'Bearer ${env.T}'}", {"T": TOKEN}, [TOKEN]),
}
IN_URLS = {
    "a plain password in the url": ("ann:{}", PLAIN),
    "a percent-encoded password in the url": ("ann:{}", "p%2Fa%25%20ss%40w0rd-xyz"),
    "a lower-case percent-encoded password in the url": ("ann:{}", "p%2fa%25%20ss%40w0rd-xyz"),
}
MANIFEST = "experiments: {fraud: {tags: {team: risk}}}\n"
COMMANDS = [
    ("plan", "-v"),
    ("plan", "--format", "json", "--out", "plan.json"),
    ("apply", "--yes", "-v"),
    ("explain", "experiments.fraud"),
    ("drift", "-v"),
    ("destroy", "--yes"),
]
JOURNAL = ("--journal", "journal.jsonl", "--journal-bodies", "--timeout", "1")


@contextmanager
def echo(status, kind, cut=0):
    """A server that answers with all that it was sent, each piece cut after `cut` characters."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            pieces = [self.path, body.decode(), *(f"{name}: {value}" for name, value in self.headers.items())]
            pieces += list(self.headers.values())
            pieces += [base64.b64decode(v[6:]).decode() for v in self.headers.values() if v.startswith("Basic ")]
            said = " | ".join(shorter(piece, cut) for piece in pieces)
            text = said if kind == "text/plain" else json.dumps({"error_code": f"BAD {said}"[:90], "message": said})
            self.send_response(status)
            self.send_header("Content-Type", kind)
            for name in ("Location", "X-Echo"):
                self.send_header(name, "/" + "".join(c for c in said if 32 < ord(c) < 127))
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def shorter(text, cut):
    if not cut or len(text) <= 2 * cut:
        return text
    return f"{text[:cut]}...{text[-cut:]}"


JSON, TEXT = "application/json", "text/plain"
STATUSES = (200, 302, 400, 401, 403, 404, 409, 429, 500, 503)
ANSWERS = [(status, kind) for status in STATUSES for kind in (JSON, TEXT) if (status, kind) != (200, JSON)]
if not THOROUGH:
    ANSWERS = ANSWERS[::3]  # a sample, of both kinds


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credentials_are_in_no_output_whatever_the_server_answers(name, shell, monkeypatch):
    options, environment, secrets = CREDENTIALS[name]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    shell.manifest(MANIFEST)
    turns = cycle(COMMANDS)
    for status, kind in ANSWERS:
        for cut in (0, 20):
            with echo(status, kind, cut) as url:
                configure(shell, url, options)
                for command in COMMANDS if THOROUGH else [next(turns)]:
                    result = shell(*command, *JOURNAL, code=None)
                    assert result.out + result.err
                    nothing_leaks(shell, secrets, result)


@pytest.mark.parametrize("name", IN_URLS)
def test_a_password_in_the_url_is_in_no_output(name, shell):
    user, password = IN_URLS[name]
    secrets = [password, unquote(password), base64.b64encode(f"ann:{unquote(password)}".encode()).decode()]
    shell.manifest(MANIFEST)
    for status, kind in ANSWERS:
        for cut in (0, 20):
            with echo(status, kind, cut) as url:
                configure(shell, url.replace("://", f"://{user.format(password)}@"))
                nothing_leaks(shell, secrets, shell("plan", "-v", *JOURNAL, code=None))
    for command in COMMANDS:
        configure(shell, f"http://{user.format(password)}@127.0.0.1:{closed()}")
        result = shell(*command, *JOURNAL, code=1)
        assert "cannot be reached" in result.err
        nothing_leaks(shell, secrets, result)


@pytest.mark.parametrize("name", [*CREDENTIALS, *IN_URLS])
def test_a_server_that_never_answers_or_hangs_up_is_told_without_credentials(name, shell, monkeypatch):
    options, environment, secrets = CREDENTIALS.get(name, ("", {}, [IN_URLS.get(name, ("", ""))[1]]))
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    shell.manifest(MANIFEST)
    user = f"{IN_URLS[name][0].format(IN_URLS[name][1])}@" if name in IN_URLS else ""
    for how in (silent, garbled):
        with how() as port:
            configure(shell, f"http://{user}127.0.0.1:{port}", options)
            result = shell("plan", *JOURNAL[:3], "--timeout", "0.3", code=1)
            assert "[unreachable]" in result.err
            nothing_leaks(shell, secrets, result)


@contextmanager
def silent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def garbled():
    """Sends what it got back as if it were an answer."""

    def answer():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(connection.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


def closed():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


UNUSABLE = [
    ("http://ann:{}@h:99999", "", {}),
    ("http://ann:{}@h:port", "", {}),
    ("http://ann:x/{}@h", "", {}),
    ("http://ann:x?{}@h", "", {}),
    ("http://ann:x#{}@h", "", {}),
    ("http://h?token={}", "", {}),
    ("http://ann:{}@", "", {}),
    ("http://ann:{}@[::1", "", {}),
    ("http://h", "token: '${{env.S}}'", {"S": "{}\n"}),
    ("http://h", "token: '${{env.S}}'", {"S": "{}\u00e9"}),
    ("http://h", "headers: {{X-Key: '${{env.S}}'}}", {"S": "{}\r\nX: y"}),
    ("http://h", "prefix: '${{env.S}}'", {"S": "{} x"}),
    ("http://h", "backend: '${{env.S}}'", {"S": "{}"}),
    ("http://h", "parallel: '${{env.S}}'", {"S": "{}"}),
    ("http://h", "password: {{a: '${{env.S}}'}}", {"S": "{}"}),
    ("http://h", "pasword: '${{env.S}}'", {"S": "{}"}),
    ("http://h", "username: ann, password: {}, prefx: x", {}),
    ("http://ann:{}@h", "prefx: x", {}),
    ("http://h", "headers: {{X-Api-Key: {}}}, prefx: x", {}),
]


@pytest.mark.parametrize(("url", "options", "environment"), UNUSABLE, ids=lambda value: str(value)[:40])
def test_what_cannot_be_used_is_told_without_the_secret_in_it(url, options, environment, shell, monkeypatch):
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value.format(PLAIN))
    configure(shell, url.format(PLAIN), options.format(PLAIN))
    refused(shell)


@pytest.mark.parametrize("url", [url for url, options, _ in UNUSABLE if not options])
def test_what_cannot_be_used_in_the_environment_is_told_without_it(url, shell, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url.format(PLAIN))
    shell.write("manifests/reconciler.yaml", "stack: ml\n")
    refused(shell)


def refused(shell):
    shell.manifest(MANIFEST)
    for command in (("validate",), ("plan", "-v"), ("apply", "--yes")):
        result = shell(*command, code=None)
        nothing_leaks(shell, [PLAIN], result)
    assert "error: " in result.err


# sensitive values

SECRETS = {
    "V": "s3cret/variable 'v'",
    "DESC": "s3cret-description-one",
    "RDESC": "r-description-s3cret",
    "TAG": 'tag"s3cret\\quoted',
    "PARAM": "p@r4meter=%2F/x",
    "SOURCE": "S0urce-s3cret+x",
    "CONTEXT": "c0ntext-s3cret",
    "MTAG": "m0del-tag-s3cret",
    "MPARAM": "m0del-param-s3cret",
    "NAME": "n4me-of-an-experiment-é",
}
FIELDS = "[tags.*, params.pw, description, datasets, name]"
LIFE = """\
experiments:
  a: {description: 'd ${env.DESC}', tags: {token: '${var.v}', open: o}}
  named: {name: 'x ${env.NAME}'}
runs:
  r:
    experiment: a
    description: '${env.RDESC}'
    tags: {t: 'x-${env.TAG}-y'}
    params: {pw: '${env.PARAM}'}
    metrics: {loss: 0.5}
    datasets: [{name: d, digest: '1', source_type: s3, source: 's3://u:${env.SOURCE}@b', context: '${env.CONTEXT}'}]
logged_models:
  m: {experiment: a, source_run: r, tags: {t: '${env.MTAG}'}, params: {pw: '${env.MPARAM}'}}
"""
ADDRESSES = ["experiments.a", "experiments.named", "runs.r", "logged_models.m"]
WHERE = {
    "V": [".experiments.tags.token"],
    "DESC": [".experiments.tags.mlflow.note.content"],
    "NAME": [".experiments.name"],
    "RDESC": [".runs.data.tags.mlflow.note.content"],
    "TAG": [".runs.data.tags.t"],
    "PARAM": [".runs.data.params.pw"],
    "SOURCE": [".runs.inputs.dataset_inputs.dataset.source"],
    "CONTEXT": [".runs.inputs.dataset_inputs.tags.mlflow.data.context"],
    "MTAG": [".models.info.tags.t"],
    "MPARAM": [".models.data.params.pw"],
}


@pytest.fixture
def life(shell, url, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    more = "variables: {v: }\n"
    configure(shell, url, f"sensitive: {FIELDS}, variables: {{v: '${{env.V}}'}}", more)
    shell.manifest(LIFE)
    return Life(shell)


class Life:
    """Runs commands, none of which may show a secret."""

    def __init__(self, shell):
        self.shell = shell
        self.secrets = list(SECRETS.values())

    def __call__(self, *command, code=None, **options):
        result = self.shell(*command, code=code, **options)
        nothing_leaks(self.shell, self.secrets, result)
        return result

    def all(self):
        """Every command that reads."""
        self("validate", code=0)
        self("plan", "-v", "--out", "plan.json", "--format", "text", "--format", "json=other.json", *JOURNAL[:3])
        self("plan", "--format", "json", *JOURNAL[:3])
        self("show", "plan.json", "-v", code=0)
        self("show", "plan.json", "--format", "json", code=0)
        self("drift", "-v", "--format", "text", "--format", "json=drift.json", *JOURNAL[:3])
        for address in ADDRESSES:
            self("explain", address, *JOURNAL[:3], code=0)

    def change(self, monkeypatch, ending):
        """The environment has other secrets."""
        for name, value in SECRETS.items():
            monkeypatch.setenv(name, value + ending)
        self.secrets += [value + ending for value in SECRETS.values()]


def held(server):
    """All that the server holds, as it answers."""
    experiments = server.post("experiments/search", max_results=1000, view_type="ALL")["experiments"]
    ids = [one["experiment_id"] for one in experiments]
    runs = server.post("runs/search", experiment_ids=ids, run_view_type="ALL", max_results=1000).get("runs", [])
    models = server.post("logged-models/search", experiment_ids=ids, max_results=1000).get("models", [])
    return {"experiments": experiments, "runs": runs, "models": models}


def test_sensitive_values_reach_the_server_in_their_fields_and_nothing_else(life, server):
    life.all()
    life("apply", "--yes", "-v", *JOURNAL[:3], code=0)
    for name, where in WHERE.items():
        assert sorted(set(places(held(server), SECRETS[name]))) == where, name
    journal = (life.shell.folder / "journal.jsonl").read_text()
    assert all(f"{{env.{name}}}" in journal for name in SECRETS)
    life.all()
    assert "No changes" in life("plan", code=0).out


def test_a_saved_plan_is_applied_without_showing_them(life, server):
    life("plan", "--out", "plan.json", code=0)
    life("apply", "plan.json", "--yes", "-v", *JOURNAL[:3], code=0)
    assert places(held(server), SECRETS["NAME"]) == [".experiments.name"]
    life("apply", "plan.json", "--yes", *JOURNAL[:3], code=5)


def test_changing_conflicting_drifting_and_leaving_show_neither_old_nor_new(life, server, monkeypatch):
    life("apply", "--yes", code=0)
    experiment = next(one for one in held(server)["experiments"] if "token" in str(one["tags"]))
    life("plan", "--out", "stale.json", "--replace", "runs.r", "--replace", "logged_models.m")
    theirs = "their-0wn-s3cret"
    life.secrets.append(theirs)
    server.post("experiments/set-experiment-tag", experiment_id=experiment["experiment_id"], key="token", value=theirs)
    life.all()
    life("apply", "stale.json", "--yes", code=None)
    life.change(monkeypatch, "-ch4nged-since")
    life.all()
    life("plan", "-v", "--on-conflict", "fail", code=None)
    life("apply", "--yes", "--on-conflict", "fail", code=None)
    life("plan", "-v", "--replace", "runs.r", "--replace", "logged_models.m", "--out", "plan.json")
    life("apply", "--yes", "-v", "--replace", "runs.r", "--replace", "logged_models.m", *JOURNAL[:3])
    life.shell.manifest("experiments: {a: {tags: {open: o}}, named: {name: 'x ${env.NAME}'}}\n")
    for command in (
        ("plan", "-v"),
        ("explain", "experiments.a"),
        ("drift",),
        ("apply", "--yes", "--allow-delete", "2"),
    ):
        life(*command, *JOURNAL[:3])
    life("destroy", "--yes", "-v", *JOURNAL[:3])
    life.shell.manifest(LIFE)
    life.all()


def test_mistakes_in_fields_that_hold_them_show_the_template(life, monkeypatch):
    life.secrets.append("lim1t-s3cret-")
    for name in SECRETS:
        monkeypatch.setenv(name, "lim1t-s3cret-" * 9000)
    for command in (("validate",), ("plan", "-v"), ("apply", "--yes")):
        assert "[limit]" in life(*command, code=1).err
    for name in SECRETS:
        monkeypatch.delenv(name)
    assert "[unset-env]" in life("plan", code=1).err


ERRORS = [400, 404, 409, 429, 500, 503]


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.parametrize("shape", ["json", "text", "cut"])
def test_a_server_that_repeats_them_in_its_errors_is_not_quoted(status, shape, life, fake):
    """What it says of one request; each kind of request in turn."""
    for path in ["experiments/create", "runs/create", "runs/log-batch", "runs/log-inputs", "logged-models"]:
        fake.clear()

        def fault(number, _, short, path=path):
            if short != path:
                return None
            said = json.dumps(fake.requests[number].body)
            if shape == "cut":
                said = " ".join(f"{value[:12]}...{value[-12:]}" for value in SECRETS.values())
            return Fault(status, said if shape == "text" else {"error_code": "BAD", "message": said})

        fake.fault = fault
        result = life("apply", "--yes", "-v", *JOURNAL)
        assert result.code != 0
        assert str(status) in result.out


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.parametrize("said", ["{}", "no {0:.12}...", "'{}' is no name"])
def test_a_server_that_repeats_a_name_that_is_looked_for_is_not_quoted(status, said, life, fake):
    life.shell.manifest("experiments: {named: {name: 'x ${env.NAME}'}}\n")
    fault = Fault(status, {"error_code": "BAD", "message": said.format("x " + SECRETS["NAME"])})
    fake.fault = lambda _, __, path: fault if path == "experiments/get-by-name" else None
    for command in (("plan", "-v"), ("explain", "experiments.named"), ("apply", "--yes")):
        result = life(*command, *JOURNAL, code=1)
        assert f"{status} BAD" in result.err
        assert "the server's words are left out" in result.err


def test_a_lost_reply_and_an_unreachable_server_say_nothing_of_them(life, fake):
    once = iter([True])
    fake.fault = lambda _, __, path: Fault.lost() if path == "experiments/create" and next(once, False) else None
    life("apply", "--yes", "-v", *JOURNAL[:3])
    fake.fault = lambda *_: Fault.lost()
    for command in COMMANDS:
        life(*command, *JOURNAL)


# what is shown to those who program, or look for a bug


def test_no_repr_shows_a_secret(life, url, monkeypatch):
    secrets = [*SECRETS.values(), PASSWORD, PLAIN, TOKEN, KEY]
    monkeypatch.setenv("K", KEY)
    user = f"sensitive: {FIELDS}, variables: {{v: '${{env.V}}'}}, headers: {{X-Key: '${{env.K}}'}}, token: '${{env.T}}'"
    monkeypatch.setenv("T", TOKEN)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    configure(life.shell, url.replace("://", f"://ann:{PLAIN}@"), user, "variables: {v: }\n")
    session = Session(life.shell.folder / "manifests")
    plan = session.plan()
    endpoint = session.backend.endpoint(session.selected.options, session.environ)
    seen = [session, plan, plan.steps, session.desired, session.selected, session.config, session.stack, endpoint]
    with session._client(writable=True) as client:
        seen += [client, client._connection, vars(client), session.selected.options]
    for one in seen:
        assert leaks(f"{one!r} {one}", secrets) == [], type(one)
    outcomes = session.apply(plan)
    assert leaks(f"{outcomes!r}", secrets) == []


BROKEN = """\
import reconciler.runtime.http as http

def decode(response, connection, **_):
    sent = response.request
    raise KeyError(f"{dict(sent.headers)} {sent.url} {sent.content.decode()}")

http.decode = decode
"""


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_crash_shows_where_it_was_and_no_secret(debug, life, url, monkeypatch):
    monkeypatch.setenv("CRASH_TOKEN", TOKEN)
    configure(life.shell, url, f"token: '${{env.CRASH_TOKEN}}', sensitive: {FIELDS}", "variables: {v: x}\n")
    life.shell.write("site/sitecustomize.py", BROKEN)
    path = f"{life.shell.folder / 'site'}:{ROOT}"
    with life.shell.spawn("plan", *JOURNAL[:3], PYTHONPATH=path, RECONCILER_DEBUG=debug) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "KeyError" in err
    assert ("sitecustomize.py" in err) == bool(debug)
    assert leaks(out + err, [TOKEN, *SECRETS.values()]) == []


def test_a_process_that_is_killed_leaves_no_secret_behind(life, fake):
    arrived = threading.Event()

    def fault(_, __, path):
        if path == "runs/log-batch":
            arrived.set()
            time.sleep(0.1)

    fake.fault = fault
    with life.shell.spawn("apply", "--yes", "-v", *JOURNAL[:3]) as process:
        assert arrived.wait(30)
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=30)
    assert leaks(out + err, life.secrets) == []
    nothing_leaks(life.shell, life.secrets)


def nothing_leaks(shell, secrets, *results):
    """Neither what commands printed nor any file that they wrote holds one of `secrets`."""
    ours = {".yaml", ".py", ".pyc"}
    files = [file for file in shell.folder.rglob("*") if file.is_file() and file.suffix not in ours]
    texts = {file.name: file.read_text() for file in files}
    texts |= {f"out {n}": result.out for n, result in enumerate(results)}
    texts |= {f"err {n}": result.err for n, result in enumerate(results)}
    for name, text in texts.items():
        assert leaks(text, secrets) == [], f"{name}:\n{text}"


def configure(shell, url, options="", more=""):
    shell.write("manifests/reconciler.yaml", f"stack: ml\ntargets:\n  local: {{url: '{url}', {options}}}\n{more}")
