"""An editor without a window: speaks with yaml-language-server over its standard input and output."""

from __future__ import annotations

import fcntl
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.environments import cache

SERVER = "yaml-language-server@2.0.0"
SECONDS = 60
_OLDEST_NODE = 18
_SETTINGS = {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
_CAPABILITIES = {
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {
        "hover": {"contentFormat": ["markdown"]},
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
    },
}


class Editor:
    """One window on `folder`. A `|` in a text is where the cursor stands."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], settings: dict[str, Any]) -> None:
        self.folder = folder
        self.settings = _SETTINGS | settings
        self.process = process
        self.replies: queue.Queue[dict[str, Any]] = queue.Queue()
        self.findings: dict[str, list[dict[str, Any]]] = {}
        self.open: set[Path] = set()
        self.count = 0
        threading.Thread(target=self._listen, daemon=True).start()
        root = folder.as_uri()
        folders = [{"uri": root, "name": folder.name}]
        self._ask("initialize", processId=None, rootUri=root, workspaceFolders=folders, capabilities=_CAPABILITIES)
        self._tell("initialized")

    def problems(self, name: str, *texts: str) -> list[list[tuple[int, str]]]:
        """The line (from 1) and the words of each finding, for each text. The server waits a moment before it looks."""
        opened = [self._open(name, text) for text in texts]
        while not self.findings.keys() >= set(opened):
            self._next()
        found = [self.findings.pop(uri) for uri in opened]
        return [sorted((one["range"]["start"]["line"] + 1, one["message"]) for one in many) for many in found]

    def completions(self, name: str, text: str) -> dict[str, dict[str, Any]]:
        """What is offered at the cursor, by its label."""
        reply = self._at_cursor("textDocument/completion", name, text)
        return {one["label"]: one for one in reply["items"]}

    def hover(self, name: str, text: str) -> str:
        """What is shown of what stands under the cursor."""
        reply = self._at_cursor("textDocument/hover", name, text)
        return str(reply["contents"]["value"]).partition("\n\nSource: ")[0] if reply else ""

    def _at_cursor(self, method: str, name: str, text: str) -> Any:
        before, cursor, after = text.partition("|")
        assert cursor, text
        uri = self._open(name, before + after)
        position = {"line": before.count("\n"), "character": len(before) - (before.rfind("\n") + 1)}
        return self._ask(method, textDocument={"uri": uri}, position=position)

    def _open(self, name: str, text: str) -> str:
        """The file with this text, under a URI of its own."""
        self.count += 1
        place = self.folder / name
        free = place if place not in self.open else place.with_name(f"{self.count}-{place.name}")
        uri = free.as_uri()
        self.open.add(free)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", textDocument=document)
        return uri

    def _ask(self, method: str, **parameters: Any) -> Any:
        self.count += 1
        number = self.count
        self._send({"id": number, "method": method, "params": parameters})
        while (reply := self._next()).get("id") != number:
            pass
        assert "error" not in reply, reply
        return reply["result"]

    def _tell(self, method: str, **parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def _next(self) -> dict[str, Any]:
        """The server's next message; its questions are answered, its findings noted."""
        message = self.replies.get(timeout=SECONDS)
        if message.get("method") == "textDocument/publishDiagnostics":
            self.findings[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            items = message["params"].get("items", []) if message.get("params") else []
            answer = [self.settings if item.get("section") == "yaml" else None for item in items]
            self._send({"id": message["id"], "result": answer or None})
            return {}
        return message

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _listen(self) -> None:
        stream = self.process.stdout
        assert stream
        while line := stream.readline():
            size = int(line.partition(b":")[2]) if line.lower().startswith(b"content-length:") else 0
            while line.strip():
                line = stream.readline()
                size = int(line.partition(b":")[2]) if line.lower().startswith(b"content-length:") else size
            self.replies.put(json.loads(stream.read(size)))


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Editor]:
    """An editor on `folder`, with more `settings` for YAML. Skips the test, and says why, where there can be none."""
    server = _server()
    command = [server / "node_modules/.bin/yaml-language-server", "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield Editor(folder, process, settings)
        finally:
            process.kill()


def _server() -> Path:
    """The folder in which the server is installed: once, and kept for the next time."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no node with npm here")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < _OLDEST_NODE:
        pytest.skip(f"{SERVER} needs node {_OLDEST_NODE}, and here is {version}")
    folder = cache() / SERVER.replace("@", "-")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be installing it
        if not (folder / "made").exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    options = (
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--ignore-scripts",
        "--fetch-retries=1",
        "--loglevel=error",
    )
    command = ["npm", "install", "--prefix", str(folder), *options, SERVER]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
        failed, words = done.returncode != 0, done.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        failed, words = True, str(error)
    if failed:
        last = (words.strip().splitlines() or ["without a word"])[-1]
        pytest.skip(f"{SERVER} cannot be installed here: {last}")
    (folder / "made").touch()
    assert os.access(folder / "node_modules/.bin/yaml-language-server", os.X_OK)
