"""A run is written down while it goes on: what has happened is there even if the program is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers import ROOT, TestkitServer, clean_environment, free_port, locust_command

sys.path.insert(0, str(ROOT / "python" / "tests" / "web"))
from web_runs import WebRun

SCRIPT = """
import os, time
from gevent.monkey import get_original
from locust import HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def home(self):
        self.client.get("/")

    @task
    def missing(self):
        self.client.get("/missing")

LOG = open("requests.txt", "a", buffering=1)

@events.request.add_listener
def note(**_):
    LOG.write(f"{time.time()}\\n")
"""
# A child that lives longer than its parent, and has what its parent had open.
FORKS = """
@events.test_start.add_listener
def fork(**_):
    if get_original("os", "fork")() == 0:
        get_original("time", "sleep")(100)
        os._exit(0)
"""
# A disk that is full for some seconds.
FULL = """
import resource
import gevent
from glob import glob

def fill():
    while not (journals := glob("../store/*.journal")):
        gevent.sleep(0.1)
    gevent.sleep(1.5)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(journals[0]) + 10, hard))
    gevent.sleep(3.5)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

events.test_start.add_listener(lambda **_: gevent.spawn(fill))
"""


class Folder:
    """Programs that share a store; all of them end with the test."""

    def __init__(self, path: Path, host: str) -> None:
        self.path, self.host = path, host
        self.store = path / "store"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *arguments: str, script: str = SCRIPT) -> subprocess.Popen[bytes]:
        folder = self.path / name
        folder.mkdir()
        (folder / "locustfile.py").write_text(script)
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [locust_command(), "-H", self.host, "--store-dir", str(self.store), *arguments],
                cwd=folder,
                env=clean_environment(HOME=str(folder), LOCUST_NO_STORE="false"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def log(self, name: str) -> str:
        return (self.path / name / "log").read_text()

    def files(self, ending: str) -> list[Path]:
        return sorted(self.store.glob(f"*.{ending}"))

    def end(self) -> None:
        for process in self.started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait(30)


def until(condition: Callable[[], Any], within: float = 60) -> Any:
    end = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)
    return found


@pytest.fixture
def folder(tmp_path: Path, blog: TestkitServer) -> Iterator[Folder]:
    folder = Folder(tmp_path, blog.url)
    yield folder
    folder.end()


def test_a_run_whose_program_is_killed_is_kept_up_to_the_last_second(folder: Folder, tmp_path: Path):
    headless = folder.start("headless", "--headless", "-u", "2", script=SCRIPT + FORKS)
    page = folder.start(
        "page", "--autostart", "-u", "2", "--web-host", "127.0.0.1", "--web-port", str(free_port())
    )
    port = ("--master-bind-port", str(free_port()))
    master = folder.start("master", "--headless", "-u", "2", "--processes", "2", *port)
    until(lambda: len(folder.files("journal")) == 3)
    sizes = {path: path.stat().st_size for path in folder.files("journal")}
    until(lambda: all(path.stat().st_size > sizes[path] + 500 for path in sizes))
    with WebRun(tmp_path / "viewer", "--store-dir", str(folder.store), LOCUST_NO_STORE="false") as viewer:

        def listed() -> list[dict[str, Any]]:
            found = viewer.get("/runs").json()
            assert found["problems"] == []
            return found["runs"]

        # All of them go on, and this is no time to say what they were.
        assert listed() == []
        killed_at = time.time()
        headless.kill()
        headless.wait(30)
        [run] = until(listed)
        assert run["cut_off"] and run["locustfile"] == "locustfile.py" and run["host"] == folder.host
        assert killed_at - 5 < run["ended"] <= killed_at + 1
        happened = [float(line) for line in (tmp_path / "headless/requests.txt").read_text().split()]
        until_then = sum(at <= run["ended"] - 0.2 for at in happened)
        assert until_then <= run["requests"] <= len(happened)
        detail = viewer.get(f"/runs/{run['id']}").json()
        assert detail["summary"]["cut_off"]
        assert sum(detail["rows"]["requests"]) == detail["total"]["requests"][0] == run["requests"]
        assert {name["name"] for name in detail["names"]} == {"/", "/missing"}
        assert detail["history"]["requests"][-1] == run["requests"]
        assert [failure["name"] for failure in detail["errors"]] == ["/missing"]
        assert detail["info"]["user_count"] == 2
        assert len(folder.files("journal")) == 2

        page.kill()
        master.kill()
        page.wait(30)
        master.wait(30)
        runs = until(lambda: found if len(found := listed()) == 3 else None)
        assert all(run["cut_off"] and run["requests"] > 0 for run in runs)
    assert (folder.files("journal"), len(folder.files("run"))) == ([], 3)


def test_a_run_that_ends_takes_the_place_of_its_journal_and_a_full_disk_costs_that_only(folder: Folder):
    whole = folder.start("whole", "--headless", "-u", "2", "-t", "4")
    assert until(lambda: folder.files("journal"))
    assert whole.wait(60) == 1, folder.log("whole")
    assert (folder.files("journal"), len(folder.files("run"))) == ([], 1)
    [first] = folder.files("run")
    assert b'"cut_off":false' in first.read_bytes()

    # A disk that is full for a while.
    full = folder.start("full", "--headless", "-u", "2", "-t", "10", script=SCRIPT + FULL)
    assert full.wait(90) == 1, folder.log("full")
    log = folder.log("full")
    assert log.count("is not written down as it happens") == 1, log
    assert "File too large" in log and "is not kept" not in log
    assert (folder.files("journal"), len(folder.files("run"))) == ([], 2)


def test_without_a_store_nothing_is_written(folder: Folder):
    process = folder.start("none", "--headless", "-u", "1", "-t", "3", "--no-store")
    assert process.wait(60) == 1, folder.log("none")
    assert not folder.store.exists()
    # Nor by a program of one's own.
    script = """
import gevent
from locust import User, constant, task, stats
from locust.env import Environment
class Idle(User):
    wait_time = constant(0.1)
    @task
    def count(self): self.environment.stats.log_request("GET", "/", 1, 1)
environment = Environment(user_classes=[Idle])
runner = environment.create_local_runner()
gevent.spawn(stats.stats_history, runner)
runner.start(1, 1)
gevent.sleep(2.5)
runner.quit()
"""
    home = folder.path / "home"
    home.mkdir()
    subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environment(HOME=str(home), LOCUST_NO_STORE="false"),
        check=True,
        timeout=60,
    )
    assert list(home.iterdir()) == []
