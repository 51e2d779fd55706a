"""How exactly iterations of an open run begin: compares the delay server's own log with the moments that were asked for.

    .venv/bin/python bench/arrivals.py [rate …] [--seconds 10] [--burn 0.2]

Prints, for each rate: how many requests the server had, the error of the rate over the run, and by how much their moments of arrival
are off an even grid (the best fitting one, so that neither clock matters). `--burn` is Python work in each task, in ms.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]

SCRIPT = """
import time
from locust import FastHttpUser, task

class Asker(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/us/1000")
        until = time.perf_counter() + {burn} / 1000
        while time.perf_counter() < until:
            pass
"""


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rates", nargs="*", type=float, default=[10, 100, 500, 1000, 2000])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--burn", type=float, default=0.2)
    options = parser.parse_args()
    testkit = subprocess.Popen(
        [ROOT / "target/release/gregaria-testkit", "delay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert testkit.stdout is not None
    base = testkit.stdout.readline().strip()
    try:
        print(
            f"{options.seconds} s each, {options.burn} ms of Python a task, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors"
        )
        print("  rate/s   requests    of   rate error   jitter p50      p99      max   late")
        for rate in options.rates:
            print(measure(base, rate, options.seconds, options.burn), flush=True)
    finally:
        testkit.stdin.close()  # type: ignore[union-attr]
        testkit.wait()
    return 0


def measure(base: str, rate: float, seconds: int, burn: float) -> str:
    """A line of the table."""
    fetch(base + "/log/clear")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "open.py")
        script.write_text(SCRIPT.format(burn=burn))
        command = [
            sys.executable, "-m", "locust", "-f", str(script), "--headless", "-H", base, "--arrival-rate",
            f"{rate} for {seconds}s", "-s", "2", "--only-summary", "--no-store",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        return f"{rate:8g}   failed: {done.stderr[-500:]}"
    rows = [line.split(",") for line in fetch(base + "/log").splitlines()[1:]]
    arrived = sorted(float(row[1]) / 1e6 for row in rows if row[0].startswith("/us/"))
    off = sorted(jitter(arrived, rate))
    wanted = rate * seconds
    error = (len(arrived) - wanted) / wanted
    late = next((line for line in done.stdout.splitlines() + done.stderr.splitlines() if "late" in line), "")
    return (
        f"{rate:8g} {len(arrived):10d} {wanted:5g}   {error:9.3%}   {at(off, 0.5):7.3f} ms {at(off, 0.99):6.3f} ms "
        f"{off[-1]:6.3f} ms   {late.strip()}"
    )


def jitter(arrived: list[float], rate: float) -> list[float]:
    """How much each is off the grid of that rate, in ms. The grid begins where the median is on time."""
    offsets = [at - number / rate for number, at in enumerate(arrived)]
    begin = median(offsets)
    return [abs(offset - begin) * 1e3 for offset in offsets]


def at(values: list[float], fraction: float) -> float:
    """A percentile of sorted values."""
    return values[min(int(len(values) * fraction), len(values) - 1)]


def fetch(url: str) -> str:
    """What is there."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())


if __name__ == "__main__":
    sys.exit(main())
