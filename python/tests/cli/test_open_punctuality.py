"""That iterations of an open run begin in time: what is done for it, and what must not be done meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from open_runs import fetch_metrics, start

from servers import TestkitServer, ended, free_port

DEVICE = "/dev/cpu_dma_latency"

AWAKE = """
import os
from locust import FastHttpUser, constant, events, task

def is_kept_awake():
    def leads_to(number):
        try:
            return os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            return ""
    return "/dev/cpu_dma_latency" in map(leads_to, os.listdir("/proc/self/fd"))

class Asker(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def ask(self):
        self.client.get("/us/1000", name="awake" if is_kept_awake() else "asleep")

@events.quitting.add_listener
def _(**_):
    print("at the end:", "awake" if is_kept_awake() else "asleep")
"""

OWN_OPTION = """
@events.init_command_line_parser.add_listener
def _(parser):
    parser.add_argument("--let-processors-sleep", default="of mine")
"""

OPEN = ["--arrival-rate", "20 for 1s"]


@pytest.mark.parametrize(
    ("arguments", "variables", "more", "asks_for_it"),
    [
        (OPEN, {}, "", True),
        ([*OPEN, "--let-processors-sleep"], {}, "", False),
        (OPEN, {"LOCUST_LET_PROCESSORS_SLEEP": "1"}, "", False),
        ([*OPEN, "--let-processors-sleep", "x"], {}, OWN_OPTION, True),
        (["-t", "1"], {}, "", False),
    ],
    ids=["open", "option", "variable", "an option of the script", "closed"],
)
def test_idle_processors_are_kept_awake_while_iterations_arrive_and_only_then(
    tmp_path: Path,
    delay: TestkitServer,
    arguments: list[str],
    variables: dict[str, str],
    more: str,
    asks_for_it: bool,
) -> None:
    code, out = ended(start(tmp_path, delay, *arguments, script=AWAKE + more, **variables))
    assert code == 0, out
    # Where the system does not let this user ask for it, as in most containers, the run goes on without.
    expected = "awake" if asks_for_it and os.access(DEVICE, os.W_OK) else "asleep"
    assert set(re.findall(r"^GET +(awake|asleep) ", out, re.MULTILINE)) == {expected}, out
    assert "at the end: asleep" in out


NAMES = """
import itertools, json
from locust import FastHttpUser, events, task
from locust._web import recording

numbers = itertools.count()
told = []
of_locust = recording.Recording.status

def status(self, *arguments):
    text = of_locust(self, *arguments)
    told.append(json.loads(text))
    return text

recording.Recording.status = status

class Asker(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/us/1000", name=f"/{next(numbers) % 150}")

@events.test_stop.add_listener
def _(**_):
    with open("told.json", "w") as file:
        json.dump(told, file)
"""


def test_the_users_thread_tells_of_arrivals_without_working_out_the_latencies_of_all_names(
    tmp_path: Path, delay: TestkitServer
) -> None:
    port = free_port()
    process = start(
        tmp_path, delay, "--arrival-rate", "300", "-t", "60", "--metrics-port", str(port), script=NAMES
    )
    row = re.compile(r'^gregaria_latency_seconds_count(?=.*name="/149")(?=.*"intended")', re.MULTILINE)
    try:
        began, text = time.monotonic(), ""
        while not row.search(text) and time.monotonic() - began < 30:
            time.sleep(0.1)
            text = fetch_metrics(port)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        code, out = ended(process)
    assert row.search(text), text[-3_000:]
    assert code == 0, out
    assert "since intended start" in out
    told = [status for status in json.loads((tmp_path / "told.json").read_text()) if status.get("arrivals")]
    assert told, "the state was asked for in the run"
    for status in told:
        assert status["arrivals"]["due"] >= status["arrivals"]["begun"]
        assert "latencies" not in status["arrivals"], "that takes milliseconds, in which iterations are late"
