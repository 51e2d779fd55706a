"""What a script assigns to Locust's modules while a run goes on has the effects that it has in real Locust."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from servers import ROOT, clean_environment, free_port, locust_command

sys.path.insert(0, str(ROOT / "python" / "tests" / "web"))
from web_runs import oracle_command

PERCENTILES = """
import gevent
from locust import User, constant, stats, task

class Visitor(User):
    wait_time = constant(0.05)
    visits = 0

    @task
    def visit(self):
        self.environment.events.request.fire(
            request_type="GET", name="/", response_time=7, response_length=1, exception=None, context={}
        )
        self.visits += 1
        if self.visits == 10:
            CHANGE
        # Long enough for Locust to write its file again, which it does once a second and not at the end.
        elif self.visits == 60:
            gevent.spawn(self.environment.runner.quit)
"""
HEARTBEATS = """
import gevent, logging
from locust import User, constant, events, runners, task

class Idle(User):
    wait_time = constant(1)

    @task
    def nothing(self):
        pass

def watch_a_worker(runner):
    beats = []
    send = runner.client.send
    def counted(message):
        if message.type == "heartbeat":
            beats.append(message)
        return send(message)
    runner.client.send = counted
    gevent.sleep(2.5)
    before = len(beats)
    runners.HEARTBEAT_INTERVAL = 0.05
    gevent.sleep(2.5)
    after = len(beats) - before
    logging.info("beats: %s", "slow, then fast" if 1 <= before <= 4 and after >= 12 else (before, after))

def watch_a_master(runner):
    gevent.sleep(6)
    # Faster than the worker beats, whoever it is.
    runners.HEARTBEAT_INTERVAL = 0.005

@events.test_start.add_listener
def watch(environment, **_):
    gevent.spawn({"WorkerRunner": watch_a_worker, "MasterRunner": watch_a_master}[type(environment.runner).__name__], environment.runner)
"""


def start(command: str, folder: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "locustfile.py").write_text(script)
    return subprocess.Popen(
        [command, "--headless", *arguments] if "--worker" not in arguments else [command, *arguments],
        cwd=folder,
        env=clean_environment(HOME=str(folder)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def tables(command: str, folder: Path, change: str) -> tuple[list[str], list[str], set[int]]:
    """The head of the final table of percentiles, that of the CSV file, and how many fields its rows have."""
    process = start(command, folder, PERCENTILES.replace("CHANGE", change), "--csv", "out")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    heads = [line.split() for line in output.splitlines() if re.match(r"Type +Name +50%", line)]
    rows = list(csv.reader((folder / "out_stats.csv").open(newline="")))
    return heads[-1], rows[0], {len(row) for row in rows[1:]}


def test_percentiles_to_report_assigned_and_changed_in_place(tmp_path: Path):
    changes = {
        "another": "stats.PERCENTILES_TO_REPORT = [0.5, 0.25]",
        "in-place": "stats.PERCENTILES_TO_REPORT.append(0.25)",
        "fewer": "del stats.PERCENTILES_TO_REPORT[3:]",
    }
    sides = {"theirs": oracle_command(), "ours": locust_command()}
    with ThreadPoolExecutor() as pool:
        found = {
            (side, name): pool.submit(tables, command, tmp_path / side / name, change)
            for side, command in sides.items()
            for name, change in changes.items()
        }
    for name in changes:
        assert found["ours", name].result() == found["theirs", name].result(), name


def test_the_heartbeat_interval_assigned_on_a_worker_and_on_its_master(tmp_path: Path):
    def beats(side: str, command: str) -> tuple[bool, bool]:
        port = str(free_port())
        master = start(
            command,
            tmp_path / side / "master",
            HEARTBEATS,
            "--master",
            "-t",
            "10s",
            "--expect-workers",
            "1",
            "--master-bind-port",
            port,
        )
        worker = start(command, tmp_path / side / "worker", HEARTBEATS, "--worker", "--master-port", port)
        try:
            of_master, _ = master.communicate(timeout=60)
            worker.kill()
            of_worker, _ = worker.communicate(timeout=60)
        finally:
            master.kill()
            worker.kill()
        return (
            "beats: slow, then fast" in of_worker,
            "failed to send heartbeat, setting state to missing" in of_master,
        )

    with ThreadPoolExecutor() as pool:
        theirs = pool.submit(beats, "theirs", oracle_command())
        ours = pool.submit(beats, "ours", locust_command())
    assert theirs.result() == (True, True)
    assert ours.result() == (True, True)
