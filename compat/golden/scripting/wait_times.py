"""Wait times: values with a seeded generator and a clock that stands still unless moved."""

import random

from observe import raised, report

import locust
from locust import TaskSet, User, between, constant, constant_pacing, constant_throughput, poisson, wait_time
from locust.env import Environment

clock = 100.0
wait_time.perf_counter = lambda: clock


class Fake:
    """What constant_pacing needs of a user."""

    def __init__(self):
        self._cp_last_run = clock
        self._cp_last_wait_time = 0


def pacing(wait, durations):
    """The waits after tasks of these durations; the clock passes each task and each wait."""
    global clock
    user, seen = Fake(), []
    for duration in durations:
        clock += duration
        seen.append(round(wait(user), 9))
        clock += seen[-1]
    return seen


def drawn(wait, n=5):
    random.seed(3)
    return [wait(None) for _ in range(n)]


class Plain(User):
    pass


class Own(User):
    wait_time = lambda self: 1.5


class Method(User):
    def wait_time(self):
        return 2.5


class Without(User):
    wait_time = None


class Old(User):
    wait_time = None
    min_wait = 1000
    max_wait = 1000


class Tasks(TaskSet):
    pass


class OwnTasks(TaskSet):
    wait_time = constant(9)


class OldTasks(TaskSet):
    min_wait = 3000
    max_wait = 3000


def waits(user_class, task_set):
    return raised(lambda: task_set(user_class(Environment())).wait_time())


report(
    drawn={"between": drawn(between(2, 5)), "constant": drawn(constant(0.1)), "poisson": drawn(poisson(4))},
    pacing={
        "even": pacing(constant_pacing(1), [0.25, 0.5, 0, 0.75]),
        "overrun": pacing(constant_pacing(1), [0.5, 3, 0.5, 1, 0.125]),
        "throughput": pacing(constant_throughput(4), [0.125, 0.5, 0]),
        "zero": pacing(constant_pacing(0), [0.5, 0]),
    },
    refused={
        "throughput 0": raised(constant_throughput, 0),
        "throughput -1": raised(constant_throughput, -1),
        "poisson 0": raised(poisson, 0),
        "poisson -2.5": raised(poisson, -2.5),
    },
    chosen={
        f"{user.__name__} {tasks.__name__}": waits(user, tasks)
        for user in (Plain, Own, Method, Old)
        for tasks in (Tasks, OwnTasks, OldTasks)
    },
    without={"own": waits(Without, OwnTasks), "old": waits(Without, OldTasks)},
    copied=[
        [getattr(tasks(user(Environment())), name) for name in ("min_wait", "max_wait", "wait_function")]
        for user in (Plain, Old)
        for tasks in (Tasks, OldTasks)
    ],
    module=locust.wait_time.__name__,
)
