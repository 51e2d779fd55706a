"""How long a user waits between two tasks, in seconds.

Each function here makes one to be set as `wait_time` on a User or TaskSet. `constant_pacing` keeps its state
on the instance it is bound to (`_cp_last_run`, `_cp_last_wait_time`), which both classes set up when they are
created.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .users import User

    WaitTime = Callable[[User], float]


def between(min_wait: float, max_wait: float) -> WaitTime:
    """A random time between the two, evenly distributed.

    ::

        class Visitor(HttpUser):
            wait_time = between(3.0, 10.5)
    """
    return lambda instance: min_wait + random.random() * (max_wait - min_wait)


def constant(wait_time: float) -> WaitTime:
    """Always `wait_time`; 0 is the default of a User."""
    return lambda instance: wait_time


def constant_pacing(wait_time: float) -> WaitTime:
    """As long as it takes to start tasks `wait_time` seconds apart, whatever each takes.

    A task that takes longer is followed by the next at once; the time lost is not caught up with. The first
    task counts from the creation of the user.
    """

    def pace(self: Any) -> float:
        ran = perf_counter() - self._cp_last_run - self._cp_last_wait_time
        self._cp_last_wait_time = max(0, wait_time - ran)
        self._cp_last_run = perf_counter()
        return self._cp_last_wait_time

    return pace


def constant_throughput(task_runs_per_second: float) -> WaitTime:
    """As long as it takes to start `task_runs_per_second` tasks a second: `constant_pacing` by its inverse.

    Counts tasks, not requests. `ValueError` unless positive.
    """
    if task_runs_per_second <= 0:
        raise ValueError(f"constant_throughput() requires a positive rate, got: {task_runs_per_second}")
    return constant_pacing(1 / task_runs_per_second)


def poisson(rate: float) -> WaitTime:
    """Exponentially distributed with mean `1 / rate`: tasks arrive as a Poisson process, in bursts and lulls.

    `ValueError` unless positive.
    """
    if rate <= 0:
        raise ValueError(f"poisson() requires a positive rate, got: {rate}")
    return lambda instance: random.expovariate(rate)
