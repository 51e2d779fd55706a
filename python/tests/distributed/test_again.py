"""What was lost with a connection is said again: no load that nobody asked for goes on, and none that was asked for is missing."""

from __future__ import annotations

import signal
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import gevent
import pytest
from cluster_nodes import COUNTER, WATCHFUL, Cluster, ask, wait_until
from runner_wire import Idle, Wire, until

import locust
from locust import runners
from locust._distributed import again
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from servers import free_port


class Proxy:
    """Stands between workers and a master, and can swallow what it should pass on."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._swallows = False
        self._streams: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                worker, _ = self._listener.accept()
                master = socket.create_connection(("127.0.0.1", self._to))
                self._streams += [worker, master]
                for one, other in ((worker, master), (master, worker)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                if not self._swallows:
                    other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def swallow(self) -> None:
        self._swallows = True

    def reset(self) -> None:
        """All connections end, and the next ones are as good as new."""
        for stream in self._streams:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RD)
            stream.close()
        self._streams.clear()
        self._swallows = False

    def close(self) -> None:
        self._listener.close()
        self.reset()


@pytest.fixture
def impatient(master: MasterRunner, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(again, "PATIENCE", 0.0)
    monkeypatch.setattr(runners, "HEARTBEAT_INTERVAL", 0.0)
    yield


def test_a_job_and_a_stop_that_were_lost_are_told_again(tmp_path: Path):
    with Cluster(tmp_path, COUNTER) as cluster:
        port = free_port()
        master = cluster.master("--web-port", str(port), "--web-open", headless=False)
        master.says("Starting Locust")
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: "Starting web interface" in master.log)
        proxy = Proxy(cluster.port)
        try:
            worker = cluster.node("worker", "--worker", "--master-port", str(proxy.port))
            master.says("1 workers connected")

            def users() -> int:
                return int(ask(f"{url}/stats/requests")["user_count"])

            assert ask(f"{url}/swarm", user_count=2, spawn_rate=100)["success"]
            wait_until(lambda: users() == 2)
            proxy.swallow()
            assert ask(f"{url}/swarm", user_count=5, spawn_rate=100)["success"]
            proxy.reset()
            master.says("has not heard how many users to run, telling it again")
            wait_until(lambda: users() == 5)
            # The master gives up the worker, which goes on, out of its reach; then it can be reached again.
            proxy.swallow()
            stopping = threading.Thread(target=lambda: ask(f"{url}/stop"))
            stopping.start()
            wait_until(lambda: ask(f"{url}/stats/requests")["state"] == "stopping")
            proxy.reset()
            master.says("runs users that nobody asks for, telling it to stop")
            stopping.join()
            wait_until(lambda: ask(f"{url}/stats/requests")["state"] == "stopped")
            assert users() == 0
            master.signal(signal.SIGTERM)
            master.ends()
            worker.ends()
        finally:
            proxy.close()


def test_workers_of_a_master_that_was_killed_are_stopped_by_the_next_and_join_it(tmp_path: Path):
    with Cluster(tmp_path, COUNTER + WATCHFUL) as cluster:
        first = cluster.master("-u", "2")
        worker = cluster.worker()
        first.says("All users spawned")
        first.signal(signal.SIGKILL)
        second = cluster.node(
            "second",
            "--master",
            "--master-bind-port",
            str(cluster.port),
            "--headless",
            "-u",
            "3",
            "-r",
            "100",
            "-t",
            "2",
        )
        second.says("is not one of this master's, telling it to stop and to join")
        second.says('All users spawned: {"Counter": 3} (3 total users)')
        second.ends()
        worker.ends()


# ------------------------------------------------------------------------------------------ without a network

RUNNING = {"state": "running", "current_cpu_usage": 1.0}


@pytest.mark.parametrize("master_asks", [False, True])
def test_workers_name_their_last_job_to_a_master_that_asks_for_it(
    wire: Wire, worker: WorkerRunner, monkeypatch: pytest.MonkeyPatch, master_asks: bool
):
    wire.arrives("ack", {"index": 3, "says_again": True} if master_asks else {"index": 3})
    worker.last_received_spawn_timestamp = 7.0
    monkeypatch.setattr(runners, "HEARTBEAT_INTERVAL", 3600)
    wire.sent.clear()
    beating = gevent.spawn(worker.heartbeat)
    until(lambda: "heartbeat" in wire.types())
    beating.kill()
    assert wire.sent[0].data.get("job") == (7.0 if master_asks else None)


def test_the_master_asks_for_it(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__)
    assert wire.sent[0].type == "ack" and wire.sent[0].data == {
        "index": 0,
        "says_again": True,
        "takes_seconds": True,
    }


@pytest.mark.usefixtures("impatient")
def test_only_a_job_that_was_not_heard_is_told_again(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__)
    master.start(2, 100)
    job = next(m.data for m in wire.sent if m.type == "spawn")
    wire.sent.clear()
    # Locust's workers do not say what they have heard; and users may end by themselves.
    wire.arrives("heartbeat", RUNNING)
    wire.arrives("heartbeat", {**RUNNING, "job": job["timestamp"]})
    for odd in ("now", None, True, [1]):
        wire.arrives("heartbeat", {**RUNNING, "job": odd})
    assert wire.types() == ["heartbeat"] * 6
    wire.arrives("heartbeat", {**RUNNING, "job": 0.0})
    told_again = [m.data for m in wire.sent if m.type == "spawn"]
    assert [again["user_classes_count"] for again in told_again] == [job["user_classes_count"]]
    assert told_again[0]["timestamp"] > job["timestamp"]


def test_a_worker_gets_its_time_before_it_is_told_again(
    wire: Wire, master: MasterRunner, monkeypatch: pytest.MonkeyPatch
):
    wire.arrives("client_ready", locust.__version__)
    master.start(2, 100)
    gevent.spawn(master.stop)
    gevent.sleep(0.01)
    wire.arrives("heartbeat", RUNNING)
    # The same goes for one that was on its way when it was told.
    wire.arrives("heartbeat", RUNNING, "host_unknown")
    wire.arrives("heartbeat", RUNNING, "host_unknown")
    assert wire.types("host_a").count("stop") == wire.types("host_unknown").count("stop") == 1
    monkeypatch.setattr(again, "PATIENCE", 0.0)
    wire.arrives("heartbeat", RUNNING)
    assert wire.types("host_a").count("stop") == 2


def test_who_has_stopped_and_is_about_to_be_ready_is_left_alone(wire: Wire):
    master = Environment(user_classes=[Idle], stop_timeout=1).create_master_runner("127.0.0.1", 5557)
    gevent.sleep(0)
    wire.arrives("client_ready", locust.__version__)
    wire.arrives("client_stopped")
    wire.arrives("heartbeat", RUNNING)
    assert "stop" not in wire.types()
    master.hurry()
    master.quit()


def test_who_is_about_to_be_ready_again_is_told_to_go_when_the_master_goes(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__)
    wire.arrives("client_stopped")
    master.hurry()
    master.quit()
    assert wire.types("host_a")[-1] == "quit"


def test_stop_reaches_workers_that_run_users_though_no_test_runs(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__)
    wire.arrives("client_ready", locust.__version__, "host_b")
    wire.arrives("spawning")
    master.stop()
    assert wire.types("host_a").count("stop") == 1 and "stop" not in wire.types("host_b")
