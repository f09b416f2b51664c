"""An MLflow server that answers one kind of request with the bytes of a file, and all others as it should."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fakes.mlflow import FakeMlflow
from tests.fakes.transport import lowered, parse, render

PREFIX = "/api/2.0/mlflow/"


@dataclass
class Hostile:
    """Which requests (`POST runs/search`) get which bytes. `@N@` in these is how many requests there were so far.

    `slowly` sends them one by one; `asked` counts the requests that got them.
    """

    request: str = ""
    content: bytes = b""
    slowly: bool = False
    asked: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> Hostile:
        """From a file: the request in its first line, then the answer, whose head may have any line ends."""
        request, _, answer = file.read_bytes().partition(b"\n")
        return cls(request.decode(), answer)


def wired(answer: bytes) -> bytes:
    """`answer` as it is sent: with the line ends of HTTP in its head and between chunks, and with its length."""
    head, _, body = answer.partition(b"\n\n")
    lines = head.split(b"\n")
    names = {line.partition(b":")[0].lower() for line in lines}
    if b"transfer-encoding" in names:
        body = body.replace(b"\n", b"\r\n")
    elif b"content-length" not in names:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body


@contextmanager
def serve(fake: FakeMlflow, hostile: Hostile) -> Iterator[str]:
    """`fake` on a loopback port, but for what `hostile` answers; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10
        disable_nagle_algorithm = True
        wbufsize = -1

        def answer(self) -> None:
            parts = urlsplit(self.path)
            route = parts.path.removeprefix(PREFIX)
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if f"{self.command} {route}" == hostile.request:
                hostile.asked += 1
                hostile.headers.append(dict(self.headers))
                self.close_connection = True
                self.send(wired(hostile.content.replace(b"@N@", b"%d" % hostile.asked)))
                return
            body = parse(self.command, self.headers.get("Content-Type", ""), content)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            reply = fake.handle(self.command, unquote(parts.path), query, body, lowered(self.headers))
            status, headers, content = render(reply)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def send(self, content: bytes) -> None:
            step = 1 if hostile.slowly else len(content)
            for start in range(0, len(content), step or 1):
                self.wfile.write(content[start : start + step])
                self.wfile.flush()

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
