"""`make bench-accuracy`: what is reported beside the server's own log, and what the verdict says of it.

Runs against the delay server (1, 10, 100 ms, bimodal, 5 s) with 30, 70 and 100 % of the generator's busiest thread in use, as far as a short
run beforehand can tell how many users that takes, with tasks that burn Python and without. Beside each runs a control, the plainest client there can be, against the same server: what even that gets wrong is the machine's. Printed are
the percentiles by the server's log, by how much ours and the control's differ from them, how busy the generator's busiest thread was, and the
verdict. `-n 10` takes 25 minutes.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from run import HERE, ROOT

sys.path.insert(0, str(ROOT / "python/tests"))
from servers import TestkitServer, clean_environment, testkit_path
from trust_verdict import nearest_rank

FRACTIONS = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
PATHS = ("/1ms", "/10ms", "/100ms", "/bimodal", "/stall")
# Of each path: a run has to be longer than the longest answer.
SHORTEST = 8
# What a run may be off by and yet be called good.
MOST_OFF = 0.05
# What the median of a good run is promised to be off by at most, beyond what the control is: that many milliseconds, or that share.
PROMISED_MS, PROMISED_SHARE = 0.05, 0.001
# Longer than the longest answer: an answer that is under way at the end is in the server's log, and has to be in our numbers too.
STOP_TIMEOUT = 10


@dataclass(frozen=True)
class Load:
    """`users` users for each path, each waiting so many seconds between requests and burning so many in Python; `share`: of a
    processor, which its busiest thread is to use, by another number of users."""

    name: str
    users: int
    wait: float
    burn: float
    share: float | None = None


LOADS = (
    Load("asking, 30 %", 40, 0.02, 0, 0.3),
    Load("asking, 70 %", 60, 0.01, 0, 0.7),
    Load("asking, 100 %", 150, 0, 0),
    Load("burning, 30 %", 4, 0.2, 0.005, 0.3),
    Load("burning, 70 %", 8, 0.2, 0.005, 0.7),
    Load("burning, 100 %", 5, 0, 0.005),
)


@dataclass(frozen=True)
class Row:
    """What one run gave for one path, in ms."""

    load: str
    path: str
    served: dict[str, float]
    ours: dict[str, float]
    control: dict[str, float]
    verdict: str
    busiest: float
    # Requests by the server's log, and by our numbers.
    asked: tuple[int, int]

    def share(self) -> str:
        """How busy its busiest thread was."""
        return f"{self.busiest:.0%}"

    def off(self, name: str) -> float:
        return self.ours[name] - self.served[name]

    def noise(self, name: str) -> float:
        return abs(self.control[name] - self.control[f"served {name}"])

    def is_off(self) -> list[str]:
        """Percentiles that are off by 5 % and more than the machine explains."""
        return [
            name
            for name in FRACTIONS
            if abs(self.off(name)) > MOST_OFF * self.served[name] + PROMISED_MS + self.noise(name)
        ]

    def is_promised(self) -> bool:
        """Whether the median is within what is promised while the verdict is green."""
        promised = max(PROMISED_MS, PROMISED_SHARE * self.served["p50"])
        return abs(self.off("p50")) <= promised + self.noise("p50")


def percentiles(times: list[float]) -> dict[str, float]:
    return {name: nearest_rank(times, fraction) for name, fraction in FRACTIONS.items()}


def ask(server: TestkitServer, path: str) -> str:
    with urllib.request.urlopen(server.url + path, timeout=60) as response:
        return response.read().decode()


def measure(server: TestkitServer, load: Load, seconds: int, paths: tuple[str, ...]) -> list[Row]:
    ask(server, "/log/clear")
    with tempfile.TemporaryDirectory() as folder:
        controls = {
            path: subprocess.Popen(
                [testkit_path(), "control", f"{server.url}{path}?control", "--users", "2", "--wait", "40"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for path in paths
        }
        users = load.users * len(paths)
        settings = {
            "PATHS": ",".join(paths),
            "WAIT": str(load.wait),
            "BURN": str(load.burn),
            "SECONDS": str(seconds),
            "RESULT": f"{folder}/r",
        }
        try:
            subprocess.run(
                [
                    *(ROOT / ".venv/bin/locust", "--headless", "-f", HERE / "locustfiles/accuracy.py"),
                    *("-H", server.url, "-u", str(users), "-r", str(users), "-t", f"{seconds}s"),
                    *("-s", str(STOP_TIMEOUT), "--only-summary", "--fail-on-invalid"),
                ],
                env=clean_environment(**settings),
                capture_output=True,
                text=True,
                timeout=seconds + STOP_TIMEOUT + 60,
                check=False,
            )
        finally:
            measured = {path: control.communicate()[0] for path, control in controls.items()}
        found = json.loads(Path(folder, "r").read_text())
    served = defaultdict(list)
    for row in csv.DictReader(io.StringIO(ask(server, "/log"))):
        served[row["target"]].append(float(row["took_us"]) / 1000)
    rows = []
    for path in paths:
        control = percentiles([float(line) for line in measured[path].split()])
        of_control = percentiles(served[f"{path}?control"])
        rows.append(
            Row(
                load.name,
                path,
                percentiles(served[f"{path}?ours"]),
                dict(zip(FRACTIONS, found["names"][f"{path}?ours"]["percentiles"], strict=True)),
                control | {f"served {name}": value for name, value in of_control.items()},
                found["verdict"],
                found["busiest"],
                (len(served[f"{path}?ours"]), found["names"][f"{path}?ours"]["requests"]),
            )
        )
    return rows


def calibrated(load: Load) -> Load:
    """With as many users as it takes to have that share of a processor, as a short run tells. Slow answers cost nothing: without them."""
    if load.share is None:
        return load
    with TestkitServer("delay") as server:
        used = max(row.busiest for row in measure(server, load, 4, PATHS[:4]))
    return replace(load, users=max(1, round(load.users * load.share / max(used, 0.01))))


def machine_load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("-d", type=int, default=10, metavar="SECONDS", help="of each run")
    arguments.add_argument("-n", type=int, default=1, help="rounds")
    arguments.add_argument("--only", default="", help="loads whose name contains this")
    options = arguments.parse_args()
    if options.d < SHORTEST:
        arguments.error(f"a run takes {SHORTEST} seconds at least: one of the answers takes five")
    print(
        "| load | path | busiest thread | p50 served (off, control) | p99 | p99.9 | verdict | machine's load |"
    )
    print("|---|---|--:|--:|--:|--:|---|--:|")
    rows: list[Row] = []
    for _ in range(options.n):
        for load in LOADS:
            if options.only not in load.name:
                continue
            load = calibrated(load)
            with TestkitServer("delay") as server:
                for row in measure(server, load, options.d, PATHS):
                    rows.append(row)
                    cells = [
                        f"{row.served[name]:.3f} ({row.off(name) * 1000:+.0f} µs, {row.noise(name) * 1000:.0f})"
                        for name in FRACTIONS
                    ]
                    print(
                        f"| {row.load} | {row.path} | {row.share()} | {' | '.join(cells)} | {row.verdict} | {machine_load()} |",
                        flush=True,
                    )
    wrong = [row for row in rows if row.verdict == "green" and row.is_off()]
    green = [row for row in rows if row.verdict == "green"]
    kept = sum(row.is_promised() for row in green)
    print(
        f"\ngreen although a percentile is off by 5 % beyond the machine's noise: {len(wrong)} of {len(green)}"
    )
    for row in wrong:
        print(f"  {row.load} {row.path}: {', '.join(row.is_off())}")
    promised = f"{PROMISED_MS * 1000:.0f} µs or {PROMISED_SHARE:.1%}"
    print(f"green, and the median within {promised} and the control's error: {kept} of {len(green)}")
    other = [row for row in rows if row.asked[0] != row.asked[1]]
    print(f"rows of which the server's log has another number of requests: {len(other)}")
    for row in other:
        print(f"  {row.load} {row.path}: {row.asked[0]} by the log, {row.asked[1]} by us")
    light = [row for row in rows if "30 %" in row.load]
    print(f"runs at 30 % that are green: {sum(row.verdict == 'green' for row in light)} of {len(light)} rows")
    print(f"rows in all: {len(rows)}, of {options.n} rounds of {options.d} s")


if __name__ == "__main__":
    main()
