"""Tasks: how a class body becomes a list of them, tags, and the TaskSet that runs them.

The loop itself is native (`_engine.run_task_set`). Each of its steps is one of the methods below, called by
name, so what runs is whatever a subclass or a plugin put there. A user's own tasks run without a TaskSet
object as long as nobody looks at it or replaces a method of the classes here; they follow the same rules.
"""

from __future__ import annotations

import logging
import random
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar, final, overload, runtime_checkable

import gevent

from .. import _engine
from .._tracebacks import spare_own_frames, told
from ..exception import InterruptTaskSet, MissingWaitTimeError, StopUser
from ..exception import RescheduleTask as RescheduleTask
from ..exception import RescheduleTaskImmediately as RescheduleTaskImmediately
from ..exception import StopTest as StopTest

if TYPE_CHECKING:
    from .users import User

# The loop logs exceptions in tasks here.
logger = logging.getLogger(__name__)

TaskT = TypeVar("TaskT", bound=Callable[..., Any])

LOCUST_STATE_RUNNING = "running"
LOCUST_STATE_WAITING = "waiting"
LOCUST_STATE_STOPPING = "stopping"


@runtime_checkable
class TaskHolder(Protocol):
    """Anything with a list of tasks: User and TaskSet classes."""

    tasks: list[Any]


@overload
def task(weight: TaskT) -> TaskT: ...


@overload
def task(weight: int = 1) -> Callable[[TaskT], TaskT]: ...


def task(weight: Any = 1) -> Any:
    """Declares a method, or a TaskSet inside a class body, as a task.

    Used bare or with a weight, how often it is picked compared with the others (0: never)::

        class Forum(TaskSet):
            @task(10)
            def read(self): ...

            @task
            class Writing(TaskSet): ...
    """

    def decorator(func: TaskT) -> TaskT:
        if func.__name__ in ("on_start", "on_stop"):
            logging.warning(
                "You have tagged your on_stop/start function with @task. "
                "This will make the method get called both as a task AND on stop/start."
            )
        if func.__name__ == "run":
            raise Exception(
                "User.run() is a method used internally by Locust, and you must not override it or register "
                "it as a task"
            )
        func.locust_task_weight = 1 if bare else weight  # type: ignore[attr-defined]
        return func

    bare = callable(weight)
    return decorator(weight) if bare else decorator


def tag(*tags: str) -> Callable[[TaskT], TaskT]:
    """Gives a task one or more tags, by which `--tags` and `--exclude-tags` choose; a TaskSet passes them to
    its tasks.

    ::

        @tag("checkout", "slow")
        @task
        def pay(self): ...

    `ValueError` without a tag.
    """
    if not tags or callable(tags[0]):
        raise ValueError("No tag name was supplied")

    def decorator(target: Any) -> Any:
        if hasattr(target, "tasks"):
            target.tasks = [decorator(member) for member in target.tasks]
        else:
            # A set of its own even if a base class brings one.
            target.locust_tag_set = vars(target).get("locust_tag_set", set()) | set(tags)
        return target

    return decorator


def expand_weights(tasks: Iterable[Any] | dict[Any, int]) -> list[Any]:
    """The flat list for a `tasks` attribute: `{task: n}` and `(task, n)` become n times the task."""
    flat = []
    for item in tasks.items() if isinstance(tasks, dict) else tasks:
        if isinstance(item, tuple):
            member, count = item
            flat += [member for _ in range(count)]
        else:
            flat.append(item)
    return flat


def declared_weight(item: Any) -> int:
    """How often a value of a class body counts as a task: its `@task` weight, 0 for anything undecorated."""
    # Not getattr(item, …, 0): an object that answers to every name (a mock, a proxy) is no task.
    return item.locust_task_weight if "locust_task_weight" in dir(item) else 0


def get_tasks_from_base_classes(bases: tuple[type, ...], class_dict: dict[str, Any]) -> list[Any]:
    """The tasks of a class about to be made: those of its bases, its `tasks` attribute, then its decorated
    members.

    Nothing is removed: a task overridden in a subclass is there twice, as its old and its new function.
    """
    collected: list[Any] = []
    for base in bases:
        collected += getattr(base, "tasks", None) or ()
    own = class_dict.get("tasks")
    if own is not None:
        collected += expand_weights(own)
    for item in class_dict.values():
        collected += [item for _ in range(declared_weight(item))]
    return collected


def is_markov_taskset(task: Any) -> bool:
    """Whether `task` is a MarkovTaskSet class, whose tasks are no list and cannot be filtered."""
    # By the metaclass's name: that module imports this one.
    return type(task).__name__ == "MarkovTaskSetMeta"


def filter_tasks_by_tags(
    task_holder: Any,
    tags: set[str] | None = None,
    exclude_tags: set[str] | None = None,
    checked: dict[Any, bool] | None = None,
) -> None:
    """Takes out of `task_holder.tasks`, and out of the TaskSets in it, what the tags exclude.

    A task stays if it has one of `tags` (None: any will do) and none of `exclude_tags`; a TaskSet stays if it
    has a task left. `checked` remembers the verdicts, so that a TaskSet used twice is filtered once.
    """
    checked = {} if checked is None else checked

    def stays(member: Any) -> bool:
        if hasattr(member, "tasks"):
            filter_tasks_by_tags(member, tags, exclude_tags, checked)
            return bool(member.tasks) or is_markov_taskset(member)
        own: frozenset[str] = getattr(member, "locust_tag_set", frozenset())
        return (tags is None or bool(own & tags)) and not (exclude_tags and own & exclude_tags)

    left = []
    for member in task_holder.tasks:
        if member not in checked:
            checked[member] = stays(member)
        if checked[member]:
            left.append(member)
    task_holder.tasks = left

    # A user made of pytest functions has these instead of tasks.
    has_functions = getattr(task_holder, "functions", None)
    if not left and not is_markov_taskset(task_holder) and not has_functions:
        logging.warning(
            f"{task_holder.__name__} had no tasks left after filtering, instantiating it will fail!"
        )


class TaskSetMeta(type):
    """Makes `tasks` of every TaskSet class the flat, weighted list of what its body and bases declare."""

    def __new__(mcs, classname: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> Any:
        class_dict["tasks"] = get_tasks_from_base_classes(bases, class_dict)
        return super().__new__(mcs, classname, bases, class_dict)

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        # Plugins replace methods of TaskSet and DefaultTaskSet themselves. The native loop of a user's own
        # tasks works without a TaskSet object until it is told.
        if cls.__module__ == __name__ and callable(value):
            _engine.task_set_patched(
                any(vars(kind).get(name) is not original for kind, name, original in _originals)
            )


class _TaskQueue:
    """`TaskSet._task_queue`: a deque, made when first asked for.

    Few scripts schedule tasks, and an empty deque is bigger than the rest of a waiting user's TaskSet.
    """

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        queue: deque[Any] = deque()
        instance.__dict__["_task_queue"] = queue
        return queue


class TaskSet(metaclass=TaskSetMeta):
    """A set of tasks that a user runs, one after another, picked at random by weight, with a wait after each.

    TaskSets nest: one that stands among the `tasks` of another is made and run when it is picked, and keeps
    control until it calls :py:meth:`interrupt` or the user stops.
    """

    tasks: list[Any] = []
    """What to pick from: functions taking the TaskSet, and TaskSet classes. In a class body a list, a list
    with `(task, weight)` pairs or a dict `{task: weight}`; afterwards a flat list with each task `weight`
    times."""

    min_wait: float | None = None
    """Deprecated (use `wait_time`): shortest wait, milliseconds. The user's is used if not set."""

    max_wait: float | None = None
    """Deprecated (use `wait_time`): longest wait, milliseconds. The user's is used if not set."""

    wait_function: Callable[..., Any] | None = None
    """Deprecated and without effect: use `wait_time`."""

    _task_queue = _TaskQueue()

    def __init__(self, parent: User | TaskSet) -> None:
        self._user = user = parent.user if isinstance(parent, TaskSet) else parent
        self._parent = parent
        self._time_start = time()
        self.min_wait = self.min_wait or user.min_wait
        self.max_wait = self.max_wait or user.max_wait
        self.wait_function = self.wait_function or user.wait_function
        # The state of constant_pacing, for a wait_time declared on this class.
        self._cp_last_run = perf_counter()
        self._cp_last_wait_time: float = 0

    @property
    def user(self) -> User:
        """The :py:class:`User <locust.User>` that runs this TaskSet, however deep it is nested."""
        return self._user

    @property
    def parent(self) -> User:
        """The TaskSet this one was picked by, or the user if it is not nested."""
        return self._parent

    @property
    def client(self) -> Any:
        """The user's client."""
        return self.user.client

    def on_start(self) -> None:
        """Called when a user begins to run this TaskSet. Override it."""

    def on_stop(self) -> None:
        """Called when a user leaves this TaskSet: it was interrupted, or the user stops. Override it."""

    @final
    def run(self) -> None:
        """Runs tasks until the TaskSet is interrupted or the user stops; always leaves by an exception."""
        _engine.run_task_set(self)

    def execute_next_task(self) -> None:
        """Takes the first task of the queue and executes it."""
        self.execute_task(self._task_queue.popleft())

    def execute_task(self, task: Any) -> None:
        """Executes `task`: a method of this TaskSet, a nested TaskSet class, or a function that takes the
        TaskSet."""
        if getattr(task, "__self__", None) == self:
            task()
        elif hasattr(task, "tasks") and issubclass(task, TaskSet):
            task(self).run()
        else:
            task(self)

    def schedule_task(self, task_callable: Any, first: bool = False) -> None:
        """Puts a task at the end of the queue (`first`: at its head); queued tasks go before picked ones."""
        if first:
            self._task_queue.appendleft(task_callable)
        else:
            self._task_queue.append(task_callable)

    def get_next_task(self) -> Any:
        """Picks the task to execute when the queue is empty. Override it for another order."""
        if not self.tasks:
            hint = ", but you have set a 'task' attribute - maybe you meant to set 'tasks'?"
            raise Exception(
                f"No tasks defined on {type(self).__name__}{hint if getattr(self, 'task', None) else '.'} "
                "use the @task decorator or set the 'tasks' attribute of the TaskSet"
            )
        return random.choice(self.tasks)

    def wait_time(self) -> float:
        """Seconds to wait after a task: the user's `wait_time`, unless a subclass declares one."""
        if self.user.wait_time:
            return self.user.wait_time()
        if self.min_wait is not None and self.max_wait is not None:
            return random.randint(self.min_wait, self.max_wait) / 1000.0  # type: ignore[arg-type]
        raise MissingWaitTimeError(
            f"You must define a wait_time method on either the {type(self.user).__name__} or "
            f"{type(self).__name__} class"
        )

    def wait(self) -> None:
        """Waits for `wait_time()` seconds.

        A waiting user can be stopped at once. So a task that calls this may be cut short there even when
        users get time to finish (`--stop-timeout`); `gevent.sleep` or `time.sleep` in a task may not.
        """
        user = self.user
        if user._state == LOCUST_STATE_STOPPING:
            raise StopUser()
        user._state = LOCUST_STATE_WAITING
        self._sleep(self.wait_time())
        if user._state == LOCUST_STATE_STOPPING:
            raise StopUser()
        user._state = LOCUST_STATE_RUNNING

    def _sleep(self, seconds: float) -> None:
        gevent.sleep(seconds)

    def interrupt(self, reschedule: bool = True) -> NoReturn:
        """Leaves this TaskSet; its parent picks its next task at once, or waits first if not `reschedule`."""
        raise InterruptTaskSet(reschedule)


def task_failed(task_set: Any, environment: Any, error: BaseException) -> bool:
    """Called by the loop with what a task raised, if that does not steer the user. False: raise it again."""
    spare_own_frames(error)
    environment.events.user_error.fire(user_instance=task_set, exception=error, tb=error.__traceback__)
    if environment.catch_exceptions:
        logger.error("%s", told(error))
    return bool(environment.catch_exceptions)


def on_stop_failed(error: BaseException) -> None:
    """Called by the loop with what the `on_stop` of a TaskSet raised; the user leaves it all the same."""
    spare_own_frames(error)
    logging.error("Uncaught exception in on_stop: \n%s", "".join(traceback.format_exception(error)))


class DefaultTaskSet(TaskSet):
    """The outermost TaskSet of every user: its tasks are the user's, and they are given the user, not the
    TaskSet."""

    def get_next_task(self) -> Any:
        """Picks from `user.tasks`."""
        user = self.user
        if not user.tasks:
            hint = ", but you have set a 'task' attribute on your class - maybe you meant to set 'tasks'?"
            raise Exception(
                f"No tasks defined on {type(user).__name__}{hint if getattr(user, 'task', None) else '.'} "
                "Use the @task decorator or set the 'tasks' attribute of the User "
                "(or mark it as abstract = True if you only intend to subclass it)"
            )
        return random.choice(user.tasks)

    def execute_task(self, task: Any) -> None:
        """Executes `task` with the user as its argument or parent."""
        if hasattr(task, "tasks") and issubclass(task, TaskSet):
            task(self.user).run()
        else:
            task(self.user)


_originals = [
    (kind, name, value)
    for kind in (TaskSet, DefaultTaskSet)
    for name, value in vars(kind).items()
    if callable(value)
]
