"""The life of a user, event by event: what is called in which order, and how the user ends.

Every case makes a user class, runs one user of it in a group until it ends (or a second has passed and it is stopped),
and shows the trace. Cases are deterministic: SequentialTaskSets, or one task; a task ends the user.
"""

import contextlib
import io

import gevent
from gevent.pool import Group
from observe import logged, report

from locust import SequentialTaskSet, TaskSet, User, constant
from locust.env import Environment
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
from locust.user.task import DefaultTaskSet

trace = []


def say(text):
    trace.append(text)


def fresh(error):
    """A new exception like `error`: one raised again and again grows its traceback."""
    return (
        InterruptTaskSet(error.reschedule)
        if isinstance(error, InterruptTaskSet)
        else type(error)(*error.args)
    )


def on(prefix, **raises):
    """`on_start` and `on_stop` that say so and raise what they are told to."""

    def make(name):
        def hook(self):
            say(f"{prefix}.{name}")
            if name in raises:
                raise fresh(raises[name])

        return hook

    return {"on_start": make("on_start"), "on_stop": make("on_stop")}


def step(name, action=None):
    """A task that says its name and then does `action(holder)`, or raises it."""

    def run(holder):
        say(name)
        if isinstance(action, BaseException):
            raise fresh(action)
        if action:
            action(holder)

    run.__name__ = name
    return run


def once(name, error):
    """A task that raises `error` the first time and StopUser from then on: some errors bring the user back to it."""
    errors = iter([error])

    def action(holder):
        raise fresh(next(errors, StopUser()))

    return step(name, action)


def sequence(prefix, *tasks, bases=(SequentialTaskSet,), **attributes):
    return type(prefix, bases, {"tasks": list(tasks), **on(prefix), **attributes})


def user(*tasks, **attributes):
    def wait_time(self):
        say("wait")
        return 0

    return type("U", (User,), {"tasks": list(tasks), "wait_time": wait_time, **on("U"), **attributes})


def live(user_class, catch_exceptions=True, meanwhile=None, listener=None, limit=1):
    """Runs one user to its end; `meanwhile(user, greenlet)` runs beside it."""
    trace.clear()
    environment = Environment(user_classes=[user_class], catch_exceptions=catch_exceptions)

    @environment.events.user_error.add_listener
    def error(user_instance, exception, tb):
        say(f"user_error {type(user_instance).__name__} {exception!r} tb={tb is exception.__traceback__}")

    if listener:
        environment.events.request.add_listener(listener)
    group = Group()
    # gevent prints what a greenlet dies of.
    with logged() as lines, contextlib.redirect_stderr(io.StringIO()):
        one = user_class(environment)
        say(f"state {one._state}")
        greenlet = one.start(group)
        if meanwhile:
            meanwhile(one, greenlet)
        ended = greenlet.ready() or (greenlet.join(limit), greenlet.ready())[1]
        if not ended:
            say("stopped by the case")
            one.stop(force=True)
    seen = {"trace": trace.copy(), "state": one._state, "log": lines}
    if not greenlet.successful():
        seen["died of"] = repr(greenlet.exception)
    if isinstance(greenlet.value, gevent.GreenletExit):
        seen["value"] = "GreenletExit"
    return seen


stop = step("stop", StopUser())
cases = {}


def case(name, *args, **kwargs):
    cases[name] = live(*args, **kwargs)


# The plain way through, and every way out of a nested set.
Inner = sequence("N", step("a"), step("b"), stop)
case("nested", user(sequence("T", Inner)))
case("tasks of the user itself", user(sequence("T", step("a"), stop)))
for name, error in {
    "StopUser": StopUser(),
    "interrupt": InterruptTaskSet(),
    "interrupt, wait": InterruptTaskSet(reschedule=False),
    "RescheduleTask": RescheduleTask(),
    "RescheduleTaskImmediately": RescheduleTaskImmediately(),
    "an error": ValueError("on purpose"),
    "GreenletExit": gevent.GreenletExit(),
}.items():
    nested = sequence("N", once("a", error), step("b"))
    case(f"{name} in a task of a nested set", user(sequence("T", nested, step("next"), stop)))
    case(f"{name} in a task of the outer set", user(sequence("T", once("a", error), step("b"), stop)))
    case(f"{name} in a task of the user", user(once("a", error)))
    failing = sequence("N", step("never"), **on("N", on_start=error))
    case(f"{name} in on_start of a nested set", user(sequence("T", failing, step("next"), stop)))
    case(f"{name} in on_start of the user", user(stop, **on("U", on_start=error)))
    failing = sequence("N", step("a", InterruptTaskSet()), **on("N", on_stop=error))
    case(f"{name} in on_stop after an interrupt", user(sequence("T", failing, step("next"), stop)))
    failing = sequence("N", stop, **on("N", on_stop=error))
    case(f"{name} in on_stop of a stopping user's set", user(sequence("T", failing, step("next"), stop)))
    case(f"{name} in on_stop of the user", user(stop, **on("U", on_stop=error)))

# Errors that are not caught.
case("an error, not caught", user(sequence("T", step("a", ValueError("x")), stop)), catch_exceptions=False)
nested = sequence("N", step("a", ValueError("x")))
case("an error deep down, not caught", user(sequence("T", nested, stop)), catch_exceptions=False)


def tired():
    """A wait time that ends the user at its second call: what has no task goes round and round."""
    calls = iter([0])

    def wait_time(self):
        say("wait")
        if next(calls, None) is None:
            raise StopUser()
        return 0

    return wait_time


case("no tasks", user(wait_time=tired()))
case("task instead of tasks", user(task=[step("a")], wait_time=tired()))
case("no tasks in a set", user(type("Empty", (TaskSet,), {"task": 1}), wait_time=tired()))
case("empty sequence", user(sequence("T"), wait_time=tired()))
case("not callable", user(sequence("T", 5, stop)))


# Waiting.
class Waits(TaskSet):
    wait_time = constant(0)
    tasks = [step("quick"), step("quick")]


def waits(text):
    def wait_time(self):
        say(f"{text} {type(self).__name__}")
        return 0

    return wait_time


case("wait time of a set", user(sequence("T", step("a"), stop, wait_time=waits("own"))))
inner = sequence("N", step("a"), step("out", InterruptTaskSet(False)))
case("wait time of the outer set", user(sequence("T", inner, stop, wait_time=waits("outer"))))
case("wait in a task", user(sequence("T", step("a", lambda t: t.wait()), stop)))
case(
    "wait of the user in a task",
    user(sequence("T", step("a", lambda t: t.user.wait()), stop, wait_time=waits("own"))),
)
case("no wait time", user(sequence("T", step("a"), stop), wait_time=None, min_wait=1, max_wait=1))
case("wait time raises", user(sequence("T", step("a"), wait_time=lambda self: 1 / 0), wait_time=tired()))
case(
    "wait time is nonsense",
    user(sequence("T", step("a"), stop, wait_time=lambda self: "x"), wait_time=tired()),
)
case("wait time is negative", user(sequence("T", step("a"), stop, wait_time=lambda self: -1)))
case("wait overridden", user(sequence("T", step("a"), stop, wait=lambda self: say("own wait"))))
case(
    "_sleep overridden",
    user(sequence("T", step("a"), stop, _sleep=lambda self, seconds: say(f"sleep {seconds}"))),
)
case("wait stops", user(sequence("T", step("a"), wait=step("own wait", StopUser()))))


# The queue and the other overridables.
def schedule(*names, first=False):
    return lambda t: [t.schedule_task(step(name), first=first) for name in names]


case("scheduled", user(sequence("T", step("a", schedule("x", "y")), step("b"), stop)))
case("scheduled first", user(sequence("T", step("a", schedule("x", "y", first=True)), step("b"), stop)))
queued = lambda t: (
    t.schedule_task(step("x")),
    t.schedule_task(step("y"), first=True),
    say(f"{len(t._task_queue)} queued"),
)
case("scheduled both ways", user(sequence("T", step("a", queued), stop)))
case("scheduled from on_start", user(sequence("T", stop, on_start=lambda t: t.schedule_task(step("x")))))
case("get_next_task", user(type("T", (TaskSet,), {"get_next_task": lambda self: (say("pick"), stop)[1]})))
case("get_next_task raises", user(type("T", (TaskSet,), {"get_next_task": step("pick", StopUser())})))
case("bound method", user(type("T", (TaskSet,), {"me": stop, "get_next_task": lambda self: self.me})))


def execute(self, task):
    say(f"before {task.__name__}")
    super(type(self), self).execute_task(task)
    say(f"after {task.__name__}")


case(
    "execute_task",
    user(
        sequence("T", sequence("N", step("a"), step("out", InterruptTaskSet())), stop, execute_task=execute)
    ),
)


def execute_next(self):
    say(f"next of {len(self._task_queue)}")
    super(type(self), self).execute_next_task()


case("execute_next_task", user(sequence("T", step("a"), stop, execute_next_task=execute_next)))


def scheduling(self, task, first=False):
    say(f"schedule {task.__name__} {first}")
    super(type(self), self).schedule_task(task, first)


case("schedule_task", user(sequence("T", step("a"), stop, schedule_task=scheduling)))


def patched(owner, names, user_class):
    """Replaces methods of the library's own classes, as plugins do, for one case."""
    kept = {name: owner.__dict__[name] for name in names if name in owner.__dict__}

    def replacement(name):
        original = getattr(owner, name)

        def wrapper(self, *args):
            say(f"patched {name} of {type(self).__name__}")
            return original(self, *args)

        return wrapper

    for name in names:
        setattr(owner, name, replacement(name))
    try:
        return live(user_class)
    finally:
        for name in names:
            if name in kept:
                setattr(owner, name, kept[name])
            else:
                delattr(owner, name)


cases["TaskSet patched"] = patched(
    TaskSet,
    ["execute_task", "wait", "_sleep", "schedule_task", "execute_next_task"],
    user(sequence("T", step("a"), stop)),
)
cases["DefaultTaskSet patched"] = patched(
    DefaultTaskSet, ["execute_task", "get_next_task", "wait"], user(sequence("T", step("a"), stop))
)


def on_instance(t):
    t.wait = lambda: say("instance wait")
    t.get_next_task = lambda: stop


case("replaced on the instance", user(sequence("T", step("a", on_instance), step("b"))))
case(
    "tasks replaced on the instance",
    user(type("T", (TaskSet,), {"tasks": [step("a", lambda t: setattr(t, "tasks", [stop]))]})),
)
case("tasks replaced on the user", user(step("a", lambda u: setattr(u, "tasks", [stop]))))


# Who is who.
def who(t):
    say(
        f"parent {type(t.parent).__name__} user {type(t.user).__name__} outer {type(t.parent.parent).__name__}"
    )
    say(f"client {t.client} same {t.client is t.user.client} state {t.user._state}")


def cannot(t):
    for name in ("user", "parent", "client"):
        try:
            setattr(t, name, 1)
        except AttributeError:
            say(f"{name} is fixed")


case(
    "names", user(sequence("T", sequence("N", step("a", who), step("b", cannot), stop)), client="the client")
)
case("user as argument", user(step("a", lambda u: (say(type(u).__name__), u.stop(force=True)))))
count = lambda t: say(f"entered {t.__dict__.setdefault('times', 0)}")
counted = sequence("N", step("a", count), step("out", InterruptTaskSet()))
case("a new instance each time", user(sequence("T", counted, counted, stop)))


# Stopping from outside and from inside.
def after(seconds, action):
    def meanwhile(one, greenlet):
        gevent.sleep(seconds)
        say(f"then {action(one, greenlet)} in state {one._state}")

    return meanwhile


long_wait = dict(wait_time=constant(30))
sleeping = step("a", lambda t: (gevent.sleep(0.3), say("a done")))
case(
    "stop while waiting",
    user(sequence("T", step("a")), **long_wait),
    meanwhile=after(0.1, lambda u, g: u.stop()),
)
case("stop while running", user(sequence("T", sleeping)), meanwhile=after(0.1, lambda u, g: u.stop()))
case(
    "force while running",
    user(sequence("T", sleeping)),
    meanwhile=after(0.1, lambda u, g: u.stop(force=True)),
)
case("kill", user(sequence("T", sleeping)), meanwhile=after(0.1, lambda u, g: g.kill()))
case(
    "kill with an error",
    user(sequence("T", sleeping)),
    meanwhile=after(0.1, lambda u, g: g.kill(ValueError("x"), block=False)),
    limit=0.15,
)
case(
    "kill with StopUser",
    user(sequence("T", sleeping)),
    meanwhile=after(0.1, lambda u, g: g.kill(StopUser())),
)
case("stop before the start", user(sequence("T", stop)), meanwhile=lambda u, g: say(f"{u.stop()}"))
start = lambda self: (say("U.on_start"), gevent.sleep(0.3), say("on_start done"))
case("stop during on_start", user(step("a"), on_start=start), meanwhile=after(0.1, lambda u, g: u.stop()))
slow_stop = lambda self: (say("U.on_stop"), gevent.sleep(0.3), say("on_stop done"))
case(
    "stop waits for on_stop",
    user(step("a"), on_stop=slow_stop, **long_wait),
    meanwhile=after(0.1, lambda u, g: u.stop()),
)
case("stop in a task", user(sequence("T", step("a", lambda t: say(f"{t.user.stop()}")), step("b"))))
case("force in a task", user(sequence("T", step("a", lambda t: t.user.stop(force=True)), step("b"))))
stop_and_wait = lambda t: (t.user.stop(), t.wait())
case("stop and wait in a task", user(sequence("T", step("a", stop_and_wait), step("b"))))
stop_and_leave = lambda t: (t.user.stop(), t.interrupt())
case("stop and interrupt in a task", user(sequence("T", sequence("N", step("a", stop_and_leave)), step("b"))))
stop_and_fail = lambda t: (t.user.stop(), 1 / 0)
case("stop and raise in a task", user(sequence("T", step("a", stop_and_fail), step("b"))))


def twice(one, greenlet):
    gevent.sleep(0.1)
    one.stop()
    try:
        one.stop()
    except Exception as e:
        say(str(e))


case("stop twice", user(sequence("T", sleeping)), meanwhile=twice)


# StopTest raised with no runner: only the order of on_stop is compared.
def without_end(seen):
    return {"trace": seen["trace"], "state": seen["state"]}


cases["StopTest in a task"] = without_end(
    live(user(sequence("T", sequence("N", step("a", StopTest("enough"))))))
)


# A task that fires events.
def steering(kind):
    def listener(**kwargs):
        raise kind

    fire = lambda t: t.user.environment.events.request.fire(
        request_type="T", name="n", response_time=1, response_length=0
    )
    return live(
        user(sequence("T", sequence("N", step("a", fire), step("b", StopUser())), stop)), listener=listener
    )


for kind in (StopUser(), InterruptTaskSet(), RescheduleTask(), RescheduleTaskImmediately(), ValueError("x")):
    cases[f"{type(kind).__name__} in a request listener"] = steering(kind)

report(**cases)
