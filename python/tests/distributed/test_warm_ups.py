"""A warm-up of a master: its own workers leave it out by the moment of each request, Locust's by when their reports arrive."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from cluster_nodes import COUNTER, Cluster, oracle_command

TELLING = (
    COUNTER
    + """
import json, os, time

runners.WORKER_REPORT_INTERVAL = float(os.environ["EVERY"])
moments = []

@events.request.add_listener
def note(**_):
    moments.append(time.time())

@events.quitting.add_listener
def tell(environment, **_):
    if environment.parsed_options.worker:
        with open(f"moments-{os.getpid()}.json", "w") as file:
            json.dump(moments, file)
"""
)


@pytest.mark.parametrize("workers_are", ["ours", "theirs"])
def test_the_warm_up_of_a_master_is_left_out_of_its_workers_numbers(tmp_path: Path, workers_are: str) -> None:
    every = 3.0 if workers_are == "ours" else 0.5
    command = oracle_command() if workers_are == "theirs" else None
    with Cluster(tmp_path, TELLING) as cluster:
        master = cluster.master(
            *(
                "-u",
                "4",
                "-r",
                "100",
                "-t",
                "8",
                "--expect-workers",
                "1",
                "--warmup",
                "3",
                "--json-file",
                "out",
            ),
            EVERY=str(every),
        )
        workers = [cluster.worker(command=command, EVERY=str(every))]
        master.says("All users spawned")
        # Comes in the middle of it, and is told how much is left.
        workers.append(cluster.worker(name="late", command=command, EVERY=str(every)))
        master.ends()
        for worker in workers:
            worker.ends()
        counted = cluster.rows()["/"]["num_requests"]
        said = re.search(r"^\[(.*?),(\d+)\].*The warm-up is over", master.log, re.MULTILINE)
        began = datetime.fromisoformat(said[1]).timestamp() + int(said[2]) / 1000
    moments = [moment for file in tmp_path.glob("moments-*.json") for moment in json.loads(file.read_text())]
    left_out = int(re.search(r"the first 3 s are left out: (\d+) requests", master.log)[1])
    assert counted + left_out == len(moments), "each is in one of both"
    assert left_out > 20 < counted
    after = sum(moment >= began for moment in moments)
    if workers_are == "ours":
        # Whatever the reports say together: to the turn of an event loop.
        assert abs(counted - after) <= 12, (counted, after)
    else:
        early = sum(began - every - 1 <= moment < began for moment in moments)
        assert after <= counted <= after + early, (counted, after, early)
