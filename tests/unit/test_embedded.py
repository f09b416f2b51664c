"""The embedded server: the real MLflow, in this process."""

import importlib.util
import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.core.call import Call
from reconciler.runtime import embedded
from reconciler.runtime.errors import CannotOpen, MissingExtra
from reconciler.runtime.http import Client, Connection, Counts, Reading, Rejected, WriteRefused

CANARY = "hunter2-canary"
API = "/api/2.0/mlflow/"
READS = ("experiments/search",)


def client(transport, *, writable=True):
    return Client(Connection(embedded.URL, transport=transport), version="0", reading=Reading(READS), writable=writable)


def create(name, **more):
    return Call("POST", f"{API}experiments/create", body={"name": name, **more})


SEARCH = Call("POST", f"{API}experiments/search", body={"max_results": 50_000, "view_type": "ALL"})


def names(client):
    return sorted(found["name"] for found in client.send(SEARCH)["experiments"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The current folder of the module's tests, with an empty MLflow database `new.db`: making one takes a second."""
    folder = tmp_path_factory.mktemp("embedded")
    before = Path.cwd()
    os.chdir(folder)
    pytest.importorskip("mlflow")
    embedded.transport("sqlite:///new.db").close()
    yield folder
    os.chdir(before)


@pytest.fixture
def database(folder, request):
    """The URI of a database of its own, relative to the current folder."""
    name = f"{request.node.name.partition('[')[0]}.db"
    shutil.copy("new.db", name)
    return f"sqlite:///{name}"


@pytest.mark.real
def test_calls_reach_mlflow(database):
    with client(embedded.transport(database)) as c:
        made = c.send(create("é😀 %2F", tags=[{"key": "a", "value": "b"}]))
        query = {"experiment_name": "é😀 %2F"}
        found = c.send(Call("GET", f"{API}experiments/get-by-name", query=query))["experiment"]
        with pytest.raises(Rejected) as caught:
            c.send(create("é😀 %2F"))
    assert found["experiment_id"] == made["experiment_id"]
    assert found["tags"] == [{"key": "a", "value": "b"}]
    assert caught.value.code == "RESOURCE_ALREADY_EXISTS"


@pytest.mark.real
@pytest.mark.parametrize(
    ("key", "encoded"), [("é", "%C3%A9"), ("a b", "a%20b"), ("50%", "50%25"), ("日本", "%E6%97%A5%E6%9C%AC")]
)
def test_keys_in_paths_arrive_as_they_are(database, key, encoded):
    with client(embedded.transport(database)) as c:
        body = {"experiment_id": "0", "name": "m", "tags": [{"key": key, "value": "1"}, {"key": "kept", "value": "2"}]}
        model = c.send(Call("POST", f"{API}logged-models", body=body))["model"]["info"]["model_id"]
        c.send(Call("DELETE", f"{API}logged-models/{model}/tags/{encoded}"))
        tags = c.send(Call("GET", f"{API}logged-models/{model}"))["model"]["info"]["tags"]
    assert tags == [{"key": "kept", "value": "2"}]


@pytest.mark.real
def test_reading_client_cannot_write(database):
    with client(embedded.transport(database), writable=False) as c:
        with pytest.raises(WriteRefused):
            c.send(create("x"))
        assert names(c) == ["Default"]
        assert c.counts == Counts(reads=1, writes=0)


@pytest.mark.real
def test_artifacts_go_where_mlflow_puts_them_for_a_client_of_the_same_uri(folder, database):
    mlflow = pytest.importorskip("mlflow")
    with client(embedded.transport(database)) as c:
        c.send(create("ours"))
        mlflow.MlflowClient(tracking_uri=database).create_experiment("theirs")
        places = {e["name"]: e["artifact_location"] for e in c.send(SEARCH)["experiments"]}
        ids = {e["name"]: e["experiment_id"] for e in c.send(SEARCH)["experiments"]}
    assert places["ours"] == f"{folder}/mlruns/{ids['ours']}"
    assert places["theirs"] == f"{folder}/mlruns/{ids['theirs']}"
    with client(embedded.transport(database, root="s3://bucket/x")) as c:
        c.send(create("elsewhere"))
        places = {e["name"]: e["artifact_location"] for e in c.send(SEARCH)["experiments"]}
    assert places["elsewhere"].startswith("s3://bucket/x/")


@pytest.mark.real
def test_ten_threads(database):
    tags = [{"key": f"k{n}", "value": "v"} for n in range(5)]
    with client(embedded.transport(database)) as c, ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda n: c.send(create(f"e{n}", tags=tags))["experiment_id"], range(150)))
        run = Call("POST", f"{API}runs/create", body={"experiment_id": made[0], "run_name": "r", "start_time": 1})
        list(pool.map(c.send, [run] * 60))
        assert len(set(made)) == 150
        assert len(names(c)) == 151


@pytest.mark.real
def test_one_database_after_another(folder, database):
    shutil.copy("new.db", "other.db")
    with client(embedded.transport(database)) as first:
        first.send(create("in the first"))
    with client(embedded.transport("sqlite:///other.db")) as second:
        second.send(create("in the second"))
        assert names(second) == ["Default", "in the second"]
    with client(embedded.transport(database)) as again:
        assert names(again) == ["Default", "in the first"]


@pytest.mark.real
def test_transport_never_reaches_another_database(folder, database):
    shutil.copy("new.db", "other.db")
    first = client(embedded.transport(database))
    second = client(embedded.transport("sqlite:///other.db"))
    with pytest.raises(CannotOpen, match="another one was opened"):
        first.send(create("lost"))
    first.close()
    assert names(second) == ["Default"]
    second.close()


@pytest.mark.real
def test_file_made_anew_under_the_same_name(folder, database):
    with client(embedded.transport(database)) as c:
        c.send(create("gone"))
    shutil.copy("new.db", database.removeprefix("sqlite:///"))
    with client(embedded.transport(database)) as c:
        assert names(c) == ["Default"]


@pytest.mark.real
def test_registry_is_in_the_same_database(folder, database):
    with client(embedded.transport(database)) as c:
        c.send(Call("POST", f"{API}registered-models/create", body={"name": "lock"}))
    with sqlite3.connect(database.removeprefix("sqlite:///")) as db:
        assert db.execute("select name from registered_models").fetchall() == [("lock",)]
    assert not Path("mlflow.db").exists()


@pytest.mark.real
def test_environment_is_left_as_it_was(folder, database, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mine")
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    embedded.transport(database).close()
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://mine"
    assert "MLFLOW_REGISTRY_URI" not in os.environ


@pytest.mark.real
def test_file_store_needs_mlflows_own_consent(folder, monkeypatch):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    with pytest.raises(CannotOpen, match="maintenance mode") as caught:
        embedded.transport("./files")
    assert caught.value.hint == "set MLFLOW_ALLOW_FILE_STORE=true"
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for uri in ("./files", (folder / "files2").as_uri()):
        with client(embedded.transport(uri)) as c:
            c.send(create("x"))
            places = {e["name"]: e["artifact_location"] for e in c.send(SEARCH)["experiments"]}
        assert places["x"].startswith((folder / "files").as_uri())


def altered(database, statement):
    with sqlite3.connect(database.removeprefix("sqlite:///")) as db:
        db.execute(statement)
    return Path(database.removeprefix("sqlite:///")).read_bytes()


@pytest.mark.real
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("update alembic_version set version_num = '0a8213491aaa'", "made by an older MLflow"),
        ("update alembic_version set version_num = 'ffffffffffff'", "made by a newer MLflow"),
        ("drop table alembic_version", "has tables, but none of MLflow's"),
    ],
)
def test_foreign_schema_is_refused_and_left_alone(database, statement, says):
    before = altered(database, statement)
    with pytest.raises(CannotOpen, match=says) as caught:
        embedded.transport(database)
    assert caught.value.hint
    assert Path(database.removeprefix("sqlite:///")).read_bytes() == before


@pytest.mark.real
def test_what_cannot_be_opened(folder):
    Path("text.db").write_text("this is no database " * 100)
    Path("dir.db").mkdir(exist_ok=True)
    Path("file").write_text("")
    for uri in ("sqlite:///text.db", "sqlite:///dir.db", "sqlite:///file/x.db"):
        with pytest.raises(CannotOpen) as caught:
            embedded.transport(uri)
        assert "store sqlite:///" in str(caught.value)


@pytest.mark.real
@pytest.mark.parametrize(
    "uri",
    [
        f"postgresql://ann:{CANARY}@127.0.0.1:1/db?password={CANARY}",
        f"mysql+pymysql://ann:{CANARY}@127.0.0.1:1/db",
        f"mssql+nosuchdriver://ann:{CANARY}@h/db",
        f"postgresql://ann:{CANARY}@h:port/db",
        f"oracle://ann:{CANARY}@h/db",
        f"https://ann:{CANARY}@h",
        "databricks://profile",
        "databricks",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_unusable_stores_are_named_without_their_password(folder, uri):
    with pytest.raises(CannotOpen) as caught:
        embedded.transport(uri)
    assert CANARY not in f"{caught.value} {caught.value!r} {caught.value.hint}"
    assert not Path("databricks").exists()


@pytest.mark.real
def test_server_says_nothing_on_its_own(folder):
    """A new database, a failing request and a refused one: all quiet, and no thread that phones home."""
    code = """
import sys, threading
from tests.unit.test_embedded import *
with client(embedded.transport("sqlite:///quiet.db")) as c:
    c.send(create("x"))
    for call in (create("x"), Call("GET", "/nowhere")):
        try:
            c.send(call)
        except Exception as error:
            pass
print([t.name for t in threading.enumerate()])
"""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTEST_CURRENT_TEST", "CI", "PYTHONWARNINGS")}
    env |= {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stderr == ""
    assert done.stdout == "['MainThread']\n"


@pytest.mark.real
@pytest.mark.parametrize(
    ("module", "install"), [("psycopg", "'psycopg[binary]'"), ("psycopg2", "psycopg2-binary"), ("asyncpg", "asyncpg")]
)
def test_missing_driver_says_what_to_install(folder, module, install):
    if importlib.util.find_spec(module):
        pytest.skip("the driver is installed")
    with pytest.raises(CannotOpen, match="needs a driver") as caught:
        embedded.transport(f"postgresql+{module}://h/db")
    assert caught.value.hint == f"pip install {install}"


def test_shown_hides_password_and_options():
    for uri, shown in {
        "ann:pw@h:5000": "ann:***@h:5000",
        "./runs@home": "./runs@home",
        f"postgresql://ann:{CANARY}@h:5432/db?password={CANARY}": "postgresql://ann@h:5432/db",
        f"postgresql://ann:p@{CANARY}@h/db": "postgresql://ann@h/db",
        "sqlite:///mlflow.db": "sqlite:///mlflow.db",
        "sqlite:////a/b.db?timeout=3": "sqlite:////a/b.db",
        f"postgresql://ann:p/{CANARY}?x@h/db": "postgresql://ann@h/db",
        f"postgresql://h/db?password={CANARY}@x": "postgresql://h/db@x",
        "sqlite:////a@b/c.db": "sqlite:////a@b/c.db",
        "./mlruns": "./mlruns",
        "file:///x/y": "file:///x/y",
    }.items():
        assert embedded.shown(uri) == shown


def test_missing_mlflow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow.server", None)
    monkeypatch.setitem(sys.modules, "mlflow.server.handlers", None)
    with pytest.raises(MissingExtra) as caught:
        embedded.transport("sqlite:///x.db")
    assert caught.value.hint == "pip install mlflow"
    assert not Path("x.db").exists()
