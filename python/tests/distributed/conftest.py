"""A server that counts what it serves; and runners whose other side is a queue."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from runner_wire import Idle, Wire, until

from locust import rpc as transport
from locust import runners
from locust.env import Environment
from locust.rpc import Message
from locust.runners import MasterRunner, WorkerRunner
from servers import clean_environment


class CountingServer:
    """Answers 200, or 404 below /nothing, in a process of its own, and knows how often."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("cluster_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )
        self.url = self.process.stdout.readline().strip()

    @property
    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/counts", timeout=10) as response:
            return json.load(response)

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def counting_server() -> Iterator[CountingServer]:
    server = CountingServer()
    yield server
    server.stop()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr(transport.rpc, "Server", wire)
    monkeypatch.setattr(transport.rpc, "Client", wire)
    monkeypatch.setenv("LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP", "0.05")
    # Once at the beginning and never again, however long a test takes.
    for interval in ("HEARTBEAT_INTERVAL", "WORKER_REPORT_INTERVAL", "WORKER_LOG_REPORT_INTERVAL"):
        monkeypatch.setattr(runners, interval, 3600)
    return wire


@pytest.fixture
def master(wire: Wire) -> Iterator[MasterRunner]:
    runner = Environment(user_classes=[Idle]).create_master_runner("127.0.0.1", 5557)
    gevent.sleep(0)
    yield runner
    runner.hurry()
    runner.quit()


@pytest.fixture
def worker(wire: Wire) -> Iterator[WorkerRunner]:
    wire.arriving.put(("m", Message("ack", {"index": 3}, "m")))
    runner = Environment(user_classes=[Idle]).create_worker_runner("127.0.0.1", 5557)
    until(lambda: "stats" in wire.types())
    yield runner
    runner.quit()
