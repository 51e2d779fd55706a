"""The share of each task: as data and as --show-task-ratio prints it."""

import contextlib
import io

from observe import report

from locust import MarkovTaskSet, SequentialTaskSet, TaskSet, User, task, transition
from locust.user.inspectuser import (
    _calc_distribution,
    _get_task_ratio,
    get_ratio,
    print_task_ratio,
    print_task_ratio_json,
)


class Inner(TaskSet):
    @task(3)
    def read(self):
        pass

    @task
    def write(self):
        pass


class Deep(SequentialTaskSet):
    tasks = [Inner, Inner]

    @task
    def one(self):
        pass


class Chain(MarkovTaskSet):
    @transition("link")
    def link(self):
        pass


class Visitor(User):
    weight = 3
    tasks = {Inner: 2, Deep: 1}

    @task(4)
    def front_page(self):
        pass


class Editor(User):
    weight = 1.5
    tasks = [Chain]

    @task
    def front_page(self):
        pass


class Fixed(User):
    fixed_count = 2

    @task
    def only(self):
        pass


def printed(function, *args):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        function(*args)
    return out.getvalue()


both, all_three = [Visitor, Editor], [Visitor, Editor, Fixed]
report(
    distribution=[
        _calc_distribution(both, None),
        _calc_distribution(both, 10),
        _calc_distribution(both, 1),
        _calc_distribution(all_three, None),
        _calc_distribution(all_three, 9),
        _calc_distribution([Fixed], 5),
        _calc_distribution([Fixed], None),
    ],
    ratio=[
        get_ratio(both, {"Visitor": 3, "Editor": 1}, False),
        get_ratio(both, {"Visitor": 3, "Editor": 1}, True),
    ],
    nobody_spawned=get_ratio([Editor], {}, True),
    not_listed=get_ratio([Editor], {"Visitor": 3, "Editor": 1}, True),
    inner=_get_task_ratio(Deep.tasks, False, 0.5),
    text=[
        printed(print_task_ratio, classes, users, total)
        for classes in (both, all_three)
        for users in (None, 10)
        for total in (False, True)
    ],
    json=[
        printed(print_task_ratio_json, classes, users)
        for classes in (both, all_three)
        for users in (None, 10)
    ],
)
