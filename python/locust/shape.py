"""`LoadTestShape`: how many users there should be, as a function of time."""

from __future__ import annotations

import time
from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ._internals import module_attributes

if TYPE_CHECKING:
    from .runners import Runner
    from .user import User


class LoadTestShapeMeta(ABCMeta):
    """Keeps `abstract` from being inherited."""

    def __new__(mcs, classname: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> type:
        class_dict.setdefault("abstract", False)
        return super().__new__(mcs, classname, bases, class_dict)


class LoadTestShape(metaclass=LoadTestShapeMeta):
    """Derive from it in a locustfile and say in `tick` how many users to run; it is asked about once a second."""

    runner: Runner | None = None
    """The runner that follows this shape."""

    abstract: ClassVar[bool] = True
    """Not to be used itself, only derived from. Not inherited."""

    use_common_options: ClassVar[bool] = False
    """Whether the shape looks at the number of users, spawn rate and run time options; without it they are ignored."""

    def __init__(self) -> None:
        self.start_time = time.perf_counter()

    def reset_time(self) -> None:
        """Makes now the beginning of the test."""
        self.start_time = time.perf_counter()

    def get_run_time(self) -> float:
        """Seconds since the beginning of the test."""
        return time.perf_counter() - self.start_time

    def get_current_user_count(self) -> int:
        """How many users are running."""
        assert self.runner is not None
        return self.runner.user_count

    @abstractmethod
    def tick(self) -> tuple[int, float] | tuple[int, float, list[type[User]] | None] | None:
        """What the test should come to: `(users, users per second to start or stop)`, optionally with a list of the
        user classes to start from now on. None ends the test.
        """


__getattr__ = module_attributes(__name__)
