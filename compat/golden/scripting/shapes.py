"""LoadTestShape: every form an answer of `tick` may have, and nonsense; and how a shape begins, ends and is stopped."""

import contextlib
import io
import re
from argparse import Namespace

import gevent
from gevent.event import Event
from observe import logged, raised, report

from locust import LoadTestShape, User, constant, log
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.exception import StopTest
from locust.user.task import task

# A shape is asked again when the gate is opened, not when a second has passed; all else is ten times as fast.
real_sleep = gevent.sleep
gate = Event()
shape_greenlets = set()
waiting = []


def sleep(seconds=0, ref=True):
    if gevent.getcurrent() in shape_greenlets:
        waiting.append(True)
        gate.wait()
        gate.clear()
    else:
        real_sleep(seconds / 10, ref)


gevent.sleep = sleep

# Ours starts the users of a second one by one, unless told to do as the original does.
try:
    from locust.dispatch import BurstDispatcher as Dispatcher
except ImportError:
    Dispatcher = UsersDispatcher


class A(User):
    wait_time = constant(60)

    @task
    def nap(self):
        gevent.sleep(60)


class B(A):
    pass


def answering(*answers, **attributes):
    """A shape that gives these answers, one a second, calling those that are functions; then None."""
    left = iter(answers)

    def tick(self):
        answer = next(left, None)
        return answer(self) if callable(answer) else answer

    return type("Shape", (LoadTestShape,), {"tick": tick, **attributes})


def start(runner):
    runner.start_shape()
    shape_greenlets.add(runner.shape_greenlet)


def settle(runner):
    """Until the shape has been asked, what it said was done, and it waits or has ended."""
    with gevent.Timeout(10):
        while not waiting and runner.shape_greenlet is not None and not runner.shape_greenlet.dead:
            real_sleep(0.001)
        while runner.spawning_greenlet is not None and not runner.spawning_greenlet.dead:
            real_sleep(0.001)
    real_sleep(0.02)


def ask_again(runner):
    waiting.clear()
    gate.set()
    settle(runner)


def play(*answers, headless=False, scenario=None, **attributes):
    """Asks a shape for each of its answers and says what came of it."""
    waiting.clear()
    gate.clear()
    log.unhandled_greenlet_exception = False
    trace = []
    shape = answering(*answers, **attributes)()
    options = Namespace(headless=headless, stop_timeout=0)
    environment = Environment(
        user_classes=[A, B], shape_class=shape, dispatcher_class=Dispatcher, parsed_options=options
    )
    runner = environment.create_local_runner()
    for name in ("test_start", "spawning_complete", "test_stopping", "test_stop"):

        @getattr(environment.events, name).add_listener
        def listener(name=name, **_):
            trace.append(f"{name} {runner.state} {runner.user_classes_count} {runner.target_user_count}")

    def say(text):
        trace.append(text)

    with logged() as lines, contextlib.redirect_stderr(io.StringIO()):
        start(runner)
        say(f"{runner.state} {runner.shape_last_tick} {runner.shape_greenlet is not None}")
        if scenario:
            scenario(runner, say)
        else:
            settle(runner)
            for _ in answers[1:]:
                ask_again(runner)
        say(
            f"{runner.state} {runner.user_classes_count} {runner.shape_last_tick} {runner.shape_greenlet is not None}"
        )
        say(f"runner ended: {len(runner.greenlet) == 0}")
        runner.quit()
        say(f"{runner.state} {runner.shape_last_tick} {runner.shape_greenlet is not None}")
    lines = [re.sub("greenlet: <.*>", "greenlet: …", line) for line in lines if not line.startswith("DEBUG")]
    return {"trace": trace, "log": lines, "flag": log.unhandled_greenlet_exception}


def boom(shape):
    raise ValueError("on purpose")


def stop_test(shape):
    raise StopTest("on purpose")


class Class:
    """Answers that name classes keep their names in the report."""

    def __init__(self, *answer):
        self.answer = answer

    def __call__(self, shape):
        return self.answer


def no_init(self):
    pass


def started_twice(runner, say):
    runner.start_shape()
    settle(runner)
    runner.start_shape()


def stopped(runner, say):
    settle(runner)
    runner.stop()
    say(f"{runner.state} {runner.shape_last_tick} {runner.shape_greenlet is not None}")


def stopped_and_started_again(runner, say):
    stopped(runner, say)
    waiting.clear()
    start(runner)
    settle(runner)


def state_left(runner, say):
    settle(runner)
    runner.state = "stopping"
    gate.set()
    runner.shape_greenlet.join(2)
    say(f"{runner.shape_greenlet.dead}")


class Plain(LoadTestShape):
    def tick(self):
        return None


class Base(LoadTestShape):
    abstract = True

    def tick(self):
        return (1, 1)


class Derived(Base):
    use_common_options = True


class WithoutTick(LoadTestShape):
    pass


class Subclassed(Plain):
    pass


def times():
    shape = Plain()
    real_sleep(0.05)
    before = shape.get_run_time()
    shape.reset_time()
    return [
        before >= 0.05,
        shape.get_run_time() < 0.05,
        isinstance(shape.get_run_time(), float),
        shape.runner,
    ]


def environment_of(shape):
    environment = Environment(user_classes=[A], shape_class=shape)
    runner = environment.create_local_runner()
    seen = [shape.runner is runner, shape.get_current_user_count()]
    runner.quit()
    return seen


users = lambda shape: (shape.get_current_user_count() + 2, 100)
report(
    none=play(None),
    none_headless=play(None, headless=True),
    pair=play((2, 100)),
    pair_then_none=play((2, 100), None),
    pair_then_none_headless=play((2, 100), None, headless=True),
    triple=play(lambda s: (2, 100, [B])),
    triple_with_none=play((2, 100, None)),
    pair_then_triple=play((2, 100), lambda s: (4, 100, [B]), lambda s: (6, 100, [A])),
    a_list=play([2, 100]),
    floats=play((2.0, 100.0)),
    a_float_rate=play((2, 0.5)),
    strings=play(("2", "100")),
    string_users=play(("2", 100)),
    a_number=play(3),
    a_text=play("ab"),
    true=play(True),
    false=play(False),
    empty=play(()),
    alone=play((1,)),
    four=play((1, 1, None, 1)),
    no_users=play((0, 1)),
    negative=play((-1, 1)),
    no_rate=play((1, 0)),
    none_for_users=play((None, 1)),
    none_for_rate=play((1, None)),
    unknown_class=play((1, 1, ["A"])),
    one_class=play((1, 1, A)),
    raises=play(boom),
    raises_headless=play(boom, headless=True),
    raises_later=play((2, 100), boom),
    raises_later_headless=play((2, 100), boom, headless=True),
    nonsense_later=play((2, 100), 5),
    stop_test=play(stop_test),
    stop_test_headless=play(stop_test, headless=True),
    the_same_again=play((2, 100), (2, 100), (2, 100)),
    counting=play(users, users),
    without_init=play((1, 1), __init__=no_init),
    run_time=play(*[lambda s: (1 if 0 <= s.get_run_time() < 60 else 2, 100)] * 2),
    ending_itself=play(lambda s: s.runner.stop() or (1, 1)),
    ending_itself_later=play((2, 100), lambda s: s.runner.stop() or (1, 1)),
    quitting_itself=play((2, 100), lambda s: s.runner.quit() or (1, 1)),
    started_twice=play((1, 1), scenario=started_twice),
    stopped=play((1, 1), scenario=stopped),
    stopped_and_started_again=play((1, 1), (2, 1), scenario=stopped_and_started_again),
    state_left=play((1, 1), scenario=state_left),
    abstract={
        c.__name__: [c.abstract, c.use_common_options]
        for c in (LoadTestShape, Plain, Base, Derived, Subclassed, WithoutTick)
    },
    made={
        c.__name__: re.sub("0x\\w+", "0x…", str(raised(c)))
        for c in (LoadTestShape, Plain, Base, Derived, Subclassed)
    },
    without_tick=str(raised(WithoutTick)).split(" with")[0],
    times=times(),
    runner=[environment_of(Plain()), environment_of(Derived())],
)
