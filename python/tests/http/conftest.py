"""The recording server, for tests that run in this process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from http_recording import RecordingServer


@pytest.fixture(scope="session")
def _server() -> Iterator[RecordingServer]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("http_server.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    yield RecordingServer(f"http://127.0.0.1:{int(process.stdout.readline())}")
    process.stdin.close()
    process.wait(timeout=30)
    process.stdout.close()


@pytest.fixture
def recording(_server: RecordingServer) -> RecordingServer:
    _server.received()
    return _server
