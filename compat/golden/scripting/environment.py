"""Environment: defaults, checks, and what its methods do to user classes."""

import inspect
from argparse import Namespace

from observe import logged, names, raised, report

from locust import LoadTestShape, TaskSet, User, events, tag, task
from locust.env import Environment
from locust.event import Events
from locust.exception import RunnerAlreadyExistsError


def loose(l):
    pass


def user(name="Visitor", **attributes):
    return type(name, (User,), {"tasks": [loose], **attributes})


class Inner(TaskSet):
    @task(3)
    def deep(self):
        pass

    tasks = {loose: 2}


class Weighted(User):
    weight = 5
    tasks = [Inner, loose]

    @task(4)
    def own(self):
        pass

    @task
    class Another(TaskSet):
        tasks = [Inner]

        @task
        def last(self):
            pass


class Tagged(User):
    @tag("a")
    @task
    def a(self):
        pass

    @tag("b")
    @task
    def b(self):
        pass

    @task
    def none(self):
        pass


class Shape(LoadTestShape):
    def tick(self):
        return None


def plain(value):
    return value if isinstance(value, str | int | float | list | dict | None) else type(value).__name__


def weights():
    given = [
        user("A", weight=0),
        user("B", weight=0.5),
        user("C", weight=0, fixed_count=2),
        user("D", weight=-1),
    ]
    environment = Environment(user_classes=given)
    return [names(given), environment.user_classes is given, list(environment.user_classes_by_name)]


def same_name():
    return Environment(user_classes=[user("Same"), user("Same")])


def equal():
    classes = [Weighted, user("Other", weight=3)]
    environment = Environment(user_classes=classes)
    environment.assign_equal_weights()
    return {cls.__name__: [cls.weight, names(cls.tasks)] for cls in classes}


def equal_of_nonsense():
    environment = Environment(user_classes=[user("Odd", tasks=[5])])
    environment.assign_equal_weights()


def stop_timeout(**kwargs):
    return Environment(**kwargs).stop_timeout


def tagged(options=None, **kwargs):
    cls = type("Copy", (Tagged,), {})
    environment = Environment(user_classes=[cls], parsed_options=options, **kwargs)
    with logged() as lines:
        environment._filter_tasks_by_tags()
        once = names(cls.tasks)
        cls.tasks = [loose]
        environment._filter_tasks_by_tags()
    return [once, names(cls.tasks), lines]


def updated(**settings):
    cls = type("Visitor", (Tagged,), {})
    environment = Environment(
        user_classes=[cls],
        available_user_classes={"Visitor": cls},
        available_user_tasks={"Visitor": list(cls.tasks)},
    )
    environment.update_user_class({"user_class_name": "Visitor", **settings})
    return [cls.host, cls.weight, cls.fixed_count, names(cls.tasks), getattr(cls, "extra", None)]


def runners():
    shape = Shape()
    environment = Environment(user_classes=[user()], shape_class=shape)
    runner = environment.create_local_runner()
    seen = [
        environment.runner is runner,
        shape.runner is runner,
        runner.environment is environment,
        type(runner).__name__,
    ]
    try:
        environment.create_local_runner()
    except RunnerAlreadyExistsError as e:
        seen.append(str(e).split("<")[0])
    environment.runner = None
    seen.append(environment.create_local_runner() is environment.runner)
    runner.quit()
    environment.runner.quit()
    return seen


def logs():
    environment = Environment()
    environment.update_worker_logs({"worker_id": "w", "logs": ["a"]})
    environment.update_worker_logs({"worker_id": "", "logs": ["b"]})
    environment.update_worker_logs({"worker_id": "v"})
    return environment.worker_logs


own = Events()
report(
    parameters={
        name: [
            str(parameter.kind),
            plain(parameter.default)
            if inspect.isclass(parameter.default) is False
            else parameter.default.__name__,
        ]
        for name, parameter in inspect.signature(Environment.__init__).parameters.items()
    },
    defaults={
        name: plain(value) for name, value in sorted(vars(Environment()).items()) if not name.startswith("_")
    },
    events=[
        Environment(events=own).events is own,
        Environment().events is events,
        Environment().events is Environment().events,
    ],
    positional=raised(lambda: Environment([user()]))[:9],
    weights=weights(),
    refused={
        "all weights zero": raised(lambda: Environment(user_classes=[user(weight=0), user("B", weight=0)])),
        "same name": raised(same_name),
        "shape class": raised(lambda: Environment(shape_class=Shape)),
        "not a shape": raised(lambda: Environment(shape_class="x")),
        "nonsense task": raised(equal_of_nonsense),
    },
    equal=equal(),
    stop_timeout=[
        stop_timeout(),
        stop_timeout(stop_timeout=3),
        stop_timeout(stop_timeout=0, parsed_options=Namespace(stop_timeout="5")),
        stop_timeout(parsed_options=Namespace(stop_timeout="5")),
        stop_timeout(parsed_options=Namespace(x=1)),
    ],
    tags={
        "none": tagged(),
        "own": tagged(tags=["a"]),
        "own, excluded": tagged(exclude_tags=["a"]),
        "own, empty": tagged(tags=[]),
        "own, empty exclusion": tagged(exclude_tags=[]),
        "options": tagged(Namespace(tags=["b"], exclude_tags=None)),
        "options, excluded": tagged(Namespace(exclude_tags=["b"])),
        "options, empty": tagged(Namespace(tags=[], exclude_tags=[])),
        "own before options": tagged(Namespace(tags=["b"], exclude_tags=["a"]), tags=["a"], exclude_tags=[]),
    },
    updated={
        "attributes": updated(host="http://h", weight=2, fixed_count=3, extra="x"),
        "tasks": updated(tasks=["b", "a", "zzz"]),
        "no tasks": updated(tasks=[]),
    },
    unknown_class=raised(lambda: updated(user_class_name="Nobody")),
    runners=runners(),
    logs=logs(),
)
