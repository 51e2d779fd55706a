"""MarkovTaskSet: the chain's checks, its weights and its walk."""

import random

from observe import logged, names, raised, report

from locust import MarkovTaskSet, TaskSet, User, tag, task, transition, transitions
from locust.env import Environment
from locust.exception import LocustError
from locust.user import markov_taskset


def made(**body):
    with logged() as lines:
        seen = raised(lambda: type("Chain", (MarkovTaskSet,), body).current.__name__)
    return [seen, sorted(lines)]


def step(name, *decorators):
    def function(self):
        pass

    function.__name__ = name
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


class Shop(MarkovTaskSet):
    @transition("browse")
    def index(self):
        pass

    @transition("index")
    @transition("browse", weight=2)
    @transition("index", weight=3)
    def browse(self):
        pass

    @task
    def ignored(self):
        pass


class Nested(MarkovTaskSet):
    @transition("Inner")
    def begin(self):
        pass

    @transitions(["begin", ("Inner", 2)])
    class Inner(TaskSet):
        pass


class Base(MarkovTaskSet):
    abstract = True

    @transition("nowhere")
    def unchecked(self):
        pass


class Visitor(User):
    tasks = [Shop]


def walk(cls, steps):
    random.seed(7)
    chain = cls(Visitor(Environment()))
    seen = []
    for _ in range(steps):
        seen.append(chain.get_next_task().__name__)
    return seen


report(
    weights={
        "index": Shop.index.transitions,
        "browse": Shop.browse.transitions,
        "class": Nested.Inner.transitions,
        "dict": step("f", transitions({"a": 2, "b": 0}), transition("a", 1)).transitions,
        "list": step("f", transitions(["a", ("b", 3)])).transitions,
        "not checked": Base.unchecked.transitions,
    },
    tasks=[names(cls.tasks) for cls in (Shop, Nested, Base)],
    abstract=[cls.abstract for cls in (MarkovTaskSet, Shop, Base)],
    start=[Shop.current.__name__, Nested.current.__name__, hasattr(Base, "current")],
    walk=[walk(Shop, 20), walk(Nested, 12)],
    refused={
        "no tasks": made(),
        "inherits only": raised(lambda: type("Sub", (Shop,), {}).__name__),
        "inherits, abstract": raised(lambda: type("Sub", (Shop,), {"abstract": True}).__name__),
        "missing target": made(a=step("a", transition("b"))),
        "dead end": made(a=step("a", transition("b")), b=step("b")),
        "tagged": made(a=step("a", transition("a"), tag("t"))),
        "run": made(run=step("run", transition("run"))),
        "unreachable": made(a=step("a", transition("a")), b=step("b", transition("a"))),
        "unreachable by weight 0": made(
            a=step("a", transitions({"a": 1, "b": 0})), b=step("b", transition("a"))
        ),
        "on_start": made(on_start=step("on_start", transition("on_start"))),
        "good": made(a=step("a", transition("b")), b=step("b", transition("a"))),
    },
    errors={
        name: issubclass(getattr(markov_taskset, name), LocustError)
        for name in (
            "NoMarkovTasksError",
            "InvalidTransitionError",
            "NonMarkovTaskTransitionError",
            "MarkovTaskTagError",
        )
    },
)
