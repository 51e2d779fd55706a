"""The recording server as a test sees it."""

from __future__ import annotations

import json
from urllib.request import ProxyHandler, build_opener


class RecordingServer:
    """http_server.py, and what it has received."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = int(url.rpartition(":")[2])

    def received(self) -> list[tuple[int, str, str]]:
        """(connection, head, body) of each request since the last time."""
        with build_opener(ProxyHandler({})).open(f"{self.url}/__log", timeout=10) as answer:
            return [tuple(request) for request in json.load(answer)]
