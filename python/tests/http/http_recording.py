"""The recording server as a test sees it."""

from __future__ import annotations

import json
import time
from urllib.request import ProxyHandler, build_opener


class RecordingServer:
    """http_server.py, and what it has received."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = int(url.rpartition(":")[2])

    def wait_for(self, count: int) -> None:
        """Waits until so many requests have come."""
        end, found = time.monotonic() + 30, 0
        while (found := found + len(self.received())) < count:
            assert time.monotonic() < end, f"{found} of {count} requests have come"
            time.sleep(0.01)

    def received(self) -> list[tuple[int, str, str]]:
        """(connection, head, body) of each request since the last time."""
        with build_opener(ProxyHandler({})).open(f"{self.url}/__log", timeout=30) as answer:
            return [tuple(request) for request in json.load(answer)]
