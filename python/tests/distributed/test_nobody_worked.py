"""A run whose workers are all gone ends by itself, says why, and its exit code is not 0."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from cluster_nodes import COUNTER, WATCHFUL, Cluster, children

from servers import free_port

LEAVING = (
    COUNTER
    + WATCHFUL
    + """
import os, sys

def leave_as_first():
    if os.environ["LEAVE"] == "early" and not os.path.exists("left"):
        open("left", "x").close()
        os._exit(4)

os.register_at_fork(after_in_child=leave_as_first)

def is_worker(environment):
    return isinstance(environment.runner, runners.WorkerRunner)

@events.init.add_listener
def begin(environment, **_):
    if is_worker(environment) and os.environ["LEAVE"] == "init":
        sys.exit(3)

@events.test_start.add_listener
def start(environment, **_):
    if is_worker(environment) and os.environ["LEAVE"] == "test_start":
        sys.exit(5)
    if is_worker(environment) and os.environ["LEAVE"] == "quit":
        environment.runner.quit()
"""
)
# Given up after two seconds of silence more.
SOON = "\nrunners.HEARTBEAT_DEAD_INTERNAL = -10\n"


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        ("init", "(exit code 3), ending the run"),
        ("early", "1 of 2 worker processes ended before the test began (exit code 4), ending the run"),
        ("test_start", "All worker processes have ended (exit code 5), ending the run"),
        ("quit", "No worker was left at the end of the run"),
    ],
)
def test_processes_that_leave_before_they_worked_end_the_run(tmp_path: Path, leave: str, why: str):
    with Cluster(tmp_path, LEAVING) as cluster:
        where = ("--headless", "--master-bind-port", str(cluster.port), "--json-file", "out")
        master = cluster.node("all", *where, "--processes", "2", "-u", "2", LEAVE=leave)
        master.says(why)
        master.ends(code=1)
        assert (tmp_path / "out.json").exists()


def test_processes_that_were_killed_end_the_run_and_what_they_reported_is_kept(tmp_path: Path):
    with Cluster(tmp_path, COUNTER + WATCHFUL) as cluster:
        where = ("--headless", "--master-bind-port", str(cluster.port), "--json-file", "out")
        master = cluster.node("all", *where, "--processes", "2", "-u", "2", "-t", "10m")
        master.says("GET      /  ")
        for pid in children(master.process.pid):
            os.kill(pid, signal.SIGKILL)
        master.says("All worker processes have ended (exit code 137), ending the run")
        master.ends(code=1)
        assert cluster.rows()["/"]["num_requests"] > 0


@pytest.mark.parametrize("leave", ["init", "test_start", "kill"])
def test_workers_that_are_gone_for_long_end_the_run(tmp_path: Path, leave: str):
    with Cluster(tmp_path, LEAVING + SOON) as cluster:
        master = cluster.master("-u", "2", "--expect-workers", "1", "--json-file", "out", LEAVE="")
        worker = cluster.worker(LEAVE=leave)
        if leave == "kill":
            master.says("All users spawned")
            worker.signal(signal.SIGKILL)
        worker.ends(code={"init": 3, "test_start": 5, "kill": -9}[leave])
        master.says("There has been no worker for 2 seconds, ending the run")
        master.ends(code=1)
        assert (tmp_path / "out.json").exists()


def test_workers_that_quit_before_they_worked_end_the_run(tmp_path: Path):
    with Cluster(tmp_path, LEAVING) as cluster:
        master = cluster.master("-u", "2", LEAVE="")
        worker = cluster.worker(LEAVE="quit")
        worker.ends(code=None)
        master.says("The last worker quit, stopping test.")
        master.says("No worker was left at the end of the run")
        master.ends(code=1)


def test_a_run_that_ends_without_its_workers_says_so(tmp_path: Path):
    with Cluster(tmp_path, LEAVING) as cluster:
        master = cluster.master("-u", "2", "-t", "6", LEAVE="")
        worker = cluster.worker(LEAVE="test_start")
        worker.ends(code=5)
        master.says("The last worker went missing, stopping test.")
        master.says("No worker was left at the end of the run")
        master.ends(code=1)


def test_a_page_stays_without_workers_unless_it_is_to_quit_by_itself(tmp_path: Path):
    with Cluster(tmp_path, LEAVING + SOON) as cluster:
        page = ("--web-port", str(free_port()), "--autostart", "--autoquit", "0")
        master = cluster.master(*page, "-u", "2", headless=False, LEAVE="")
        worker = cluster.worker(LEAVE="test_start")
        worker.ends(code=5)
        master.says("There has been no worker for 2 seconds, stopping test")
        master.ends(code=1)


def test_a_regular_end_is_told_as_locust_tells_it(tmp_path: Path):
    with Cluster(tmp_path) as cluster:
        master = cluster.master("-u", "2", "-t", "1", "--expect-workers", "2")
        workers = [cluster.worker(name=f"worker{n}") for n in (1, 2)]
        master.ends()
        for worker in workers:
            worker.ends()
        assert "The last worker quit, stopping test." in master.log
        assert "WARNING" not in master.log
