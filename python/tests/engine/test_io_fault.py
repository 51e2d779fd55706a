"""An I/O thread that dies ends the run: with a message, its numbers and an exit code, and without a wait that hangs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from servers import TestkitServer, clean_environment, free_port, locust_command

# The I/O thread's poller is the one that is there as soon as the engine has been asked for something. With another file in its place the next poll
# fails, which nothing in the thread expects.
SCRIPT = """
import os
import gevent
from locust import FastHttpUser, HttpUser, User, _engine, constant, runners, task

runners.WORKER_REPORT_INTERVAL = 0.5

def pollers():
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            if "eventpoll" in os.readlink(f"/proc/self/fd/{name}"):
                found.add(int(name))
        except OSError:
            pass
    return found

class Breaker(HttpUser):
    fixed_count = 1
    wait_time = constant(0.05)
    visits = 0

    @task
    def visit(self):
        self.client.get("/ok")
        self.visits += 1
        if self.visits == 5:
            nothing = os.open("/dev/null", os.O_RDONLY)
            for poller in IO_THREADS:
                os.dup2(nothing, poller)

class Waits(User):
    fixed_count = 1
    wait_time = constant(1000)

    @task
    def nothing(self):
        pass

    def on_stop(self):
        # Timed by the engine, whose waits do not hang on the I/O thread.
        _engine.sleep(0.2)
        print("on_stop is over", flush=True)

class Asks(HttpUser):
    fixed_count = 1
    wait_time = constant(0.05)

    @task
    def ask(self):
        self.client.get("/hang")

class AsksFast(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0.05)
    network_timeout = connection_timeout = 1000

    @task
    def ask(self):
        self.client.get("/hang")

BEFORE = pollers()
_engine.sleep(0)
IO_THREADS = pollers() - BEFORE
"""
MESSAGE = "An I/O thread of the engine has died (poller is broken: Invalid argument (os error 22)). Nothing can be sent"


def start(folder: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    with open(folder / name, "wb") as log:
        return subprocess.Popen(
            [locust_command(), *arguments],
            cwd=folder,
            env=clean_environment(HOME=str(folder)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def rows(folder: Path) -> dict[str, Any]:
    return {row["name"]: row for row in json.loads((folder / "out.json").read_text())}


USERS = ("-u", "4", "-r", "10", "-t", "60s", "--json-file", "out")
PATIENCE = 40


def counted(folder: Path) -> None:
    """Nothing is lost: five that were answered, perhaps a sixth that was sent while the thread slept its last, and the two that never were."""
    found = rows(folder)
    assert found["/ok"]["num_requests"] - found["/ok"]["num_failures"] in (5, 6)
    assert (found["/hang"]["num_requests"], found["/hang"]["num_failures"]) == (2, 2)


@pytest.mark.parametrize("arguments", [("--headless",), ("--autostart", "--stop-timeout", "30")])
def test_a_run_ends_with_a_message_its_numbers_and_a_code(
    tmp_path: Path, misbehave: TestkitServer, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    web = ("--web-host", "127.0.0.1", "--web-port", str(free_port()))
    process = start(tmp_path, "log", *arguments, *web, *USERS, "-H", misbehave.url)
    try:
        assert process.wait(PATIENCE) == 2
    finally:
        process.kill()
    log = (tmp_path / "log").read_text()
    assert log.count(MESSAGE) == 1, log
    assert "on_stop is over" in log and "Shutting down (exit code 2)" in log
    counted(tmp_path)


def test_a_worker_reports_and_says_goodbye(tmp_path: Path, misbehave: TestkitServer) -> None:
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    port = str(free_port())
    master = start(
        tmp_path, "master", "--master", "--headless", *USERS, "-H", misbehave.url, "--master-bind-port", port
    )
    worker = start(tmp_path, "worker", "--worker", "--master-port", port)
    try:
        assert worker.wait(PATIENCE) == 2
        log = (tmp_path / "worker").read_text()
        assert log.count(MESSAGE) == 1 and "on_stop is over" in log
        # As when any last worker quits.
        assert master.wait(PATIENCE) == 1
    finally:
        worker.kill()
        master.kill()
    assert "The last worker quit" in (tmp_path / "master").read_text()
    counted(tmp_path)
