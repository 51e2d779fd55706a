"""SequentialTaskSet: order and errors."""

from observe import names, raised, report

from locust import SequentialTaskSet, TaskSet, User, task
from locust.env import Environment


def a(l):
    pass


def b(l):
    pass


class Middle(SequentialTaskSet):
    @task
    def one(self):
        pass

    tasks = [a, (b, 2)]

    @task(2)
    def two(self):
        pass


class Dict(SequentialTaskSet):
    tasks = {a: 2, b: 1}

    @task
    class Nested(TaskSet):
        @task
        def inside(self):
            pass


class Derived(Dict, Middle):
    @task
    def last(self):
        pass


class FromTaskSet(SequentialTaskSet, Dict.Nested):
    pass


class Visitor(User):
    tasks = [Middle]


def picks(cls, n):
    task_set = cls(Visitor(Environment(user_classes=[Visitor])))
    return [getattr(task_set.get_next_task(), "__name__", None) for _ in range(n)]


def picks_after_change():
    cls = type("Changing", (SequentialTaskSet,), {"tasks": [a, b]})
    task_set = cls(Visitor(Environment()))
    cls.tasks = [b]
    return [task_set.get_next_task().__name__ for _ in range(3)]


def empty():
    return type("Empty", (SequentialTaskSet,), {})(Visitor(Environment())).get_next_task()


report(
    order={cls.__name__: names(cls.tasks) for cls in (SequentialTaskSet, Dict, Derived, FromTaskSet)},
    with_pairs=[type(x).__name__ for x in Middle.tasks],
    picked=picks(Derived, 12),
    list_taken_at_entry=picks_after_change(),
    errors={
        "tuple": raised(lambda: type("T", (SequentialTaskSet,), {"tasks": (a, b)})),
        "none": raised(lambda: type("T", (SequentialTaskSet,), {"tasks": None})),
        "set": raised(lambda: type("T", (SequentialTaskSet,), {"tasks": {a}})),
        "float": raised(lambda: type("T", (SequentialTaskSet,), {"tasks": {a: 0.5}})),
        "empty": raised(empty),
    },
)
