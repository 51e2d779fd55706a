"""A master whose messages never run out: it is led, limited and stopped as any other, and loses nothing."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import gevent
import msgpack
import pytest
from cluster_nodes import ENOUGH, TELLING, WATCHFUL, Cluster, ask
from runner_wire import Wire, report, until

import locust
from locust import runners
from locust._steady import is_steady
from locust.rpc import Message
from locust.runners import MasterRunner
from locust.stats import RequestStats
from servers import free_port

# Words that a terminal would obey.
UNHEARD_OF = "un\x1b[31mheard\nof"
MISSING = "failed to send heartbeat"
PEERS = str(Path(__file__).with_name("peers.py"))


def flood(cluster: Cluster, peers: int = 3) -> None:
    for kind in ("heartbeat", UNHEARD_OF):
        node = cluster.node(kind, PEERS, kind, str(cluster.port), str(peers), command=sys.executable)
        node.says("flooding", times=peers)


@pytest.mark.parametrize("how", ["signal", "time limit"])
def test_a_master_that_always_has_messages_ends_in_order_and_loses_nothing(tmp_path: Path, how: str):
    with Cluster(tmp_path, TELLING) as cluster:
        limit = ("-t", "4") if how == "time limit" else ()
        master = cluster.master("-u", "4", "-r", "100", "--json-file", "out", *limit)
        first = cluster.worker(name="worker1")
        first.says(ENOUGH)
        flood(cluster)
        workers = [first]
        if how == "signal":
            # Somebody joins in the last moment: that is no reason to begin anew.
            workers.append(cluster.worker(name="worker2"))
            master.says("2 workers connected")
            master.signal(signal.SIGTERM)
        master.ends()
        for worker in workers:
            worker.ends()
        assert cluster.rows()["/"]["num_requests"] == sum(worker.counted for worker in workers) >= 20
        # What floods fills neither the log nor the terminal with colours.
        lines = master.log.count("Unknown message type received from worker flood_")
        assert 0 < lines < 1_200 and "\x1b" not in master.log and r"un\x1b[31mheard\nof" in master.log
        # There are no tasks on a master.
        assert "did not yield" not in master.log and "Unhandled exception" not in master.log
        assert master.log.count("Sending spawn jobs") <= 2


def test_the_page_of_a_busy_master_answers_and_stops_the_test(tmp_path: Path):
    port = free_port()
    with Cluster(tmp_path, TELLING) as cluster:
        master = cluster.master("--web-port", str(port), "--web-open", headless=False)
        worker = cluster.worker()
        master.says("1 workers connected")
        url = f"http://127.0.0.1:{port}"
        assert ask(f"{url}/swarm", user_count=2, spawn_rate=100)["success"]
        worker.says(ENOUGH)
        flood(cluster)
        assert ask(f"{url}/stats/requests")["state"] in ("spawning", "running")
        assert ask(f"{url}/stop")["success"]
        assert ask(f"{url}/stats/requests")["state"] in ("stopped", "ready")
        master.signal(signal.SIGTERM)
        master.ends()
        assert "did not yield" not in master.log


# ------------------------------------------------------------------------------------------------ overload

# More than a master keeps waiting; that it keeps no more is tried in crates/cluster.
BUSY, REPORTS = 4, 400


def long_report() -> dict[str, Any]:
    """100 kB that are merged in no time."""
    stats = RequestStats(False)
    for number in range(20):
        stats.log_request("GET", f"/{number}" + "x" * 5_000, 12, 100)
    return {**stats.take_report(), "user_classes_count": {"Counter": 1}, "user_count": 1}


def test_an_overloaded_master_keeps_its_workers_and_all_numbers(tmp_path: Path):
    # One that is as slow as one with very many workers.
    slow = TELLING + "\n@events.worker_report.add_listener\ndef slow(**_):\n    SLOW\n"
    slow = slow.replace(
        "SLOW", "import time; end = time.monotonic() + 0.002\n    while time.monotonic() < end: pass"
    )
    with Cluster(tmp_path, slow + WATCHFUL) as cluster:
        (tmp_path / "report").write_bytes(msgpack.dumps(long_report()))
        port = free_port()
        master = cluster.master(
            *("-u", "2", "-r", "100", "--json-file", "out", "--autostart"),
            *("--web-port", str(port), "--web-open", "--only-summary"),
            headless=False,
        )
        worker = cluster.worker()
        worker.says(ENOUGH)
        busy = cluster.node(
            "busy",
            *(PEERS, "overload", str(cluster.port), str(BUSY), str(REPORTS), "report"),
            command=sys.executable,
        )
        busy.says("on its way", times=BUSY)
        master.says(" reports of workers behind; the first of them has waited for ")
        # Nobody is taken for dead whose signs of life stand behind so much, and the page answers.
        state = ask(f"http://127.0.0.1:{port}/stats/requests")
        assert {w["id"]: w["state"] for w in state["workers"]}.keys() >= {f"busy_{n}" for n in range(BUSY)}
        master.signal(signal.SIGTERM)
        master.ends()
        worker.ends()
        busy.says("goodbye", times=BUSY)
        rows = cluster.rows()
        assert rows.pop("/")["num_requests"] == worker.counted
        assert sum(row["num_requests"] for row in rows.values()) == BUSY * REPORTS * 20
        assert MISSING not in master.log and "are not among the numbers" not in master.log


# ------------------------------------------------------------------------------------------- no ramp after a stop


def test_who_joined_before_a_stop_begins_nothing_after_it(wire: Wire, master: MasterRunner):
    begun: list[str] = []
    master.environment.events.test_start.add_listener(lambda **_: begun.append("test_start"))
    wire.arrives("client_ready", locust.__version__)
    master.start(2, 100)
    wire.arrives("stats", report(5))
    # In one go, as from a full queue: the users are to be shared out anew when the others have a turn, and that is too late.
    master.handle_message("host_b", Message("client_ready", locust.__version__, "host_b"))
    master.stop(send_stop_to_client=False)
    gevent.sleep(0.05)
    assert master.state in (runners.STATE_STOPPING, runners.STATE_STOPPED)
    assert begun == ["test_start"] and master.stats.total.num_requests == 5
    assert "spawn" not in wire.types("host_b")


def test_a_start_that_waits_for_the_ramp_before_is_overtaken_by_a_stop(wire: Wire, master: MasterRunner):
    begun: list[str] = []
    master.environment.events.test_start.add_listener(lambda **_: begun.append("test_start"))
    wire.arrives("client_ready", locust.__version__)
    gevent.spawn(master.start, 50, 1)
    until(lambda: "spawn" in wire.types())
    gevent.spawn(master.start, 60, 1)
    gevent.spawn(master.stop, False)
    until(lambda: master.state == runners.STATE_STOPPING)
    sent = len(wire.sent)
    gevent.sleep(0.05)
    assert begun == ["test_start"] and len(wire.sent) == sent


def test_a_stop_while_a_test_begins_is_no_test_at_all(wire: Wire, master: MasterRunner):
    heard: list[str] = []
    for name in ("test_stopping", "test_stop"):
        getattr(master.environment.events, name).add_listener(lambda name=name, **_: heard.append(name))
    master.environment.events.test_start.add_listener(lambda **_: gevent.sleep(0.05))
    wire.arrives("client_ready", locust.__version__)
    starting = gevent.spawn(master.start, 2, 100)
    until(lambda: master._beginning)
    master.stop()
    starting.join(30)
    assert heard == ["test_stopping", "test_stop"] and "spawn" not in wire.types()


def test_a_master_that_has_quit_starts_nothing(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__)
    master.hurry()
    master.quit()
    master.start(2, 100)
    assert "spawn" not in wire.types() and master.state == runners.STATE_INIT


def test_a_signal_interrupts_listeners_of_scripts_and_nothing_else_of_a_master(
    wire: Wire, master: MasterRunner
):
    found: dict[str, bool] = {}

    def look(what: str) -> None:
        found[what] = is_steady(gevent.getcurrent(), sys._getframe(1))

    def of_a_script(**_: object) -> None:
        look("listener")

    master.environment.events.worker_report.add_listener(of_a_script)
    master.register_message("theirs", lambda **_: look("message"))
    handle = master.handle_message

    def ours(client_id: str, msg: Message) -> None:
        look("ours")
        handle(client_id, msg)

    master.handle_message = ours
    wire.arrives("client_ready", locust.__version__)
    wire.arrives("stats", report(1))
    wire.arrives("theirs")
    assert found == {"ours": True, "listener": False, "message": False}


def test_a_master_goes_on_listening_when_a_listener_was_interrupted(wire: Wire, master: MasterRunner):
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    wire.arrives("client_ready", locust.__version__)
    master.register_message("theirs", interrupted)
    wire.arrives("theirs")
    wire.arrives("stats", report(4))
    assert master.stats.total.num_requests == 4
