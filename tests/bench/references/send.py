"""Sends requests from a file over so many connections: bare httpx and a thread pool. `send.py URL FILE CONNECTIONS`."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx


def main() -> None:
    url, calls, connections = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3])
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    with httpx.Client(timeout=600, limits=limits) as client, ThreadPoolExecutor(connections) as pool:

        def send(call: dict[str, Any]) -> None:
            client.request(call["method"], url + call["path"], json=call["body"]).raise_for_status()

        print(sum(1 for _ in pool.map(send, calls)))


if __name__ == "__main__":
    main()
