"""A server that stands still, asked at a rate: gregaria's two latencies, oha's with and without --latency-correction, and what they are to be.

    .venv/bin/python bench/stall.py [--rate 200] [--stall 5] [--seconds 12] [-n 1]

The delay server answers after a millisecond, and two seconds after the begin it holds all answers back for `--stall` seconds. Who keeps
the rate has `rate * stall` requests then, the k-th of which waits for the rest of that time: those are known, whatever is measured.
Printed are these percentiles, those of each generator with few and with many users, and how many requests the server had.
`scripts/setup --bench` has oha.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from run import ROOT

sys.path.insert(0, str(ROOT / "python/tests"))
from servers import TestkitServer, clean_environment

FRACTIONS = (0.5, 0.9, 0.95, 0.99, 0.999)
SERVICE = 1.0
SCRIPT = """
from locust import FastHttpUser, task

class Asker(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/1ms")
"""


def closed_form(rate: float, stall: float, seconds: float) -> list[float]:
    """The percentiles, in ms, of who asks at that rate all the while."""
    count, stalled = int(rate * seconds), int(rate * stall)
    times = sorted(
        [SERVICE] * (count - stalled) + [SERVICE + 1e3 * number / rate for number in range(stalled)]
    )
    return [times[min(int(fraction * count), count - 1)] for fraction in FRACTIONS]


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())


def freeze(server: TestkitServer, stall: float, begun: threading.Event) -> None:
    """As soon as the first request has been answered, and two seconds more."""
    while "\n/1ms" not in fetch(server.url + "/log"):
        time.sleep(0.05)
    begun.set()
    time.sleep(2)
    fetch(f"{server.url}/freeze?ms={stall * 1e3:.0f}")


def during_a_stall(command: list[str], stall: float, **variables: str) -> tuple[str, int]:
    """What a generator says, and how many requests the server had of it."""
    with TestkitServer("delay") as server:
        begun = threading.Event()
        thread = threading.Thread(target=freeze, args=(server, stall, begun), daemon=True)
        thread.start()
        words = [word.replace("SERVER", server.url) for word in command]
        done = subprocess.run(
            words,
            env=clean_environment(**variables),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode != 0 or not begun.is_set():
            raise SystemExit(f"{words[0]} failed: {done.stdout[-800:]}{done.stderr[-800:]}")
        thread.join()
        return done.stdout + done.stderr, fetch(server.url + "/log").count("\n/1ms,")


def ours(rate: float, stall: float, seconds: float, users: int) -> tuple[dict[str, list[float]], int]:
    """Both latencies."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "asker.py")
        script.write_text(SCRIPT)
        out, arrived = during_a_stall(
            [
                *(
                    str(ROOT / ".venv/bin/locust"),
                    "-f",
                    str(script),
                    "--headless",
                    "-H",
                    "SERVER",
                    "-s",
                    "20",
                ),
                *("--arrival-rate", f"{rate:g} for {seconds:g}s", "-u", str(users), "--only-summary"),
                *("--csv", f"{folder}/run"),
            ],
            stall,
        )
        text = Path(folder, "run_latencies.csv").read_text()
        dropped = int(re.search(r"^dropped +(\d+)", out, re.MULTILINE)[1])
    rows = [line.split(",") for line in text.splitlines()]
    heads = rows[0]
    places = [heads.index(name) for name in ("50%", "90%", "95%", "99%", "99.9%")]
    found = {row[2]: [float(row[place]) for place in places] for row in rows[1:] if row[1] == "Aggregated"}
    if dropped:
        found = {f"{name}, {dropped} dropped": values for name, values in found.items()}
    return found, arrived


def oha(
    path: str, rate: float, stall: float, seconds: float, users: int, corrected: bool
) -> tuple[list[float], int]:
    """Its percentiles, by its JSON."""
    command = [path, "--no-tui", "-q", f"{rate:g}", "-z", f"{seconds:g}s", "-c", str(users), "-w"]
    command += ["--latency-correction"] if corrected else []
    out, arrived = during_a_stall([*command, "--output-format", "json", "SERVER/1ms"], stall)
    known = json.loads(out[out.index("{") :])["latencyPercentiles"]
    names = {0.5: "p50", 0.9: "p90", 0.95: "p95", 0.99: "p99", 0.999: "p99.9"}
    return [known[names[fraction]] * 1e3 for fraction in FRACTIONS], arrived


def line(name: str, values: list[float], arrived: int | str) -> str:
    return f"| {name} | {' | '.join(f'{value:,.0f}' for value in values)} | {arrived} |"


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--rate", type=float, default=200)
    arguments.add_argument("--stall", type=float, default=5, metavar="SECONDS")
    arguments.add_argument("--seconds", type=float, default=12)
    arguments.add_argument("-n", type=int, default=1, help="rounds")
    options = arguments.parse_args()
    rate, stall, seconds = options.rate, options.stall, options.seconds
    peer = shutil.which("oha", path=f"{ROOT}/target/peers/bin:{os.environ['PATH']}")
    print(f"{rate:g}/s for {seconds:g} s, a stall of {stall:g} s; machine's load {os.getloadavg()[0]:.1f}\n")
    print("| ms | 50 % | 90 % | 95 % | 99 % | 99.9 % | Requests |\n|---|--:|--:|--:|--:|--:|--:|")
    print(line("what it is", closed_form(rate, stall, seconds), f"{rate * seconds:.0f}"), flush=True)
    for _ in range(options.n):
        for users in (50, int(rate * stall * 1.5)):
            found, arrived = ours(rate, stall, seconds, users)
            for name, values in found.items():
                print(line(f"gregaria, {users} users: {name}", values, arrived), flush=True)
            for corrected in (True, False) if peer else ():
                option = " --latency-correction" if corrected else ""
                values, arrived = oha(peer, rate, stall, seconds, users, corrected)
                print(line(f"oha -c {users}{option}", values, arrived), flush=True)
    if not peer:
        print("\noha is not there: scripts/setup --bench installs it")


if __name__ == "__main__":
    main()
