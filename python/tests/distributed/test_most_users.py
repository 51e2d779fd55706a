"""Most users of an open run at a time: of the whole run, or since the statistics went back to zero."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cluster_nodes import FAST, Cluster

from locust import _engine
from locust._distributed.arrivals import MasterArrivals
from locust._open_run import Arrivals, OpenRun

# Each iteration takes half a second at first, and nothing from the third second on; its user goes with it.
SLOW_AT_FIRST = (
    FAST
    + """
import gevent, time
from locust import User, task
from locust.exception import StopUser

begun = []

class Slow(User):
    @task
    def work(self):
        begun.append(time.monotonic())
        if time.monotonic() < begun[0] + 3:
            gevent.sleep(0.5)
        raise StopUser()
"""
)

ARRIVALS = Arrivals([("100", [("U", 1.0)])], False, 500)


def report(due: int, most: int, lately: int | None) -> dict[str, Any]:
    numbers = dict.fromkeys(("begun", "late", "dropped", "waiting", "rate", "delay_sum", "delay_max"), 0)
    told = {**numbers, "due": due, "most_users": most, "elapsed": due / 100, "delays": [], "latencies": b""}
    return told if lately is None else {**told, "most_lately": lately}


def test_a_master_forgets_what_was_before_a_reset():
    master = MasterArrivals(SimpleNamespace(stats=SimpleNamespace()), ARRIVALS)
    master._shares = ["a", "b"]
    for worker in "ab":
        master.heard(worker, report(300, 200, 200))
        master.heard(worker, report(600, 200, 20))
    assert master.totals()["most_users"] == 400
    master.counts_anew()
    # Those they had lately: nothing is known yet of the time after it.
    assert master.totals()["most_users"] == 40
    master.heard("a", report(900, 200, 12))
    master.heard("a", report(1_200, 200, 7))
    master.heard("b", report(900, 200, 5))
    assert master.totals()["most_users"] == 17
    assert master.totals()["due"] == 900
    # Who has gone before it has none.
    master._shares = ["a"]
    master.counts_anew()
    assert master.totals()["most_users"] == 7


def test_a_worker_that_says_only_the_one_is_believed():
    master = MasterArrivals(SimpleNamespace(stats=SimpleNamespace()), ARRIVALS)
    master.heard("old", report(300, 30, None))
    master.counts_anew()
    master.heard("old", report(600, 31, None))
    assert master.totals()["most_users"] == 31


def test_a_worker_reports_each_peak_once_and_the_last_one_too(monkeypatch: pytest.MonkeyPatch):
    peaks = iter([9, 4, 6])
    totals = {"due": 1, "dropped": 0, "most_users": 9}
    monkeypatch.setattr(_engine, "open_run_totals", lambda: dict(totals))
    monkeypatch.setattr(_engine, "open_run_latencies", lambda: b"")
    monkeypatch.setattr(_engine, "open_run_most_lately", lambda: next(peaks))
    monkeypatch.setattr(_engine, "forget_open_run", lambda: None)
    run = OpenRun(SimpleNamespace(_warms_up=False), ARRIVALS)
    assert [run.reported()["most_lately"] for _ in range(2)] == [9, 4]
    run.forget()
    assert [run.reported()["most_lately"] for _ in range(2)] == [6, 0]


def test_the_warm_up_of_a_master_takes_its_many_users_with_it(tmp_path: Path):
    most = {}
    for warm_up in ([], ["--warmup", "6"]):
        with Cluster(tmp_path, SLOW_AT_FIRST) as cluster:
            master = cluster.master(
                *("--expect-workers", "2", "--arrival-rate", "100 for 9s", "-u", "200", *warm_up)
            )
            workers = [cluster.worker(name=name) for name in ("one", "two")]
            master.ends()
            for worker in workers:
                worker.ends()
        most[bool(warm_up)] = int(re.search(r"([\d,]+) users at most", master.log)[1])
    assert 40 <= most[False] <= 70, most
    assert most[True] < 25, most
