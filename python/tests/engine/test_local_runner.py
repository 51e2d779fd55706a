"""`LocalRunner` with real users: ramps, states, events, stopping, shapes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event

from locust import HttpUser, LoadTestShape, User, constant, task
from locust.dispatch import BurstDispatcher, UsersDispatcher
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import LocalRunner


@pytest.fixture
def environments() -> Iterator[Any]:
    made: list[Environment] = []

    def make(*user_classes: type[User], **options: Any) -> LocalRunner:
        environment = Environment(user_classes=list(user_classes), **options)
        made.append(environment)
        return environment.create_local_runner()

    yield make
    for environment in made:
        environment.stop_timeout = 0
        with gevent.Timeout(30):
            environment.runner.quit()


# Real time has no say in what these tests expect but that nothing comes too early; crates/engine looks at the exact moments,
# with a clock of its own.
def wait_until(condition: Any, seconds: float = 30) -> None:
    with gevent.Timeout(seconds):
        while not condition():
            gevent.sleep(0.005)


def idle(name: str = "Idle", **attributes: Any) -> type[User]:
    def work(self: User) -> None:
        pass

    return type(name, (User,), {"wait_time": constant(60), "tasks": [work], **attributes})


def busy(name: str = "Busy", **attributes: Any) -> type[User]:
    def work(self: User) -> None:
        gevent.sleep(60)

    return type(name, (User,), {"wait_time": constant(0), "tasks": [work], **attributes})


def record(runner: LocalRunner, *names: str) -> list[str]:
    heard: list[str] = []
    for name in names:
        hook = getattr(runner.environment.events, name)
        hook.add_listener(lambda name=name, **_: heard.append(name))
    return heard


def test_a_test_goes_through_its_states_and_events(environments: Any) -> None:
    runner = environments(idle())
    heard = record(runner, "test_start", "spawning_complete", "test_stopping", "test_stop")
    assert runner.state == "ready"
    runner.start(3, spawn_rate=100)
    assert runner.user_count == 0, "starting does not block"
    runner.spawning_greenlet.join()
    assert (runner.state, runner.user_count) == ("running", 3)
    assert runner.user_classes_count == runner.target_user_classes_count == {"Idle": 3}
    runner.start(1, spawn_rate=100)
    runner.spawning_greenlet.join()
    assert (runner.state, runner.user_count) == ("running", 1)
    runner.stop()
    assert (runner.state, runner.user_count) == ("stopped", 0)
    assert runner.final_user_classes_count == {"Idle": 1}
    assert heard == ["test_start", "spawning_complete", "spawning_complete", "test_stopping", "test_stop"]
    runner.stop()
    assert len(heard) == 5
    runner.start(1, spawn_rate=1)
    runner.spawning_greenlet.join()
    assert heard[5:] == ["test_start", "spawning_complete"]


def test_users_are_spread_evenly_over_time(environments: Any) -> None:
    starts: list[float] = []

    class Noting(idle()):  # type: ignore[misc]
        def on_start(self) -> None:
            starts.append(time.monotonic())

    runner = environments(Noting)
    began = time.monotonic()
    runner.start(15, spawn_rate=10)
    wait_until(lambda: len(starts) == 15)
    early = [n for n, at in enumerate(starts) if at - began < n / 10 - 0.02]
    assert not early, starts


def steps_of(kind: type[UsersDispatcher]) -> tuple[type[UsersDispatcher], list[int]]:
    """A dispatcher that notes how many users each of its steps leads to."""
    steps: list[int] = []

    class Noting(kind):  # type: ignore[misc, valid-type]
        def __next__(self) -> Any:
            users = super().__next__()
            steps.append(sum(users["local"].values()))
            return users

    return Noting, steps


def test_users_are_started_at_once_at_a_rate_of_all_of_them(environments: Any) -> None:
    dispatcher, steps = steps_of(UsersDispatcher)
    runner = environments(idle(), dispatcher_class=dispatcher)
    runner.start(10, spawn_rate=10)
    runner.spawning_greenlet.join()
    assert (runner.user_count, steps) == (10, [10])


def test_a_fraction_of_a_user_is_none(environments: Any, caplog: pytest.LogCaptureFixture) -> None:
    runner = environments(idle())
    completed: list[int] = []
    seen: list[tuple[int, int]] = []
    runner.environment.events.spawning_complete.add_listener(
        lambda user_count, **_: completed.append(user_count)
    )
    with caplog.at_level("INFO"):
        for users in (2.7, 3.2, 1.9):
            runner.start(users, 100)
            wait_until(lambda: completed and runner.state == "running")
            seen.append((completed.pop(), runner.user_count))
    assert seen == [(2, 2), (3, 3), (1, 1)]
    assert [line for line in caplog.messages if line.startswith("Ramping")] == [
        f"Ramping to {users} users at a rate of 100.00 per second" for users in (2, 3, 1)
    ]


def test_the_way_of_locust_is_an_option(environments: Any) -> None:
    dispatcher, steps = steps_of(BurstDispatcher)
    runner = environments(idle(), dispatcher_class=dispatcher)
    runner.start(6, spawn_rate=5)
    wait_until(lambda: runner.state == "running")
    assert (runner.user_count, steps) == (6, [5, 6])


def test_logs_what_the_original_logs(environments: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "locust.runners")
    runner = environments(idle("B"), idle("A", fixed_count=1))
    runner.start(3, spawn_rate=100.5)
    runner.spawning_greenlet.join()
    runner.stop()
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert lines[0][0] == "WARNING" and lines[0][1].startswith("Your selected spawn rate is very high (>100)")
    assert ("INFO", "Ramping to 3 users at a rate of 100.50 per second") in lines
    assert ("INFO", 'All users spawned: {"A": 1, "B": 2} (3 total users)') in lines
    assert ("DEBUG", 'Ramping to {"A": 1, "B": 2} (3 total users)') in lines
    assert ("DEBUG", 'Spawning additional {"A": 1, "B": 2} ({"B": 0, "A": 0} already running)...') in lines
    assert any(text.startswith(f"Stopping all users (called from {__file__}:") for _, text in lines)


def test_ten_thousand_users_are_started_quickly(environments: Any) -> None:
    runner = environments(idle())
    began = time.process_time()
    runner.start(10_000, spawn_rate=100_000)
    runner.spawning_greenlet.join()
    spent = time.process_time() - began
    assert runner.user_count == 10_000
    # 0.2 s in a release build; this also holds for a debug build on a busy machine.
    assert spent < 5, spent


def test_spawn_users_and_stop_users_change_who_runs(environments: Any) -> None:
    runner = environments(idle("A"), idle("B"))
    users = runner.spawn_users({"A": 3, "B": 2})
    assert [type(user).__name__ for user in users] == ["A", "A", "A", "B", "B"]
    assert (runner.user_classes_count, runner.state) == ({"A": 3, "B": 2}, "spawning")
    runner.stop_users({"A": 2, "B": 1})
    assert runner.user_classes_count == {"A": 1, "B": 1}
    assert runner.user_greenlets.users() == [users[2], users[4]], "those started first are stopped first"


def test_users_started_by_hand_count(environments: Any) -> None:
    runner = environments(idle("A"), idle("B"))
    runner.spawn_users({"A": 1})
    runner.user_classes[1](runner.environment).start(runner.user_greenlets)
    assert runner.user_classes_count == {"A": 1, "B": 1}


def test_users_that_ended_are_replaced_at_the_next_start(environments: Any) -> None:
    class Brief(idle()):  # type: ignore[misc]
        def on_start(self) -> None:
            raise ValueError("no")

    runner = environments(Brief)
    runner.start(2, spawn_rate=100)
    runner.spawning_greenlet.join()
    wait_until(lambda: runner.user_count == 0)
    assert runner.state == "running"
    assert [row["count"] for row in runner.exceptions.values()] == [2]


def test_users_that_end_at_once_are_replaced_once_a_second(environments: Any) -> None:
    made: list[float] = []

    class Brief(idle()):  # type: ignore[misc]
        def on_start(self) -> None:
            made.append(time.monotonic())
            raise ValueError("no")

    runner = environments(Brief)
    began = time.monotonic()
    runner.start(30, spawn_rate=20)
    runner.spawning_greenlet.join()
    wait_until(lambda: runner.user_count == 0)
    # All of them, and once a second those that there were by then. At every step of the ramp it would be hundreds.
    assert 30 < len(made) <= 30 + 30 * int(time.monotonic() - began)


def test_a_constructor_that_raises_ends_the_ramp_and_not_the_test(
    environments: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Third(idle()):  # type: ignore[misc]
        made = 0

        def __init__(self, environment: Environment) -> None:
            super().__init__(environment)
            Third.made += 1
            if Third.made > 2:
                raise ValueError("no more")

    runner = environments(Third)
    runner.start(5, spawn_rate=100)
    runner.spawning_greenlet.join()
    wait_until(
        lambda: any("Unhandled exception in greenlet" in record.getMessage() for record in caplog.records)
    )
    assert (runner.user_count, runner.state) == (2, "spawning")


def test_slow_constructors_do_not_keep_others_from_running(environments: Any) -> None:
    made: list[int] = []
    go_on = Event()

    class Slow(User):
        wait_time = constant(60)

        def __init__(self, environment: Environment) -> None:
            super().__init__(environment)
            made.append(environment.runner.user_count)
            if len(made) == 3:
                # Until one of those before it has run its task.
                go_on.wait(30)

        @task
        def work(self) -> None:
            go_on.set()

    runner = environments(Slow)
    runner.start(4, spawn_rate=100)
    runner.spawning_greenlet.join()
    assert (runner.user_count, made, go_on.is_set()) == (4, [0, 1, 2, 3], True)


def test_without_a_host_the_test_stops(environments: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Hostless(HttpUser):
        @task
        def work(self) -> None:
            pass

    runner = environments(Hostless)
    runner.start(1, spawn_rate=1)
    wait_until(lambda: runner.state == "stopped")
    texts = [record.getMessage() for record in caplog.records]
    assert texts[-2].startswith("You must specify the base host.")
    assert texts[-1] == "Stopping Locust..."


def test_stop_test_in_a_task_stops_the_test_once(environments: Any, caplog: pytest.LogCaptureFixture) -> None:
    order: list[str] = []

    class Deciding(User):
        wait_time = constant(0.01)

        def on_stop(self) -> None:
            order.append("on_stop")

        @task
        def work(self) -> None:
            raise StopTest("enough")

    runner = environments(Deciding, dispatcher_class=BurstDispatcher)
    runner.environment.events.test_stop.add_listener(lambda **_: order.append("test_stop"))
    runner.start(3, spawn_rate=100)
    wait_until(lambda: runner.state == "stopped")
    assert order[-1] == "test_stop" and order.count("test_stop") == 1 and len(order) == 4
    assert [r.getMessage() for r in caplog.records].count("Stopping Locust...") == 1


def test_a_user_may_end_the_run(environments: Any) -> None:
    order: list[str] = []

    # Not a subclass of idle(): its task would be one of this class's, and each user could pick that one.
    class Ending(User):
        wait_time = constant(60)
        first = True

        def on_stop(self) -> None:
            order.append("on_stop")

        @task
        def work(self) -> None:
            if Ending.first:
                Ending.first = False
                self.environment.runner.quit()
                order.append("not reached")
            gevent.sleep(60)

    for timeout in (0, 0.2):
        order.clear()
        Ending.first = True
        runner = environments(Ending, stop_timeout=timeout)
        for name in ("test_stopping", "test_stop"):
            getattr(runner.environment.events, name).add_listener(lambda name=name, **_: order.append(name))
        with gevent.Timeout(30):
            runner.start(3, spawn_rate=100)
            runner.greenlet.join()
            wait_until(lambda runner=runner: runner.user_count == 0)
        assert order[0] == "test_stopping"
        assert order[-2:] == ["test_stop", "on_stop"]
        assert runner.state == "stopped"


def test_listeners_may_stop_the_test(environments: Any) -> None:
    runner = environments(idle())
    runner.environment.events.spawning_complete.add_listener(lambda **_: runner.quit())
    runner.environment.events.test_stop.add_listener(lambda **_: runner.stop())
    runner.start(1, spawn_rate=1)
    wait_until(lambda: runner.state == "stopped")


def test_a_listener_of_a_ramp_may_start_the_next(environments: Any) -> None:
    runner = environments(idle())

    def next_ramp(user_count: int, **_: Any) -> None:
        if user_count < 3:
            runner.start(user_count + 1, spawn_rate=100)

    runner.environment.events.spawning_complete.add_listener(next_ramp)
    runner.start(1, spawn_rate=100)
    wait_until(lambda: runner.user_count == 3)
    assert runner.target_user_count == 3


def test_two_that_stop_at_once_stop_once(environments: Any) -> None:
    runner = environments(busy(on_stop=lambda self: gevent.sleep(0.1)))
    heard = record(runner, "test_stopping", "test_stop")
    runner.start(2, spawn_rate=100)
    runner.spawning_greenlet.join()
    gevent.sleep(0)
    with gevent.Timeout(30):
        gevent.joinall([gevent.spawn(runner.stop), gevent.spawn(runner.stop)], raise_error=True)
    assert heard == ["test_stopping", "test_stop"]


def test_tasks_may_finish_within_one_shared_deadline(
    environments: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    finished: list[str] = []

    def lasting(name: str, seconds: float) -> type[User]:
        def work(self: User) -> None:
            gevent.sleep(seconds)
            finished.append(name)

        return type(name, (User,), {"wait_time": constant(60), "tasks": [work], "fixed_count": 1})

    runner = environments(lasting("Brief", 0.2), lasting("Long", 60), lasting("Waiting", 0), stop_timeout=2)
    runner.start(3, spawn_rate=100)
    runner.spawning_greenlet.join()
    wait_until(lambda: finished)
    began = time.monotonic()
    runner.stop()
    # One deadline after the other would be six seconds, and the task a minute.
    assert 2 <= time.monotonic() - began < 30
    assert finished == ["Waiting", "Brief"]
    text = "Not all users finished their tasks & terminated in 2 seconds. Stopping them..."
    assert text in [record.getMessage() for record in caplog.records]


def test_a_ramp_down_with_a_stop_timeout_keeps_its_pace(
    environments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = environments(busy(), stop_timeout=0.5)
    runner.start(5, spawn_rate=100)
    runner.spawning_greenlet.join()
    gevent.sleep(0)
    pauses: list[float] = []
    sleep = gevent.sleep

    def pause(seconds: float = 0) -> None:
        if seconds and gevent.getcurrent() is runner.spawning_greenlet:
            pauses.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(gevent, "sleep", pause)
    began = time.monotonic()
    runner.start(0, spawn_rate=3)
    runner.spawning_greenlet.join()
    assert runner.user_count == 0
    # Three at once and two a second later, which may finish their task for half a second. That the first three took half a
    # second, too, does not make the second longer.
    assert time.monotonic() - began >= 1.4
    assert len(pauses) <= 1 and sum(pauses) <= 0.6


def test_messages_go_to_their_listener(environments: Any, caplog: pytest.LogCaptureFixture) -> None:
    runner = environments(idle())
    heard: list[Any] = []
    runner.register_message("greeting", lambda environment, msg: heard.append((environment, msg.data)))
    runner.send_message("greeting", "hello")
    assert heard == [(runner.environment, "hello")]
    with pytest.raises(Exception, match="Tried to register listener method for greeting"):
        runner.register_message("greeting", print)
    runner.send_message("other")
    assert caplog.records[-1].getMessage() == "Unknown message type received: other"


def test_a_shape_leads_the_test(environments: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    counts: list[int] = []

    class Steps(LoadTestShape):
        def tick(self) -> tuple[int, float] | None:
            counts.append(self.get_current_user_count())
            return [(4, 100), (4, 100), (2, 100), None][len(counts) - 1]

    runner = environments(idle(), shape_class=Steps())
    runner.start_shape()
    runner.start_shape()
    runner.shape_greenlet.join(60)
    assert (runner.state, counts) == ("stopped", [0, 4, 4, 2])
    texts = [record.getMessage() for record in caplog.records]
    assert texts.count("There is an ongoing shape test running. Editing is disabled") == 1
    updates = [text for text in texts if "spawn rate" in text]
    assert updates == [
        "Shape test updating to 4 users at 100.00 spawn rate",
        "Shape test updating to 2 users at 100.00 spawn rate",
    ]
    assert "Shape test stopping" in texts


def test_statistics_are_reset_when_asked(environments: Any) -> None:
    runner = environments(idle(), reset_stats=True)
    runner.environment.events.test_start.add_listener(
        lambda **_: runner.stats.log_request("GET", "/early", 1, 1)
    )
    runner.start(1, spawn_rate=1)
    runner.spawning_greenlet.join()
    assert runner.stats.total.num_requests == 0


def test_the_host_of_the_environment_goes_to_the_classes(environments: Any) -> None:
    user_class = idle()
    runner = environments(user_class, host="http://example.invalid")
    runner.start(1, spawn_rate=1)
    runner.spawning_greenlet.join()
    assert user_class.host == "http://example.invalid"


def test_wait_with_more_users_than_the_rate_is_refused(environments: Any) -> None:
    runner = environments(idle())
    with pytest.raises(ValueError, match="wait is True but"):
        runner._start(10, 1, wait=True)


def test_usage_is_measured(environments: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locust.runners.CPU_MONITOR_INTERVAL", 0.1)
    runner = environments(idle())
    seen: list[tuple[float, int]] = []
    runner.environment.events.usage_monitor.add_listener(
        lambda cpu_usage, memory_usage, **_: seen.append((cpu_usage, memory_usage))
    )
    # Work until it is seen, however little of the machine is ours.
    wait_until(lambda: bool(seen))
    began = time.thread_time()
    while time.thread_time() - began < 0.1:
        gevent.sleep(0)
    already = len(seen)
    wait_until(lambda: len(seen) > already)
    assert max(cpu for cpu, _ in seen) > 0
    assert all(0 <= cpu <= 150 for cpu, _ in seen)
    assert seen[0][1] > 1_000_000
