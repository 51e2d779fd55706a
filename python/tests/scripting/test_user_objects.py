"""Users as Python objects: what scripts and plugins do to them besides running them."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from locust import HttpUser, User, constant, task
from locust.env import Environment
from locust.runners import LocalRunner


class Visitor(User):
    wait_time = constant(60)

    @task
    def rest(self) -> None:
        gevent.sleep(60)


class AllEqual(Visitor):
    """As a dataclass without fields, or worse."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0


class Mixin:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.mixed = True
        super().__init__(*args, **kwargs)


class Mixed(Mixin, Visitor):
    pass


@pytest.fixture
def runner() -> Iterator[LocalRunner]:
    runner = Environment(user_classes=[Visitor, AllEqual, Mixed]).create_local_runner()
    yield runner
    with gevent.Timeout(5):
        runner.quit()


def test_users_that_are_equal_to_each_other_are_several(runner: LocalRunner) -> None:
    users = runner.spawn_users({"AllEqual": 3})
    gevent.sleep(0)
    assert runner.user_count == len({id(user) for user in users}) == 3
    runner.stop_users({"AllEqual": 2})
    assert runner.user_classes_count["AllEqual"] == 1
    runner.stop()
    assert runner.user_count == 0


def test_a_copy_shares_what_the_user_has(runner: LocalRunner) -> None:
    (user,) = runner.spawn_users({"Mixed": 1})
    gevent.sleep(0.01)
    user.page = object()
    twin = copy.copy(user)
    assert twin is not user
    assert (type(twin), twin.mixed, twin.page, twin.environment) == (
        Mixed,
        True,
        user.page,
        runner.environment,
    )
    assert (twin._state, runner.user_count) == ("running", 1)
    twin.page = None
    assert user.page is not None


def test_a_copy_of_an_http_user_has_the_same_client() -> None:
    class Browser(HttpUser):
        host = "http://127.0.0.1:9"

    user = Browser(Environment())
    assert copy.copy(user).client is user.client


def test_a_users_run_may_be_spawned_in_the_runners_group(runner: LocalRunner) -> None:
    greenlet = runner.user_greenlets.spawn(Visitor(runner.environment).run)
    gevent.sleep(0.01)
    assert (len(runner.user_greenlets), runner.user_count, greenlet in runner.user_greenlets) == (1, 1, True)
    runner.user_greenlets.kill()
    gevent.sleep(0)
    assert runner.user_count == 0


def test_a_user_that_is_not_started_can_be_collected(runner: LocalRunner) -> None:
    user = weakref.ref(Visitor(runner.environment))
    gc.collect()
    assert user() is None


def test_constructors_may_name_their_argument_as_they_like(runner: LocalRunner) -> None:
    class Named(Visitor):
        def __init__(self, parent: Environment) -> None:
            super().__init__(parent)

    runner.environment.user_classes.append(Named)
    runner.spawn_users({"Named": 1})
    assert runner.user_count == 1


def test_the_users_behind_the_runners_greenlets_can_be_found(runner: LocalRunner) -> None:
    users = runner.spawn_users({"Visitor": 1, "Mixed": 2})
    gevent.sleep(0.01)
    assert [greenlet.args[0] for greenlet in runner.user_greenlets] == users
