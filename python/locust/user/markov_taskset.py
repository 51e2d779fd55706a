"""A TaskSet whose tasks say which task follows: a Markov chain."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..exception import LocustError
from .task import TaskSet, TaskSetMeta

MarkovTaskT = TypeVar("MarkovTaskT", bound=Callable[..., Any])


class NoMarkovTasksError(LocustError):
    """A MarkovTaskSet has no task with transitions."""


class InvalidTransitionError(LocustError):
    """A transition leads to a name the class does not have."""


class NonMarkovTaskTransitionError(LocustError):
    """A transition leads to something without transitions of its own: a dead end."""


class MarkovTaskTagError(LocustError):
    """A task of a MarkovTaskSet is tagged; filtering by tags could break the chain."""


def transition(func_name: str, weight: int = 1) -> Callable[[MarkovTaskT], MarkovTaskT]:
    """Adds one transition: after this task the one named `func_name` may follow, chosen by weight. Can be
    stacked.

    ::

        class Shop(MarkovTaskSet):
            @transition("browse")
            def index(self): ...

            @transition("index")
            @transition("browse", weight=3)
            def browse(self): ...
    """
    return transitions({func_name: weight})


def transitions(
    weights: dict[str, int] | Iterable[tuple[str, int] | str],
) -> Callable[[MarkovTaskT], MarkovTaskT]:
    """Adds several transitions: a dict `{name: weight}`, or a list of names and `(name, weight)` pairs."""
    if not isinstance(weights, dict):
        weights = dict(item if isinstance(item, tuple) else (item, 1) for item in weights)

    def decorator(func: MarkovTaskT) -> MarkovTaskT:
        if not hasattr(func, "transitions"):
            func.transitions = {}  # type: ignore[attr-defined]
        func.transitions.update(weights)  # type: ignore[attr-defined]
        return func

    return decorator


def is_markov_task(task: Any) -> bool:
    """Whether `task` has transitions."""
    return "transitions" in dir(task)


def get_markov_tasks(class_dict: dict[str, Any]) -> list[Any]:
    """The tasks with transitions in a class body, in order; the first is where the chain begins."""
    return [value for value in class_dict.values() if is_markov_task(value)]


def to_weighted_list(transitions: dict[str, int]) -> list[str]:
    """Each name as often as its weight says, for a uniform choice."""
    return [name for name, weight in transitions.items() for _ in range(weight)]


def validate_has_markov_tasks(tasks: list[Any], classname: str) -> None:
    """`NoMarkovTasksError` if there is none."""
    if not tasks:
        raise NoMarkovTasksError(
            f"No Markov tasks defined in class {classname}. Use the @transition(s) decorators to define some."
        )


def validate_transitions(tasks: list[Any], class_dict: dict[str, Any], classname: str) -> None:
    """Every transition leads to a task of this class body that has transitions itself."""
    for task in tasks:
        for target_name in task.transitions:
            target = class_dict.get(target_name)
            if not target:
                raise InvalidTransitionError(
                    f"Transition to {target_name} from {task.__name__} is invalid since no such element "
                    f"exists on class {classname}"
                )
            if not is_markov_task(target):
                raise NonMarkovTaskTransitionError(
                    f"{classname}.{target_name} cannot be used as a target for a transition since it does "
                    f"not define any transitions of its own.Used as a transition from {task.__name__}."
                )


def validate_no_unreachable_tasks(tasks: list[Any], class_dict: dict[str, Any], classname: str) -> list[Any]:
    """Warns about tasks that the chain cannot come to from its first; returns `tasks`."""
    names = [name for name, value in class_dict.items() if is_markov_task(value)]
    reached: set[str] = set()
    to_visit = names[:1]
    while to_visit:
        name = to_visit.pop()
        if name not in reached:
            reached.add(name)
            # Through the weighted list: a weight of 0 is no way.
            to_visit += to_weighted_list(class_dict[name].transitions)
    unreachable = set(names) - reached
    if unreachable:
        logging.warning(f"The following markov tasks are unreachable in class {classname}: {unreachable}")
    return tasks


def validate_no_tags(task: Any, classname: str) -> None:
    """`MarkovTaskTagError` if `task` is tagged."""
    if "locust_tag_set" in dir(task):
        raise MarkovTaskTagError(
            "Tags are unsupported for MarkovTaskSet since they can make the markov chain invalid. "
            f"Tags detected on {classname}.{task.__name__}: {task.locust_tag_set}"
        )


def validate_task_name(decorated_func: Any) -> None:
    """Warns about `on_start` and `on_stop` as tasks, refuses `run`."""
    if decorated_func.__name__ in ("on_start", "on_stop"):
        logging.warning(
            "You have tagged your on_stop/start function with @transition. "
            "This will make the method get called both as a step AND on stop/start."
        )
    if decorated_func.__name__ == "run":
        raise Exception(
            "TaskSet.run() is a method used internally by Locust, and you must not override it or annotate "
            "it with transitions"
        )


def validate_markov_chain(tasks: list[Any], class_dict: dict[str, Any], classname: str) -> None:
    """All of the checks above."""
    validate_has_markov_tasks(tasks, classname)
    validate_transitions(tasks, class_dict, classname)
    validate_no_unreachable_tasks(tasks, class_dict, classname)
    for task in tasks:
        validate_task_name(task)
        validate_no_tags(task, classname)


class MarkovTaskSetMeta(TaskSetMeta):
    """Checks the chain when the class is made and turns the weights of each task into a list to choose from.

    Only the class's own body counts: transitions cannot be inherited. `tasks` stays empty.
    """

    def __new__(mcs, classname: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> Any:
        if not class_dict.get("abstract"):
            class_dict["abstract"] = False
            tasks = get_markov_tasks(class_dict)
            validate_markov_chain(tasks, class_dict, classname)
            class_dict["current"] = tasks[0]
            for task in tasks:
                task.transitions = to_weighted_list(task.transitions)
        # Past TaskSetMeta: a chain is no list of tasks.
        return type.__new__(mcs, classname, bases, class_dict)


class MarkovTaskSet(TaskSet, metaclass=MarkovTaskSetMeta):
    """Runs its first task, then whichever the transitions of the task just picked lead to, by weight."""

    current: Any
    """The task to run next."""

    abstract: bool = True
    """In a class body: do not check the chain, the class is there to be subclassed."""

    def get_next_task(self) -> Any:
        """Returns `current` and moves it along one transition."""
        task = self.current
        self.current = getattr(self, random.choice(task.transitions))
        return task
