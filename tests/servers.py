"""Starts a real MLflow server for tests: SQLite, loopback, one process, ended by its own process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

START_SECONDS = 90
STOP_SECONDS = 15
_ATTEMPTS = 3
_LOG_TAIL = 40


class ServerFailedError(Exception):
    """The server ended or did not answer in time; holds the end of its log."""


class _PortTakenError(Exception):
    """Somebody took the port between its choice and the server's start."""


_POOL = {"MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "40", "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "80"}
"""A worker's own pool of 15 connections deadlocks from 24 requests in flight; 1.30 takes no pool for SQLite."""
Command = Callable[[int], list[str]]
"""From a port to what starts a server there."""


@contextmanager
def real_mlflow(tmp_path: Path, workers: int = 1, **environment: str) -> Iterator[str]:
    """The base URL of a running MLflow server whose database and artifacts lie in `tmp_path`."""
    with _running(tmp_path, lambda port: _uvicorn(port, workers), {**_POOL, **environment}) as url:
        yield url


@contextmanager
def old_mlflow(tmp_path: Path, python: Path) -> Iterator[str]:
    """As `real_mlflow`, for a version before 3.5, which is no FastAPI application, in the environment of `python`."""
    with _running(tmp_path, lambda port: _gunicorn(port, python), {}) as url:
        yield url


@contextmanager
def guarded_mlflow(tmp_path: Path, user: str, password: str) -> Iterator[str]:
    """As `real_mlflow`, with users, of whom `user` is the administrator: what `--app-name basic-auth` starts."""
    settings = tmp_path / "users.ini"
    settings.write_text(
        "[mlflow]\ndefault_permission = READ\nauth_cache_ttl_seconds = 60\n"
        f"database_uri = sqlite:///{tmp_path.resolve()}/users.db\nadmin_username = {user}\n"
    )
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "for-tests-alone",
        "_MLFLOW_SGI_NAME": "uvicorn",
    }
    with _running(tmp_path, _with_users, {**_POOL, **environment}) as url:
        yield url


@contextmanager
def _running(folder: Path, command: Command, environment: Mapping[str, str]) -> Iterator[str]:
    process, url = _start(folder, command, environment)
    try:
        yield url
    finally:
        _stop(process)


def _start(folder: Path, command: Command, environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], str]:
    for _ in range(_ATTEMPTS - 1):
        try:
            return _start_once(folder, command, environment)
        except _PortTakenError:
            continue
    return _start_once(folder, command, environment)


def _start_once(folder: Path, command: Command, environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], str]:
    port, log = _free_port(), folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(port),
            cwd=folder,
            env={**_environment(folder), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url, log)
    except BaseException:
        _stop(process)
        raise
    return process, url


def _uvicorn(port: int, workers: int) -> list[str]:
    """uvicorn on MLflow's own application: half the start-up time of `mlflow server`, and one process fewer."""
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    return [sys.executable, "-m", "uvicorn", *options, "mlflow.server.fastapi_app:app"]


def _with_users(port: int) -> list[str]:
    options = ["--host", "127.0.0.1", "--port", str(port), "--factory"]
    return [sys.executable, "-m", "uvicorn", *options, "mlflow.server.auth:create_app"]


def _gunicorn(port: int, python: Path) -> list[str]:
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "8"]
    return [str(python), "-W", "ignore", "-m", "gunicorn", *options, "mlflow.server:app"]


def _environment(folder: Path) -> dict[str, str]:
    """The names with an underscore are what `mlflow server` itself hands to its workers; private, fine for a test."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "_MLFLOW_"))}
    return inherited | {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder.resolve()}/mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": f"{folder.resolve()}/artifacts",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Until a search answers: /health does so before the database is ready."""
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise _failure(log, f"the MLflow server ended with exit code {process.returncode}")
            if _answers(client):
                return
            time.sleep(0.2)
    raise _failure(log, f"the MLflow server did not answer within {START_SECONDS} s")


def _answers(client: httpx.Client) -> bool:
    """Also where a server with users wants to know who asks."""
    try:
        status = client.post("/api/2.0/mlflow/experiments/search", json={"max_results": 1}).status_code
    except httpx.TransportError:
        return False
    return status in {httpx.codes.OK, httpx.codes.UNAUTHORIZED}


def _failure(log: Path, what: str) -> Exception:
    text = log.read_text(errors="replace")
    if "address already in use" in text.lower():
        return _PortTakenError(what)
    tail = "\n".join(text.splitlines()[-_LOG_TAIL:])
    return ServerFailedError(f"{what}; the end of {log}:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends this one process, which ends its workers; if it does not, the group that it alone started is killed."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
