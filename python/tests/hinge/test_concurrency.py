"""What gevent and the standard library offer for doing several things at once, in users of both kinds."""

from __future__ import annotations

import locust  # noqa: F401  (patches before anything else is imported)

# isort: split
import concurrent.futures
import contextvars
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import greenlet
import pytest
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore
from gevent.pool import Group, Pool
from gevent.queue import JoinableQueue, Queue

from locust import FastHttpUser, HttpUser, constant, task
from locust.exception import StopUser

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
Run = Callable[..., Any]


@pytest.fixture(params=[HttpUser, FastHttpUser], ids=["http", "fast"])
def run(request: pytest.FixtureRequest, environments: Any, site: Any) -> Run:
    """Runs users with one task until all have ended, and returns the environment."""

    def run(task_of: Callable[[Any], Any], users: int = 3, turns: int = 3) -> Any:
        class Visitor(request.param):
            host = site.url
            wait_time = constant(0.002)

            def __init__(self, environment: Any) -> None:
                super().__init__(environment)
                self.turns = 0

            @task
            def visit(self) -> None:
                task_of(self)
                self.turns += 1
                if self.turns >= turns:
                    raise StopUser

        environment = environments(Visitor)
        environment.runner.spawn_users({"Visitor": users})
        environment.runner.user_greenlets.join(40)
        assert environment.runner.user_count == 0
        assert not environment.runner.exceptions, environment.runner.exceptions
        return environment

    return run


def count(environment: Any, name: str) -> int:
    return environment.stats.get(name, "GET").num_requests


# --- several requests of one user at once


SPREADS: dict[str, Callable[[Any], Any]] = {
    "spawn and joinall": lambda get: gevent.joinall([gevent.spawn(get) for _ in range(4)], raise_error=True),
    "spawn and get": lambda get: [greenlet.get() for greenlet in [gevent.spawn(get) for _ in range(4)]],
    "spawn_later": lambda get: gevent.joinall([gevent.spawn_later(0.001, get) for _ in range(4)]),
    "wait": lambda get: gevent.wait([gevent.spawn(get) for _ in range(4)]),
    "iwait": lambda get: [one.get() for one in gevent.iwait([gevent.spawn(get) for _ in range(4)])],
    "group": lambda get: Group().map(lambda _: get(), range(4)),
    "pool": lambda get: Pool(2).map(lambda _: get(), range(4)),
    "pool of any order": lambda get: list(Pool(3).imap_unordered(lambda _: get(), range(4))),
    "futures": lambda get: [
        future.result() for future in [executor.submit(get) for _ in range(4)]
    ],
    "threads": lambda get: [
        thread.join() for thread in [start(threading.Thread(target=get)) for _ in range(4)]
    ],
}  # fmt: skip
executor = concurrent.futures.ThreadPoolExecutor(4)


def start(thread: threading.Thread) -> threading.Thread:
    thread.start()
    return thread


@pytest.mark.parametrize("name", SPREADS)
def test_a_task_asks_for_several_things_at_once(run: Run, name: str, site: Any) -> None:
    def visit(user: Any) -> None:
        def get() -> str:
            return user.client.get("/slow?s=0.003", name="part").text

        SPREADS[name](get)
        user.client.get("/", name="own")

    environment = run(visit)
    assert (count(environment, "part"), count(environment, "own")) == (36, 9)
    assert environment.stats.total.num_failures == 0
    assert site.most > 3, "more than there are users"


def test_the_connections_of_a_session_are_shared_by_its_greenlets(run: Run) -> None:
    ports: dict[int, set[str]] = {}

    def visit(user: Any) -> None:
        def get(_: int) -> None:
            ports.setdefault(id(user), set()).add(user.client.get("/port").text)

        Pool(4).map(get, range(12))

    run(visit, users=2)
    assert all(1 <= len(seen) <= 5 for seen in ports.values())
    first, second = ports.values()
    assert not first & second


def test_requests_in_real_threads_are_counted(run: Run) -> None:
    def visit(user: Any) -> None:
        pool = gevent.get_hub().threadpool
        assert pool.apply(lambda: user.client.get("/", name="threaded").text) == "ok"
        assert user.client.get("/", name="own").text == "ok"

    environment = run(visit, users=2)
    assert (count(environment, "threaded"), count(environment, "own")) == (6, 6)


def test_blocking_work_in_a_real_thread_lets_other_users_run(run: Run) -> None:
    asleep = gevent.monkey.get_original("time", "sleep")
    inside: list[None] = []
    together: list[bool] = []

    def block() -> None:
        inside.append(None)
        for _ in range(3000):
            if len(inside) == 5:
                break
            asleep(0.01)
        together.append(len(inside) == 5)

    run(lambda user: gevent.get_hub().threadpool.apply(block), users=5, turns=1)
    assert together == [True] * 5, "each blocks until the last has come"


# --- waiting for one another


@pytest.mark.parametrize("kind", [Queue, JoinableQueue, queue.Queue, queue.SimpleQueue, queue.LifoQueue])
def test_users_hand_things_on_by_queues(run: Run, kind: Any) -> None:
    orders: Any = kind()
    served: list[str] = []
    roles: Iterator[str] = iter(["asks", "serves"] * 3)

    def visit(user: Any) -> None:
        if not hasattr(user, "role"):
            user.role = next(roles)
        if user.role == "asks":
            orders.put(user.client.get("/port", name="ask").text)
        else:
            served.append(orders.get(timeout=30))
            user.client.get("/", name="serve")

    environment = run(visit, users=6)
    assert len(served) == 9 and all(port.isdigit() for port in served)
    assert (count(environment, "ask"), count(environment, "serve")) == (9, 9)


def test_a_result_set_by_one_user_wakes_the_others(run: Run) -> None:
    token: AsyncResult[str] = AsyncResult()
    seen: list[str] = []
    first = iter([True])

    def visit(user: Any) -> None:
        if next(first, False):
            gevent.sleep(0.01)
            token.set(user.client.get("/port").text)
        seen.append(token.get(timeout=30))

    run(visit, users=5, turns=2)
    assert len(seen) == 10 and len(set(seen)) == 1


@pytest.mark.parametrize("kind", [BoundedSemaphore, threading.BoundedSemaphore, threading.Semaphore])
def test_no_more_users_than_a_semaphore_lets_in(run: Run, kind: Any) -> None:
    semaphore = kind(2)
    inside = most = 0

    def visit(user: Any) -> None:
        nonlocal inside, most
        with semaphore:
            inside += 1
            most = max(most, inside)
            user.client.get("/slow?s=0.003")
            inside -= 1

    run(visit, users=6)
    assert most == 2


@pytest.mark.parametrize("kind", [Event, threading.Event])
def test_all_users_start_at_an_event(run: Run, kind: Any, site: Any) -> None:
    ready = kind()
    waiting = 0

    def visit(user: Any) -> None:
        nonlocal waiting
        if user.turns == 0:
            waiting += 1
            if waiting == 5:
                assert site.requests == 0
                ready.set()
            ready.wait(30)
        user.client.get("/")

    run(visit, users=5)
    assert site.requests == 15


def test_a_barrier_of_threading_holds_users_together(run: Run) -> None:
    barrier = threading.Barrier(4)
    log: list[int] = []

    def visit(user: Any) -> None:
        user.client.get("/")
        barrier.wait(30)
        log.append(user.turns)
        # Nobody is in the next round before all have left this one.
        barrier.wait(30)

    run(visit, users=4)
    assert log == [0] * 4 + [1] * 4 + [2] * 4


# --- being interrupted


class Own(Exception):
    pass


@pytest.mark.parametrize("kind", [HttpUser, FastHttpUser], ids=["http", "fast"])
@pytest.mark.parametrize(
    "throw",
    [
        lambda user: user.greenlet.kill(Own("now"), block=False),
        lambda user: gevent.kill(user.greenlet, Own("now")),
        lambda user: gevent.get_hub().loop.run_callback(user.greenlet.throw, Own("now")),
    ],
    ids=["greenlet.kill", "gevent.kill", "throw"],
)
def test_an_exception_thrown_into_a_users_request_is_the_tasks(
    kind: Any, throw: Any, environments: Any, site: Any, until: Any
) -> None:
    class Visitor(kind):
        host = site.url
        wait_time = constant(0.002)
        ports: list[str] = []
        caught: list[str] = []
        turns = asks = 0

        @task
        def visit(self) -> None:
            self.turns += 1
            self.ports.append(self.client.get("/port", name="port").text)
            if self.turns <= 2:
                self.asks = self.turns
                try:
                    self.client.get("/held", name="slow")
                except Own as error:
                    self.caught.append(str(error))
                    self.ports.append(self.client.get("/port", name="port").text)
                    if self.turns == 2:
                        raise
            elif self.turns == 4:
                raise StopUser

    environment = environments(Visitor)
    (user,) = environment.runner.spawn_users({"Visitor": 1})
    for turn in (1, 2):
        until(lambda turn=turn: user.asks == turn)
        gevent.sleep(0.005)
        throw(user)
        until(lambda turn=turn: len(user.caught) == turn)
    environment.runner.user_greenlets.join(30)
    assert user.caught == ["now", "now"]
    before, after, again, after_again, *rest = user.ports
    assert before != after == again != after_again, "the connection of a cancelled request is not used again"
    assert set(rest) == {after_again}
    assert {name for name, _ in environment.stats.entries} == {"port"}
    assert [one["count"] for one in environment.runner.exceptions.values()] == [1]


@pytest.mark.parametrize("kind", [HttpUser, FastHttpUser], ids=["http", "fast"])
def test_a_timeout_spans_requests_and_waits(kind: Any, environments: Any, site: Any) -> None:
    class Visitor(kind):
        host = site.url
        wait_time = constant(0.05)
        log: list[Any] = []

        @task
        def visit(self) -> None:
            with gevent.Timeout(0.5, False):
                # Where it strikes in a request of geventhttpclient's, that fails.
                while self.client.get("/", name="quick").status_code:
                    self.wait()
            try:
                with gevent.Timeout(0.02):
                    response = self.client.get("/held", name="slow")
                self.log.append(float(repr(response.error).split("original=")[1].split()[0]))
            except gevent.Timeout as timeout:
                self.log.append(timeout.seconds)
            raise StopUser

    environment = environments(Visitor)
    environment.runner.spawn_users({"Visitor": 2})
    environment.runner.user_greenlets.join(30)
    assert Visitor.log == [0.02, 0.02]
    assert not environment.runner.exceptions
    # Each waits 0.05 s between two.
    assert 1 <= count(environment, "quick") <= 2 * 11
    # A request that HttpUser gives up is not counted; geventhttpclient makes a failed one of it.
    slow = environment.stats.get("slow", "GET")
    assert (slow.num_requests, slow.num_failures) == ((0, 0) if kind is HttpUser else (2, 2))


@pytest.mark.parametrize("kind", [HttpUser, FastHttpUser], ids=["http", "fast"])
def test_users_can_be_waited_for_among_other_greenlets(kind: Any, environments: Any, site: Any) -> None:
    class Visitor(kind):
        host = site.url

        @task
        def visit(self) -> None:
            self.client.get("/held")
            raise StopUser

    environment = environments(Visitor)
    users = environment.runner.spawn_users({"Visitor": 3})
    greenlets = [user.greenlet for user in users]
    other = gevent.spawn(gevent.sleep, 0.001)
    waiting = gevent.iwait([*greenlets, other], timeout=30)
    assert next(waiting) is other
    site.release()
    assert set(waiting) == set(greenlets)
    assert all(one.successful() for one in greenlets)


def test_a_killed_spawned_request_leaves_the_users_session_usable(run: Run, site: Any, until: Any) -> None:
    def visit(user: Any) -> None:
        spawned = gevent.spawn(user.client.get, "/held", name="slow")
        user.client.get("/", name="own")
        gevent.sleep(0.005)
        spawned.kill()
        assert isinstance(spawned.value, gevent.GreenletExit)
        assert user.client.get("/", name="own").text == "ok"

    environment = run(visit)
    assert {name for name, _ in environment.stats.entries} == {"own"}
    assert count(environment, "own") == 18


# --- what belongs to a greenlet


def test_a_spawned_greenlet_has_a_context_of_its_own(run: Run) -> None:
    # As gevent starts any greenlet: some versions copy the context, some begin with an empty one.
    token = variable.set("set")
    copied = gevent.spawn(variable.get).get() == "set"
    variable.reset(token)
    seen: list[tuple[str, str, str]] = []

    def visit(user: Any) -> None:
        mine = f"user {id(user)}"
        if user.turns == 0:
            variable.set(mine)

        def child() -> str:
            inherited = variable.get()
            variable.set("child")
            user.client.get("/")
            assert variable.get() == "child"
            return inherited

        inherited = gevent.spawn(child).get()
        user.client.get("/")
        seen.append((mine, inherited, variable.get()))

    run(visit, users=4)
    assert len(seen) == 12
    assert all(mine == now for mine, _, now in seen)
    assert all(inherited == (mine if copied else "unset") for mine, inherited, _ in seen)


def test_hooks_that_trace_greenlets_see_requests_switch_and_do_no_harm(run: Run) -> None:
    events: list[str] = []

    def tracer(event: str, args: Any) -> None:
        events.append(event)

    before = greenlet.settrace(tracer)
    try:
        environment = run(lambda user: user.client.get("/"))
    finally:
        greenlet.settrace(before)
    assert count(environment, "/") == 9
    assert events.count("switch") >= 18


@pytest.mark.parametrize("hook", [sys.setprofile, sys.settrace])
def test_hooks_of_profilers_and_debuggers_do_no_harm(run: Run, hook: Any) -> None:
    called: set[str] = set()

    def watch(frame: Any, event: str, _: Any) -> Any:
        if event in ("call", "c_call"):
            called.add(frame.f_code.co_name)
        return watch

    before = {sys.setprofile: sys.getprofile, sys.settrace: sys.gettrace}[hook]()
    hook(watch)
    try:
        environment = run(lambda user: user.client.get("/"))
    finally:
        hook(before)
    assert count(environment, "/") == 9
    assert called
