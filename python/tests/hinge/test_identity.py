"""What a script can remember of a greenlet without holding it: numbers and locks. All stay with the user that saw them."""

from __future__ import annotations

import locust

# isort: split
import _thread
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import gevent
import gevent.lock
import pytest
from gevent.local import local

from locust import User, constant, task
from locust.exception import StopUser

IDENTITIES: dict[str, Callable[[], Any]] = {
    "id": lambda: id(gevent.getcurrent()),
    "hash": lambda: hash(gevent.getcurrent()),
    "name": lambda: gevent.getcurrent().name,
    "minimal_ident": lambda: gevent.getcurrent().minimal_ident,
    "threading.get_ident": threading.get_ident,
    "_thread.get_ident": _thread.get_ident,
    "current_thread": lambda: threading.current_thread().ident,
    "thread's name": lambda: threading.current_thread().name,
}


class Crowd(User):
    """Many users that share greenlets where they may."""

    abstract = True
    wait_time = constant(0.005)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.turns = 0

    def step(self) -> None:
        raise NotImplementedError

    @task
    def visit(self) -> None:
        self.turns += 1
        self.step()
        if self.turns >= 5:
            raise StopUser


def run(environments: Any, kind: type, count: int = 20) -> None:
    environment = environments(kind)
    environment.runner.spawn_users({kind.__name__: count})
    environment.runner.user_greenlets.join(40)
    assert environment.runner.user_count == 0
    assert not environment.runner.exceptions


@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.parametrize("pause", [0, 0.002])
def test_a_number_that_was_seen_stays_the_users_and_nobody_elses(
    environments: Any, name: str, pause: float
) -> None:
    seen: dict[int, set[Any]] = {}

    class Looking(Crowd):
        def step(self) -> None:
            seen.setdefault(id(self), set()).add(IDENTITIES[name]())
            gevent.sleep(pause)

    users: list[Any] = []

    class Kept(Looking):
        def on_start(self) -> None:
            users.append(self)

    run(environments, Kept)
    assert [len(numbers) for numbers in seen.values()] == [1] * 20
    assert len(set.union(*seen.values())) == 20


@pytest.mark.parametrize("kind", [threading.RLock, gevent.lock.RLock, threading.Condition])
def test_a_lock_taken_in_one_task_can_be_released_in_another(environments: Any, kind: Any) -> None:
    wrong: list[BaseException] = []

    class Locking(Crowd):
        def on_start(self) -> None:
            self.lock = kind()

        def step(self) -> None:
            try:
                if self.turns in (1, 2):
                    self.lock.acquire()
                elif self.turns in (3, 4):
                    self.lock.release()
            except RuntimeError as error:
                wrong.append(error)

    run(environments, Locking)
    assert wrong == []


def test_a_lock_of_one_user_keeps_another_out(environments: Any) -> None:
    lock = threading.RLock()
    inside: list[Any] = []
    overlaps: list[Any] = []

    class Entering(Crowd):
        wait_time = constant(0.001)

        def step(self) -> None:
            if self.turns == 1:
                lock.acquire()
                overlaps.extend(inside)
                inside.append(self)
            elif self.turns == 3:
                inside.remove(self)
                lock.release()

    run(environments, Entering, 6)
    assert overlaps == []


def test_locks_that_are_given_back_within_a_task_cost_no_greenlet(environments: Any) -> None:
    lock = threading.RLock()
    idents: list[set[int]] = []

    class Passing(Crowd):
        def step(self) -> None:
            with lock, lock:
                pass
            # Asked for in a way that leaves no trace.
            idents[-1].add(id(locust._greenlets.getcurrent()))

    class Quiet(Crowd):
        def step(self) -> None:
            idents[-1].add(id(locust._greenlets.getcurrent()))

    for kind in (Quiet, Passing):
        idents.append(set())
        run(environments, kind)
    quiet, passing = idents
    assert len(passing) <= len(quiet) + 2 < 20


def test_the_numbers_in_a_log_tell_the_users_apart(
    environments: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Logging(Crowd):
        def step(self) -> None:
            logging.getLogger("own").warning("user %s", id(self))

    run(environments, Logging, 8)
    threads: dict[Any, set[Any]] = {}
    for record in caplog.records:
        if record.name == "own":
            threads.setdefault(record.args, set()).add(record.thread)
    assert len(threads) == 8
    assert all(len(numbers) == 1 for numbers in threads.values())


def test_what_is_seen_in_on_start_and_on_stop_is_the_same(environments: Any) -> None:
    ends: list[bool] = []
    store = local()

    class Whole(Crowd):
        def on_start(self) -> None:
            self.number = threading.get_ident()
            store.owner = self

        def step(self) -> None:
            assert store.owner is self

        def on_stop(self) -> None:
            ends.append(self.number == threading.get_ident() and store.owner is self)

    run(environments, Whole)
    assert ends == [True] * 20


def test_outside_of_users_nothing_has_changed() -> None:
    assert gevent.getcurrent() is gevent.getcurrent()
    assert gevent.spawn(gevent.getcurrent).get() is not gevent.getcurrent()
    assert threading.get_ident() == _thread.get_ident() != gevent.spawn(threading.get_ident).get()
    lock = threading.RLock()
    with pytest.raises(RuntimeError):
        lock.release()
    assert lock.acquire(False) and lock.acquire(timeout=1)
    assert gevent.spawn(lock.acquire, False).get() is False
    lock.release()
    lock.release()
    assert gevent.spawn(lambda: lock.acquire(False) and (lock.release() or True)).get() is True


def test_a_lock_can_be_taken_while_the_interpreter_ends() -> None:
    script = """
import locust, builtins, sys, threading

class Late:
    lock, write = threading.RLock(), sys.__stdout__.write

    def __del__(self):
        with self.lock:
            self.write("taken")

builtins.late = Late()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("taken", "")
