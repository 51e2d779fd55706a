"""`UsersDispatcher`: how many users of which class every worker should run, step by step.

The planning is native (`_engine.DispatcherCore`). This class is what `Environment(dispatcher_class=...)` may replace:
override `_user_gen` to choose the class of every new user yourself.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Generator, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING

import gevent

from . import _engine

if TYPE_CHECKING:
    from .runners import WorkerNode
    from .user import User

UsersOnWorkers = dict[str, dict[str, int]]


class UsersDispatcher(Iterator[UsersOnWorkers]):
    """Plans the users of one test.

    After `new_dispatch`, iterate: each step yields `{worker id: {class name: users}}`, whole, and between the steps the
    iterator sleeps as the spawn rate demands. On its own it steps as Locust does, the users of each second at its start.
    """

    spread_evenly = True
    """Whether a local run that needs more than a second spreads the users of each second evenly over it."""
    keep_users = True
    """Whether a master lets users stay where they run when workers come and go, as far as an even load allows. If not, all are
    distributed anew, as Locust does and as it is outside of a run."""

    def __init__(self, worker_nodes: list[WorkerNode], user_classes: list[type[User]]) -> None:
        assert len(user_classes) > 0
        self._original_user_classes = sorted(user_classes, key=attrgetter("__name__"))
        self._user_classes = self._original_user_classes
        self._core = _engine.DispatcherCore([node.id for node in worker_nodes], _rows(user_classes))
        self._nodes = {node.id: node for node in worker_nodes}
        self._dispatch_iteration_durations: list[float] = []
        self._wait = 0.0
        # A subclass that picks users itself is asked for each of them; otherwise that is done natively, step by step.
        self._picks_itself = type(self)._user_gen is not UsersDispatcher._user_gen
        self._core.choose_externally(self._picks_itself)
        self._keeps_users = False
        self._user_generator: Iterator[str | None] = self._user_gen()

    def new_dispatch(
        self, target_user_count: int, spawn_rate: float, user_classes: list[type[User]] | None = None
    ) -> None:
        """Begins a dispatch to `target_user_count` users, adding or removing `spawn_rate` users per second.

        `user_classes` limits who is added from now on; users of other classes stay until their turn to go.
        `ValueError` for a negative count and for a rate that is not positive and finite.
        """
        if target_user_count < 0:
            raise ValueError(f"target_user_count must be >= 0, got {target_user_count}")
        if spawn_rate <= 0:
            raise ValueError(f"spawn_rate must be > 0, got {spawn_rate}")
        if not math.isfinite(spawn_rate):
            raise ValueError(f"spawn_rate must be a finite number, got {spawn_rate}")
        rows = None
        chosen = user_classes and sorted(user_classes, key=attrgetter("__name__"))
        if user_classes is not None and self._user_classes != chosen:
            self._user_classes = chosen or []
            rows = _rows(self._user_classes)
        self._core.new_dispatch(int(target_user_count), float(spawn_rate), rows)
        self._wait = self._core.per_step / spawn_rate
        if rows is not None:
            self._core.restart_sequence(rows)
            self._user_generator = self._user_gen()
        self._dispatch_iteration_durations.clear()

    def __next__(self) -> UsersOnWorkers:
        while (step := self._core.poll()) is not None:
            if isinstance(step, float):
                gevent.sleep(step)
                continue
            started = time.perf_counter()
            if step:
                self._core.add(self._next_users(step))
            plan = self._core.plan()
            self._dispatch_iteration_durations.append(time.perf_counter() - started)
            return plan
        raise StopIteration

    def _next_users(self, count: int) -> list[str | None]:
        users: list[str | None] = []
        for user in self._user_generator:
            users.append(user or None)
            if len(users) == count or not user:
                break
        else:
            users.append(None)
        return users

    def add_worker(self, worker_node: WorkerNode) -> None:
        """A worker joined: the next step gives it its share."""
        self._nodes[worker_node.id] = worker_node
        self._core.add_worker(worker_node.id)
        self._rebalanced()

    def remove_worker(self, worker_node: WorkerNode) -> None:
        """A worker left: the next step gives its users to the others."""
        self._core.remove_worker(worker_node.id)
        if len(self._nodes) > 1:
            self._nodes.pop(worker_node.id, None)
            self._rebalanced()

    def _rebalanced(self) -> None:
        if self._picks_itself and not self._keeps_users:
            self._user_generator = self._user_gen()

    def _user_gen(self) -> Iterator[str | None]:
        """The name of the class of each new user, without end; None if there is nobody to add.

        Missing users of classes with a `fixed_count` come first, the others by weight.
        """
        return self._native_users()

    def _native_users(self) -> Generator[str | None]:
        while True:
            yield self._core.pick()

    def _distribute_users(
        self, target_user_count: int
    ) -> tuple[UsersOnWorkers, Iterator[str | None], Iterator[WorkerNode], list[tuple[WorkerNode, str]]]:
        """Where this many users would be if all were started now, and what would come next."""
        plan, users, next_worker = self._core.distribute(target_user_count)
        nodes = [self._nodes[worker] for worker in self._core.workers]
        cycle = itertools.islice(itertools.cycle(nodes), next_worker, None)
        return plan, self._user_gen(), cycle, [(self._nodes[worker], name) for worker, name in users]

    def get_current_user_count(self) -> int:
        """How many users the plan holds."""
        return self._core.user_count

    def _get_user_current_count(self, user: str) -> int:
        return self._core.count_of(user)

    @property
    def dispatch_in_progress(self) -> bool:
        """Whether a dispatch has begun and not ended."""
        return self._core.in_progress

    @property
    def dispatch_iteration_durations(self) -> list[float]:
        """How many seconds planning took, for each step of this dispatch."""
        return self._dispatch_iteration_durations

    @property
    def _worker_nodes(self) -> list[WorkerNode]:
        return [self._nodes[worker] for worker in self._core.workers]

    @property
    def _users_on_workers(self) -> UsersOnWorkers:
        return self._core.plan()

    @property
    def _active_users(self) -> list[tuple[WorkerNode, str]]:
        return [(self._nodes[worker], name) for worker, name in self._core.users()]

    @property
    def _current_user_count(self) -> int:
        return self._core.user_count

    @property
    def _target_user_count(self) -> int:
        return self._core.target

    @property
    def _rebalance(self) -> bool:
        return self._core.rebalanced

    @property
    def _user_count_per_dispatch_iteration(self) -> int:
        return self._core.per_step

    @property
    def _wait_between_dispatch(self) -> float:
        return self._wait

    @_wait_between_dispatch.setter
    def _wait_between_dispatch(self, seconds: float) -> None:
        self._core.interval = self._wait = seconds

    def _for_local_run(self) -> None:
        self._core.spread_evenly(self.spread_evenly)

    def _for_distributed_run(self) -> None:
        self._keeps_users = self.keep_users
        self._core.keep_users(self.keep_users)


class BurstDispatcher(UsersDispatcher):
    """Starts the users of each second together at its beginning, as Locust does, also in local runs."""

    spread_evenly = False


def _rows(user_classes: list[type[User]]) -> list[tuple[str, float, int]]:
    return [(c.__name__, float(c.weight), max(0, int(c.fixed_count))) for c in user_classes]


__all__ = ("BurstDispatcher", "UsersDispatcher")
