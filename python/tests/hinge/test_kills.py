"""Kills, and exceptions thrown into users that wait without a greenlet of their own."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.pool import Group

from locust import User, constant, task


class Sleeper(User):
    """Waits for long after its first task."""

    wait_time = constant(60)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.log: list[str] = []

    def on_start(self) -> None:
        self.log.append("start")

    @task
    def visit(self) -> None:
        self.log.append("task")

    def on_stop(self) -> None:
        self.log.append("stop")


def test_the_greenlet_of_a_waiting_user_is_alive_and_can_be_killed(environments: Any) -> None:
    environment = environments(Sleeper)
    (user,) = environment.runner.spawn_users({"Sleeper": 1})
    gevent.sleep(0.02)
    greenlet = user.greenlet
    assert greenlet is user.greenlet
    assert isinstance(greenlet, gevent.Greenlet)
    gevent.sleep(0.01)
    assert (greenlet.started, greenlet.dead, user.log) == (True, False, ["start", "task"])
    greenlet.kill()
    assert (greenlet.dead, user.log, len(environment.runner.user_greenlets)) == (
        True,
        ["start", "task", "stop"],
        0,
    )


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize(
    "kill",
    [
        lambda group: gevent.killall(list(group), timeout=30),
        lambda group: [greenlet.kill(timeout=30) for greenlet in group],
        lambda group: [greenlet.kill(block=False) for greenlet in group],
        lambda group: [group.killone(greenlet) for greenlet in list(group)],
        lambda group: group.kill(timeout=30),
    ],
    ids=["killall", "kill", "kill without waiting", "killone", "group"],
)
def test_every_way_to_kill_waiting_users_lets_them_stop(environments: Any, kill: Any, turns: int) -> None:
    environment = environments(Sleeper)
    users = environment.runner.spawn_users({"Sleeper": 5})
    gevent.sleep(0.02)
    group = environment.runner.user_greenlets
    if turns:
        list(group)
        gevent.sleep(0.01)
    kill(group)
    group.join(30)
    assert [user.log for user in users] == [["start", "task", "stop"]] * 5
    assert environment.runner.user_count == 0


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize(
    "kill",
    [
        lambda greenlet: greenlet.kill(KeyError("thrown"), timeout=0.02),
        lambda greenlet: greenlet.kill(KeyError("thrown"), block=False),
        lambda greenlet: gevent.kill(greenlet, KeyError("thrown")),
    ],
    ids=["kill", "kill without waiting", "gevent.kill"],
)
def test_an_exception_thrown_into_a_wait_is_a_tasks_error_and_one_more_ends_the_user(
    environments: Any, kill: Any, turns: int
) -> None:
    environment = environments(Sleeper)
    errors: list[str] = []
    environment.events.user_error.add_listener(
        lambda user_instance, exception, **_: errors.append(f"{type(user_instance).__name__} {exception!r}")
    )
    (user,) = environment.runner.spawn_users({"Sleeper": 1})
    gevent.sleep(0.02)
    greenlet = user.greenlet
    gevent.sleep(0.01 * turns)
    kill(greenlet)
    gevent.sleep(0.02)
    assert (errors, greenlet.dead, user.log) == (
        ["DefaultTaskSet KeyError('thrown')"],
        False,
        ["start", "task"],
    )
    kill(greenlet)
    gevent.sleep(0.02)
    assert (len(errors), greenlet.dead, user.log) == (1, True, ["start", "task"])
    assert environment.runner.user_count == 0


def test_throw_at_once_ends_a_user_that_has_not_moved_in(environments: Any) -> None:
    environment = environments(Sleeper)
    (user,) = environment.runner.spawn_users({"Sleeper": 1})
    gevent.sleep(0.02)
    greenlet = user.greenlet
    greenlet.throw()
    gevent.sleep(0.02)
    assert (greenlet.dead, user.log, environment.runner.user_count) == (True, ["start", "task", "stop"], 0)


def test_a_group_of_the_scripts_own_has_forgotten_a_user_that_was_stopped(environments: Any) -> None:
    environment = environments(Sleeper)
    group, user = Group(), Sleeper(environment)
    greenlet = user.start(group)
    gevent.sleep(0.02)
    assert user.stop()
    assert (len(group), greenlet.dead, user.log) == (0, True, ["start", "task", "stop"])


def test_the_greenlet_of_a_user_that_has_not_begun_can_be_killed(environments: Any) -> None:
    environment = environments(Sleeper)
    users = environment.runner.spawn_users({"Sleeper": 3})
    users[0].greenlet.kill(block=False)
    users[1].stop(force=True)
    gevent.sleep(0.05)
    assert [user.log for user in users] == [[], [], ["start", "task"]]
    assert environment.runner.user_count == 1
