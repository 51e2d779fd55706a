"""How exactly iterations of an open run begin: compares the delay server's own log with the moments that were asked for.

    .venv/bin/python bench/arrivals.py [rate …] [--seconds 10] [--burn 0 0.2] [--names 1] [-n 10] [--asleep]

Prints, for each rate, with and without bursts of Python (`--burn`, ms in each task): how many requests the server had, the error of the rate over
the run, by how much their moments of arrival are off an even grid (the best fitting one, so that neither clock matters), how busy
the busiest thread was, and the verdict. At the end, of `-n` rounds: in how many the 99th percentile of that was below 1 ms and the error of the rate
below 0.1 %.

`--names`: over how many names requests are spread. `--asleep`: idle processors may sleep (`--let-processors-sleep`). docs/open-model.md has what
came of it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from statistics import median

from run import ROOT

sys.path.insert(0, str(ROOT / "python/tests"))
from servers import TestkitServer
from trust_verdict import nearest_rank

SCRIPT = """
import itertools, time
from locust import FastHttpUser, task

names = itertools.cycle([f"/{{number}}" for number in range({names})])

class Asker(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/us/1000", name=next(names))
        until = time.perf_counter() + {burn} / 1000
        while time.perf_counter() < until:
            pass
"""


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rates", nargs="*", type=float, default=[10, 100, 500, 1000, 1500])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--burn", nargs="+", type=float, default=[0.0, 0.2])
    parser.add_argument("-n", type=int, default=1, help="rounds")
    parser.add_argument("--names", type=int, default=1)
    parser.add_argument("--asleep", action="store_true", help="idle processors may sleep")
    options = parser.parse_args()
    with TestkitServer("delay") as server:
        print(f"{options.seconds} s each, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
        print(
            "  rate/s  burn ms   requests    of   rate error   jitter p50      p99      max   late  busiest  verdict"
        )
        kept: dict[tuple[float, float], list[bool]] = {}
        for _, burn, rate in itertools.product(range(options.n), options.burn, options.rates):
            line, is_kept = measure(server.url, rate, burn, options)
            print(line, flush=True)
            kept.setdefault((rate, burn), []).append(is_kept)
        print("\njitter p99 < 1 ms and rate error < 0.1 %:")
        for (rate, burn), rounds in kept.items():
            print(f"  {rate:g}/s, {burn:g} ms of Python: {sum(rounds)} of {len(rounds)}")
    return 0


def measure(base: str, rate: float, burn: float, options: argparse.Namespace) -> tuple[str, bool]:
    """A line of the table, and whether it is within what is promised."""
    seconds = options.seconds
    fetch(base + "/log/clear")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "open.py")
        script.write_text(SCRIPT.format(burn=burn, names=options.names))
        command = [
            sys.executable, "-m", "locust", "-f", str(script), "--headless", "-H", base, "--arrival-rate",
            f"{rate} for {seconds}s", "-s", "2", "--only-summary", "--no-store", "--fail-on-invalid", "--html", f"{folder}/r.html",
            *(["--let-processors-sleep"] if options.asleep else []),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
        if done.returncode not in (0, 4):
            return f"{rate:8g}   failed: {done.stderr[-500:]}", False
        busiest = busy(Path(folder, "r.html").read_text())
    rows = [line.split(",") for line in fetch(base + "/log").splitlines()[1:]]
    arrived = sorted(float(row[1]) / 1e6 for row in rows if row[0].startswith("/us/"))
    off = jitter(arrived, rate)
    p50, p99 = nearest_rank(off, 0.5), nearest_rank(off, 0.99)
    wanted = rate * seconds
    error = (len(arrived) - wanted) / wanted
    out = done.stdout + done.stderr
    late, verdict = (
        found[1] if (found := re.search(pattern, out, re.MULTILINE)) else "?" for pattern in (LATE, VERDICT)
    )
    line = (
        f"{rate:8g} {burn:8g} {len(arrived):10d} {wanted:5g}   {error:9.3%}   {p50:7.3f} ms {p99:6.3f} ms "
        f"{max(off):6.3f} ms {late:>6}   {busiest:6.0%}  {verdict}"
    )
    return line, p99 < 1.0 and abs(error) < 0.001


LATE, VERDICT = r"^late +(\d+) ", r"^Verdict +(\w+):"


def busy(report: str) -> float:
    """How much of a processor the busiest thread used, in the mean of all whole seconds, by the report's data."""
    points = json.JSONDecoder().raw_decode(report[report.index('"generator":') + len('"generator":') :])[0][
        1:-1
    ]
    names = {name for point in points for name in point["cpu"] if name in ("main", "io")}
    return max(
        (sum(point["cpu"].get(name, 0) for point in points) / len(points) for name in names), default=0.0
    )


def jitter(arrived: list[float], rate: float) -> list[float]:
    """How much each is off the grid of that rate, in ms. The grid begins where the median is on time."""
    offsets = [at - number / rate for number, at in enumerate(arrived)]
    begin = median(offsets)
    return [abs(offset - begin) * 1e3 for offset in offsets]


def fetch(url: str) -> str:
    """What is there."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())


if __name__ == "__main__":
    sys.exit(main())
