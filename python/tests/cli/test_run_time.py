"""`--run-time-from`: from when the time of a run counts."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from argparse import Namespace
from pathlib import Path

import pytest

from locust._run_time import counts_from
from locust._web.swarm import Form, Order
from locust.cli.run_end import end_of_run
from locust.env import Environment
from servers import clean_environment, free_port, locust_command

SCRIPT = """
import time
from locust import User, constant, events, task

class Waiting(User):
    wait_time = constant(0.2)

    @task
    def nothing(self):
        pass

@events.test_start.add_listener
def start(**_):
    print("START", time.time(), flush=True)

@events.spawning_complete.add_listener
def ramped(**_):
    print("RAMPED", time.time(), flush=True)

@events.test_stopping.add_listener
def stop(**_):
    print("STOP", time.time(), flush=True)
"""


def moments(text: str) -> dict[str, float]:
    return {word: float(at) for word, at in re.findall(r"^(START|RAMPED|STOP) ([\d.]+)", text, re.MULTILINE)}


@pytest.mark.parametrize("processes", [False, True], ids=["alone", "workers"])
def test_the_time_counts_from_the_end_of_the_ramp(tmp_path: Path, processes: bool) -> None:
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    run = ["--headless", "-u", "8", "-r", "2", "-t", "2s", "--only-summary"]

    def workers() -> list[str]:
        port = str(free_port())
        return ["--processes", "2", "--master-bind-port", port, "--master-port", port] if processes else []

    from_start, from_ramp = (
        subprocess.Popen(
            [locust_command(), *run, *workers(), *more],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for more in ((), ("--run-time-from", "ramp-end"))
    )
    plain, shown = from_start.communicate(timeout=90)[0], from_ramp.communicate(timeout=90)[0]
    assert from_ramp.returncode == from_start.returncode == 0, shown
    assert "Run time limit set to 2 seconds, counted from when all users run" in shown
    assert "Run time limit set to 2 seconds\n" in plain
    at = moments(shown)
    # Eight users at two a second: the ramp alone takes longer than the run is to.
    assert at["STOP"] - at["RAMPED"] >= 1.9, at
    assert at["RAMPED"] - at["START"] >= 2, at
    # As Locust counts, the end comes before it.
    assert "RAMPED" not in moments(plain), plain


def test_the_page_s_form_counts_from_there_too(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    port = free_port()
    process = subprocess.Popen(
        [locust_command(), "--web-port", str(port), "--run-time-from", "ramp-end", "--only-summary"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    here = f"http://127.0.0.1:{port}"
    try:
        form = urllib.parse.urlencode({"user_count": 4, "spawn_rate": 2, "run_time": "2s"}).encode()
        for _ in range(300):
            try:
                answer = json.load(urllib.request.urlopen(f"{here}/swarm", form, timeout=5))
                break
            except OSError:
                time.sleep(0.1)
        assert answer["success"]
        states = []
        until = time.monotonic() + 60
        while time.monotonic() < until and "stopped" not in states:
            state = json.load(urllib.request.urlopen(f"{here}/stats/requests", timeout=5))["state"]
            states += [state] if state not in states else []
            time.sleep(0.05)
    finally:
        process.terminate()
        shown = process.communicate(timeout=30)[0]
    at = moments(shown)
    assert at["STOP"] - at["RAMPED"] >= 1.9 and at["RAMPED"] - at["START"] >= 1, at


def test_another_word_is_an_error_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    done = subprocess.run(
        [locust_command(), "--headless", "-t", "2s", "--run-time-from", "middle"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "'start', 'ramp-end'" in done.stderr


def test_a_run_ends_when_so_many_requests_have_been_counted(tmp_path: Path) -> None:
    script = """
from locust import User, constant, events, task

class Asks(User):
    wait_time = constant(0.01)

    @task
    def ask(self):
        fire = self.environment.events.request.fire
        fire(request_type="GET", name="/", response_time=1, response_length=1, exception=None, context={})
"""
    own = (
        script
        + """
@events.init_command_line_parser.add_listener
def _(parser):
    parser.add_argument("--max-requests", default="of mine")

@events.test_start.add_listener
def _(environment, **_):
    print("mine:", environment.parsed_options.max_requests)
"""
    )
    runs = {}
    port = str(free_port())
    for name, text, more in (
        ("alone", script, ["--max-requests", "57"]),
        (
            "workers",
            script,
            ["--max-requests", "57", "--processes", "2", "--master-bind-port", port, "--master-port", port],
        ),
        ("own", own, ["--max-requests", "few", "-t", "1"]),
        ("none", script, ["--max-requests", "0"]),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "locustfile.py").write_text(text)
        runs[name] = subprocess.Popen(
            [locust_command(), "--headless", "-u", "3", "-r", "9", "--only-summary", *more],
            cwd=folder,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    done = {}
    for name, process in runs.items():
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        done[name] = process.returncode, out + err
    code, out = done["alone"]
    assert code == 0 and "--max-requests reached, shutting down" in out, out
    # Others may ask in the moment in which the last one is counted.
    counted = int(re.search(r"Aggregated +(\d+)", out)[1])
    assert 57 <= counted <= 60, out
    code, out = done["workers"]
    assert code == 0 and "--max-requests reached, shutting down" in out, out
    assert int(re.search(r"Aggregated +(\d+)", out)[1]) >= 57, out
    assert done["own"][0] == 0 and "mine: few" in done["own"][1], done["own"][1]
    assert done["none"][0] == 2 and "--max-requests" in done["none"][1], done["none"][1]


def test_a_scripts_own_run_time_from_counts_from_the_start():
    environment = Environment(user_classes=[])
    environment._warm_up_seconds = 60.0
    for given, begin in (
        (None, "start"),
        ("start", "start"),
        ("ramp-end", "ramp-end"),
        ("of mine", "start"),
        (7, "start"),
    ):
        options = Namespace(run_time=30, run_time_from=given)
        environment.parsed_options = options
        assert counts_from(options) == begin
        # Who asks what ends when, and who starts a test from the page, see it alike.
        assert (end_of_run(options, environment) is not None) == (begin == "start"), given
        order = Order(environment, Form([("run_time", "30")]), pick_classes=False, any_option=False)
        order.refuse_a_warm_up_without_end()
        assert (order.refusal is not None) == (begin == "start"), given
