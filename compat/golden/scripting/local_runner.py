"""The runner of a local test: its states, counts, messages and log lines, whatever is asked of it and in which order."""

import contextlib
import io
import re

import gevent
from observe import logged, raised, report

from locust import User, constant, runners
from locust.dispatch import UsersDispatcher
from locust.env import Environment

# Ours starts the users of a second one by one, unless told to do as the original does.
try:
    from locust.dispatch import BurstDispatcher as Dispatcher
except ImportError:
    Dispatcher = UsersDispatcher

HOOKS = (
    "test_start",
    "spawning_complete",
    "test_stopping",
    "test_stop",
    "quitting",
    "user_error",
    "cpu_warning",
)


def idle(name="A", **attributes):
    def wait_here(self):
        gevent.sleep(60)

    return type(name, (User,), {"wait_time": constant(60), "tasks": [wait_here], **attributes})


class Scene:
    """One environment with a runner; writes down what its events say and what the runner looks like meanwhile."""

    def __init__(self, *classes, listen=HOOKS, **settings):
        settings.setdefault("dispatcher_class", Dispatcher)
        self.environment = Environment(user_classes=list(classes or [idle()]), **settings)
        self.runner = self.environment.create_local_runner()
        self.trace = []
        for name in listen:
            hook = getattr(self.environment.events, name)

            @hook.add_listener
            def listener(name=name, **arguments):
                arguments = {k: v for k, v in arguments.items() if isinstance(v, int | str)}
                # Whether a user that just died is still counted is a matter of turns.
                self.say(f"{name} {arguments} {self.seen() if name != 'user_error' else ''}")

    def say(self, text):
        self.trace.append(text)

    def seen(self):
        r = self.runner
        return f"{r.state} users={r.user_count} {r.user_classes_count} target={r.target_user_count} {r.target_user_classes_count} final={r.final_user_classes_count}"

    def start(self, *args, join=True, **kwargs):
        self.runner.start(*args, **kwargs)
        if join:
            self.runner.spawning_greenlet.join()
            gevent.sleep(0.02)


def play(scenario, *args, **kwargs):
    """What a scenario does, its trace and its log."""
    with logged() as lines, contextlib.redirect_stderr(io.StringIO()):
        scene = Scene(*args, **kwargs)
        try:
            with gevent.Timeout(20):
                outcome = scenario(scene)
        except Exception as e:
            outcome = f"{type(e).__name__}: {e}"
        scene.say(scene.seen())
        scene.runner.quit()
    # How fine the steps are is said at level DEBUG, and how greenlets look is nobody's business.
    lines = [re.sub("greenlet: <.*>", "greenlet: …", line) for line in lines if not line.startswith("DEBUG")]
    return {"outcome": outcome, "trace": scene.trace, "log": lines}


cases = {}


def case(*args, **kwargs):
    def run(scenario):
        cases[scenario.__name__] = play(scenario, *args, **kwargs)

    return run


@case()
def never_started(s):
    return [s.runner.spawning_greenlet, s.runner.exceptions, s.runner.shape_greenlet]


@case()
def stopped_before_the_start(s):
    s.runner.stop()
    s.runner.stop()


@case()
def quit_before_the_start(s):
    s.runner.quit()
    s.runner.quit()


@case()
def up_and_down(s):
    s.start(3, 100)
    s.say(s.seen())
    s.start(1, 100)
    s.say(s.seen())
    s.start(0, 100)
    s.say(s.seen())
    s.start(2, 100)
    s.runner.stop()
    s.say(s.seen())
    s.start(1, 100)


@case()
def to_where_it_is(s):
    s.start(2, 10)
    s.start(2, 10)


@case()
def to_nobody(s):
    s.start(0, 1)


@case()
def started_while_spawning(s):
    s.start(10, 1, join=False)
    gevent.sleep(0.1)
    s.say(s.seen())
    first = s.runner.spawning_greenlet
    s.start(2, 100)
    return [first.dead, first is s.runner.spawning_greenlet]


@case()
def stopped_while_spawning(s):
    s.start(10, 2, join=False)
    gevent.sleep(0.1)
    s.runner.stop()
    return s.runner.spawning_greenlet.dead


@case()
def started_again_after_quit(s):
    s.start(1, 1)
    s.runner.quit()
    s.start(1, 1)


@case()
def negative(s):
    s.start(-1, 1)
    return repr(s.runner.spawning_greenlet.exception)


@case()
def no_rate(s):
    s.start(1, 0)
    return repr(s.runner.spawning_greenlet.exception)


@case()
def infinite_rate(s):
    s.start(1, float("inf"))
    return repr(s.runner.spawning_greenlet.exception)


@case()
def fractions(s):
    s.start(2.7, 100.5)
    s.say(s.seen())
    s.start(2.2, 0.7)


@case()
def more_than_the_rate_and_wait(s):
    s.start(3, 1, wait=True)
    return repr(s.runner.spawning_greenlet.exception)


@case(idle(), idle("B"))
def some_classes_only(s):
    a, b = s.runner.user_classes
    s.start(2, 100, user_classes=[b])
    s.say(s.seen())
    s.start(4, 100, user_classes=[a])
    s.say(s.seen())
    s.start(5, 100)
    s.say(s.seen())
    s.start(1, 100, user_classes=[a])


@case(idle(), idle("B"))
def no_classes_to_choose_from(s):
    s.start(2, 100, user_classes=[])
    return repr(s.runner.spawning_greenlet.exception)


@case(idle(fixed_count=2), idle("B", weight=3), idle("C"))
def weights_and_fixed_counts(s):
    s.start(1, 100)
    s.say(s.seen())
    s.start(10, 100)
    s.say(s.seen())
    s.start(3, 100)


@case(idle(fixed_count=2))
def only_fixed_counts(s):
    s.start(5, 100)


@case(idle(), idle("B"))
def spawned_by_hand(s):
    users = s.runner.spawn_users({"A": 2, "B": 1})
    s.say([type(u).__name__ for u in users])
    s.say(s.seen())
    s.runner.stop_users({"A": 1})
    s.say(s.seen())
    s.say(raised(s.runner.spawn_users, {"C": 1}))
    s.say(raised(s.runner.stop_users, {"A": 5}))
    s.say(raised(s.runner.stop_users, {"C": 1}))
    s.say(raised(s.runner.stop_users, {}))
    s.say(raised(s.runner.spawn_users, {}))
    s.say(raised(s.runner.spawn_users, {"A": 0}))
    s.say(s.seen())


@case()
def spawned_by_hand_and_waited_for(s):
    def leave():
        gevent.sleep(0.1)
        s.runner.stop()

    gevent.spawn(leave)
    users = s.runner.spawn_users({"A": 2}, wait=True)
    gevent.sleep(0.05)
    return [type(u).__name__ for u in users]


@case(host="http://a.example")
def host_of_the_environment(s):
    s.start(1, 1)
    s.say(s.runner.user_classes[0].host)
    s.environment.host = None
    s.start(2, 1)
    s.say(s.runner.user_classes[0].host)


def failing(what):
    def body(self, *args):
        raise what

    return body


def nap(self):
    gevent.sleep(60)


@case(idle(__init__=failing(ValueError("on purpose"))))
def constructor_raises(s):
    s.start(3, 100)
    s.say(s.seen())
    return repr(s.runner.spawning_greenlet.exception)


@case(idle(__init__=lambda self, environment: None))
def constructor_does_not_call_ours(s):
    s.start(1, 100)
    return repr(s.runner.spawning_greenlet.exception)


class Second(User):
    wait_time = constant(60)
    tasks = [nap]
    made = 0

    def __init__(self, environment):
        super().__init__(environment)
        Second.made += 1
        if Second.made == 2:
            raise ValueError("not this one")


@case(Second)
def second_constructor_raises(s):
    s.start(3, 100)
    s.say(s.seen())
    s.start(3, 100)


@case(idle(on_start=failing(ValueError("on purpose"))))
def on_start_raises(s):
    s.start(2, 100)
    s.say(sorted((e["count"], e["msg"], sorted(e["nodes"])) for e in s.runner.exceptions.values()))
    s.say(s.seen())
    s.start(3, 100)
    s.say(sorted((e["count"], e["msg"], sorted(e["nodes"])) for e in s.runner.exceptions.values()))


@case(idle(on_stop=failing(ValueError("on purpose"))))
def on_stop_raises(s):
    s.start(2, 100)
    s.runner.stop()
    s.say(len(s.runner.exceptions))


@case(idle(tasks=[failing(ValueError("on purpose"))], wait_time=constant(60)))
def task_raises(s):
    s.start(2, 100)
    row = next(iter(s.runner.exceptions.values()))
    s.say([row["count"], row["msg"], sorted(row["nodes"]), row["traceback"].split("\n")[-2], sorted(row)])
    s.runner.stop()
    s.say(len(s.runner.exceptions))
    s.start(0, 1)
    s.say(len(s.runner.exceptions))


@case()
def own_exceptions(s):
    s.runner.log_exception("here", "text", "the traceback")
    s.runner.log_exception("there", "another text", "the traceback")
    return [[e["count"], e["msg"], e["traceback"], sorted(e["nodes"])] for e in s.runner.exceptions.values()]


@case()
def messages(s):
    heard = []

    def listener(environment, msg, **kwargs):
        heard.append([environment is s.environment, msg.type, msg.data, msg.node_id, sorted(kwargs)])

    s.say(raised(s.runner.register_message, "a", listener))
    s.say(raised(s.runner.register_message, "a", listener))
    s.say(raised(s.runner.register_message, "b", lambda environment, msg: 1 / 0, concurrent=True))
    s.say(raised(s.runner.send_message, "a"))
    s.say(raised(s.runner.send_message, "a", {"x": 1}, "client"))
    s.say(raised(s.runner.send_message, "a", "x", client_id=s.runner))
    s.say(raised(s.runner.send_message, "b", 1))
    s.say(raised(s.runner.send_message, "c", 1))
    s.say({k: v[1] for k, v in s.runner.custom_messages.items()})
    return heard


@case(reset_stats=True)
def reset_of_the_statistics(s):
    s.environment.events.test_start.add_listener(lambda **_: s.runner.stats.log_request("GET", "/", 1, 1))
    s.start(1, 1)
    return s.runner.stats.total.num_requests


@case()
def statistics_are_cleared_at_the_start(s):
    stats = s.runner.stats
    stats.log_request("GET", "/", 1, 1)
    stats.log_error("GET", "/", "e")
    entry, total = stats.get("/", "GET"), stats.total
    s.start(1, 1)
    s.say([stats.num_requests, len(stats.errors), len(stats.entries), total is stats.total])
    stats.log_request("GET", "/", 1, 1)
    s.say([entry is stats.get("/", "GET"), stats.num_requests, len(s.runner.errors)])
    s.start(2, 1)
    s.say(stats.num_requests)
    s.runner.stop()
    s.say(stats.num_requests)


@case()
def another_runner(s):
    return [
        re.sub("0x\\w+", "0x…", raised(s.environment.create_local_runner)),
        s.environment.runner is s.runner,
    ]


@case(idle(), idle("B"))
def set_by_hand(s):
    s.runner.target_user_classes_count = {"A": 7}
    s.runner.state = "my own"
    s.say(s.runner.state)
    s.start(1, 1)


@case()
def started_in_a_listener_of_the_start(s):
    @s.environment.events.test_start.add_listener
    def listener(**_):
        s.say(f"in the listener {s.seen()}")

    s.start(1, 1)


@case()
def started_in_a_listener_of_the_stop(s):
    s.start(1, 1)
    once = iter([1])
    s.environment.events.test_stop.add_listener(lambda **_: next(once, None) and s.start(1, 1))
    s.runner.stop()
    gevent.sleep(0.1)


@case()
def states_of_users(s):
    s.start(1, 1)
    (greenlet,) = s.runner.user_greenlets
    s.say([len(s.runner.user_greenlets), greenlet.dead, greenlet in s.runner.user_greenlets])
    greenlet.kill()
    gevent.sleep(0.01)
    s.say([len(s.runner.user_greenlets), greenlet.dead, s.runner.user_count])
    s.start(1, 1)


@case()
def greenlets_of_the_runner(s):
    s.start(1, 1)
    s.say(len(s.runner.greenlet))
    s.runner.quit()
    s.say([len(s.runner.greenlet), s.runner.greenlet.join(1), s.runner.spawning_greenlet.dead])


@case()
def names(s):
    r = s.runner
    return [
        r.worker_index,
        r.worker_count,
        bool(re.fullmatch(r".+_[0-9a-f]{32}", r.client_id)),
        r.connection_broken,
    ]


report(
    constants={
        name: value for name, value in sorted(vars(runners).items()) if name.isupper() and name[0] != "_"
    },
    **cases,
)
