"""`UsersDispatcher` from Python: the golden maps of the real one, and what a subclass may do."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from locust import User
from locust.dispatch import BurstDispatcher, UsersDispatcher
from locust.runners import WorkerNode

GOLDEN = Path(__file__).parents[3] / "compat" / "golden" / "dispatch.json"
SCENARIOS = json.loads(GOLDEN.read_text(encoding="utf-8"))["scenarios"]


def user_class(name: str, weight: float = 1, fixed_count: int = 0) -> type[User]:
    return type(name, (User,), {"weight": weight, "fixed_count": fixed_count})


def flat(users: dict[str, dict[str, int]]) -> list[str]:
    return sorted(f"{w} {c} {n}" for w, classes in users.items() for c, n in classes.items() if n)


class InPython(UsersDispatcher):
    """Takes a step over, so that all of them are Python's."""

    def _add_users_on_workers(self) -> dict[str, dict[str, int]]:
        return super()._add_users_on_workers()


@pytest.mark.parametrize("kind", [UsersDispatcher, InPython])
@pytest.mark.parametrize("number", range(len(SCENARIOS)))
def test_hands_out_the_maps_of_the_original(number: int, kind: type[UsersDispatcher]) -> None:
    scenario = SCENARIOS[number]
    classes = {row[0]: user_class(*row) for row in scenario["classes"]}
    nodes = {name: WorkerNode(id=name) for name in scenario["workers"]}
    dispatcher = kind(worker_nodes=list(nodes.values()), user_classes=list(classes.values()))
    assert (dispatcher._core is None) == (kind is InPython)
    for what, *details in scenario["log"]:
        if what == "dispatch":
            target, rate, chosen = details
            dispatcher.new_dispatch(target, rate, chosen and [classes[name] for name in chosen])
            dispatcher._wait_between_dispatch = 0
        elif what == "next":
            assert flat(next(dispatcher)) == details[1]
        elif what == "end":
            with pytest.raises(StopIteration):
                next(dispatcher)
        elif what == "add":
            nodes[details[0]] = WorkerNode(id=details[0])
            dispatcher.add_worker(nodes[details[0]])
        else:
            dispatcher.remove_worker(nodes.pop(details[0]))


def one_worker(classes: list[type[User]], kind: type[UsersDispatcher] = UsersDispatcher) -> UsersDispatcher:
    return kind(worker_nodes=[WorkerNode(id="w")], user_classes=classes)


def test_sleeps_between_the_steps_and_not_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = gevent.sleep

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(gevent, "sleep", pause)
    dispatcher = one_worker([user_class("A")])
    dispatcher.new_dispatch(5, 10 / 3)
    started = time.monotonic()
    steps = [(time.monotonic() - started, len(pauses), users["w"]["A"]) for users in dispatcher]
    assert [step[1:] for step in steps] == [(0, 3), (len(pauses), 5)]
    assert steps[1][0] >= 0.89
    assert 0 < pauses[0] <= 0.9
    assert not dispatcher.dispatch_in_progress
    assert len(dispatcher.dispatch_iteration_durations) == 2


def test_for_a_local_run_users_are_spread_over_the_second() -> None:
    for kind, users, rate, steps in (
        (UsersDispatcher, 5, 4, [1, 2, 3, 4, 5]),
        (UsersDispatcher, 4, 4, [4]),
        (UsersDispatcher, 404, 1e4, [100, 200, 300, 400, 404]),
        (BurstDispatcher, 4, 4, [4]),
    ):
        dispatcher = one_worker([user_class("A")], kind)
        dispatcher._for_local_run()
        dispatcher.new_dispatch(users, rate)
        assert [users["w"]["A"] for users in dispatcher] == steps


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
def test_refuses_rates_that_mean_nothing(rate: float) -> None:
    with pytest.raises(ValueError, match="spawn_rate must be"):
        one_worker([user_class("A")]).new_dispatch(1, rate)


def test_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="target_user_count must be >= 0, got -1"):
        one_worker([user_class("A")]).new_dispatch(-1, 1)


class Picky(UsersDispatcher):
    """Starts what it likes."""

    def _user_gen(self) -> Iterator[str | None]:
        while self._get_user_current_count("B") < 2:
            yield "B"
        yield "A"
        yield None


def test_a_subclass_may_choose_the_users() -> None:
    dispatcher = one_worker([user_class("A"), user_class("B")], Picky)
    dispatcher.new_dispatch(10, 1)
    dispatcher._wait_between_dispatch = 0
    steps = [users["w"] for users in dispatcher]
    assert steps[:3] == [{"A": 0, "B": 1}, {"A": 0, "B": 2}, {"A": 1, "B": 2}]
    assert steps[-1] == {"A": 1, "B": 2}


class Repeating(UsersDispatcher):
    """Starts each user of the original twice."""

    def _user_gen(self) -> Iterator[str | None]:
        for user in super()._user_gen():
            yield user
            yield user


def test_a_subclass_may_build_on_the_original() -> None:
    dispatcher = one_worker([user_class("A"), user_class("B")], Repeating)
    dispatcher.new_dispatch(4, 4)
    assert next(dispatcher) == {"w": {"A": 2, "B": 2}}


def test_a_million_users_on_ten_thousand_workers() -> None:
    classes = [user_class(f"User{n:02}", weight=n % 5 + 1) for n in range(50)]
    nodes = [WorkerNode(id=f"worker{n}") for n in range(10_000)]
    dispatcher = UsersDispatcher(worker_nodes=nodes, user_classes=classes)
    # Of our own thread: others may need the machine, too.
    started = time.thread_time()
    users, _, workers, active = dispatcher._distribute_users(1_000_000)
    assert time.thread_time() - started < 7
    assert {sum(counts.values()) for counts in users.values()} == {100}
    assert len(active) == 1_000_000
    assert next(workers) is active[0][0]


def test_a_long_ramp_is_planned_in_time() -> None:
    classes = [user_class(f"User{n:02}", weight=n % 5 + 1) for n in range(50)]
    nodes = [WorkerNode(id=f"worker{n}") for n in range(1_000)]
    dispatcher = UsersDispatcher(worker_nodes=nodes, user_classes=classes)
    for target in (100_000, 0):
        dispatcher.new_dispatch(target, 5_000)
        dispatcher._wait_between_dispatch = 0
        spent: list[float] = []
        while True:
            started = time.thread_time()
            users = next(dispatcher, None)
            spent.append(time.thread_time() - started)
            if users is None:
                break
            counts = [sum(classes.values()) for classes in users.values()]
            assert max(counts) - min(counts) <= 1
        assert len(dispatcher.dispatch_iteration_durations) == 20
        assert max(spent) < 0.2


class Own(UsersDispatcher):
    """Begins without the base's beginning, as one public tool does."""

    def __init__(self, worker_nodes: list[WorkerNode], user_classes: list[type[User]]) -> None:
        self._worker_nodes = worker_nodes
        self._sort_workers()
        self._users_on_workers = {node.id: {"A": 0} for node in self._worker_nodes}
        self._current_user_count = self.get_current_user_count()
        self._dispatch_iteration_durations = []
        self._active_users = []
        self._wait_between_dispatch = 0

    def new_dispatch(self, target_user_count: int, spawn_rate: float, user_classes: object = None) -> None:
        self._target_user_count = target_user_count
        self._dispatcher_generator = self._two_at_once()

    def _two_at_once(self) -> Iterator[dict[str, dict[str, int]]]:
        while self._current_user_count < self._target_user_count:
            with self._wait_between_dispatch_iteration_context():
                for node in self._worker_nodes:
                    self._users_on_workers[node.id]["A"] += 1
                    self._current_user_count += 1
            yield self._users_on_workers


def test_a_dispatcher_may_begin_by_itself() -> None:
    dispatcher = Own([WorkerNode(id="w"), WorkerNode(id="v")], [user_class("A")])
    dispatcher._for_local_run()
    dispatcher.new_dispatch(4, 1)
    assert list(dispatcher) == [{"v": {"A": 1}, "w": {"A": 1}}, {"v": {"A": 2}, "w": {"A": 2}}]


def test_what_is_set_or_replaced_on_a_dispatcher_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatcher = one_worker([user_class("A"), user_class("B", weight=3)])
    dispatcher.new_dispatch(8, 8)
    assert next(dispatcher) == {"w": {"A": 2, "B": 6}}
    workers = [WorkerNode(id="x"), WorkerNode(id="y")]
    dispatcher._worker_nodes = workers
    dispatcher._prepare_rebalance()
    dispatcher.new_dispatch(8, 8)
    assert next(dispatcher) == {"x": {"A": 0, "B": 4}, "y": {"A": 2, "B": 2}}

    dispatcher = one_worker([user_class("A")])
    dispatcher._add_users_on_workers = lambda: (
        dispatcher.__dict__.update(_current_user_count=9) or {"w": {"A": 9}}
    )  # type: ignore[method-assign]
    dispatcher.new_dispatch(9, 1)
    assert list(dispatcher) == [{"w": {"A": 9}}]

    monkeypatch.setattr(UsersDispatcher, "_sort_workers", lambda self: self._worker_nodes.reverse())
    dispatcher = UsersDispatcher([WorkerNode(id="a"), WorkerNode(id="b")], [user_class("A")])
    dispatcher.new_dispatch(1, 1)
    assert next(dispatcher) == {"b": {"A": 1}, "a": {"A": 0}}
