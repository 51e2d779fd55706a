"""How a class body becomes `tasks`."""

from observe import logged, names, raised, report

from locust import SequentialTaskSet, TaskSet, User, task


def loose(l):
    pass


def other(l):
    pass


class Nested(TaskSet):
    @task
    def inside(self):
        pass


class Base(TaskSet):
    tasks = [loose]

    @task(2)
    def first(self):
        pass

    @task
    def second(self):
        pass


class Overriding(Base):
    @task
    def first(self):
        pass


class Sibling(TaskSet):
    @task
    def third(self):
        pass


class Both(Base, Sibling):
    tasks = {other: 2, Nested: 1}

    @task(0)
    def never(self):
        pass

    @task(3)
    class Member(TaskSet):
        pass


class Diamond(Overriding, Base):
    pass


class Mixed(TaskSet):
    tasks = [loose, (other, 3), Nested, (Nested, 0)]


class NoneTasks(Base):
    tasks = None


class Tuples(User):
    tasks = ((loose, 2), other)


class DecoratedTwice(User):
    @task(3)
    @task(5)
    def twice(self):
        pass

    @task
    class Inline(SequentialTaskSet):
        @task
        def step(self):
            pass


class Lists(User):
    tasks = [loose, loose, other]


def body(**attributes):
    return lambda: names(type("Made", (TaskSet,), attributes).tasks)


def named(name):
    def function(self):
        pass

    function.__name__ = name
    return function


def decorated(name, *args):
    with logged() as lines:
        seen = raised(lambda: task(*args)(named(name)).locust_task_weight)
    return [seen, lines]


report(
    classes={
        cls.__name__: names(cls.tasks)
        for cls in (
            TaskSet,
            User,
            Nested,
            Base,
            Overriding,
            Both,
            Diamond,
            Mixed,
            NoneTasks,
            Tuples,
            DecoratedTwice,
            Lists,
        )
    },
    same_function_kept=[task is Base.__dict__["first"] for task in Overriding.tasks],
    weights={
        "bare": task(named("a")).locust_task_weight,
        "called": task()(named("a")).locust_task_weight,
        "five": task(5)(named("a")).locust_task_weight,
        "on a class": task(4)(type("Set", (TaskSet,), {})).locust_task_weight,
        "returns the same": task(loose) is loose,
    },
    bodies={
        "dict": raised(body(tasks={loose: 2, other: 1})),
        "float weight": raised(body(tasks={loose: 1.5})),
        "negative weight": raised(body(tasks={loose: -1, other: 1})),
        "pair with a string": raised(body(tasks=[(loose, "2")])),
        "triple": raised(body(tasks=[(loose, 1, 2)])),
        "not iterable": raised(body(tasks=5)),
        "a generator": raised(body(tasks=(t for t in (loose, other)))),
        "task, not tasks": raised(body(task=[loose])),
    },
    decorated={
        "on_start": decorated("on_start"),
        "on_stop": decorated("on_stop", 2),
        "run": decorated("run"),
        "run weighted": decorated("run", 2),
        "usual": decorated("usual", 7),
    },
    abstract={
        "subclass of User": type("A", (User,), {}).abstract,
        "said": type("A", (User,), {"abstract": True}).abstract,
        "not inherited": type("B", (type("A", (User,), {"abstract": True}),), {}).abstract,
    },
)
