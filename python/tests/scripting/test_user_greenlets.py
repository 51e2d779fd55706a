"""The greenlets of users as plugins see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.pool import Group

from locust import User, constant, task
from locust.env import Environment


class Waiter(User):
    wait_time = constant(30)

    @task
    def t(self) -> None: ...


@pytest.fixture
def runner() -> Iterator[Any]:
    runner = Environment(user_classes=[Waiter]).create_local_runner()
    yield runner
    runner.quit()


def test_the_arguments_of_a_greenlet_in_the_runners_group_are_its_user(runner: Any):
    runner.start(3, 3)
    with gevent.Timeout(5):
        while runner.user_count < 3:
            gevent.sleep(0.01)
    users = [greenlet.args[0] for greenlet in runner.user_greenlets]
    assert len(users) == 3 and all(isinstance(user, Waiter) for user in users)
    assert all(user.greenlet.args == (user,) for user in users)


def test_so_they_are_in_a_group_of_the_scripts_own(runner: Any):
    group, user = Group(), Waiter(runner.environment)
    assert user.start(group).args == (user,)
    group.kill()
