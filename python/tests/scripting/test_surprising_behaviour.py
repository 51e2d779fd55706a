"""What surprises people about Locust's users, runs and events, one test for each: kept where scripts depend on it, mended
where nobody can.

The tests of the first part hold what Locust does (they pass with it, too); those of the second what we do instead.
Surprises elsewhere: of HTTP in `python/tests/http`, of the command line in `python/tests/cli`, of tables and files in
`python/tests/stats`, of the wait after an error in `compat/task-sets.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from locust import SequentialTaskSet, TaskSet, User, constant, log, task
from locust.dispatch import BurstDispatcher
from locust.env import Environment
from locust.exception import (
    InterruptTaskSet,
    MissingWaitTimeError,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
from locust.runners import LocalRunner


@pytest.fixture
def runners() -> Iterator[Any]:
    made: list[LocalRunner] = []

    def make(*user_classes: type[User], **options: Any) -> LocalRunner:
        options.setdefault("dispatcher_class", BurstDispatcher)
        made.append(Environment(user_classes=list(user_classes), **options).create_local_runner())
        return made[-1]

    yield make
    for runner in made:
        with gevent.Timeout(30):
            runner.quit()


def nap(self: Any) -> None:
    gevent.sleep(60)


def kind(name: str = "Visitor", **attributes: Any) -> type[User]:
    return type(name, (User,), {"wait_time": constant(60), "tasks": [nap], **attributes})


def up(runner: LocalRunner, users: int = 1, rate: float = 100) -> None:
    runner.start(users, spawn_rate=rate)
    runner.spawning_greenlet.join()
    gevent.sleep(0.02)


def request(environment: Environment, **changes: Any) -> None:
    arguments = {
        "request_type": "GET",
        "name": "/",
        "response_time": 1,
        "response_length": 1,
        "exception": None,
    }
    environment.events.request.fire(**{**arguments, "context": {}, **changes})


# --- Kept ---


def test_overriding_a_task_leaves_both() -> None:
    class Base(User):
        @task
        def visit(self) -> None: ...

    class Derived(Base):
        @task
        def visit(self) -> None: ...

    assert Derived.tasks == [Base.visit, Derived.visit]


def test_tasks_shared_by_two_bases_count_twice() -> None:
    class Base(User):
        @task
        def visit(self) -> None: ...

    class A(Base): ...

    class B(Base): ...

    class Both(A, B): ...

    assert Both.tasks == [Base.visit, Base.visit]


def test_user_error_names_the_task_set_and_not_the_user(runners: Any) -> None:
    def fail(self: Any) -> None:
        raise ValueError("on purpose")

    named: list[str] = []
    runner = runners(kind(tasks=[fail]), kind("Stillborn", on_start=fail))
    runner.environment.events.user_error.add_listener(
        lambda user_instance, **_: named.append(type(user_instance).__name__)
    )
    up(runner, 2)
    assert sorted(named) == ["DefaultTaskSet", "Stillborn"]


def test_listeners_of_the_script_come_before_the_statistics_and_may_keep_a_request_out(runners: Any) -> None:
    runner = runners(kind())
    environment = runner.environment
    early, late = Environment(), environment

    @early.events.request.add_listener
    def refuse(**_: Any) -> None:
        raise RescheduleTaskImmediately()

    early.create_local_runner()
    late.events.request.add_listener(refuse)
    for one, counted in ((early, 0), (late, 1)):
        with pytest.raises(RescheduleTaskImmediately):
            request(one)
        assert one.stats.total.num_requests == counted
    early.runner.quit()


def test_a_listener_that_raises_marks_the_run_as_failed(
    runners: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "unhandled_greenlet_exception", False)
    environment = runners(kind()).environment

    @environment.events.request.add_listener
    def broken(**_: Any) -> None:
        raise KeyError("on purpose")

    request(environment)
    assert log.unhandled_greenlet_exception, "the exit code is 2"
    assert environment.stats.total.num_requests == 1


@pytest.mark.parametrize("what", ["task", "on_start"])
def test_a_user_that_dies_is_replaced_at_the_next_ramp_and_not_before(runners: Any, what: str) -> None:
    def leave(self: Any) -> None:
        made.append(self)
        raise InterruptTaskSet() if what == "task" else ValueError("on purpose")

    made: list[User] = []
    stopped: list[User] = []
    runner = runners(
        kind(
            **({"tasks": [leave]} if what == "task" else {"on_start": leave}),
            on_stop=stopped.append,
        )
    )
    up(runner, 2)
    assert (runner.user_count, runner.state, len(made), stopped) == (0, "running", 2, [])
    up(runner, 2)
    assert len(made) == 4


def test_fixed_counts_come_first_and_leave_last(runners: Any) -> None:
    runner = runners(kind("Many", weight=9), kind("Fixed", fixed_count=2))
    counts = []
    for users in (1, 2, 5, 3):
        up(runner, users)
        counts.append(runner.user_classes_count)
    assert counts == [
        {"Many": 0, "Fixed": 1},
        {"Many": 0, "Fixed": 2},
        {"Many": 3, "Fixed": 2},
        {"Many": 1, "Fixed": 2},
    ]


def test_spawning_complete_comes_after_each_ramp(runners: Any) -> None:
    runner = runners(kind())
    totals: list[int] = []
    runner.environment.events.spawning_complete.add_listener(lambda user_count: totals.append(user_count))
    for users in (2, 5, 5, 0):
        up(runner, users)
    assert totals == [2, 5, 5, 0]


def test_test_start_comes_once_for_several_ramps_and_again_after_a_stop(runners: Any) -> None:
    runner = runners(kind())
    starts: list[str] = []
    runner.environment.events.test_start.add_listener(lambda **_: starts.append(runner.state))
    up(runner, 1)
    up(runner, 2)
    assert starts == ["ready"]
    runner.stop()
    up(runner, 1)
    assert starts == ["ready", "stopped"]


def test_stopping_what_never_ran_is_told_to_listeners(runners: Any) -> None:
    runner = runners(kind())
    heard: list[str] = []
    for name in ("test_stopping", "test_stop"):
        getattr(runner.environment.events, name).add_listener(lambda name=name, **_: heard.append(name))
    runner.stop()
    assert heard == ["test_stopping", "test_stop"]
    runner.stop()
    assert len(heard) == 2


def test_the_host_of_the_environment_is_written_into_the_classes(runners: Any) -> None:
    user_class = kind(host="http://own.example")
    runner = runners(user_class, host="http://given.example")
    up(runner)
    assert user_class.host == "http://given.example"


def test_changed_user_classes_stay_changed() -> None:
    user_class = kind(tasks=[nap])
    environment = Environment(
        user_classes=[user_class],
        available_user_classes={"Visitor": user_class},
        available_user_tasks={"Visitor": [nap]},
    )
    environment.update_user_class(
        {"user_class_name": "Visitor", "host": "http://changed.example", "tasks": []}
    )
    assert (user_class.host, user_class.tasks) == ("http://changed.example", [])


def test_waiting_inside_a_task_lets_the_user_be_stopped_there(runners: Any) -> None:
    reached: list[str] = []

    def visit(self: User) -> None:
        reached.append("before")
        self.wait()
        reached.append("after")

    runner = runners(kind(tasks=[visit]), stop_timeout=30)
    up(runner)
    with gevent.Timeout(15):
        runner.stop()
    assert reached == ["before"]


def test_the_users_wait_is_by_the_users_time_even_in_a_nested_set(runners: Any) -> None:
    waits: list[str] = []

    def visit(self: TaskSet) -> None:
        self.user.wait()
        raise StopUser()

    def waiting(text: str) -> Any:
        return lambda self: waits.append(text) or 0

    nested = type("Nested", (TaskSet,), {"tasks": [visit], "wait_time": waiting("set")})
    up(runners(kind(tasks=[nested], wait_time=waiting("user"))))
    assert waits == ["user"]


def test_stop_user_in_a_constructor_ends_the_ramp_and_not_the_process(
    runners: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "unhandled_greenlet_exception", False)

    def refuse(self: Any, environment: Environment) -> None:
        raise StopUser("no")

    runner = runners(kind(__init__=refuse))
    up(runner)
    assert (runner.user_count, runner.state, log.unhandled_greenlet_exception) == (0, "spawning", True)


# --- Mended ---


def test_stop_test_stops_the_test(runners: Any) -> None:
    """Documented so; Locust goes on without the user."""
    order: list[str] = []

    def decide(self: Any) -> None:
        raise StopTest("enough")

    nested = type(
        "Nested", (SequentialTaskSet,), {"tasks": [decide], "on_stop": lambda s: order.append("set")}
    )
    runner = runners(kind(tasks=[nested], on_stop=lambda s: order.append("user")))
    runner.environment.events.test_stop.add_listener(lambda **_: order.append("test_stop"))
    runner.start(1, spawn_rate=1)
    with gevent.Timeout(30):
        while runner.state != "stopped":
            gevent.sleep(0.005)
    assert order == ["set", "user", "test_stop"]


@pytest.mark.parametrize(
    "error", [InterruptTaskSet, RescheduleTaskImmediately], ids=lambda kind: kind.__name__
)
def test_a_loop_that_never_waits_lets_the_run_end(runners: Any, error: type[Exception]) -> None:
    """Locust's process hangs and has to be killed."""
    turns = 0

    def leave(self: Any) -> None:
        nonlocal turns
        turns += 1
        raise error()

    runner = runners(kind(tasks=[type("Nested", (TaskSet,), {"tasks": [leave]})]))
    up(runner)
    assert turns > 1
    with gevent.Timeout(30):
        runner.quit()


def test_no_wait_time_is_told_with_the_names_of_both_classes() -> None:
    """Locust prints the names of its variables in braces."""

    class Visitor(User):
        wait_time = None

    class Tasks(TaskSet): ...

    with pytest.raises(MissingWaitTimeError, match="on either the Visitor or Tasks class"):
        Tasks(Visitor(Environment())).wait_time()
