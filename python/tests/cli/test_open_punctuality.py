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


def test_a_process_that_stood_still_catches_up_with_the_users_that_it_has(
    tmp_path: Path, delay: TestkitServer
) -> None:
    script = """
from locust import FastHttpUser, events, task

class Asker(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/us/1000")
        if not asked:
            print("asks", flush=True)
        asked.append(True)

asked = []
"""
    process = start(tmp_path, delay, "--arrival-rate", "1000 for 5s", script=script)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("asks"):
            break
    time.sleep(1)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(2)
    os.kill(process.pid, signal.SIGCONT)
    code, out = ended(process)
    assert code == 0, out
    numbers = re.search(r"^due +5,000 +100%  ([\d,]+) users at most\nbegun +5,000 ", out, re.MULTILINE)
    assert numbers, out
    # One for each iteration that was overdue would be 2,000.
    assert int(numbers[1].replace(",", "")) < 1_000, out


BLOCKED = """
import os, time
from locust import FastHttpUser, events, task

blocked = []

class First(FastHttpUser):
    gregaria = {"arrival_rate": "10 for 3s"}

    def on_start(self):
        self.client.get("/us/1000", name="begin")
        # The thread that sends has the same processor as the one that runs users, and waits for that.
        one = {min(os.sched_getaffinity(0))}
        os.sched_setaffinity(0, one)
        for thread in map(int, os.listdir("/proc/self/task")):
            if "gregaria-io" in open(f"/proc/self/task/{thread}/comm").read():
                os.sched_setaffinity(thread, one)
                os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))

    @task
    def ask(self):
        blocked.append(self.client.get("/us/1000").phases["blocked"] * 1000)

class Second(FastHttpUser):
    gregaria = {"arrival_rate": "10 for 3s"}

    @task
    def keep_the_processor(self):
        until = time.perf_counter() + 0.03
        while time.perf_counter() < until:
            pass

@events.quitting.add_listener
def _(**_):
    print(f"blocked for {max(blocked):.3f} ms")
"""


def test_what_a_first_request_waits_before_it_is_sent_is_part_of_how_late_its_iteration_began(
    tmp_path: Path, delay: TestkitServer
) -> None:
    code, out = ended(start(tmp_path, delay, script=BLOCKED))
    assert code == 0, out
    blocked = re.search(r"^blocked for ([\d.]+) ms", out, re.MULTILINE)
    told = re.search(r"begun .* after they were to on average, ([\d.]+) ms at most", out)
    assert blocked and told, out
    assert float(blocked[1]) > 1, out
    assert float(told[1]) >= float(blocked[1]) * 0.95, out


SENDS = """
import gevent
from locust import FastHttpUser, constant, events, task
from locust import _engine

class Asker(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def ask(self):
        self.client.get("/us/100")

@events.quitting.add_listener
def _(environment, **_):
    requests = environment.stats.total.num_requests
    print(f"sent from here: {_engine.counted()['sent_here'] / requests:.2f} of {requests}")
"""


def test_a_request_is_sent_by_the_thread_that_asks_for_it_if_nothing_else_waits_for_that_thread(
    tmp_path: Path, delay: TestkitServer
) -> None:
    def share(*arguments: str) -> float:
        code, out = ended(start(tmp_path, delay, *arguments, script=SENDS))
        assert code == 0, out
        found = re.search(r"^sent from here: ([\d.]+) of", out, re.MULTILINE)
        assert found, out
        return float(found[1])

    assert share("-u", "1", "-t", "2") > 0.5
    assert share("--arrival-rate", "100 for 2s") > 0.5
