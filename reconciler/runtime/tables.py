"""Looks at a database before MLflow opens it: MLflow would move an older schema to its own version, even for a plan."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from reconciler.runtime.errors import CannotOpen
from reconciler.runtime.uri import said, scheme, shown

_DRIVERS = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""What to install for a module, where its package has another name."""
_CONNECT_SECONDS = 10


def check_schema(uri: str) -> None:
    """Raises CannotOpen where `uri` is a database that cannot be reached or is not of the installed MLflow's version.

    An empty or new database passes, and so does what is no database. Without this, MLflow 3.17.2 also tries an
    unreachable database ten times, for 102 s.
    """
    dialect, name = scheme(uri), shown(uri)
    if dialect not in importlib.import_module("mlflow.store.db.db_types").DATABASE_ENGINES:
        return
    file = _sqlite_file(uri)
    if dialect == "sqlite" and file is None:
        raise CannotOpen(f"{name} is in memory, and gone with this process", hint="name a file: sqlite:///mlflow.db")
    if file is None or file.exists():
        tables, revision = _look(uri, dialect, name)
        if tables:
            _check_revision(revision, name)


def _sqlite_file(uri: str) -> Path | None:
    path = uri.partition("?")[0].partition(":///")[2]
    return Path(path) if path and path != ":memory:" and uri.startswith("sqlite") else None


def _look(uri: str, dialect: str, name: str) -> tuple[list[str], str | None]:
    """The tables of the database, and the revision of MLflow's schema where it has one."""
    sqlalchemy: Any = importlib.import_module("sqlalchemy")
    migration: Any = importlib.import_module("alembic.migration")
    options = {"connect_timeout": _CONNECT_SECONDS} if dialect in ("postgresql", "mysql") else {}
    try:
        engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.pool.NullPool, connect_args=options)
        with engine.connect() as connection:
            tables = sqlalchemy.inspect(connection).get_table_names()
            return tables, migration.MigrationContext.configure(connection).get_current_revision()
    except ImportError as error:
        missing = error.name or dialect
        hint = f"pip install {_DRIVERS.get(missing, missing)}"
        raise CannotOpen(f"the store {name} needs a driver: {said(error, uri)}", hint=hint) from None
    except Exception as error:  # noqa: BLE001 - SQLAlchemy's and each driver's
        words = said(getattr(error, "orig", None) or error, uri)
        raise CannotOpen(f"the store {name} cannot be opened", words=words, hint="is it there, and up?") from None


def _check_revision(revision: str | None, name: str) -> None:
    folder = Path(importlib.import_module("mlflow").__file__ or "").parent / "store" / "db_migrations"
    script = importlib.import_module("alembic.script").ScriptDirectory(str(folder))
    if revision in script.get_heads():
        return
    if revision is None:
        raise CannotOpen(
            f"the database {name} has tables, but none of MLflow's", hint="`mlflow db upgrade URI` adds MLflow's"
        )
    if any(known.revision == revision for known in script.walk_revisions()):
        raise CannotOpen(
            f"the database {name} was made by an older MLflow",
            hint="`mlflow db upgrade URI` moves it to the installed version; or install the version that made it",
        )
    raise CannotOpen(f"the database {name} was made by a newer MLflow", hint="pip install --upgrade mlflow")
