"""What an older server cannot hold of a value that the newest can."""

from __future__ import annotations

from reconciler.backends.mlflow.servers import COLONS, DATASETS
from reconciler.core.change import Path, Value
from reconciler.core.wire import Server, Unsupported

_KEYED = ("tags", "params", "metrics")


def check(kind: str, server: Server, path: Path, value: Value) -> Unsupported | None:
    """What forbids `value` at `path` of a `kind` on `server`, or None."""
    if server.usual:
        return None
    if path[0] == "datasets" and DATASETS in server.lacks:
        return Unsupported(path, f"cannot be held: {server.lacks[DATASETS]}", "leave the dataset out")
    if path[0] in _KEYED and ":" in path[1] and COLONS in server.lacks:
        return Unsupported(path, f"has a ':' in its key: {server.lacks[COLONS]}", "use another key", "limit")
    parts = {".".join((path[0], part)): text for part, text in value.items()} if isinstance(value, dict) else {}
    for name, text in (parts or {path[0]: value}).items():
        most = server.limits.get(f"{kind}.{name}")
        if most and isinstance(text, str) and len(text) > most:
            why = f"has {len(text)} characters; {_named(server)} takes {most}"
            return Unsupported(path, why, "shorten it", "limit")
    return None


def _named(server: Server) -> str:
    return f"MLflow {server.version}" if server.version else "the server, which tells no version,"
