"""What happened in which second: workers tell it, and the master draws it so."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cluster_nodes import FAST, Cluster, Node, oracle_command
from runner_wire import Idle, Wire, until

import locust
from locust import _engine
from locust._distributed.seconds import KEY, TAKES, WorkerSeconds
from locust._recorder import Recorder
from locust.env import Environment
from locust.exception import RPCSendError
from locust.runners import MasterRunner, WorkerRunner
from locust.stats import RequestStats

# Ten requests a second of each user, by a clock that does not jump and without drift. Locust's own intervals between reports.
STEADY = """
import time
import gevent
from locust import User, events, task

class Steady(User):
    @task
    def count(self):
        began = time.monotonic()
        for n in range(1, 1_000_000):
            gevent.sleep(max(0, began + n * 0.1 - time.monotonic()))
            self.environment.events.request.fire(
                request_type="GET", name=f"/{n % 2}", response_time=n % 7 + 1, response_length=1, exception=None, context={}
            )
"""
# A worker whose clock on the wall is set forward by an hour after some seconds, and stays so.
STEPPING = (
    STEADY
    + """
wall, begun = time.time, []

def stepped():
    return wall() + (3600 if begun and time.monotonic() > begun[0] + 4 else 0)

@events.test_start.add_listener
def step(environment, **_):
    if type(environment.runner).__name__ == "WorkerRunner":
        begun.append(time.monotonic())
        time.time = stepped
"""
)


def course(report: Path) -> dict[str, Any]:
    """The course of a run, and of it the whole, in its report."""
    found = re.search(r'id="reportArgs">(.*?)</script>', report.read_text(), re.DOTALL)
    assert found is not None, "the report has no data"
    run: dict[str, Any] = json.loads(found[1])["run"]
    assert run["history"]["requests"][-1] == run["total"]["requests"][0] > 0
    return run


def assert_is_even(run: dict[str, Any], rate: int) -> None:
    """All users are there after the first seconds, and end in the last ones."""
    history = run["history"]
    inner = slice(3, len(history["rps"]) - 2)
    rates = history["rps"][inner]
    assert len(rates) >= 4, history
    # On a busy machine requests are late. Reports of three seconds in one would be three times as many, and none before.
    assert all(rate / 2 <= one <= rate * 1.5 for one in rates), history["rps"]
    assert sorted(rates)[len(rates) // 2] == pytest.approx(rate, rel=0.15)
    for percentile in history["percentiles"]:
        assert None not in percentile[inner], percentile


def test_a_constant_rate_is_drawn_as_one(tmp_path: Path):
    options = (
        "-u",
        "2",
        "-r",
        "100",
        "-t",
        "11s",
        "--expect-workers",
        "2",
        "--only-summary",
        "--html",
        "r.html",
    )

    def folder(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    masters: dict[str, tuple[Node, Path]] = {}
    with ExitStack() as clusters:
        for name, script in (("forked", STEADY), ("apart", STEPPING), ("with the original", STEADY)):
            cluster = clusters.enter_context(Cluster(folder(name), script))
            if name == "forked":
                port = ("--master-bind-port", str(cluster.port))
                master = cluster.node("master", "--headless", "--processes", "2", *port, *options)
            else:
                master = cluster.master(*options)
            masters[name] = master, cluster.folder
            if name == "apart":
                cluster.worker(name="worker1")
                cluster.worker(name="worker2")
            elif name == "with the original":
                cluster.worker(name="worker1", command=oracle_command())
                cluster.worker(name="worker2")
        for name, (master, where) in masters.items():
            master.ends()
            run = course(where / "r.html")
            assert_is_even(run, 20)
            assert run["summary"]["rps"] == pytest.approx(20, rel=0.25), name
            assert "late with its report" not in master.log and "Discarded" not in master.log, master.log


LATE = (
    FAST
    + STEADY
    + """
import os

@events.test_start.add_listener
def sleep(environment, **_):
    # The second worker stands still, whole, after a moment; somebody else wakes it.
    if getattr(environment.runner, "worker_index", None) == 1:
        print(f"pid {os.getpid()}\\n", end="", flush=True)
"""
)


def test_a_late_worker_is_not_waited_for_and_its_numbers_count_when_they_come(tmp_path: Path):
    with Cluster(tmp_path, LATE) as cluster:
        master = cluster.master(
            "-u", "2", "-r", "100", "--expect-workers", "2", "--html", "r.html", "--json-file", "out"
        )
        workers = [cluster.worker(name=f"worker{n}") for n in (1, 2)]
        master.says("All users spawned")
        deadline = time.monotonic() + 30
        while not (slow := [worker for worker in workers if "pid " in worker.log]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(2)
        os.kill(slow[0].told("pid"), signal.SIGSTOP)
        try:
            master.says("is late with its report. Charts and current rates wait for it no longer.")
        finally:
            os.kill(slow[0].told("pid"), signal.SIGCONT)
        time.sleep(1)
        master.signal(signal.SIGINT)
        master.ends()
        # What it did until it stood still, and what came after, is all there, and the course has all of it.
        run = course(tmp_path / "r.html")
        assert sum(row["num_requests"] for row in cluster.rows().values()) == run["total"]["requests"][0]
        # The charts went on: the other one's ten requests a second are there for the time of silence.
        assert run["history"]["rps"].count(0) <= 1, run["history"]["rps"]


# ------------------------------------------------------------------------------------------------- without a network


class Told:
    """Reports as a worker makes them."""

    def __init__(self, run: str | None = None) -> None:
        self.stats, self.run, self.number = RequestStats(False), run, 0
        self.seconds = WorkerSeconds(self.stats)
        self.seconds.follow(True)

    def report(self, requests: int = 3, **changes: Any) -> dict[str, Any]:
        told = self.seconds.begin()
        for _ in range(requests):
            self.stats.log_request("GET", "/", 12, 100)
        self.seconds.run = self.run
        data = {**self.stats.take_report(), "user_classes_count": {"Idle": 1}, "user_count": 1}
        more = self.seconds.complete(told)
        self.seconds.sent()
        more[KEY] |= changes
        return {**data, **more}


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    yield told
    told.seconds.stop()


def test_each_report_counts_once(
    wire: Wire, master: MasterRunner, told: Told, caplog: pytest.LogCaptureFixture
):
    wire.arrives("client_ready", locust.__version__)
    assert wire.sent[-1].data[TAKES] is True
    first, second, third, fourth = (told.report(n) for n in (1, 2, 4, 8))
    counted = master.stats.total
    with caplog.at_level(logging.WARNING):
        wire.arrives("stats", first)
        wire.arrives("stats", first)
        assert counted.num_requests == 1
        assert "Discarded a report of worker host_a: it was counted before" in caplog.text
        wire.arrives("stats", third)
        assert "1 reports of worker host_a have not arrived: what they counted is missing" in caplog.text
        wire.arrives("stats", fourth)
        wire.arrives("stats", second)
        assert "A report of worker host_a has arrived that was missing" in caplog.text
        wire.arrives("stats", second)
        wire.arrives("stats", fourth)
        assert counted.num_requests == 15
        wire.arrives("stats", told.report(16, run="another"))
        assert "Discarded a report of worker host_a: it is of another run" in caplog.text
        assert counted.num_requests == 15
        # Nothing in it to be counted: it says how many users there are.
        idle = {**told.report(0, run="another"), "user_classes_count": {"Idle": 7}}
        wire.arrives("stats", idle)
        assert master.clients["host_a"].user_classes_count == {"Idle": 7}
    assert sum(counted.num_reqs_per_sec.values()) == 15


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": b""},
        {"seconds": b"\x01\x00\xff\xff\xff\x7f"},
        {"seconds": "text"},
        {"seconds": None},
        {"number": 0},
        {"number": -1},
        {"number": 1 << 60},
        {"since": -1.0},
        {"since": "long"},
        {"open": 1 << 50},
        {"round_trip": 1e9},
        {"every": float("nan")},
        {"clock": float("inf")},
        {"run": "x" * 100},
        {"run": 5},
    ],
)
def test_seconds_that_make_no_sense_are_told_and_the_numbers_count(
    wire: Wire, master: MasterRunner, told: Told, caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
):
    wire.arrives("client_ready", locust.__version__)
    with caplog.at_level(logging.ERROR):
        wire.arrives("stats", told.report(3, **changes))
    assert len(caplog.records) == 1 and "does not say when it is of" in caplog.text
    assert master.stats.total.num_requests == 3
    wire.arrives("stats", told.report(2))
    assert master.stats.total.num_requests == 5


def test_listeners_see_what_they_saw_and_what_they_change_is_counted(
    wire: Wire, master: MasterRunner, told: Told
):
    seen: list[dict[str, Any]] = []

    def change(client_id: str, data: dict[str, Any]) -> None:
        json.dumps(data)
        seen.append({**data})
        for entry in (data["stats"][0], data["stats_total"]):
            entry["num_requests"] += 7
        data["stats"].append({**data["stats"][0], "name": "/mine"})

    events = master.environment.events
    events.worker_report._handlers.insert(0, change)
    wire.arrives("client_ready", locust.__version__)
    wire.arrives("stats", told.report(3))
    assert sorted(seen[0]) == ["errors", "stats", "stats_total", "user_classes_count", "user_count"]
    assert master.stats.total.num_requests == 10
    assert {name: entry.num_requests for (name, _), entry in master.stats.entries.items()} == {
        "/": 10,
        "/mine": 10,
    }
    assert sum(master.stats.total.num_reqs_per_sec.values()) == 10


def test_what_a_listener_of_a_worker_changes_is_counted_where_it_happened(wire: Wire, worker: WorkerRunner):
    def change(client_id: str, data: dict[str, Any]) -> None:
        for entry in (data["stats"][0], data["stats_total"]):
            entry["num_requests"] *= 3

    worker.environment.events.report_to_master.add_listener(change)
    wire.arrives("ack", {"index": 0, TAKES: True})
    for _ in range(5):
        worker.stats.log_request("GET", "/", 5, 1)
    worker._report()
    report = wire.sent[-1].data
    reporters, counted = _engine.Reporters(), RequestStats(False)
    _, placing, _ = reporters.report("w", report[KEY], 0.0, time.time())
    _engine.merge_report(counted, {key: report[key] for key in ("stats", "stats_total", "errors")}, placing)
    assert counted.total.num_requests == counted.entries["/", "GET"].num_requests == 15
    assert sum(counted.total.num_reqs_per_sec.values()) == 15


def test_the_answer_to_a_sign_of_life_measures_the_round_trip(wire: Wire, master: MasterRunner):
    wire.arrives("client_ready", locust.__version__)
    beat = {"state": "ready", "current_cpu_usage": 1.0}
    wire.arrives("heartbeat", beat)
    assert wire.sent[-1].data is None
    wire.arrives("heartbeat", {**beat, "sent": 12.5})
    echo = wire.sent[-1].data
    assert echo["sent"] == 12.5 and echo["held"] >= 0 and 0 <= echo["left"] <= 1
    wire.arrives("heartbeat", {**beat, "sent": "soon"})
    assert wire.sent[-1].data is None


def test_a_worker_tells_seconds_to_a_master_that_takes_them_only(wire: Wire, worker: WorkerRunner):
    worker._report()
    assert [key for key in wire.sent[-1].data if "gregaria" in key] == []
    worker.environment.events.report_to_master.add_listener(lambda data, **_: json.dumps(data))
    wire.arrives("ack", {"index": 0, TAKES: True})
    worker.stats.log_request("GET", "/", 5, 1)
    worker._report()
    told = wire.sent[-1].data[KEY]
    assert (told["number"], told["run"], told["every"]) == (1, None, 3600.0)
    # A report that cannot be sent goes with the next, and its seconds too.
    send, wire.send = wire.send, lambda _message: (_ for _ in ()).throw(RPCSendError("no"))
    worker.stats.log_request("GET", "/", 5, 1)
    worker._report()
    wire.send = send
    worker.stats.log_request("GET", "/", 5, 1)
    worker._report()
    report = wire.sent[-1].data
    assert report["stats_total"]["num_requests"] == 2 and report[KEY]["number"] == 2
    fresh = RequestStats(False)
    verdict, placing, missing = _engine.Reporters().report("w", report[KEY], 0.0, time.time())
    assert (verdict, missing) == ("counts", 0)
    _engine.merge_report(fresh, {key: report[key] for key in ("stats", "stats_total", "errors")}, placing)
    assert fresh.total.num_requests == 2
    # A master of Locust's takes its place.
    wire.arrives("ack", {"index": 0})
    worker._report()
    assert KEY not in wire.sent[-1].data


def test_a_job_names_the_run_and_reports_are_of_it(wire: Wire, worker: WorkerRunner):
    wire.arrives("ack", {"index": 0, TAKES: True})
    job = {"user_classes_count": {"Idle": 0}, "host": None, "stop_timeout": None, "parsed_options": {}}
    wire.arrives("spawn", {**job, "timestamp": 1.0, "run": "r1"})
    until(lambda: worker.state == "running")
    worker._report()
    assert wire.sent[-1].data[KEY]["run"] == "r1"
    # It did not hear of its end: what it counted until the next begins is of the last.
    worker.stats.log_request("GET", "/", 5, 1)
    wire.arrives("spawn", {**job, "timestamp": 2.0, "run": "r2"})
    reports = [message.data for message in wire.sent if message.type == "stats" and KEY in message.data]
    assert (reports[-1][KEY]["run"], reports[-1]["stats_total"]["num_requests"]) == ("r1", 1)
    worker._report()
    assert wire.sent[-1].data[KEY]["run"] == "r2"


def test_current_rates_end_where_everything_is_known(wire: Wire, master: MasterRunner):
    stats = master.stats
    now = int(time.time())
    stats.total.start_time = now - 30
    stats.total.num_reqs_per_sec = {second: 10 for second in range(now - 30, now)}
    stats.total.last_request_timestamp = float(now)
    stats._set_settled(now)
    assert stats.total.current_rps == 10
    # Half of the workers have not told of the last four seconds.
    stats.total.num_reqs_per_sec = {second: 10 if second < now - 4 else 5 for second in range(now - 30, now)}
    assert stats.total.current_rps < 10
    stats._set_settled(now - 5)
    assert stats.total.current_rps == 10


def test_the_watermark_is_told_with_the_status(wire: Wire, master: MasterRunner, told: Told):
    wire.arrives("client_ready", locust.__version__)
    recorder = Recorder(master.environment)
    settled = json.loads(recorder.recording.status())["settled"]
    assert settled == pytest.approx(time.time(), abs=10)
    local = Environment(user_classes=[Idle])
    local.create_local_runner()
    assert "settled" not in json.loads(Recorder(local).recording.status())
