"""Runs with a web interface as the command line starts and ends them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import termios
import time
from pathlib import Path

import pytest

from servers import clean_environment, free_port, locust_command, run_locust
from web_runs import SCRIPT, WebRun

SHAPE = (
    SCRIPT
    + """
from locust import LoadTestShape

class Short(LoadTestShape):
    def tick(self):
        return (2, 2) if self.get_run_time() < 1.5 else None
"""
)


def log_lines(log: str) -> list[str]:
    """Lines of the log as LEVEL/logger: message."""
    return [
        match[1]
        for line in log.splitlines()
        if (match := re.match(r"\[[^]]+\] [^/]+/(\w+/[\w.]+: .*)", line))
    ]


def test_it_starts_says_where_and_ends_by_ctrl_c_with_tables(tmp_path: Path):
    with WebRun(tmp_path, "Talker") as run:
        where = f"http://127.0.0.1:{run.port}"
        expected = (
            f"INFO/locust.main: Starting web interface at {where}, press enter to open your default browser."
        )
        assert expected in log_lines(run.log)
        assert run.get("/stats/requests").json()["state"] == "ready"
        assert run.post("/swarm", {"user_count": 2, "spawn_rate": 2}).json()["success"]
        # The exit code below tells of a failure, so there has to be one.
        run.wait_for(lambda: run.get("/stats/requests").json()["stats"][-1]["num_failures"] > 0)
        assert "Aggregated" not in run.log  # no table while it runs
        assert run.end(signal.SIGINT) == 1
        lines = log_lines(run.log)
        assert "INFO/locust.main: Shutting down (exit code 1)" in lines
        assert run.log.count("Aggregated") == 2 and "Error report" in run.log
        assert "Traceback" not in run.log


def test_sigterm_ends_it_and_an_idle_one_ends_with_zero(tmp_path: Path):
    with WebRun(tmp_path) as run:
        assert run.end(signal.SIGTERM) == 0
        assert "INFO/locust.main: Got SIGTERM signal" in log_lines(run.log)


def test_print_stats_prints_tables_while_it_runs(tmp_path: Path):
    with WebRun(tmp_path, "--print-stats") as run:
        run.wait_for(lambda: run.log.count("Aggregated") >= 2)


def test_autostart_runs_and_stays(tmp_path: Path):
    with WebRun(tmp_path, "--autostart", "-u", "2", "-r", "2", "-t", "1", "--print-stats") as run:
        run.wait_for(lambda: "--autoquit not specified" in run.log)
        lines = log_lines(run.log)
        assert "INFO/locust.main: Run time limit set to 1 seconds" in lines
        assert "INFO/locust.main: --run-time limit reached, stopping test" in lines
        assert "INFO/locust.main: --autoquit not specified, leaving web ui running indefinitely" in lines
        run.wait_for_state("stopped")
        # The next test, started in the page, is not bound to the limit of the first.
        assert run.post("/swarm", {"user_count": 1, "spawn_rate": 1}).json()["success"]
        time.sleep(1.5)
        assert run.get("/stats/requests").json()["state"] == "running"


def test_autoquit_ends_the_program(tmp_path: Path):
    with WebRun(tmp_path, "--autostart", "--autoquit", "1", "-t", "2", "-L", "DEBUG", "Talker") as run:
        assert run.process.wait(60) == 1
        lines = log_lines(run.log)
        order = [
            "INFO/locust.main: --run-time limit reached, stopping test",
            "DEBUG/locust.main: Autoquit time limit set to 1 seconds",
            "INFO/locust.main: --autoquit time reached, shutting down",
            "INFO/locust.main: Shutting down (exit code 1)",
        ]
        assert [line for line in lines if line in order] == order
        assert run.log.count("Response time percentiles") == 1


def test_autostart_follows_a_shape(tmp_path: Path):
    with WebRun(tmp_path, "--autostart", "--autoquit", "0", script=SHAPE) as run:
        assert run.process.wait(60) == 1
        assert "INFO/locust.main: Shape test completed, stopping test" in log_lines(run.log)


def test_a_shape_is_started_by_the_form(tmp_path: Path):
    with WebRun(tmp_path, script=SHAPE) as run:
        answer = run.post("/swarm", {}).json()
        assert answer == {
            "host": None,
            "message": "Swarming started using shape class 'Short'",
            "success": True,
        }
        run.wait_for_state("stopped")


def test_the_run_time_of_the_form_stops_its_own_run_only(tmp_path: Path):
    with WebRun(tmp_path) as run:
        limited = {"user_count": 1, "spawn_rate": 1, "run_time": "1s"}
        assert run.post("/swarm", limited).json()["run_time"] == 1
        assert run.post("/swarm", {"user_count": 2, "spawn_rate": 2}).json()["success"]
        time.sleep(1.5)
        assert run.get("/stats/requests").json()["state"] == "running"
        assert run.post("/swarm", {"user_count": 2, "spawn_rate": 2, "run_time": "1s"}).json()["success"]
        run.wait_for_state("stopped")


def test_the_class_picker_picks(tmp_path: Path):
    with WebRun(tmp_path, "--class-picker", script=SHAPE) as run:
        form = {"user_count": 3, "spawn_rate": 3, "user_classes": ["Talker"], "shape_class": "Default"}
        assert run.post("/swarm", form).json()["user_classes"] == ["Talker"]
        run.wait_for(lambda: run.get("/stats/requests").json()["user_count"] == 3)
        assert set(run.get("/tasks").json()["per_class"]) == {"Talker"}
        assert run.post("/swarm", {"user_count": 2, "spawn_rate": 2}).json()["user_classes"] == ["Talker"]
        assert run.post("/stop").json()["success"]
        assert run.post("/swarm", {"user_count": 2, "spawn_rate": 2, "shape_class": "Nothing"}).status == 500
        form = {"user_count": 2, "spawn_rate": 2, "shape_class": "Short"}
        assert run.post("/swarm", form).json()["message"] == "Swarming started using shape class 'Short'"


def test_headful_takes_headless_back(tmp_path: Path):
    with WebRun(tmp_path, "--headless", "--headful", "--profile", "night") as run:
        assert run.get("/stats/requests").json()["state"] == "ready"
        assert '"profile": "night"' in run.get("/").text


def test_options_of_the_form_reach_the_script_as_what_they_are(tmp_path: Path):
    script = SCRIPT.replace(
        "raise RuntimeError", "print('SEES', vars(self.environment.parsed_options)); raise RuntimeError"
    )
    with WebRun(tmp_path, script=script) as run:
        form = {
            "user_count": 4, "spawn_rate": 4, "basket": "7", "gift": "true", "sizes": "4,5", "color": "green",
            "password": "", "hidden": "seen", "csv_prefix": "elsewhere", "profile": "p", "nothing": "1",
        }  # fmt: skip
        assert run.post("/swarm", form).json()["success"]
        seen = run.wait_for(lambda: re.search(r"SEES (\{.*\})", run.log))[1]
        for word in ("'basket': 7", "'gift': True", "'sizes': [4, 5]", "'color': 'green'", "'profile': 'p'"):
            assert word in seen
        # The page does not know a secret; files and hidden options are not its business.
        for word in ("'password': 'hunter2'", "'hidden': 'unseen'", "'csv_prefix': None"):
            assert word in seen
        assert "The option csv_prefix cannot be set by the web interface" in run.log
        args = run.get("/").text
        assert '"default_value": 7' in args and "hunter2" not in args


def test_an_open_door_lets_the_form_set_any_option(tmp_path: Path):
    script = SCRIPT.replace(
        "raise RuntimeError", "print('SEES', self.environment.parsed_options.hidden); raise RuntimeError"
    )
    with WebRun(tmp_path, "--web-open", script=script) as run:
        assert "WARNING/locust.main: The web interface is open (--web-open)" in run.log
        assert run.post("/swarm", {"user_count": 4, "spawn_rate": 4, "hidden": "seen"}).json()["success"]
        run.wait_for(lambda: "SEES seen" in run.log)


def test_other_machines_are_told_the_link_with_the_token(tmp_path: Path):
    with WebRun(tmp_path, host="0.0.0.0", LOCUST_WEB_TOKEN="open-sesame") as run:
        link = run.wait_for(
            lambda: re.search(r"Other machines need the access token of this start: (\S+)", run.log)
        )[1]
        assert re.fullmatch(rf"http://[\w.:\[\]-]+:{run.port}/\?token=open-sesame", link)
        assert f"Starting web interface at http://0.0.0.0:{run.port}, press enter" in run.log


def test_tls(tmp_path: Path):
    if shutil.which("openssl") is None:
        pytest.fail("missing: openssl, to make a certificate with (scripts/setup --test installs it)")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    arguments = ("--tls-cert", "cert.pem", "--tls-key", "key.pem")
    with WebRun(tmp_path, *arguments, scheme="https") as run:
        assert f"Starting web interface at https://127.0.0.1:{run.port}, press enter" in run.log
        assert run.get("/stats/requests").status == 200
        assert run.post("/swarm", {"user_count": 1, "spawn_rate": 1}).json()["success"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--web-base-path", "locust"], 1, "Invalid format for --web-base-path argument (locust): the url path must start with a slash."),
        (["--web-port", "70000"], 2, "argument --web-port/-P: not a port: 70000"),
        (["--tls-cert", "x.pem"], 1, "TLS needs a certificate and its key: --tls-key is missing"),
        (["--tls-cert", "x.pem", "--tls-key", "x.pem"], 1, "Could not start the web interface: "),
        (["--web-host", "192.0.2.1"], 1, "Could not start the web interface: "),
        (["--html", "/proc/none/x.html"], 1, "Could not write the statistics: "),
        (["--junit", "."], 1, "Could not write the statistics: "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_one_line(tmp_path: Path, arguments: list[str], code: int, message: str):
    result = run_locust("--web-port", str(free_port()), *arguments, folder=tmp_path, locustfile=SCRIPT)
    assert result.returncode == code
    assert message in result.stderr and "Traceback" not in result.stderr


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_locust(
            "--web-host", "127.0.0.1", "--web-port", str(port), folder=tmp_path, locustfile=SCRIPT
        )
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert re.search(rf"Could not start the web interface: .*{port}", result.stderr)


def control_the_terminal() -> None:
    """In the child: standard input becomes the terminal that Ctrl-C comes from. Not by `start_new_session`, which comes
    after this function where gevent has patched `subprocess`."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_enter_opens_the_browser_and_keys_change_the_users(tmp_path: Path):
    """On a terminal; the browser is a script that tells what it was asked for."""
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\necho "OPENED $1" >> "$0.log"\n')
    browser.chmod(0o755)
    ours, theirs = pty.openpty()
    port = free_port()
    process = subprocess.Popen(
        [
            locust_command(),
            "--web-host",
            "127.0.0.1",
            "--web-port",
            str(port),
            "--autostart",
            "-u",
            "1",
            "Talker",
        ],
        cwd=tmp_path,
        env=clean_environment(HOME=str(tmp_path), BROWSER=str(browser)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=control_the_terminal,
    )
    os.close(theirs)
    shown = ""

    def see(text: str) -> None:
        nonlocal shown
        deadline = time.monotonic() + 60
        while text not in shown:
            assert time.monotonic() < deadline, shown
            if select.select([ours], [], [], 0.2)[0]:
                shown += os.read(ours, 65536).decode(errors="replace")

    try:
        see("All users spawned")
        os.write(ours, b"\n")
        deadline = time.monotonic() + 60
        log = tmp_path / "browser.log"
        while not (log.exists() and log.read_text().endswith("\n")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert re.match(rf"OPENED http://(localhost|127\.0\.0\.1):{port}/", log.read_text())
        os.write(ours, b"w")
        see('{"Talker": 2} (2 total users)')
        os.write(ours, b"\x03")
        see("Shutting down (exit code 1)")
        process.wait(60)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
