"""`make soak`: whether a long run gets slower or larger.

    .venv/bin/python bench/soak.py                 an hour
    .venv/bin/python bench/soak.py --minutes 1     the short form
    .venv/bin/python bench/soak.py --rate 2000     beside other work: so many requests per second in all, not as many as go

50 users without waits of both clients, a thousand names, some failures, against nginx. CPU per request, memory, threads and open
files are read at equal intervals; what the last third has more than the second is growth (the first third is left out: tables fill, and
memory is taken for the first time). Exits with 1 if CPU grew by more than a tenth or memory by more than 4 MiB.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from account import resident_mb, usage
from run import USERS, nginx, on_core

INTERVALS = 30
SCRIPT = """
import random
from locust import FastHttpUser, HttpUser, TaskSet, constant, constant_throughput, task

class Tasks(TaskSet):
    @task(20)
    def page(self):
        self.client.get("/", name=f"/{random.randrange(1000)}")

    @task(5)
    def form(self):
        self.client.post("/", data={"a": "b"}, headers={"X-Number": str(random.random())}, name="form")

    @task(1)
    def failure(self):
        with self.client.get("/", name="failure", catch_response=True) as response:
            response.failure("on purpose")

class Fast(FastHttpUser):
    tasks = [Tasks]
    wait_time = WAIT

class Http(HttpUser):
    tasks = [Tasks]
    wait_time = WAIT
"""


@dataclass
class Look:
    """One interval: µs of CPU a request, and what the process has at its end."""

    cpu: float
    memory: float
    threads: int
    files: int


def growth(looks: list[Look], value: str) -> tuple[float, float]:
    """The median of a value in the second third, and in the last."""
    third = len(looks) // 3
    values = [getattr(look, value) for look in looks]
    return statistics.median(values[third : 2 * third]), statistics.median(values[2 * third :])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60, help="how long (default 60)")
    parser.add_argument("--rate", type=float, help="requests per second in all (default: as many as go)")
    options = parser.parse_args()
    wait = f"constant_throughput({options.rate / USERS})" if options.rate else "constant(0)"
    interval = options.minutes * 60 / INTERVALS
    looks: list[Look] = []
    with nginx() as server, tempfile.TemporaryDirectory(prefix="soak-") as folder:
        script = Path(folder) / "soak.py"
        script.write_text(SCRIPT.replace("WAIT", wait))
        command = [
            str(Path(sys.executable).parent / "locust"),
            "-f",
            str(script),
            "--headless",
            "-H",
            server.url,
        ]
        command += ["-u", str(USERS), "-r", str(USERS), "--only-summary", "-L", "ERROR", "--no-store"]
        process = subprocess.Popen(
            [*on_core(0), *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=folder
        )
        try:
            start, deadline = server.count(), time.monotonic() + 60
            while server.count() - start < 1000:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the run makes no requests")
                time.sleep(0.1)
            print(f"{'minutes':>8}{'µs/request':>12}{'MiB':>8}{'threads':>9}{'files':>7}")
            began = time.monotonic()
            used, count = usage(process.pid).total(), server.count()
            for number in range(INTERVALS):
                time.sleep(max(began + (number + 1) * interval - time.monotonic(), 0))
                before, requests = used, server.count() - count
                used, count = usage(process.pid).total(), count + requests
                proc = Path(f"/proc/{process.pid}")
                threads, files = (len(os.listdir(proc / what)) for what in ("task", "fd"))
                looks.append(Look((used - before) / requests / 1e3, resident_mb(process.pid), threads, files))
                one = looks[-1]
                minutes = (time.monotonic() - began) / 60
                print(
                    f"{minutes:8.1f}{one.cpu:12.2f}{one.memory:8.1f}{one.threads:9}{one.files:7}", flush=True
                )
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            process.kill()
            process.wait()
    slower = growth(looks, "cpu")
    larger = growth(looks, "memory")
    print(
        f"CPU per request: {slower[0]:.2f}, then {slower[1]:.2f} µs; memory: {larger[0]:.1f}, then {larger[1]:.1f} MiB"
    )
    grown = slower[1] > 1.1 * slower[0] or larger[1] > larger[0] + 4
    print("It grows." if grown else "It does not grow.")
    return int(grown)


if __name__ == "__main__":
    sys.exit(main())
