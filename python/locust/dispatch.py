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
from typing import TYPE_CHECKING, Any

import gevent

from . import _engine
from ._dispatch_steps import STEPS, State, Steps, UsersOnWorkers, takes_over
from ._dispatch_steps import _kl_generator as _kl_generator

if TYPE_CHECKING:
    from .runners import WorkerNode
    from .user import User


class UsersDispatcher(Steps, Iterator[UsersOnWorkers]):
    """Plans the users of one test.

    After `new_dispatch`, iterate: each step yields `{worker id: {class name: users}}`, whole, and between the steps the
    iterator sleeps as the spawn rate demands. On its own it steps as Locust does, the users of each second at its start.
    A subclass that takes over more than `_user_gen` plans in Python (`_dispatch_steps.py`).
    """

    spread_evenly = True
    """Whether a local run that needs more than a second spreads the users of each second evenly over it."""
    keep_users = True
    """Whether a master lets users stay where they run when workers come and go, as far as an even load allows. If not, all are
    distributed anew, as Locust does and as it is outside of a run."""

    _takes_over = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._takes_over = takes_over(cls, UsersDispatcher)

    def __init__(self, worker_nodes: list[WorkerNode], user_classes: list[type[User]]) -> None:
        assert len(user_classes) > 0
        if type(self)._takes_over or any(getattr(UsersDispatcher, name) is not _OWN[name] for name in _OWN):
            self._begin_in_python(worker_nodes, user_classes)
            return
        self._original_user_classes = sorted(user_classes, key=attrgetter("__name__"))
        self._user_classes = self._original_user_classes
        self._core = _engine.DispatcherCore([node.id for node in worker_nodes], _rows(user_classes))
        self._nodes = {node.id: node for node in worker_nodes}
        self._dispatch_iteration_durations: list[float] = []
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
        if self._core is None:
            self._new_dispatch_in_python(target_user_count, spawn_rate, user_classes)
            return
        rows = None
        chosen = user_classes and sorted(user_classes, key=attrgetter("__name__"))
        if user_classes is not None and self._user_classes != chosen:
            self._user_classes = chosen or []
            rows = _rows(self._user_classes)
        self._rate = spawn_rate
        self._core.new_dispatch(int(target_user_count), float(spawn_rate), rows)
        self._wait = self._core.per_step / spawn_rate
        if rows is not None:
            self._core.restart_sequence(rows)
            self._user_generator = self._user_gen()
        self._dispatch_iteration_durations.clear()

    def __next__(self) -> UsersOnWorkers:
        if self._core is None:
            return self._fast_users_on_workers_copy(next(self._dispatcher_generator))
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

    def __setattr__(self, name: str, value: Any) -> None:
        if name in STEPS and self._core is not None:
            # A step of the script's, put on this object.
            self._leave_native()
        super().__setattr__(name, value)

    def _leave_native(self) -> None:
        """From here on the plan is in Python, as it stands."""
        plan, active = self._core.plan(), self._active_users
        values = {
            name: state.native(self)
            for name, state in vars(UsersDispatcher).items()
            if isinstance(state, State)
        }
        users, nodes = self._user_generator, self._distribute_users(len(active))[2]
        picks_itself, self._core = self._picks_itself, None
        self.__dict__.update(values, _users_on_workers=plan, _active_users=active)
        self._initial_users_on_workers = self._fast_users_on_workers_copy(plan)
        self._try_dispatch_fixed, self._no_user_to_spawn = True, False
        self._worker_node_generator = nodes
        self._user_generator = users if picks_itself else self._user_gen()
        self._dispatcher_generator = self._dispatcher() if values["_dispatch_in_progress"] else iter(())

    def add_worker(self, worker_node: WorkerNode) -> None:
        """A worker joined: the next step gives it its share."""
        if self._core is None:
            self._worker_nodes.append(worker_node)
            self._sort_workers()
            self._prepare_rebalance()
            return
        self._nodes[worker_node.id] = worker_node
        self._core.add_worker(worker_node.id)
        self._rebalanced()

    def remove_worker(self, worker_node: WorkerNode) -> None:
        """A worker left: the next step gives its users to the others."""
        if self._core is None:
            self._worker_nodes = [node for node in self._worker_nodes if node.id != worker_node.id]
            if self._worker_nodes:
                self._prepare_rebalance()
            return
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
        return self._native_users() if self._core is not None else super()._user_gen()

    def _native_users(self) -> Generator[str | None]:
        while True:
            yield self._core.pick()

    def _distribute_users(
        self, target_user_count: int
    ) -> tuple[UsersOnWorkers, Iterator[str | None], Iterator[WorkerNode], list[tuple[WorkerNode, str]]]:
        """Where this many users would be if all were started now, and what would come next."""
        if self._core is None:
            return super()._distribute_users(target_user_count)
        plan, users, next_worker = self._core.distribute(target_user_count)
        nodes = [self._nodes[worker] for worker in self._core.workers]
        cycle = itertools.islice(itertools.cycle(nodes), next_worker, None)
        return plan, self._user_gen(), cycle, [(self._nodes[worker], name) for worker, name in users]

    def get_current_user_count(self) -> int:
        """How many users the plan holds."""
        return super().get_current_user_count() if self._core is None else self._core.user_count

    def _get_user_current_count(self, user: str) -> int:
        return super()._get_user_current_count(user) if self._core is None else self._core.count_of(user)

    @property
    def dispatch_in_progress(self) -> bool:
        """Whether a dispatch has begun and not ended."""
        return self._dispatch_in_progress

    @property
    def dispatch_iteration_durations(self) -> list[float]:
        """How many seconds planning took, for each step of this dispatch."""
        return self._dispatch_iteration_durations

    def _set_wait(self, seconds: float) -> None:
        self._core.interval = self._wait = seconds

    _rate = 0.0
    _wait = 0.0
    _worker_nodes = State(lambda self: [self._nodes[worker] for worker in self._core.workers])
    _users_on_workers = State(lambda self: self._core.plan())
    _initial_users_on_workers = State(lambda self: self._core.plan())
    _active_users = State(lambda self: [(self._nodes[worker], name) for worker, name in self._core.users()])
    _current_user_count = State(lambda self: self._core.user_count)
    _target_user_count = State(lambda self: self._core.target)
    _spawn_rate = State(lambda self: self._rate)
    _rebalance = State(lambda self: self._core.rebalanced)
    _dispatch_in_progress = State(lambda self: self._core.in_progress)
    _user_count_per_dispatch_iteration = State(lambda self: self._core.per_step)
    _wait_between_dispatch = State(lambda self: self._wait, _set_wait)

    def _for_local_run(self) -> None:
        if self._core is not None:
            self._core.spread_evenly(self.spread_evenly)

    def _for_distributed_run(self) -> None:
        if self._core is not None:
            self._keeps_users = self.keep_users
            self._core.keep_users(self.keep_users)


_OWN = {name: getattr(UsersDispatcher, name) for name in STEPS - {"_user_gen"}}
"""The steps as they are defined: a script may patch the class."""


class BurstDispatcher(UsersDispatcher):
    """Starts the users of each second together at its beginning, as Locust does, also in local runs."""

    spread_evenly = False


def _rows(user_classes: list[type[User]]) -> list[tuple[str, float, int]]:
    return [(c.__name__, float(c.weight), max(0, int(c.fixed_count))) for c in user_classes]


__all__ = ("BurstDispatcher", "UsersDispatcher")
