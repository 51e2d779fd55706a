"""Environment beyond the golden data."""

import pytest

from locust import LoadTestShape, TaskSet, User, constant, task
from locust.env import Environment


class Visitor(User):
    wait_time = constant(0)

    @task
    def visit(self):
        pass


def test_attributes_may_be_added():
    environment = Environment(user_classes=[Visitor])
    environment._run_id = 5
    assert environment._run_id == 5


def test_user_classes_may_be_set_later():
    environment = Environment()
    assert environment.user_classes == []
    environment.user_classes = [Visitor]
    assert environment.user_classes_by_name == {"Visitor": Visitor}


def test_equal_weights_leave_shared_task_sets_alone():
    def leaf(user):
        pass

    class Shared(TaskSet):
        tasks = [leaf, leaf]

    one = type("One", (User,), {"tasks": [Shared]})
    environment = Environment(user_classes=[one])
    environment.assign_equal_weights()
    assert one.tasks == [leaf]
    assert Shared.tasks == [leaf, leaf]


def test_a_duplicate_name_is_told_with_its_modules():
    here = type("Visitor", (User,), {"__module__": "somewhere.locustfile"})
    with pytest.raises(ValueError, match=r"same class name: .*Visitor, somewhere\.locustfile\.Visitor"):
        Environment(user_classes=[Visitor, here])


def test_shape_learns_its_runner():
    class Shape(LoadTestShape):
        def tick(self):
            return None

    environment = Environment(user_classes=[Visitor], shape_class=Shape())
    runner = environment.create_local_runner()
    try:
        assert environment.shape_class.runner is runner
        assert environment.shape_class.get_current_user_count() == 0
    finally:
        runner.quit()


def test_update_of_an_unknown_class_is_a_key_error():
    with pytest.raises(KeyError, match="Nobody"):
        Environment(available_user_classes={}, available_user_tasks={}).update_user_class(
            {"user_class_name": "Nobody"}
        )
