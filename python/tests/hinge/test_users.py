"""Users that are lent their greenlets: what a script could notice of that, and must not."""

from __future__ import annotations

import contextvars
import gc
import threading
import time
import weakref
from typing import Any

import gevent
import gevent.local
import pytest
from gevent.event import Event
from gevent.lock import Semaphore
from gevent.pool import Group

from locust import HttpUser, User, constant, task
from locust.exception import StopUser

variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")


def crowd(environments: Any, remember: Any, look: Any, count: int = 20) -> list[Any]:
    """Runs users that `remember(user)` something in their first task and `look()` for it in the next two."""
    seen: list[Any] = []

    class Visitor(User):
        wait_time = constant(0.01)
        turns = 0

        @task
        def visit(self) -> None:
            self.turns += 1
            if self.turns == 1:
                remember(self)
            elif self.turns < 4:
                seen.append((id(self), look()))
            else:
                raise StopUser

    environment = environments(Visitor)
    environment.runner.spawn_users({"Visitor": count})
    environment.runner.user_greenlets.join(40)
    assert len(seen) == 2 * count
    return seen


@pytest.mark.parametrize("kind", [gevent.local.local, threading.local], ids=["gevent", "threading"])
def test_a_greenlet_local_stays_with_its_user(environments: Any, kind: type) -> None:
    local = kind()
    seen = crowd(
        environments, lambda user: setattr(local, "owner", id(user)), lambda: getattr(local, "owner", None)
    )
    assert all(owner == user for user, owner in seen)


def test_a_context_variable_stays_with_its_user(environments: Any) -> None:
    seen = crowd(environments, lambda user: variable.set(id(user)), lambda: variable.get(None))
    assert all(owner == user for user, owner in seen)


def test_a_context_variable_of_one_user_is_not_seen_by_others(environments: Any) -> None:
    class Setter(User):
        @task
        def visit(self) -> None:
            variable.set(1)
            raise StopUser

    class Reader(User):
        wait_time = constant(0.005)
        seen: list[Any] = []

        @task
        def visit(self) -> None:
            self.seen.append(variable.get(None))
            if len(self.seen) > 40:
                raise StopUser

    environment = environments(Setter, Reader)
    for _ in range(5):
        environment.runner.spawn_users({"Setter": 5, "Reader": 5})
        gevent.sleep(0.02)
    environment.runner.user_greenlets.join(30)
    assert set(Reader.seen) == {None}


def test_the_context_of_the_start_is_seen_by_the_users(environments: Any) -> None:
    token = variable.set(77)
    try:
        seen = crowd(environments, lambda user: None, lambda: variable.get(None))
    finally:
        variable.reset(token)
    assert {value for _, value in seen} == {77}


def test_a_greenlet_that_was_kept_stays_the_users(environments: Any) -> None:
    kept: dict[int, Any] = {}
    seen = crowd(
        environments, lambda user: kept.__setitem__(id(user), gevent.getcurrent()), gevent.getcurrent
    )
    assert all(greenlet is kept[user] for user, greenlet in seen)
    assert len(set(kept.values())) == len(kept)
    assert all(greenlet.dead for greenlet in kept.values()), "it ends with its user"


def test_a_weak_reference_keeps_a_greenlet_the_users(environments: Any) -> None:
    kept: dict[int, Any] = {}
    seen = crowd(
        environments,
        lambda user: kept.__setitem__(id(user), weakref.ref(gevent.getcurrent())),
        lambda: weakref.ref(gevent.getcurrent()),
    )
    assert all(reference == kept[user] for user, reference in seen)


def test_attributes_and_links_of_a_greenlet_stay_with_its_user(environments: Any) -> None:
    ended: list[int] = []

    def remember(user: User) -> None:
        gevent.getcurrent().owner = id(user)
        gevent.getcurrent().link(lambda _: ended.append(id(user)))

    seen = crowd(environments, remember, lambda: getattr(gevent.getcurrent(), "owner", None))
    gevent.sleep(0.01)
    assert all(owner == user for user, owner in seen)
    assert sorted(ended) == sorted({user for user, _ in seen})


def test_a_greenlet_kept_until_the_end_is_not_lent_to_the_next_user(environments: Any) -> None:
    kept: list[Any] = []

    class Brief(User):
        @task
        def visit(self) -> None:
            kept.append(gevent.getcurrent())
            raise StopUser

    environment = environments(Brief)
    for _ in range(5):
        environment.runner.spawn_users({"Brief": 3})
        environment.runner.user_greenlets.join(30)
    assert len({id(greenlet) for greenlet in kept}) == 15
    assert all(greenlet.dead for greenlet in kept)


def test_users_without_a_trace_share_few_greenlets(environments: Any, until: Any) -> None:
    class Quiet(User):
        wait_time = constant(0.05)
        turns = 0

        @task
        def visit(self) -> None:
            self.turns += 1

    environment = environments(Quiet)
    gc.collect()
    before = sum(isinstance(item, gevent.Greenlet) for item in gc.get_objects())
    users = environment.runner.spawn_users({"Quiet": 300})
    until(lambda: all(user.turns >= 2 for user in users))
    after = sum(isinstance(item, gevent.Greenlet) for item in gc.get_objects())
    assert after - before < 30


def test_a_user_goes_on_in_the_greenlet_it_was_asked_for(environments: Any, until: Any) -> None:
    visits: list[tuple[str, Any, float]] = []

    class Repeating(User):
        wait_time = constant(0.5)

        @task
        def visit(self) -> None:
            visits.append((type(self).__name__, gevent.getcurrent(), time.monotonic()))

    class Slower(Repeating):
        wait_time = constant(0.7)

    environment = environments(Repeating, Slower)
    (user,) = environment.runner.spawn_users({"Repeating": 1})
    environment.runner.spawn_users({"Slower": 1})
    until(lambda: len(visits) == 2)
    gevent.sleep(0.3)
    greenlet = user.greenlet
    until(lambda: any(name == "Slower" for name, *_ in visits[2:]))
    # No longer for that: a wait begun anew would end after the slower one's.
    name, ran_in, at = visits[2]
    assert (name, ran_in) == ("Repeating", greenlet)
    assert at - visits[0][2] >= 0.49, "and no shorter"


class Busy(User):
    """Is in one task until it is told to go on."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.log: list[str] = []
        self.act: Any = lambda: None
        self.go_on = Event()

    @task
    def visit(self) -> None:
        self.log.append("task")
        try:
            self.go_on.wait()
            self.act()
        except gevent.GreenletExit:
            self.log.append("killed")
            raise
        self.log.append("done")

    def on_stop(self) -> None:
        self.log.append("stop")


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("force", [True, False])
def test_stopping_a_user_from_inside_and_outside(
    environments: Any, until: Any, inside: bool, force: bool
) -> None:
    environment = environments(Busy)
    (user,) = environment.runner.spawn_users({"Busy": 1})
    until(lambda: user.log == ["task"])
    answers: list[bool] = []

    def stop() -> None:
        answers.append(user.stop(force=force))

    if inside:
        user.act = stop
    else:
        stop()
    if inside or not force:
        user.go_on.set()
    environment.runner.user_greenlets.join(30)
    assert user.log == ["task", "killed" if force else "done", "stop"]
    assert answers == ([] if inside and force else [force]), "a user that kills itself does not come back"


def test_a_kill_that_comes_too_late_does_not_hit_the_next_user(environments: Any, until: Any) -> None:
    class Brief(User):
        wait_time = constant(0.001)
        ended: list[int] = []

        @task
        def visit(self) -> None:
            gevent.sleep(0.001)

        def on_stop(self) -> None:
            self.ended.append(id(self))

    class Steady(User):
        wait_time = constant(0.001)
        killed = 0

        @task
        def visit(self) -> None:
            pass

        def on_stop(self) -> None:
            type(self).killed += 1

    environment = environments(Brief, Steady)
    runner = environment.runner
    runner.spawn_users({"Steady": 30})
    for _ in range(30):
        users = runner.spawn_users({"Brief": 10})
        gevent.sleep(0.002)
        for user in users:
            if user._is_running:
                user.stop(force=True)
        assert not any(user._is_running for user in users)
    assert (Steady.killed, runner.user_count, len(Brief.ended)) == (0, 30, 300)


def test_users_wait_for_semaphores_and_events_of_gevent(environments: Any, until: Any) -> None:
    inside, most = 0, 0
    semaphore, go = Semaphore(3), Event()

    class Polite(User):
        wait_time = constant(0.002)
        served = 0

        def on_start(self) -> None:
            go.wait()

        @task
        def visit(self) -> None:
            nonlocal inside, most
            with semaphore:
                inside += 1
                most = max(most, inside)
                gevent.sleep(0.002)
                inside -= 1
            type(self).served += 1

    environment = environments(Polite)
    environment.runner.spawn_users({"Polite": 12})
    gevent.sleep(0.03)
    assert Polite.served == 0
    go.set()
    until(lambda: Polite.served > 30)
    assert most == 3
    environment.runner.user_greenlets.kill()
    assert (inside <= 3, semaphore.counter) == (True, 3), (
        "a user killed while it waits or holds gives it back"
    )


def test_a_task_shares_its_session_with_the_greenlets_it_spawns(environments: Any, site: Any) -> None:
    class Spreading(HttpUser):
        host = site.url
        wait_time = constant(0.01)
        turns = 0

        @task
        def visit(self) -> None:
            group = Group()
            for _ in range(4):
                group.spawn(self.client.get, "/slow?s=0.005", name="child")
            self.client.get("/", name="own")
            group.join()
            type(self).turns += 1
            if type(self).turns >= 6:
                raise StopUser

    environment = environments(Spreading)
    environment.runner.spawn_users({"Spreading": 2})
    environment.runner.user_greenlets.join(30)
    stats = environment.stats
    turns = Spreading.turns
    assert turns >= 6
    assert (stats.get("child", "GET").num_requests, stats.get("own", "GET").num_requests) == (
        4 * turns,
        turns,
    )
    assert stats.total.num_failures == 0


def test_a_timeout_of_gevent_around_a_request_of_a_user(environments: Any, site: Any, until: Any) -> None:
    class Impatient(HttpUser):
        host = site.url
        wait_time = constant(0.001)
        gave_up = 0

        @task
        def visit(self) -> None:
            with gevent.Timeout(0.02, False):
                self.client.get("/held", name="slow")
                return
            type(self).gave_up += 1
            self.client.get("/", name="quick")

    environment = environments(Impatient)
    environment.runner.spawn_users({"Impatient": 5})
    until(lambda: Impatient.gave_up > 20)
    environment.runner.user_greenlets.kill()
    assert {name for name, _ in environment.stats.entries} == {"quick"}
    assert environment.stats.total.num_failures == 0


def test_a_run_that_is_stopped_in_its_requests_counts_none_of_them(
    environments: Any, site: Any, until: Any
) -> None:
    class Waiting(HttpUser):
        host = site.url
        stopped = 0

        @task
        def visit(self) -> None:
            self.client.get("/held")

        def on_stop(self) -> None:
            type(self).stopped += 1
            self.client.get("/", name="farewell")

    environment = environments(Waiting)
    environment.runner.spawn_users({"Waiting": 10})
    until(lambda: site.under_way == 10)
    environment.runner.stop()
    assert Waiting.stopped == 10
    entries = {name: entry.num_requests for (name, _), entry in environment.stats.entries.items()}
    assert entries == {"farewell": 10}, "on_stop can still make requests"
    assert environment.stats.total.num_failures == 0


def test_many_users_come_and_go(environments: Any, site: Any, until: Any) -> None:
    class Hasty(HttpUser):
        host = site.url
        wait_time = constant(0.002)
        started = ended = 0

        def on_start(self) -> None:
            type(self).started += 1

        @task(5)
        def visit(self) -> None:
            self.client.get("/")

        @task
        def sleep(self) -> None:
            gevent.sleep(0.003)

        @task
        def leave(self) -> None:
            raise StopUser

        @task
        def fail(self) -> None:
            raise ValueError("on purpose")

        def on_stop(self) -> None:
            type(self).ended += 1

    environment = environments(Hasty)
    runner = environment.runner
    for turn in range(40):
        runner.spawn_users({"Hasty": 20})
        gevent.sleep(0.01)
        runner.stop_users({"Hasty": min(runner.user_count, turn % 20)})
    # At least 420 were never told to stop; each asks five times for once that it leaves.
    until(lambda: environment.stats.total.num_requests > 300)
    runner.user_greenlets.kill()
    assert runner.user_count == 0
    assert Hasty.started == Hasty.ended == 800
    assert environment.stats.total.num_failures == 0
    assert site.requests >= environment.stats.total.num_requests
