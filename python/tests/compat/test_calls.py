"""How often, and in which order, a script is called in each mode: as by real Locust, whatever reports are asked for besides."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from servers import ROOT, clean_environment, free_port, locust_command

# Everything that a script can be called by, but for what comes by the clock.
SCRIPT = """
import os
from locust import User, constant, events, task

BY_THE_CLOCK = {"request", "heartbeat_sent", "heartbeat_received", "usage_monitor", "cpu_warning", "report_to_master",
                "worker_report"}
PLACE = os.path.dirname(os.path.abspath(__file__))

def note(word):
    with open(os.path.join(PLACE, "trace"), "a") as trace:
        trace.write(f"{os.getpid()} {word}\\n")

def listen(name):
    @getattr(events, name).add_listener
    def listener(*_, **__):
        note(name)

for name in sorted(set(type(events).__annotations__) - BY_THE_CLOCK):
    listen(name)

note("imported")

class Visitor(User):
    wait_time = constant(60)

    def __init__(self, *arguments):
        note("constructor")
        super().__init__(*arguments)

    def on_start(self):
        note("on_start")

    def on_stop(self):
        note("on_stop")

    @task
    def once(self):
        note("task")
"""
RUN = ("-u", "1", "-r", "10", "-t", "2s")
REPORTS = ("--csv", "numbers", "--csv-full-history", "--html", "report.html", "--json-file", "numbers")
# Ours alone: none of them is a reason to call anything once more.
OURS = ("--junit", "junit.xml", "--summary-md", "summary.md", "--store-dir", "runs")
PORT = ("--master-bind-port", "{port}", "--master-port", "{port}")
MODES = {
    "list": ("--list",),
    "ratio": ("--show-task-ratio",),
    "ratio as JSON": ("--show-task-ratio-json",),
    "help": ("--help",),
    "headless": ("--headless", *RUN),
    "headless with reports": ("--headless", *RUN, *REPORTS),
    "autostart": ("--autostart", "--autoquit", "0", *RUN),
    "autostart with reports": ("--autostart", "--autoquit", "0", *RUN, *REPORTS),
    "processes": ("--headless", "--processes", "2", "--expect-workers", "2", *PORT, *RUN),
}


def by_process(told: Path) -> list[list[str]]:
    """What each process of the run has noted, in its order."""
    notes: dict[str, list[str]] = {}
    for line in told.read_text().splitlines() if told.exists() else ():
        process, _, word = line.partition(" ")
        notes.setdefault(process, []).append(word)
    return sorted(notes.values())


def trace(folder: Path, command: str, arguments: tuple[str, ...]) -> list[list[str]]:
    folder.mkdir(parents=True)
    (folder / "locustfile.py").write_text(SCRIPT)
    port = str(free_port())
    arguments = tuple(argument.replace("{port}", port) for argument in arguments)
    web = ("--web-host", "127.0.0.1", "--web-port", str(free_port())) if "--autostart" in arguments else ()
    subprocess.run(
        [command, *arguments, *web],
        cwd=folder,
        env=clean_environment(HOME=str(folder), LOCUST_NO_STORE="no"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=100,
        check=True,
    )
    return by_process(folder / "trace")


def trace_of_web(folder: Path, command: str) -> list[list[str]]:
    """The same of a run that is started and stopped by the page's routes."""
    folder.mkdir(parents=True)
    (folder / "locustfile.py").write_text(SCRIPT)
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [command, "--web-host", "127.0.0.1", "--web-port", url.rpartition(":")[2]],
        cwd=folder,
        env=clean_environment(HOME=str(folder)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(path: str, data: bytes | None = None) -> bytes:
        end = time.monotonic() + 40
        while True:
            try:
                with urllib.request.urlopen(url + path, data, timeout=20) as answer:
                    return answer.read()
            except OSError:
                assert time.monotonic() < end, f"no answer at {path}"
                time.sleep(0.1)

    def until(words: str) -> None:
        end = time.monotonic() + 40
        while words not in (folder / "trace").read_text():
            assert time.monotonic() < end, f"never noted: {words}"
            time.sleep(0.05)

    try:
        ask("/")
        ask("/swarm", b"user_count=1&spawn_rate=10&host=")
        until(" task")
        ask("/stats/requests")
        ask("/exceptions")
        ask("/stop", b"")
        until(" test_stop")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return by_process(folder / "trace")


@pytest.mark.parametrize("mode", MODES)
def test_a_script_is_called_as_by_locust(tmp_path: Path, mode: str) -> None:
    oracle = ROOT / ".venv-oracle" / "bin" / "locust"
    if not oracle.exists():
        pytest.fail(f"no oracle at {oracle}: run scripts/setup --test")
    arguments = MODES[mode]
    ours = (*arguments, *(OURS if "-t" in arguments else ()))
    with ThreadPoolExecutor(2) as both:
        theirs = both.submit(trace, tmp_path / "oracle", str(oracle), arguments)
        mine = both.submit(trace, tmp_path / "ours", locust_command(), ours)
    if "--processes" in arguments:
        # Between processes, what a message sets off comes when it comes.
        assert sorted(map(sorted, mine.result())) == sorted(map(sorted, theirs.result()))
        return
    assert mine.result() == theirs.result()


def test_a_run_by_the_page_calls_a_script_as_locust_does(tmp_path: Path) -> None:
    oracle = ROOT / ".venv-oracle" / "bin" / "locust"
    with ThreadPoolExecutor(2) as both:
        theirs = both.submit(trace_of_web, tmp_path / "oracle", str(oracle))
        mine = both.submit(trace_of_web, tmp_path / "ours", locust_command())
    assert mine.result() == theirs.result()
