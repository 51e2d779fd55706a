"""TaskSet where golden data cannot reach: what is better than Locust, and what plugins rely on."""

import copy
import pickle

import pytest

from locust import SequentialTaskSet, TaskSet, User, constant, tag, task
from locust.env import Environment
from locust.exception import MissingWaitTimeError
from locust.user.task import DefaultTaskSet


class Visitor(User):
    wait_time = constant(0)

    @task
    def visit(self):
        pass


@pytest.fixture
def user():
    return Visitor(Environment(user_classes=[Visitor]))


def test_user_and_parent_cannot_be_assigned(user):
    class Tasks(TaskSet):
        pass

    outer = Tasks(user)
    inner = Tasks(outer)
    assert (inner.user, inner.parent, outer.parent) == (user, outer, user)
    for name in ("user", "parent", "client"):
        with pytest.raises(AttributeError):
            setattr(inner, name, None)


def test_constructor_may_work_before_calling_ours(user):
    class Tasks(SequentialTaskSet):
        def __init__(self, *args, **kwargs):
            self.prepared = 5
            super().__init__(*args, **kwargs)

        @task
        def step(self):
            pass

    tasks = Tasks(parent=user)
    assert (tasks.prepared, tasks.user) == (5, user)
    assert tasks.get_next_task().__name__ == "step"


def test_queue_is_made_when_asked_for_and_stays(user):
    tasks = DefaultTaskSet(user)
    assert "_task_queue" not in vars(tasks)
    assert not tasks._task_queue
    tasks.schedule_task("b")
    tasks.schedule_task("a", first=True)
    assert list(tasks._task_queue) == ["a", "b"]
    assert tasks._task_queue is vars(tasks)["_task_queue"]
    assert copy.copy(tasks)._task_queue is tasks._task_queue


def test_queues_are_not_shared(user):
    one, other = DefaultTaskSet(user), DefaultTaskSet(user)
    one.schedule_task("a")
    assert not other._task_queue


def test_missing_wait_time_names_both_classes():
    class Silent(User):
        wait_time = None

    class Tasks(TaskSet):
        pass

    with pytest.raises(MissingWaitTimeError, match="either the Silent or Tasks class"):
        Tasks(Silent(Environment())).wait_time()


def test_get_next_task_is_fair_to_weights(user):
    class Tasks(TaskSet):
        @task(3)
        def often(self):
            pass

        @task
        def rarely(self):
            pass

    tasks = Tasks(user)
    picked = [tasks.get_next_task().__name__ for _ in range(4000)]
    assert 2800 < picked.count("often") < 3200


def test_tagging_a_task_set_keeps_its_tasks_objects():
    class Tasks(TaskSet):
        @task(2)
        def a(self):
            pass

    before = list(Tasks.tasks)
    assert tag("x")(Tasks) is Tasks
    assert Tasks.tasks == before
    assert Tasks.a.locust_tag_set == {"x"}


def test_interrupt_carries_its_decision_through_pickling():
    from locust.exception import InterruptTaskSet

    assert pickle.loads(pickle.dumps(InterruptTaskSet(False))).reschedule is False


def test_wait_states(user):
    states = []
    tasks = DefaultTaskSet(user)
    tasks._sleep = lambda seconds: states.append((user._state, seconds))
    user._state = "running"
    tasks.wait()
    assert states == [("waiting", 0)]
    assert user._state == "running"
