"""Exceptions: bases, arguments, attributes; and the renamed classes of Locust 1.0."""

import warnings

from observe import raised, report

from locust import HttpLocust, Locust, TaskSet, User, exception, task
from locust.contrib.fasthttp import FastHttpLocust

classes = {name: kind for name, kind in vars(exception).items() if isinstance(kind, type)}


def task_set_warning(task_set):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        type("Old", (User,), {"task_set": task_set})
    return [f"{w.category.__name__}: {w.message}" for w in caught]


class Plain(TaskSet):
    pass


@task
class Decorated(TaskSet):
    pass


def sent(*args, **kwargs):
    e = exception.RPCReceiveError(*args, **kwargs)
    return [str(e), e.addr, list(e.args)]


report(
    bases={name: [base.__name__ for base in kind.__mro__[1:]] for name, kind in sorted(classes.items())},
    interrupt=[
        exception.InterruptTaskSet().reschedule,
        exception.InterruptTaskSet(False).reschedule,
        exception.InterruptTaskSet(reschedule=0).reschedule,
    ],
    interrupt_text=[str(exception.InterruptTaskSet(False)), repr(exception.CatchResponseError("x"))],
    rpc=[sent(), sent("a", "b"), sent("a", addr="c")],
    renamed={
        "Locust": raised(lambda: type(Locust)("Mine", (Locust,), {})),
        "HttpLocust": raised(lambda: type(HttpLocust)("Mine", (HttpLocust,), {})),
        "FastHttpLocust": raised(lambda: type(FastHttpLocust)("Mine", (FastHttpLocust,), {})),
    },
    task_set={"plain": task_set_warning(Plain), "decorated": task_set_warning(Decorated)},
)
