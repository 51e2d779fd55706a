"""SIGINT and SIGTERM: every run they end writes everything, whatever the script does meanwhile."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from servers import clean_environment, locust_command

REPORT = (
    'self.environment.events.request.fire(request_type="X", name="n", response_time=1, response_length=0, '
    "exception=None, context={})"
)
POLITE = f"""
from locust import User, constant, events, task
import gevent, time
class U(User):
    wait_time = constant(0.02)
    @task
    def t(self):
        {REPORT}
    def on_stop(self):
        print("on_stop", flush=True)
for name in ("test_start", "quitting", "test_stopping", "test_stop", "quit"):
    getattr(events, name).add_listener(lambda name=name, **kwargs: print(name, flush=True))
"""
SHAPED = (
    POLITE
    + """
from locust import LoadTestShape
class Steady(LoadTestShape):
    def tick(self):
        return 2, 9
"""
)
SPINNING = f"""
from locust import User, task
class U(User):
    @task
    def t(self):
        {REPORT}
        print("spinning", flush=True)
        while True:
            try:
                [x for x in range(1000)]
            except Exception:
                pass
"""
SLOW = f"""
from locust import User, task
import time
class U(User):
    @task
    def t(self):
        {REPORT}
        print("sleeping", flush=True)
        time.sleep(50)
"""
FOREVER_ON_STOP = (
    SLOW
    + """
    def on_stop(self):
        print("on_stop", flush=True)
        time.sleep(50)
"""
)


class Session:
    """A running `locust`."""

    def __init__(self, folder: Path, script: str, *arguments: str) -> None:
        (folder / "locustfile.py").write_text(script)
        self.process = subprocess.Popen(
            [locust_command(), "--headless", *arguments],
            cwd=folder, env=clean_environment(HOME=str(folder)), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_for(self, word: str) -> None:
        os.set_blocking(self.process.stdout.fileno(), True)
        for line in self.process.stdout:
            if line.strip() == word:
                return
        raise AssertionError(f"ended without {word!r}: {self.process.stderr.read()}")

    def finish(self, timeout: float) -> tuple[int, list[str], str, float]:
        """Exit code, remaining output, error output, seconds it took."""
        begin = time.monotonic()
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"did not end within {timeout} seconds:\n{err}") from None
        return self.process.returncode, out.split(), err, time.monotonic() - begin


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Session]:
    return lambda script, *arguments: Session(tmp_path, script, *arguments)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_and_everything_is_written(
    start, tmp_path: Path, number: signal.Signals
):
    session = start(POLITE, "-u", "2", "-r", "9", "--csv", "x", "--json-file", "x", "--only-summary")
    session.wait_for("test_start")
    time.sleep(1.5)
    session.process.send_signal(number)
    code, out, err, seconds = session.finish(10)
    assert code == 0, err
    assert out == ["quitting", "test_stopping", "on_stop", "on_stop", "test_stop", "quit"]
    assert seconds < 2
    assert ("Got SIGTERM signal" in err) == (number == signal.SIGTERM)
    final = re.search(r"^ +Aggregated +(\d+) ", err, re.MULTILINE)
    assert final is not None and int(final[1]) > 50
    with open(tmp_path / "x_stats.csv", newline="") as file:
        assert list(csv.DictReader(file))[-1]["Request Count"] == final[1]
    assert f'"num_requests": {final[1]}' in (tmp_path / "x.json").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_shape_as_any_other_run(start, number: signal.Signals):
    session = start(SHAPED, "--only-summary")
    session.wait_for("test_start")
    time.sleep(1)
    session.process.send_signal(number)
    code, out, err, _seconds = session.finish(10)
    assert code == 0, err
    assert out == ["quitting", "test_stopping", "on_stop", "on_stop", "test_stop", "quit"]
    assert re.search(r"^ +Aggregated +\d+ ", err, re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_task_that_never_yields_is_interrupted(start, number: signal.Signals):
    session = start(SPINNING, "-u", "1", "--only-summary")
    session.wait_for("spinning")
    session.process.send_signal(number)
    code, _, err, seconds = session.finish(15)
    assert code == 0, err
    assert 1.5 < seconds < 8
    assert "A task did not yield, so it was interrupted to stop the test" in err
    assert re.search(r"^ +Aggregated +1 ", err, re.MULTILINE)


def test_running_tasks_may_end_within_the_stop_timeout_but_not_after_a_second_signal(start):
    session = start(SLOW, "-u", "3", "-r", "100", "-s", "30", "--only-summary")
    for _ in range(3):
        session.wait_for("sleeping")
    session.process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert session.process.poll() is None
    session.process.send_signal(signal.SIGINT)
    code, _, err, seconds = session.finish(10)
    assert (code, seconds < 3) == (0, True), err
    assert re.search(r"^ +Aggregated +3 ", err, re.MULTILINE)


def test_a_third_signal_does_not_wait_for_on_stop(start):
    session = start(FOREVER_ON_STOP, "-u", "1", "--only-summary")
    session.wait_for("sleeping")
    session.process.send_signal(signal.SIGINT)
    session.wait_for("on_stop")
    for _ in range(2):
        time.sleep(0.5)
        session.process.send_signal(signal.SIGINT)
    code, _, err, seconds = session.finish(10)
    assert (code, seconds < 4) == (0, True), err
    assert re.search(r"^ +Aggregated +1 ", err, re.MULTILINE)


def test_a_busy_listener_may_take_its_time(start):
    script = POLITE + (
        "\n@events.test_stop.add_listener\ndef busy(**kwargs):\n"
        "    end = time.monotonic() + 3\n    while time.monotonic() < end: pass\n    print('done', flush=True)\n"
    )
    session = start(script, "--only-summary")
    session.wait_for("test_start")
    time.sleep(0.5)
    session.process.send_signal(signal.SIGTERM)
    code, out, err, _ = session.finish(15)
    assert code == 0, err
    assert "done" in out and out[-1] == "quit"


def test_a_forked_process_that_is_terminated_does_not_stop_the_run(start):
    script = POLITE + (
        "\nimport os, signal\n@events.test_start.add_listener\ndef fork(**kwargs):\n"
        "    child = os.fork()\n"
        "    if not child:\n        time.sleep(20)\n        os._exit(0)\n"
        "    time.sleep(0.3)\n    os.kill(child, signal.SIGTERM)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
    )
    session = start(script, "-t", "2s", "--only-summary")
    code, out, err, _ = session.finish(15)
    assert code == 0, err
    assert str(-signal.SIGTERM) in out and "--run-time limit reached" in err


def test_a_script_may_handle_sigint_itself(start):
    script = POLITE + "\nimport signal\nsignal.signal(signal.SIGINT, lambda *_: print('mine', flush=True))\n"
    session = start(script, "-t", "3s", "--only-summary")
    session.wait_for("test_start")
    time.sleep(0.5)
    session.process.send_signal(signal.SIGINT)
    code, out, err, _ = session.finish(15)
    assert code == 0, err
    assert "mine" in out and "--run-time limit reached" in err


def test_exit_in_a_task_ends_the_program_with_its_code(start):
    script = "from locust import User, task\nimport sys\nclass U(User):\n    @task\n    def t(self):\n        sys.exit(7)\n"
    code, _, err, _ = start(script, "--only-summary").finish(15)
    assert code == 7, err
