"""From the URI of an MLflow store to a transport: the real MLflow server, inside this process, without a port."""

from __future__ import annotations

import importlib
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from reconciler.runtime.errors import CannotOpen, MissingExtra
from reconciler.runtime.tables import check_schema
from reconciler.runtime.uri import absolute, said, scheme, shown

__all__ = ["URL", "shown", "transport"]

URL = "http://localhost"
"""The address for a client of the embedded server. MLflow's security middleware lets this host pass."""

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
_DEFAULTS = {
    # a create holds two connections at once, so that the usual 15 lock each other out (MLflow 3.17.2)
    "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "40",
    "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "80",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
_CHANGED_BY_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_NOT_STORES = ("http", "https", "databricks", "databricks-uc", "uc")
_STORES = ("_tracking_store", "_model_registry_store")
_opening = threading.Lock()


def transport(uri: str, root: str | Path | None = None) -> httpx.BaseTransport:
    """The server on the store `uri`: `sqlite:///mlflow.db`, `postgresql://...`, a folder of MLflow's file store.

    `root` is where new experiments keep their artifacts; by default where MLflow itself would put them for a client
    with this tracking URI. Paths are relative to the current folder. MLflow makes the tables of a new database.
    MLflow has one store per process: opening a second one ends the first, whose transport then raises CannotOpen.

    Raises:
        MissingExtra: mlflow is not installed.
        CannotOpen: the store cannot be used, or was made by another version of MLflow.
    """
    if (scheme(uri) or uri) in _NOT_STORES:
        raise CannotOpen(f"'{shown(uri)}' is a server, not a store")
    place = absolute(uri)
    with _opening, _quiet():
        handlers, app = _mlflow()
        check_schema(uri)
        _forget(handlers)
        try:
            with _kept(_CHANGED_BY_MLFLOW):
                handlers.initialize_backend_stores(
                    backend_store_uri=place, registry_store_uri=place, default_artifact_root=_artifacts(uri, root)
                )
        except Exception as error:  # noqa: BLE001 - MLflow's, SQLAlchemy's and each driver's
            _forget(handlers)
            raise _cannot_open(uri, error) from None
    # MLflow imports some of its modules, which warn, while it answers
    warnings.filterwarnings("ignore", module=r"(mlflow|alembic|sqlalchemy|pydantic|starlette)\b")
    return _Embedded(app, handlers)


class _Embedded(httpx.WSGITransport):
    """Closing it gives the store back, so that another can be opened."""

    def __init__(self, app: Any, handlers: Any) -> None:
        super().__init__(app=_latin1(app))
        self._handlers = handlers
        self._store = handlers._tracking_store  # noqa: SLF001 - MLflow has no public name for it

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._handlers._tracking_store is not self._store:  # noqa: SLF001
            raise CannotOpen("the embedded server was closed, or another one was opened in this process")
        return super().handle_request(request)

    def close(self) -> None:
        if self._handlers._tracking_store is self._store:  # noqa: SLF001
            _forget(self._handlers)


def _latin1(app: Any) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """`app` with the path as PEP 3333 wants it, bytes as latin-1; httpx 0.28 passes text, and `é` arrives garbled."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")
        chunks: Iterable[bytes] = app(environ, start_response)
        return chunks

    return wrapped


def _mlflow() -> tuple[Any, Any]:
    """MLflow's handlers and its Flask application; the first import takes about 5 s."""
    os.environ.update(_SETTINGS)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        handlers, app = importlib.import_module("mlflow.server.handlers"), importlib.import_module("mlflow.server").app
    except ImportError as error:
        raise MissingExtra(f"a target without a server needs MLflow here: {error}", hint="pip install mlflow") from None
    for name in ("mlflow", "alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return handlers, app


def _artifacts(uri: str, root: str | Path | None) -> str | None:
    """A client of MLflow 3.17.2 with a database as its tracking URI uses ./mlruns; with a folder, that folder."""
    if root is not None:
        return str(root)
    is_database = scheme(uri) in importlib.import_module("mlflow.store.db.db_types").DATABASE_ENGINES
    default: str = importlib.import_module("mlflow.store.tracking").DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    return default if is_database else None


def _forget(handlers: Any) -> None:
    """Close the store that this process has open. MLflow keeps it in a global and its engine in a class attribute."""
    for name in _STORES:
        store: Any = getattr(handlers, name, None)
        setattr(handlers, name, None)
        if hasattr(store, "engine"):
            store.engine.dispose()
            getattr(type(store), "_engine_map", {}).pop(store.db_uri, None)


def _cannot_open(uri: str, error: Exception) -> CannotOpen:
    hint = "set MLFLOW_ALLOW_FILE_STORE=true" if "MLFLOW_ALLOW_FILE_STORE" in str(error) else ""
    return CannotOpen(f"the store {shown(uri)} cannot be used", words=said(error, uri), hint=hint)


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _kept(names: Iterable[str]) -> Iterator[None]:
    """Put the environment variables `names` back afterwards: opening a store sets them for the whole process."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
