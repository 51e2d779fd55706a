"""The planning of `UsersDispatcher` in Python, step by step under Locust's names, for dispatchers that take one of the steps over.

The plan itself is the native one (`_engine.DispatcherCore`); what is here runs only where a script's class has a step, or
touches the state, of its own. Then users are planned as in Locust: those of each second at its start, and all anew when
workers come and go.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from math import floor, log2
from operator import attrgetter
from types import CodeType
from typing import TYPE_CHECKING, Any

import gevent

if TYPE_CHECKING:
    from .runners import WorkerNode

UsersOnWorkers = dict[str, dict[str, int]]


def _kl_generator(users: Iterable[tuple[Any, float]]) -> Generator[Any]:
    """Names without end, as often as their weights ask for: each time the one that leads closest to them; None if there are none.

    Closest by the divergence of Kullback and Leibler, names in order where it is the same.
    """
    # What was asked for of each, and that with what it has got.
    had = {name: (weight, float(weight)) for name, weight in users if weight > 0}
    if not had:
        while True:
            yield None
    while True:
        # What one more of it adds to the divergence; the least is the best.
        best = min(
            had,
            key=lambda name: (
                had[name][0] * log2(had[name][1] / (had[name][1] + 1.0)),
                *had[name][::-1],
                name,
            ),
        )
        yield best
        weight, count = had[best]
        had[best] = weight, count + 1.0


class State:
    """An attribute of a dispatcher: read from the native plan, or the object's own once the plan is in Python."""

    def __init__(
        self, native: Callable[[Any], Any], native_set: Callable[[Any, Any], None] | None = None
    ) -> None:
        self.native, self.native_set = native, native_set
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, dispatcher: Any, owner: type | None = None) -> Any:
        if dispatcher is None:
            return self
        if dispatcher._core is not None:
            return self.native(dispatcher)
        try:
            return dispatcher.__dict__[self.name]
        except KeyError:
            raise AttributeError(
                f"{type(dispatcher).__name__!r} object has no attribute {self.name!r}"
            ) from None

    def __set__(self, dispatcher: Any, value: Any) -> None:
        if dispatcher._core is not None:
            if self.native_set is not None:
                self.native_set(dispatcher, value)
                return
            dispatcher._leave_native()
        dispatcher.__dict__[self.name] = value


class Steps:
    """The steps. `_core` is None where they are used."""

    _core: Any = None
    _worker_nodes: Any
    _users_on_workers: Any
    _initial_users_on_workers: Any
    _active_users: Any
    _current_user_count: Any
    _target_user_count: Any
    _spawn_rate: Any
    _user_count_per_dispatch_iteration: Any
    _wait_between_dispatch: Any
    _rebalance: Any
    _dispatch_in_progress: Any
    _original_user_classes: Any
    _user_classes: Any
    _user_generator: Any
    _worker_node_generator: Any
    _dispatcher_generator: Any
    _dispatch_iteration_durations: Any
    _try_dispatch_fixed: Any
    _no_user_to_spawn: Any

    def _begin_in_python(self, worker_nodes: list[WorkerNode], user_classes: list[Any]) -> None:
        self._worker_nodes = worker_nodes
        self._sort_workers()
        self._original_user_classes = sorted(user_classes, key=attrgetter("__name__"))
        self._user_classes = list(self._original_user_classes)
        assert len(set(self._user_classes)) == len(self._user_classes)
        self._target_user_count = self._user_count_per_dispatch_iteration = 0
        self._spawn_rate = self._wait_between_dispatch = 0.0
        self._initial_users_on_workers = self._nobody()
        self._users_on_workers = self._fast_users_on_workers_copy(self._initial_users_on_workers)
        self._current_user_count = 0
        self._dispatcher_generator = None
        self._worker_node_generator = itertools.cycle(self._worker_nodes)
        self._dispatch_iteration_durations = []
        self._active_users = []
        self._dispatch_in_progress = self._rebalance = self._no_user_to_spawn = False
        self._try_dispatch_fixed = True
        self._user_generator = self._user_gen()

    def _nobody(self) -> UsersOnWorkers:
        names = [user_class.__name__ for user_class in self._original_user_classes]
        return {node.id: dict.fromkeys(names, 0) for node in self._worker_nodes}

    def _new_dispatch_in_python(self, target: int, rate: float, user_classes: list[Any] | None) -> None:
        if user_classes is not None:
            chosen = sorted(user_classes, key=attrgetter("__name__"))
            if chosen != self._user_classes:
                self._user_classes = chosen
                self._user_generator = self._user_gen()
        self._target_user_count = target
        self._spawn_rate = rate
        self._user_count_per_dispatch_iteration = max(1, floor(rate))
        self._wait_between_dispatch = self._user_count_per_dispatch_iteration / rate
        self._initial_users_on_workers = self._users_on_workers
        self._users_on_workers = self._fast_users_on_workers_copy(self._initial_users_on_workers)
        self._current_user_count = self.get_current_user_count()
        self._dispatcher_generator = self._dispatcher()
        self._dispatch_iteration_durations.clear()

    def get_current_user_count(self) -> int:
        """How many users the plan holds."""
        return sum(sum(users.values()) for users in self._users_on_workers.values())

    def _sort_workers(self) -> None:
        """Orders the workers so that those of one machine do not follow each other."""
        seen: Counter[str] = Counter()
        for node in sorted(self._worker_nodes, key=attrgetter("id")):
            machine = node.id.split("_")[0]
            node._index_within_host = seen[machine]
            seen[machine] += 1
        self._worker_nodes = sorted(self._worker_nodes, key=attrgetter("_index_within_host", "id"))

    def _dispatcher(self) -> Generator[UsersOnWorkers]:
        """The plans of one ramp, with the waits between them."""
        self._dispatch_in_progress = True
        if self._rebalance:
            self._rebalance = False
            yield self._users_on_workers
            if self._current_user_count == self._target_user_count:
                return
        if self._current_user_count == self._target_user_count:
            yield self._initial_users_on_workers
        for step, more in (
            (self._add_users_on_workers, lambda: self._current_user_count < self._target_user_count),
            (self._remove_users_from_workers, lambda: self._current_user_count > self._target_user_count),
        ):
            while more():
                with self._wait_between_dispatch_iteration_context():
                    yield step()
                    if self._rebalance:
                        self._rebalance = False
                        yield self._users_on_workers
                    if self._no_user_to_spawn:
                        break
            self._no_user_to_spawn = False
        self._dispatch_in_progress = False

    @contextmanager
    def _wait_between_dispatch_iteration_context(self) -> Iterator[None]:
        """Sleeps for what a step has left over of its time, unless it was the last."""
        started = time.perf_counter()
        yield
        spent = time.perf_counter() - started
        self._dispatch_iteration_durations.append(spent)
        if self._current_user_count != self._target_user_count:
            gevent.sleep(max(0.0, self._wait_between_dispatch - spent))

    def _add_users_on_workers(self) -> UsersOnWorkers:
        """Plans the next second's new users."""
        wanted = min(
            self._current_user_count + self._user_count_per_dispatch_iteration, self._target_user_count
        )
        for user in self._user_generator:
            if not user:
                self._no_user_to_spawn = True
                break
            node = next(self._worker_node_generator)
            self._users_on_workers[node.id][user] += 1
            self._active_users.append((node, user))
            self._current_user_count += 1
            if self._current_user_count >= wanted:
                break
        return self._users_on_workers

    def _remove_users_from_workers(self) -> UsersOnWorkers:
        """Takes the next second's users out of the plan, the last that came first."""
        wanted = max(
            self._current_user_count - self._user_count_per_dispatch_iteration, self._target_user_count, 0
        )
        while self._active_users:
            node, user = self._active_users.pop()
            self._users_on_workers[node.id][user] -= 1
            self._current_user_count -= 1
            self._try_dispatch_fixed = True
            if self._current_user_count <= wanted:
                break
        return self._users_on_workers

    def _prepare_rebalance(self) -> None:
        """Distributes all users anew, as if they were started now."""
        self._users_on_workers = self._nobody()
        self._try_dispatch_fixed = True
        (
            self._users_on_workers,
            self._user_generator,
            self._worker_node_generator,
            self._active_users,
        ) = self._distribute_users(self._current_user_count)
        self._rebalance = True

    def _distribute_users(self, target_user_count: int) -> tuple[Any, Any, Any, list[Any]]:
        """Where this many users would be if all were started now, and what would come next."""
        users, nodes = self._user_gen(), itertools.cycle(self._worker_nodes)
        plan, active = self._nobody(), []
        while len(active) < target_user_count and (user := next(users)):
            node = next(nodes)
            plan[node.id][user] += 1
            active.append((node, user))
        return plan, users, nodes, active

    def _user_gen(self) -> Iterator[str | None]:
        """The name of the class of each new user, without end: those with a `fixed_count` first, the others by weight."""
        by_weight = _kl_generator(
            (one.__name__, one.weight) for one in self._user_classes if not one.fixed_count
        )
        while True:
            if not self._try_dispatch_fixed:
                yield next(by_weight)
                continue
            self._try_dispatch_fixed = False
            missing = [
                (one.__name__, one.fixed_count - self._get_user_current_count(one.__name__))
                for one in self._user_classes
                if one.fixed_count
            ]
            count = sum(number for _, number in missing if number > 0)
            yield from itertools.islice(_kl_generator(missing), count)

    def _get_user_current_count(self, user: str) -> int:
        return sum(users.get(user, 0) for users in self._users_on_workers.values())

    @staticmethod
    def _fast_users_on_workers_copy(users_on_workers: UsersOnWorkers) -> UsersOnWorkers:
        return {worker: dict(users) for worker, users in users_on_workers.items()}


STEPS = frozenset(
    name for name, value in vars(Steps).items() if callable(value) or isinstance(value, staticmethod)
) | {"__next__"}
"""What a subclass may have of its own; `_user_gen` alone the native plan can ask."""

_LIVE = STEPS - {"_user_gen", "_get_user_current_count", "_distribute_users", "get_current_user_count"} | {
    "_active_users",
    "_dispatcher_generator",
    "_initial_users_on_workers",
    "_no_user_to_spawn",
    "_try_dispatch_fixed",
    "_user_generator",
    "_users_on_workers",
    "_worker_node_generator",
}
"""Names that only mean something while the plan is in Python: the native one shows copies, or has no such thing."""


def takes_over(cls: type, base: type) -> bool:
    """Whether a class between `cls` and `base` has a step of its own, or its code speaks of the state behind them."""
    for one in cls.__mro__[: cls.__mro__.index(base)]:
        if (STEPS - {"_user_gen"}) & vars(one).keys():
            return True
        for value in vars(one).values():
            code = getattr(getattr(value, "fget", value), "__code__", None)
            if code is not None and any(name in _LIVE for name in _names(code)):
                return True
    return False


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
