"""Stops that come from a listener, in the middle of what the runner is doing, and listeners that get in a stop's way.

Locust is left half stopped by most of these: a greenlet that kills itself does not finish what it was at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event

from locust import LoadTestShape, User, constant, task
from locust.env import Environment
from locust.exception import StopTest, StopUser
from locust.runners import LocalRunner


class Idle(User):
    wait_time = constant(60)
    weight = 1

    @task
    def rest(self) -> None:
        gevent.sleep(60)


class Other(Idle):
    pass


@pytest.fixture
def runners() -> Iterator[Any]:
    made: list[LocalRunner] = []

    def make(*user_classes: type[User], **options: Any) -> LocalRunner:
        made.append(Environment(user_classes=list(user_classes or [Idle]), **options).create_local_runner())
        return made[-1]

    yield make
    for runner in made:
        with gevent.Timeout(30):
            runner.quit()


def listen(runner: LocalRunner) -> list[str]:
    heard: list[str] = []
    for name in ("test_start", "spawning_complete", "test_stopping", "test_stop"):
        getattr(runner.environment.events, name).add_listener(lambda name=name, **_: heard.append(name))
    return heard


def settle(runner: LocalRunner) -> None:
    with gevent.Timeout(30):
        while runner.state not in ("stopped", "running"):
            gevent.sleep(0.005)
    gevent.sleep(0.05)


@pytest.mark.parametrize("way", ["stop", "quit"])
def test_a_test_that_is_stopped_as_it_starts_starts_nobody(runners: Any, way: str) -> None:
    runner = runners()
    heard = listen(runner)
    runner.environment.events.test_start.add_listener(lambda **_: getattr(runner, way)())
    runner.start(3, spawn_rate=100)
    settle(runner)
    assert heard == ["test_start", "test_stopping", "test_stop"]
    assert (runner.state, runner.user_count) == ("stopped", 0)


@pytest.mark.parametrize("way", ["stop", "quit"])
def test_a_test_that_is_stopped_when_all_users_are_there_is_stopped_whole(runners: Any, way: str) -> None:
    runner = runners()
    heard = listen(runner)
    runner.environment.events.spawning_complete.add_listener(lambda **_: getattr(runner, way)())
    runner.start(3, spawn_rate=100)
    with gevent.Timeout(30):
        while "test_stop" not in heard:
            gevent.sleep(0.005)
    assert heard == ["test_start", "spawning_complete", "test_stopping", "test_stop"]
    assert (runner.state, runner.user_count, runner.final_user_classes_count) == ("stopped", 0, {"Idle": 3})


def test_a_ramp_that_a_constructor_stops_does_not_go_on(runners: Any) -> None:
    class Stopping(Idle):
        def __init__(self, environment: Environment) -> None:
            super().__init__(environment)
            if environment.runner.user_count == 1:
                environment.runner.stop()

    runner = runners(Stopping)
    heard = listen(runner)
    runner.start(4, spawn_rate=2)
    with gevent.Timeout(30):
        while "test_stop" not in heard:
            gevent.sleep(0.005)
    # The next user would come half a second after the second.
    gevent.sleep(0.6)
    assert heard == ["test_start", "test_stopping", "test_stop"]
    assert (runner.state, runner.user_count) == ("stopped", 0)


@pytest.mark.parametrize("error", [StopUser, StopTest], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", ["test_stopping", "test_stop"])
def test_a_listener_that_steers_nobody_does_not_keep_the_run_from_ending(
    runners: Any, name: str, error: type[Exception]
) -> None:
    runner = runners()
    heard = listen(runner)

    @getattr(runner.environment.events, name).add_listener
    def steer(**_: Any) -> None:
        raise error("nobody to steer")

    runner.start(2, spawn_rate=100)
    runner.spawning_greenlet.join()
    with pytest.raises(error):
        runner.quit()
    assert heard[-2:] == ["test_stopping", "test_stop"]
    assert (runner.state, runner.user_count) == ("stopped", 0)
    assert runner.greenlet.join(timeout=30), "the greenlets of the runner have ended too"


def test_a_stop_of_two_shares_its_end(runners: Any) -> None:
    ended: list[str] = []

    class Slow(Idle):
        def on_stop(self) -> None:
            gevent.sleep(0.1)
            ended.append("on_stop")

    runner = runners(Slow)
    heard = listen(runner)
    gevent.spawn_later(0.05, runner.stop)
    runner.spawn_users({"Slow": 2}, wait=True)
    runner.quit()
    assert (ended, heard) == (["on_stop", "on_stop"], ["test_stopping", "test_stop"])


def test_a_start_during_a_stop_begins_a_test_after_it(runners: Any) -> None:
    go_on = Event()

    class Slow(Idle):
        def on_stop(self) -> None:
            go_on.wait(30)

    runner = runners(Slow)
    heard = listen(runner)
    runner.start(2, spawn_rate=100)
    runner.spawning_greenlet.join()
    gevent.sleep(0.01)
    stop = gevent.spawn(runner.stop)
    gevent.sleep(0.02)
    assert runner.state == "cleanup"
    runner.start(1, spawn_rate=1)
    gevent.sleep(0.02)
    assert (runner.state, stop.ready()) == ("cleanup", False)
    go_on.set()
    with gevent.Timeout(30):
        runner.spawning_greenlet.join()
    assert stop.ready()
    assert heard == ["test_start", "spawning_complete", "test_stopping", "test_stop", *heard[:2]]
    assert (runner.state, runner.user_count, runner.target_user_count) == ("running", 1, 1)


def test_a_start_in_a_listener_of_the_stops_end_may_be_waited_for_there(runners: Any) -> None:
    runner = runners()
    heard = listen(runner)
    once = iter([True])

    @runner.environment.events.test_stop.add_listener
    def again(**_: Any) -> None:
        if next(once, False):
            runner.start(1, spawn_rate=1)
            runner.spawning_greenlet.join()

    runner.start(1, spawn_rate=1)
    runner.spawning_greenlet.join()
    with gevent.Timeout(30):
        runner.stop()
    assert heard == ["test_start", "spawning_complete", "test_stopping", "test_stop", *heard[:2]]
    assert (runner.state, runner.user_count) == ("running", 1)


def test_users_of_a_class_that_was_taken_away_are_stopped_too(runners: Any) -> None:
    runner = runners(Idle, Other)
    runner.start(4, spawn_rate=100)
    runner.spawning_greenlet.join()
    del runner.environment.user_classes[1]
    assert runner.user_classes_count == {"Idle": 2, "Other": 2}
    runner.stop()
    assert (runner.user_count, runner.user_classes_count) == (0, {"Idle": 0})


def test_stopping_users_of_an_unknown_class_is_a_key_error(runners: Any) -> None:
    with pytest.raises(KeyError, match="Nobody"):
        runners().stop_users({"Nobody": 1})


def test_a_number_of_users_that_is_a_text_ends_the_shape_before_anything_starts(
    runners: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Texts(LoadTestShape):
        def tick(self) -> Any:
            return ("2", 1)

    runner = runners(shape_class=Texts())
    heard = listen(runner)
    runner.start_shape()
    runner.shape_greenlet.join(30)
    assert isinstance(runner.shape_greenlet.exception, TypeError)
    assert (heard, runner.state) == ([], "ready")
