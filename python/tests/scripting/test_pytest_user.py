"""`PytestUser`: test functions of pytest that run as users."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import locust  # noqa: F401  (patches the standard library, which has to come first)

# isort: split
import gevent
import pytest
from gevent.event import Event
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import MissingSchema

from locust.env import Environment
from locust.exception import CatchResponseError, StopTest, StopUser
from locust.user.users import PytestUser

trace: list[str] = []


def fixture(user: PytestUser) -> Iterator[str]:
    trace.append(f"set up for {type(user).__name__}")
    yield "the session"
    trace.append("torn down")


def function(body: Any, own_fixture: Any = fixture) -> Any:
    made = SimpleNamespace(obj=body)
    if own_fixture is not None:
        made.fixturedef = SimpleNamespace(func=own_fixture)
    return made


def until(condition: Any) -> None:
    with gevent.Timeout(30):
        while not condition():
            gevent.sleep(0.005)


@pytest.fixture
def live() -> Iterator[Any]:
    """Runs one user of these functions; returns its runner and greenlet."""
    trace.clear()
    made: list[Environment] = []

    def start(*functions: Any, **options: Any) -> Any:
        kind = type("test_it", (PytestUser,), {"functions": list(functions), "abstract": False})
        environment = Environment(user_classes=[kind], **options)
        made.append(environment)
        runner = environment.create_local_runner()
        runner.start(1, spawn_rate=1)
        runner.spawning_greenlet.join()
        gevent.sleep(0.02)
        return runner

    yield start
    for environment in made:
        environment.stop_timeout = 0
        environment.runner.quit()


def test_functions_take_turns_until_the_user_is_stopped(live: Any) -> None:
    def first(session: str) -> None:
        trace.append(f"first {session}")

    def second(session: str) -> None:
        trace.append("second")
        gevent.sleep(60)

    runner = live(function(first), function(second))
    until(lambda: "second" in trace)
    assert trace == ["set up for test_it"] * 2 + ["first the session", "second"]
    runner.stop()
    assert trace[-2:] == ["torn down", "torn down"]


def test_a_stop_timeout_lets_the_function_finish(live: Any) -> None:
    def slow(session: str) -> None:
        trace.append("called")
        go_on.wait()
        trace.append("finished")

    go_on = Event()
    runner = live(function(slow), stop_timeout=600)
    until(lambda: "called" in trace)
    # The stop begins first: nothing else runs before it waits.
    gevent.spawn_later(0.05, go_on.set)
    with gevent.Timeout(60):
        runner.stop()
    assert trace == ["set up for test_it", "called", "finished", "torn down"]


@pytest.mark.parametrize("error", [RequestsConnectionError("x"), CatchResponseError("x")], ids=type)
def test_a_wrong_answer_ends_the_call_only(live: Any, error: Exception) -> None:
    def failing(session: str) -> None:
        trace.append("called")
        gevent.sleep(0.001)
        raise error

    runner = live(function(failing))
    until(lambda: trace.count("called") > 1)
    assert runner.user_count == 1


@pytest.mark.parametrize("error", [ValueError("x"), MissingSchema("x"), StopUser("x")], ids=type)
def test_any_other_exception_ends_the_user(live: Any, error: Exception) -> None:
    def failing(session: str) -> None:
        raise error

    runner = live(function(failing))
    until(lambda: runner.user_count == 0)
    assert trace == ["set up for test_it", "torn down"]


def test_stop_test_stops_the_test(live: Any) -> None:
    def failing(session: str) -> None:
        raise StopTest("enough")

    runner = live(function(failing))
    until(lambda: runner.state == "stopped")


def test_functions_without_any_wait_let_others_run(live: Any) -> None:
    def busy() -> None:
        trace.append("called")

    runner = live(function(busy, own_fixture=None))
    until(lambda: len(trace) > 10)
    runner.stop()
    assert runner.user_count == 0


def test_a_file_of_pytest_functions_runs_as_users(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import time, pytest\n"
        "@pytest.fixture\n"
        "def thing(user=None):\n"
        "    yield type(user).__name__\n"
        "def test_a(thing):\n"
        "    print('TRACE', thing, flush=True)\n"
        "    time.sleep(0.05)\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "test_it.py", "--headless", "-t", "1s", "-s", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("TRACE test_a") >= 3
