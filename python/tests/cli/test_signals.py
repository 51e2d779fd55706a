"""SIGINT and SIGTERM: every run they end writes everything, whatever the script does meanwhile."""

from __future__ import annotations

import csv
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

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
    wait_time = constant(0.01)
    turns = 0
    @task
    def t(self):
        {REPORT}
        self.turns += 1
        if self.turns == 30:
            print("busy", flush=True)
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
from locust import User, events, task
import time
events.test_stopping.add_listener(lambda **kwargs: print("test_stopping", flush=True))
class U(User):
    @task
    def t(self):
        {REPORT}
        print("sleeping", flush=True)
        time.sleep(600)
"""
# What tasks and `on_stop` wait for here takes far longer: a program that waited for it would be taken to hang.
BOUND = 60
STUBBORN_ON_STOP = (
    SLOW
    + """
    def on_stop(self):
        print("on_stop", flush=True)
        while True:
            try:
                time.sleep(600)
            except BaseException:
                print("killed in vain", flush=True)
"""
)


class Session:
    """A running `locust`; what it writes is in files, so that nobody has to read in time."""

    def __init__(self, folder: Path, script: str, *arguments: str) -> None:
        (folder / "locustfile.py").write_text(script)
        self.out, self.err = folder / "out", folder / "err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [locust_command(), "--headless", *arguments],
                cwd=folder, env=clean_environment(HOME=str(folder)), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )  # fmt: skip
        self.read = 0

    def wait_for(self, word: str) -> None:
        """Until the next line of this word."""
        self._until(lambda: self._find(word), word)

    def wait_for_log(self, text: str) -> None:
        self._until(lambda: text in self.err.read_text(), text)

    def signal(self, number: int) -> None:
        self.signalled = time.monotonic()
        self.process.send_signal(number)

    def finish(self) -> tuple[int, list[str], str, float]:
        """Exit code, remaining output, error output, seconds since the last signal."""
        try:
            self.process.wait(BOUND)
        except subprocess.TimeoutExpired:
            self._give_up("did not end")
        seconds = time.monotonic() - self.signalled
        return self.process.returncode, self._lines()[self.read :], self.err.read_text(), seconds

    signalled = 0.0

    def _lines(self) -> list[str]:
        # The last one may be half written.
        return self.out.read_text().split("\n")[:-1]

    def _find(self, word: str) -> bool:
        lines = self._lines()
        if word not in lines[self.read :]:
            return False
        self.read = lines.index(word, self.read) + 1
        return True

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + BOUND
        while not condition():
            if self.process.poll() is not None and not condition():
                self._give_up(f"ended without {what!r}")
            if time.monotonic() > deadline:
                self._give_up(f"never wrote {what!r}")
            time.sleep(0.01)

    def _give_up(self, why: str) -> NoReturn:
        self.process.kill()
        self.process.wait()
        raise AssertionError(f"{why}:\n{self.out.read_text()}\n{self.err.read_text()}")


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Session]:
    return lambda script, *arguments: Session(tmp_path, script, *arguments)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_and_everything_is_written(
    start, tmp_path: Path, number: signal.Signals
):
    session = start(POLITE, "-u", "2", "-r", "9", "--csv", "x", "--json-file", "x", "--only-summary")
    for _ in range(2):
        session.wait_for("busy")
    session.signal(number)
    code, out, err, _ = session.finish()
    assert code == 0, err
    assert out == ["quitting", "test_stopping", "on_stop", "on_stop", "test_stop", "quit"]
    assert ("Got SIGTERM signal" in err) == (number == signal.SIGTERM)
    final = re.search(r"^ +Aggregated +(\d+) ", err, re.MULTILINE)
    assert final is not None and int(final[1]) >= 60
    with open(tmp_path / "x_stats.csv", newline="") as file:
        assert list(csv.DictReader(file))[-1]["Request Count"] == final[1]
    assert f'"num_requests": {final[1]}' in (tmp_path / "x.json").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_shape_as_any_other_run(start, number: signal.Signals):
    session = start(SHAPED, "--only-summary")
    for _ in range(2):
        session.wait_for("busy")
    session.signal(number)
    code, out, err, _ = session.finish()
    assert code == 0, err
    assert out == ["quitting", "test_stopping", "on_stop", "on_stop", "test_stop", "quit"]
    assert re.search(r"^ +Aggregated +\d+ ", err, re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_task_that_never_yields_is_interrupted(start, number: signal.Signals):
    session = start(SPINNING, "-u", "1", "--only-summary")
    session.wait_for("spinning")
    session.signal(number)
    code, _, err, seconds = session.finish()
    assert code == 0, err
    assert seconds > 1.5, "it had its time"
    assert "A task did not yield, so it was interrupted to stop the test" in err
    assert re.search(r"^ +Aggregated +1 ", err, re.MULTILINE)


def test_running_tasks_may_end_within_the_stop_timeout_but_not_after_a_second_signal(start):
    session = start(SLOW, "-u", "3", "-r", "100", "-s", "600", "--only-summary")
    for _ in range(3):
        session.wait_for("sleeping")
    session.signal(signal.SIGINT)
    session.wait_for("test_stopping")
    time.sleep(0.3)
    assert session.process.poll() is None
    session.signal(signal.SIGINT)
    code, _, err, _ = session.finish()
    assert code == 0, err
    assert re.search(r"^ +Aggregated +3 ", err, re.MULTILINE)


def test_a_third_signal_does_not_wait_for_on_stop(start):
    session = start(STUBBORN_ON_STOP, "-u", "1", "--only-summary")
    session.wait_for("sleeping")
    session.signal(signal.SIGINT)
    session.wait_for("on_stop")
    session.signal(signal.SIGINT)
    session.wait_for_log("not waiting for running tasks")
    session.wait_for("killed in vain")
    assert session.process.poll() is None
    session.signal(signal.SIGINT)
    code, _, err, _ = session.finish()
    assert code == 0, err
    assert "Interrupted once more, not waiting for users to stop" in err
    assert re.search(r"^ +Aggregated +1 ", err, re.MULTILINE)


def test_a_busy_listener_may_take_its_time(start):
    script = POLITE + (
        "\n@events.test_stop.add_listener\ndef busy(**kwargs):\n"
        "    end = time.monotonic() + 3\n    while time.monotonic() < end: pass\n    print('done', flush=True)\n"
    )
    session = start(script, "--only-summary")
    session.wait_for("busy")
    session.signal(signal.SIGTERM)
    code, out, err, _ = session.finish()
    assert code == 0, err
    assert "done" in out and out[-1] == "quit"


def test_a_forked_process_that_is_terminated_does_not_stop_the_run(start):
    script = POLITE + (
        "\nimport os, signal\n@events.test_start.add_listener\ndef fork(**kwargs):\n"
        "    child = os.fork()\n"
        "    if not child:\n        time.sleep(600)\n        os._exit(0)\n"
        "    time.sleep(0.3)\n    os.kill(child, signal.SIGTERM)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
    )
    session = start(script, "-t", "1s", "--only-summary")
    code, out, err, _ = session.finish()
    assert code == 0, err
    assert str(-signal.SIGTERM) in out and "--run-time limit reached" in err


def test_a_script_may_handle_sigint_itself(start):
    script = POLITE + (
        "\nimport signal\ndef mine(*_):\n    print('mine', flush=True)\n"
        "    for user in events.users:\n        user.turns = 0\n"
        "signal.signal(signal.SIGINT, mine)\n"
        "events.users = []\nU.on_start = lambda user: events.users.append(user)\n"
    )
    session = start(script, "--only-summary")
    session.wait_for("busy")
    session.signal(signal.SIGINT)
    session.wait_for("mine")
    # Its user goes on.
    session.wait_for("busy")
    session.signal(signal.SIGTERM)
    code, out, err, _ = session.finish()
    assert code == 0, err
    assert "Got SIGTERM signal" in err and out[-1] == "quit"


def test_exit_in_a_task_ends_the_program_with_its_code(start):
    script = "from locust import User, task\nimport sys\nclass U(User):\n    @task\n    def t(self):\n        sys.exit(7)\n"
    code, _, err, _ = start(script, "--only-summary").finish()
    assert code == 7, err
