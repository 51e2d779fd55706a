"""What happens when nodes die, hang, come late or are told to go."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest
from cluster_nodes import (
    COUNTER,
    ENOUGH,
    TELLING,
    WATCHFUL,
    Cluster,
    alive,
    children,
    oracle_command,
    wait_until,
)
from peers import Peer
from runner_wire import report

MISSING = "failed to send heartbeat, setting state to missing."


def test_users_of_a_worker_that_was_killed_go_to_the_others(tmp_path: Path):
    with Cluster(tmp_path, COUNTER + WATCHFUL) as cluster:
        master = cluster.master("-u", "4", "-r", "100", "--expect-workers", "2", "--enable-rebalancing")
        first, second = (cluster.worker(name=f"worker{n}") for n in (1, 2))
        master.says("All users spawned")
        first.signal(signal.SIGKILL)
        master.says(MISSING)
        master.says('All users spawned: {"Counter": 4} (4 total users)', times=2)
        second.signal(signal.SIGTERM)
        second.ends()
        master.says("The last worker quit, stopping test.")
        # A headless master has nothing left to do then.
        master.ends()


def test_the_test_ends_when_the_last_worker_was_killed(tmp_path: Path):
    with Cluster(tmp_path, COUNTER + WATCHFUL) as cluster:
        master = cluster.master("-u", "1", "--json-file", "out")
        worker = cluster.worker()
        # Something was reported by then: a table of one row and the total.
        master.says("GET      /  ")
        worker.signal(signal.SIGKILL)
        master.says("The last worker went missing, stopping test.")
        # As with Locust the master stays: the worker may come back. It has not, so the run was none.
        master.signal(signal.SIGTERM)
        master.ends(code=1)
        assert "No worker was left at the end of the run" in master.log
        assert cluster.rows()["/"]["num_requests"] > 0


def test_a_worker_that_was_stopped_for_a_while_comes_back(tmp_path: Path):
    with Cluster(tmp_path, COUNTER + WATCHFUL) as cluster:
        master = cluster.master("-u", "2", "-r", "100", "--expect-workers", "2")
        first, _second = (cluster.worker(name=f"worker{n}") for n in (1, 2))
        master.says("All users spawned")
        first.signal(signal.SIGSTOP)
        master.says(MISSING)
        first.signal(signal.SIGCONT)
        master.says("self-healed with heartbeat")
        master.signal(signal.SIGINT)
        master.ends()
        first.ends()


# How long a worker waits for its master is read anew each time; here it gets impatient on demand, so that nothing happens
# before the master is dead.
IMPATIENT_ON_DEMAND = (
    COUNTER
    + """
import os, gevent

def watch():
    while not os.path.exists("impatient"):
        gevent.sleep(0.1)
    runners.MASTER_HEARTBEAT_TIMEOUT = 1

@events.init.add_listener
def begin(**_):
    gevent.spawn(watch)
"""
)


@pytest.mark.parametrize("master_is", ["ours", "theirs"])
def test_a_worker_ends_when_its_master_was_killed(tmp_path: Path, master_is: str):
    with Cluster(tmp_path, IMPATIENT_ON_DEMAND) as cluster:
        master = cluster.master("-u", "1", command=oracle_command() if master_is == "theirs" else None)
        worker = cluster.worker()
        master.says("All users spawned")
        master.signal(signal.SIGKILL)
        (tmp_path / "impatient").touch()
        worker.says("Didn't get heartbeat from master in over 1s")
        # Whoever started it is not to take that for done.
        worker.ends(code=1)
        assert "Traceback" not in worker.log


# No report in between: all that there is comes with the last one.
ONE_REPORT = TELLING + "\nrunners.WORKER_REPORT_INTERVAL = 600\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_worker_measured_before_it_was_told_to_go_is_not_lost(tmp_path: Path, number: signal.Signals):
    with Cluster(tmp_path, ONE_REPORT) as cluster:
        master = cluster.master("-u", "3", "-r", "100", "--json-file", "out")
        worker = cluster.worker()
        worker.says(ENOUGH)
        worker.signal(number)
        worker.ends()
        master.ends()
        assert cluster.rows()["/"]["num_requests"] == worker.counted >= 20


def test_what_was_measured_before_the_master_was_told_to_go_is_not_lost(tmp_path: Path):
    with Cluster(tmp_path, ONE_REPORT) as cluster:
        master = cluster.master("-u", "4", "-r", "100", "--expect-workers", "2", "--json-file", "out")
        workers = [cluster.worker(name=f"worker{n}") for n in (1, 2)]
        for worker in workers:
            worker.says(ENOUGH)
        master.signal(signal.SIGINT)
        master.ends()
        for worker in workers:
            worker.says("Got quit message from master")
            worker.ends()
        assert cluster.rows()["/"]["num_requests"] == sum(worker.counted for worker in workers)


def test_exit_codes_of_failures_are_the_masters(tmp_path: Path):
    failing = COUNTER.replace("exception=None", "exception=ValueError('no')")
    with Cluster(tmp_path, failing) as cluster:
        master = cluster.master("-u", "1")
        worker = cluster.worker()
        # A user begins with a request, so there is a failure by now.
        master.says("All users spawned")
        master.signal(signal.SIGTERM)
        master.ends(code=1)
        worker.ends(code=0)
        assert "ValueError('no')" in master.log


def test_a_master_does_not_wait_for_ever_for_its_workers(tmp_path: Path):
    with Cluster(tmp_path) as cluster:
        # The worker first: it has to be there before the master gives up.
        worker = cluster.worker("-L", "DEBUG")
        worker.says("Failed to connect to master")
        master = cluster.master("--expect-workers", "2", "--expect-workers-max-wait", "4")
        master.says("1 workers connected")
        master.says("Gave up waiting for workers to connect")
        master.ends(code=1)
        worker.ends()


def test_a_port_in_use_is_named(tmp_path: Path):
    with Cluster(tmp_path) as cluster, socket.socket() as other:
        other.bind(("0.0.0.0", cluster.port))
        other.listen()
        master = cluster.master()
        master.ends(code=1)
        assert f"The Locust master port ({cluster.port}) was busy." in master.log
        assert "Traceback" not in master.log


def test_a_worker_without_a_master_gives_up(tmp_path: Path):
    impatient = COUNTER + "\nrunners.CONNECT_TIMEOUT = 0.1\nrunners.CONNECT_RETRY_COUNT = 2\n"
    with Cluster(tmp_path, impatient) as cluster:
        worker = cluster.worker()
        worker.ends(code=255)
        assert "Failed to connect to the Locust master" in worker.log
        assert "Traceback" not in worker.log


def test_a_worker_that_finds_no_master_says_so_soon_and_goes_on_looking(tmp_path: Path):
    with Cluster(tmp_path) as cluster:
        worker = cluster.worker()
        worker.says(f"No master answers at 127.0.0.1:{cluster.port}: Connection refused")
        master = cluster.master("-u", "1", "-t", "1")
        master.ends()
        worker.ends()
        assert worker.log.count("No master answers") == 1


def test_a_token_that_is_guessed_soon_is_none(tmp_path: Path):
    with Cluster(tmp_path) as cluster:
        master = cluster.master(LOCUST_CLUSTER_TOKEN="seven77")
        master.ends(code=1)
        assert "(LOCUST_CLUSTER_TOKEN) has to have 8 characters at least" in master.log
        assert "Traceback" not in master.log


def test_a_file_that_has_no_token_is_told_in_a_line(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("replaced below")
    named = {"LOCUST_CLUSTER_TOKEN_FILE": str(secret)}
    for content, extra, words in (
        (None, {}, "which cannot be read: No such file or directory"),
        (b"\xff\xfe", {}, "which cannot be read: it is no text"),
        (b" \n", {}, "which is empty"),
        (b"something", {"LOCUST_CLUSTER_TOKEN": "other"}, "are both set"),
    ):
        secret.unlink() if content is None else secret.write_bytes(content)
        with Cluster(tmp_path) as cluster:
            for node in (cluster.master(**named, **extra), cluster.worker("-f", "-", **named, **extra)):
                node.ends(code=1)
                assert "LOCUST_CLUSTER_TOKEN_FILE" in node.log and words in node.log, node.log
                assert len(node.log.splitlines()) == 1


def test_a_node_is_master_or_worker(tmp_path: Path):
    with Cluster(tmp_path) as cluster:
        both = cluster.worker("--master")
        both.ends(code=255)
        assert "The --master argument cannot be combined with --worker" in both.log


# ------------------------------------------------------------------------------------------------- processes


def test_processes_are_workers_of_their_parent(tmp_path: Path):
    with Cluster(tmp_path, TELLING) as cluster:
        # Its children need not be told where it listens.
        arguments = ("--headless", "--master-bind-port", str(cluster.port), "--processes", "2")
        master = cluster.node("all", *arguments, "-u", "4", "-r", "100", "--json-file", "out")
        master.says(ENOUGH, times=2)
        workers = children(master.process.pid)
        assert len(workers) == 2
        master.signal(signal.SIGINT)
        master.ends()
        wait_until(lambda: not any(map(alive, workers)))
        counted = [int(line.split()[1]) for line in master.log.splitlines() if line.startswith("counted ")]
        # The master has made none.
        assert sorted(counted)[0] == 0 and len(counted) == 3
        assert cluster.rows()["/"]["num_requests"] == sum(counted) >= 40
        assert master.log.count("Shutting down (exit code 0)") == 3


def test_processes_find_their_parent_wherever_it_listens(tmp_path: Path):
    with Cluster(tmp_path) as cluster:
        # An address of loopback that is not the usual one, and a port that is only the master's.
        where = ("--master-bind-host", "127.0.0.2", "--master-bind-port", str(cluster.port))
        master = cluster.node(
            "all", "--headless", *where, "--processes", "2", "-u", "2", "-t", "1", "--json-file", "out"
        )
        master.ends()
        assert cluster.rows()["/"]["num_requests"] > 0


@pytest.mark.parametrize("also", [(), ("--worker",)])
def test_processes_end_with_their_parent_however_that_ends(tmp_path: Path, also: tuple[str, ...]):
    with Cluster(tmp_path) as cluster:
        if also:
            cluster.master("-u", "2", "--expect-workers", "2")
        parent = cluster.node(
            "parent",
            *("--headless", "--master-bind-port", str(cluster.port), "--master-port", str(cluster.port)),
            *("--processes", "2", "-L", "DEBUG", *also),
        )
        parent.says("Started child worker with pid", times=2)
        workers = wait_until(lambda: len(pids := children(parent.process.pid)) == 2 and pids)
        parent.says("Connected to locust master", times=2)
        parent.signal(signal.SIGKILL)
        wait_until(lambda: not any(map(alive, workers)))


def test_a_parent_that_only_waits_takes_over_the_worst_exit_code(tmp_path: Path):
    leaving = (
        COUNTER
        + WATCHFUL
        + "\n@events.test_start.add_listener\ndef leave(environment, **_):\n"
        + "    if isinstance(environment.runner, runners.WorkerRunner):\n        raise SystemExit(42)\n"
    )
    with Cluster(tmp_path, leaving) as cluster:
        master = cluster.master("-u", "2", "--expect-workers", "2")
        parent = cluster.worker("--processes", "2")
        parent.ends(code=42)
        assert "sys.exit(42) called" in parent.log
        master.says(MISSING, times=2)
        master.signal(signal.SIGINT)
        master.ends(code=1)


# Python runs these functions in the middle of a fork, where it tells nobody of an exception but the terminal.
INTERRUPTED_FORK = (
    COUNTER
    + """
import os, signal
os.register_at_fork(HOOK=lambda: os.kill(os.getpid(), signal.SIGINT))
"""
)


@pytest.mark.parametrize("also", [(), ("--worker",)], ids=["master", "workers only"])
@pytest.mark.parametrize("hook", ["before", "after_in_parent"])
def test_ctrl_c_while_processes_are_started_ends_them_all_quietly(
    tmp_path: Path, hook: str, also: tuple[str, ...]
):
    with Cluster(tmp_path, INTERRUPTED_FORK.replace("HOOK", hook)) as cluster:
        ports = ("--master-bind-port", str(cluster.port), "--master-port", str(cluster.port))
        parent = cluster.node("parent", "--headless", "--processes", "2", "-L", "DEBUG", *ports, *also)
        parent.ends(code=130)
        pids = [int(line.rpartition("#")[2]) for line in parent.log.splitlines() if "Started child" in line]
        assert len(pids) == 2 and not any(map(alive, pids))
        assert [line for line in parent.log.splitlines() if not line.startswith("[")] == ["Interrupted"]


def test_ctrl_c_reaches_a_process_that_has_just_been_forked(tmp_path: Path):
    with Cluster(tmp_path, INTERRUPTED_FORK.replace("HOOK", "after_in_child")) as cluster:
        parent = cluster.worker("--processes", "2")
        parent.ends(code=130)
        assert not [line for line in parent.log.splitlines() if not line.startswith("[")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--processes", "-2"), "Invalid --processes count -2"),
        (("--processes", "2", "--master"), "--master cannot be combined with --processes."),
        (
            ("-f", "-"),
            "locustfile was set to '-' (meaning to download from master) but --worker was not specified.",
        ),
    ],
)
def test_impossible_combinations_are_refused(tmp_path: Path, arguments: tuple[str, ...], message: str):
    with Cluster(tmp_path) as cluster:
        node = cluster.node("node", "--headless", *arguments)
        node.ends(code=1)
        assert message in node.log


def test_strangers_keep_no_worker_out(tmp_path: Path):
    with Cluster(tmp_path) as cluster:
        master = cluster.master("-u", "1", "-t", "1")
        peers = str(Path(__file__).with_name("peers.py"))
        master.says("Waiting for workers")
        # More than there are places for; and the places are taken for as long as they are there.
        strangers = cluster.node(
            "strangers", peers, "loiter", str(cluster.port), "300", command=sys.executable
        )
        strangers.says("loitering", times=300)
        worker = cluster.worker()
        master.ends()
        worker.ends()
        assert master.log.count("on which nobody introduces itself") == 1


def test_only_workers_of_the_run_are_heard(tmp_path: Path):
    with Cluster(tmp_path, TELLING) as cluster:
        master = cluster.master("-u", "2", "-r", "100", "--json-file", "out")
        worker = cluster.worker()
        master.says("All users spawned")
        with Peer(cluster.port, "stranger") as stranger:
            stranger.says("stats", report(1000))
            stranger.says("exception", {"msg": "of a stranger", "traceback": "line 1"})
            stranger.says("stop_test", {"reason": "a stranger wants it"})
            master.says("Discarded report from unrecognized worker stranger")
            master.says("Ignored a stop_test message of stranger, which is no worker of this run")
        worker.says(ENOUGH)
        master.signal(signal.SIGTERM)
        # No exception was counted: the exit code would be 1.
        master.ends()
        worker.ends()
        assert cluster.rows()["/"]["num_requests"] == worker.counted
        assert "a stranger wants it" not in master.log
