"""What the program sees of itself: a task that keeps everybody waiting shows in `/metrics`, on the page and in the kept run."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from servers import ROOT, TestkitServer

sys.path.insert(0, str(ROOT / "python" / "tests" / "web"))
from web_runs import WebRun

SCRIPT = """
import time
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    fixed_count = 4
    wait_time = constant(0.02)

    @task
    def home(self):
        self.client.get("/")

class Hog(HttpUser):
    fixed_count = 1
    wait_time = constant(0.1)

    @task
    def keep_everybody_waiting(self):
        begin = time.perf_counter()
        while time.perf_counter() - begin < 0.06:
            pass
"""


def value(metrics: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", metrics, re.MULTILINE)
    assert found, f"no {name} in\n{metrics}"
    return float(found[1])


def test_a_task_that_keeps_everybody_waiting_shows(tmp_path: Path, blog: TestkitServer):
    store = ("--store-dir", str(tmp_path / "store"))
    with WebRun(tmp_path, "-H", blog.url, *store, script=SCRIPT, LOCUST_NO_STORE="false") as run:
        before = run.get("/live/generator").json()
        assert before["points"] == []
        assert run.post("/swarm", {"user_count": 5, "spawn_rate": 5, "host": blog.url}).json()["success"]

        def busy() -> Any:
            points = run.get("/live/generator").json()["points"]
            return points if len(points) > 3 and all(point["late"] > 0 for point in points[-2:]) else None

        points = run.wait_for(busy)
        last = points[-1]
        assert last["start_delay_max"] > 8 and last["lag_max"] > 8 and last["starts"] > last["late"] > 0
        # On a busy machine it gets little.
        assert 0.01 < last["cpu"]["main"] < 1.5 and last["cpu"]["io"] > 0 and last["cpu"]["record"] >= 0
        assert last["completions_per_turn"] > 0 and last["commands_per_round"] >= 1 and last["queue"] >= 1
        assert last["connections"] >= 4 and last["turns"] > 1 and last["wakes"] > 1
        assert [point["at"] for point in points] == sorted(point["at"] for point in points)
        newer = run.get(f"/live/generator?since={points[2]['at']}").json()["points"]
        assert newer[0]["at"] == points[2]["at"]

        metrics = run.get("/metrics").text
        late = value(metrics, 'gregaria_task_start_delay_seconds_bucket{le="+Inf"}') - value(
            metrics, 'gregaria_task_start_delay_seconds_bucket{le="0.008"}'
        )
        assert late > 0
        assert value(metrics, "gregaria_hub_lag_seconds_sum") > 0
        assert value(metrics, 'gregaria_thread_cpu_seconds_total{thread="main"}') > 0.1
        assert (
            value(metrics, "gregaria_completions_total")
            >= value(metrics, "gregaria_hub_lag_seconds_count")
            > 0
        )
        assert value(metrics, "gregaria_io_commands_total") >= value(metrics, "gregaria_io_rounds_total") > 0
        assert value(metrics, "gregaria_open_connections") >= 4

        assert run.post("/stop").json()["success"]
        [kept] = run.wait_for(lambda: run.get("/runs").json()["runs"])
        kept_points = run.get(f"/runs/{kept['id']}").json()["generator"]
        assert len(kept_points) >= len(points) and max(point["late"] for point in kept_points) > 0
        assert not kept["cut_off"]
