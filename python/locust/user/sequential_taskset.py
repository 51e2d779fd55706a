"""A TaskSet that runs its tasks in the order they are written, over and over."""

from __future__ import annotations

from itertools import cycle
from typing import Any

from ..exception import LocustError
from .task import TaskSet, TaskSetMeta, declared_weight, expand_weights


class SequentialTaskSetMeta(TaskSetMeta):
    """Collects tasks in the order of the class body; a `tasks` attribute counts where it stands in it."""

    def __new__(mcs, classname: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> Any:
        ordered: list[Any] = []
        for base in bases:
            ordered += getattr(base, "tasks", None) or ()
        for name, value in class_dict.items():
            if name == "tasks":
                if not isinstance(value, list | dict):
                    raise ValueError("The 'tasks' attribute can only be set to list or dict")
                # Unlike other TaskSets, a list is taken as it is, pairs included.
                ordered += expand_weights(value) if isinstance(value, dict) else value
            ordered += [value for _ in range(declared_weight(value))]
        class_dict["tasks"] = ordered
        # Past TaskSetMeta, which would collect again.
        return type.__new__(mcs, classname, bases, class_dict)


class SequentialTaskSet(TaskSet, metaclass=SequentialTaskSetMeta):
    """Runs its tasks in order, then begins again. A weight repeats a task that many times in a row.

    The order is that of the class body, tasks of base classes first. The list is read when the TaskSet is
    entered.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._task_cycle = cycle(self.tasks)

    def get_next_task(self) -> Any:
        """The next task in order."""
        if not self.tasks:
            raise LocustError(
                "No tasks defined. Use the @task decorator or set the 'tasks' attribute of the "
                "SequentialTaskSet"
            )
        return next(self._task_cycle)
