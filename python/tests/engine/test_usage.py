"""The runner's look at its own process: how often it warns, whom it tells, and what it says at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from locust import User, constant, task
from locust.env import Environment
from locust.runners import LocalRunner


class Idle(User):
    wait_time = constant(60)

    @task
    def rest(self) -> None:
        pass


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalRunner]:
    monkeypatch.setattr("locust.runners.CPU_MONITOR_INTERVAL", 0.02)
    runner = Environment(user_classes=[Idle]).create_local_runner()
    yield runner
    runner.quit()


def until(condition: Any) -> None:
    with gevent.Timeout(30):
        while not condition():
            gevent.sleep(0.005)


def test_too_busy_a_process_is_told_each_time_and_logged_once_a_test(
    runner: LocalRunner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("locust.runners.CPU_WARNING_THRESHOLD", -1)
    heard: list[str] = []
    environment = runner.environment
    environment.events.cpu_warning.add_listener(
        lambda environment, cpu_usage, **_: heard.append(f"warning {environment is runner.environment}")
    )
    environment.events.usage_monitor.add_listener(
        lambda environment, cpu_usage, memory_usage, **_: heard.append(f"usage {memory_usage > 1_000_000}")
    )

    def warnings(text: str) -> list[str]:
        return [record.name for record in caplog.records if text in record.getMessage()]

    for tests in (1, 2):
        runner.start(1, spawn_rate=1)
        runner.spawning_greenlet.join()
        before = len(heard)
        until(lambda before=before: len(heard) >= before + 4)
        assert runner.cpu_warning_emitted
        runner.stop()
        assert len(warnings("CPU usage above -1%!")) == tests
        assert warnings("CPU usage was too high at some point during the test!") == ["locust.runners"] * tests
    assert heard[:4] == ["warning True", "usage True"] * 2


def test_a_process_with_time_left_is_not_warned_of(
    runner: LocalRunner, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    runner.environment.events.cpu_warning.add_listener(lambda **_: heard.append("warning"))
    runner.environment.events.usage_monitor.add_listener(lambda **_: heard.append("usage"))
    # Nothing is above this, however busy the machine.
    runner.start(1, spawn_rate=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("locust.runners.CPU_WARNING_THRESHOLD", 10_000)
        until(lambda: len(heard) >= 3)
        runner.stop()
    assert set(heard) == {"usage"}
    assert not any("CPU" in record.getMessage() for record in caplog.records)


def test_a_listener_that_raises_does_not_end_the_watch(runner: LocalRunner) -> None:
    seen: list[float] = []

    @runner.environment.events.usage_monitor.add_listener
    def broken(cpu_usage: float, **_: Any) -> None:
        seen.append(cpu_usage)
        raise ValueError("on purpose")

    until(lambda: len(seen) >= 3)
