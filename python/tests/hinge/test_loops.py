"""The native task loops under scripts that go to their edges, and under plugins that replace their parts."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.pool import Group

from locust import SequentialTaskSet, TaskSet, User, constant, task
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopUser,
)
from locust.user.task import DefaultTaskSet


class Interrupting(TaskSet):
    @task
    def leave(self) -> None:
        self.interrupt()


class InterruptingAtOnce(TaskSet):
    def on_start(self) -> None:
        self.interrupt()

    @task
    def never(self) -> None:
        raise AssertionError


def immediately(_: Any) -> None:
    raise RescheduleTaskImmediately


def later(_: Any) -> None:
    raise RescheduleTask


def nothing(_: Any) -> None:
    pass


class Nested(TaskSet):
    tasks = [immediately]


@pytest.mark.parametrize("what", [Interrupting, InterruptingAtOnce, immediately, later, nothing, Nested])
def test_a_loop_that_never_yields_lets_others_run(environments: Any, what: Any) -> None:
    class Restless(User):
        wait_time = constant(0)
        tasks = [what]

    environment = environments(Restless)
    environment.runner.spawn_users({"Restless": 3})
    # Nothing could interrupt a loop that never let others run: this test would not end.
    for _ in range(10):
        gevent.sleep(0.001)
    assert environment.runner.user_count == 3
    environment.runner.stop()
    assert environment.runner.user_count == 0


def test_run_runs_a_user_to_its_end_in_the_calling_greenlet(environments: Any) -> None:
    class Visitor(User):
        wait_time = constant(0.001)

        def __init__(self, environment: Any) -> None:
            super().__init__(environment)
            self.greenlets: list[Any] = []

        @task
        def visit(self) -> None:
            self.greenlets.append(gevent.getcurrent())
            if len(self.greenlets) == 3:
                self.stop()

        def on_stop(self) -> None:
            self.greenlets.append("stop")

    user = Visitor(environments(Visitor))
    user.run()
    me = gevent.getcurrent()
    assert user.greenlets == [me, me, me, "stop"]
    assert (user.greenlet, user._is_running) == (me, False)


def test_run_in_a_greenlet_of_ones_own(environments: Any) -> None:
    class Visitor(User):
        wait_time = constant(10)
        log: list[str] = []

        @task
        def visit(self) -> None:
            self.log.append("task")

        def on_stop(self) -> None:
            self.log.append("stop")

    greenlet = gevent.spawn(Visitor(environments(Visitor)).run)
    gevent.sleep(0.01)
    greenlet.kill()
    assert Visitor.log == ["task", "stop"]


def test_start_in_a_group_of_gevent(environments: Any) -> None:
    class Visitor(User):
        wait_time = constant(0.01)
        log: list[str] = []

        @task
        def visit(self) -> None:
            self.log.append("task")

        def on_stop(self) -> None:
            self.log.append("stop")

    group = Group()
    user = Visitor(environments(Visitor))
    greenlet = user.start(group)
    assert (user.greenlet, list(group), user.group) == (greenlet, [greenlet], group)
    gevent.sleep(0.025)
    assert user.stop() is True
    group.join(30)
    assert (Visitor.log[0], Visitor.log[-1], len(group), greenlet.dead) == ("task", "stop", 0, True)


def test_a_user_that_runs_cannot_be_run_again(environments: Any) -> None:
    class Visitor(User):
        wait_time = constant(10)

        @task
        def visit(self) -> None:
            pass

    environment = environments(Visitor)
    (user,) = environment.runner.spawn_users({"Visitor": 1})
    gevent.sleep(0.01)
    for again in (user.run, lambda: user.start(environment.runner.user_greenlets)):
        with pytest.raises(RuntimeError, match=r"running already|started already"):
            again()
    assert environment.runner.user_count == 1


def test_an_overridden_run_is_what_runs(environments: Any, until: Any) -> None:
    class Wrapping(User):
        wait_time = constant(0.01)
        log: list[Any] = []

        def run(self) -> None:  # type: ignore[misc]
            self.log.append("before")
            try:
                super().run()
            finally:
                self.log.append("after")

        @task
        def visit(self) -> None:
            self.log.append(gevent.getcurrent() is self.greenlet)

        def on_stop(self) -> None:
            self.log.append("stop")

    class Replacing(User):
        log: list[str] = []

        def run(self) -> None:  # type: ignore[misc]
            try:
                while True:
                    self.log.append("mine")
                    gevent.sleep(0.01)
            finally:
                self.log.append("end")

    environment = environments(Wrapping, Replacing)
    environment.runner.spawn_users({"Wrapping": 1, "Replacing": 1})
    until(lambda: len(Wrapping.log) > 4 and len(Replacing.log) > 4)
    assert environment.runner.user_count == 2
    environment.runner.stop()
    assert environment.runner.user_count == 0
    log = Wrapping.log
    assert (log[0], set(log[1:-2]), log[-2:]) == ("before", {True}, ["stop", "after"])
    assert (set(Replacing.log[:-1]), Replacing.log[-1]) == ({"mine"}, "end")


@pytest.fixture
def unpatched() -> Any:
    """Puts back what a test replaces on the task sets."""
    kept = [(kind, dict(vars(kind))) for kind in (TaskSet, DefaultTaskSet)]
    yield
    for kind, names in kept:
        for name, value in names.items():
            if callable(value) and vars(kind)[name] is not value:
                setattr(kind, name, value)


def test_execute_task_replaced_as_plugins_do_is_what_executes(
    environments: Any, unpatched: Any, until: Any
) -> None:
    counts = {"outer": 0, "inner": 0}
    limit = 10

    def limiting(original: Any, name: str) -> Any:
        def execute_task(self: Any, task: Any) -> Any:
            if sum(counts.values()) >= limit:
                raise StopUser
            counts[name] += 1
            return original(self, task)

        return execute_task

    class Steps(SequentialTaskSet):
        @task
        def one(self) -> None:
            ran.append("one")

        @task
        def two(self) -> None:
            ran.append("two")
            self.interrupt()

    class Visitor(User):
        wait_time = constant(0.001)
        tasks = [Steps]

    ran: list[str] = []
    environment = environments(Visitor)
    environment.runner.spawn_users({"Visitor": 1})
    until(lambda: len(ran) >= 2)
    before = len(ran)

    # In the middle of the run: users in the native loop notice at their next task.
    TaskSet.execute_task = limiting(TaskSet.execute_task, "inner")  # type: ignore[method-assign]
    DefaultTaskSet.execute_task = limiting(DefaultTaskSet.execute_task, "outer")  # type: ignore[method-assign]
    environment.runner.user_greenlets.join(30)
    assert environment.runner.user_count == 0
    assert counts["outer"] >= 2
    assert sum(counts.values()) == limit
    assert len(ran) - before in (counts["inner"], counts["inner"] + 1)


def test_the_original_put_back_runs_natively_again(environments: Any, unpatched: Any) -> None:
    class Visitor(User):
        wait_time = constant(0.005)

        @task
        def visit(self) -> None:
            pass

    original = TaskSet.wait
    TaskSet.wait = lambda self: original(self)  # type: ignore[method-assign]
    TaskSet.wait = original  # type: ignore[method-assign]
    environment = environments(Visitor)
    (user,) = environment.runner.spawn_users({"Visitor": 1})
    gevent.sleep(0.02)
    assert user._root_task_set is None


def test_a_wait_replaced_on_the_task_set_is_what_waits(environments: Any, unpatched: Any) -> None:
    waits: list[str] = []

    class Visitor(User):
        wait_time = constant(30)

        @task
        def visit(self) -> None:
            pass

    def wait(self: Any) -> None:
        waits.append(type(self).__name__)
        if len(waits) == 3:
            raise StopUser
        gevent.sleep(0.001)

    TaskSet.wait = wait  # type: ignore[method-assign]
    environment = environments(Visitor)
    environment.runner.spawn_users({"Visitor": 1})
    environment.runner.user_greenlets.join(30)
    assert waits == ["DefaultTaskSet"] * 3


def test_interrupting_a_users_own_loop_ends_the_user(environments: Any, capfd: Any) -> None:
    class Visitor(User):
        log: list[str] = []

        @task
        def visit(self) -> None:
            raise InterruptTaskSet

        def on_stop(self) -> None:
            self.log.append("stop")

    environment = environments(Visitor)
    environment.runner.spawn_users({"Visitor": 1})
    environment.runner.user_greenlets.join(30)
    assert (environment.runner.user_count, Visitor.log) == (0, [])
    assert "RescheduleTaskImmediately" in capfd.readouterr().err
